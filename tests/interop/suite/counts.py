"""One form for the counts of a node, made from what it said itself, from tshark and from mdht's profile."""

from __future__ import annotations

from typing import Any

KINDS = ("ping", "find_node", "get_peers", "announce_peer")

Counts = dict[str, Any]


def from_stats(stats: dict[str, Any]) -> Counts:
    """From the `stats` line that a node prints when it ends. What it does not say is None, which equals nothing."""
    sent, received = stats.get("queries_sent", {}), stats.get("queries_received", {})
    counts: Counts = {f"{kind} sent": sent.get(kind) for kind in KINDS}
    counts |= {f"{kind} received": received.get(kind) for kind in (*KINDS, "other")}
    # tshark's and the profile's `other` has these too
    counts["other received"] = sum(received.get(kind, 0) for kind in ("get", "put", "other")) if received else None
    counts |= {"responses sent": stats.get("responses_sent"), "responses received": stats.get("responses_received")}
    counts["errors received"] = stats.get("errors_received")
    return counts


def from_tshark(document: dict[str, Any], node: str) -> Counts:
    counts: Counts = {f"{kind} {way}": 0 for kind in (*KINDS, "other") for way in ("sent", "received")}
    counts |= {f"{kind} {way}": 0 for kind in ("responses", "errors") for way in ("sent", "received")}
    names = {"response": "responses", "error": "errors", **{kind: kind for kind in KINDS}}
    for flow in document["flows"]:
        for end, way in (("from", "sent"), ("to", "received")):
            if flow[end] == node:
                counts[f"{names.get(flow['kind'], 'other')} {way}"] += flow["count"]
    return counts


def from_profile(node: dict[str, Any]) -> Counts:
    """Without responses, which the profile gives per lookup only."""
    upkeep, received = node.get("maintenance", {}), node.get("received", {})
    counts: Counts = {f"{kind} received": received.get(kind) for kind in (*KINDS, "other")}
    counts |= {"ping sent": upkeep.get("ping"), "find_node sent": upkeep.get("find_node")}
    refresh = upkeep.get("get_peers_refresh")
    looked_up = node.get("lookup_queries", {}).get("sent")
    counts["get_peers sent"] = None if refresh is None or looked_up is None else refresh + looked_up
    counts["all queries sent"] = node.get("all_queries", {}).get("sent")
    return counts


def with_all_queries(counts: Counts) -> Counts:
    """Adds the sum, which is how the profile tells of announce_peer."""
    return {**counts, "all queries sent": sum(counts.get(f"{kind} sent") or 0 for kind in (*KINDS, "other"))}


def differences(expected: Counts, got: Counts, keys: list[str] | None = None) -> tuple[Counts, Counts]:
    """The entries that differ, of those that both should hold."""
    names = keys if keys is not None else sorted(expected.keys() & got.keys())
    apart = [name for name in names if expected.get(name) != got.get(name) or expected.get(name) is None]
    return {name: expected.get(name) for name in apart}, {name: got.get(name) for name in apart}


def between(document: dict[str, Any], senders: list[str], receiver: str, kinds: tuple[str, ...]) -> int:
    """Messages of the given kinds from any of `senders` to `receiver`, as tshark counted."""
    return sum(
        flow["count"]
        for flow in document["flows"]
        if flow["from"] in senders and flow["to"] == receiver and flow["kind"] in kinds
    )
