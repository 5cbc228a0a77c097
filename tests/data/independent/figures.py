"""The figures of a node, under the keys that `mdht profile --format json` gives them."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import Any

from .node import SECOND, Group, Node, Query, values_of
from .packets import Packets

STARTUP = 600 * SECOND
RECEIVED_KINDS = ("ping", "find_node", "get_peers", "announce_peer")


def of_node(node: Node, packets: Packets) -> dict[str, Any]:
    lookups = node.lookups()
    found = [lookup for lookup in lookups if lookup.with_values()]
    costs = [cost(lookup) for lookup in found]
    return {
        "node": node.address,
        "messages": len(node.sent) + len(node.received),
        "lookups": [of_lookup(lookup, packets.start_ns) for lookup in lookups],
        "lookup_latency_ms": {
            "count": len(found),
            "no_value": len(lookups) - len(found),
            **percentiles_ms([latency_ns(lookup) for lookup in found], 50, 75, 98, 99, 100),
        },
        "lookup_cost": {
            "mean": float(Fraction(sum(costs), len(costs))) if costs else None,
            "p50": percentile(costs, 50),
            "p99": percentile(costs, 99),
        },
        "lookup_queries": answered([query for lookup in lookups for query in lookup.queries]),
        "closest_ms": percentiles_ms([ns for ns in map(closest_ns, lookups) if ns is not None], 50, 75, 98, 99),
        "maintenance": maintenance(node, packets),
        "all_queries": traffic(node, packets),
        "rtt_ms": rtt([query.rtt_ns for query in node.queries if query.rtt_ns is not None and query.in_time]),
        "received": received(node),
        "clients": clients(node),
        "distinct_nodes": {"ips": len({host(one.source) for one in node.received})},
        "stray_answers": {"duplicate": node.duplicate_answers, "unmatched": node.unmatched_answers},
    }


def of_lookup(lookup: Group, start_ns: int) -> dict[str, Any]:
    found = lookup.with_values()
    closest = closest_ns(lookup)
    return {
        "infohash": lookup.infohash.hex(),
        "start_s": (lookup.start_ns - start_ns) / SECOND,
        "latency_ms": latency_ns(lookup) / 1e6 if found else None,
        "cost": cost(lookup) if found else None,
        "queries": len(lookup.queries),
        "responses": sum(query.in_time for query in lookup.queries),
        "responses_late": sum(query.late for query in lookup.queries),
        "closest_ms": None if closest is None else closest / 1e6,
        "replicas": len({query.remote for query, _ in found}),
        "peers": len({peer for _, response in found for peer in values_of(response)}),
        "announced": lookup.announced,
    }


def latency_ns(lookup: Group) -> int:
    """From the first query to the first response with values."""
    _, first = lookup.with_values()[0]
    return first.time_ns - lookup.start_ns


def cost(lookup: Group) -> int:
    """Queries sent before the first response with values came."""
    _, first = lookup.with_values()[0]
    return sum(query.number < first.number for query in lookup.queries)


def closest_ns(lookup: Group) -> int | None:
    """From the first query to the response of the node that is closest to the infohash."""
    target = int.from_bytes(lookup.infohash)
    responses = [response for _, response in lookup.responses() if b"id" in response.body[b"r"]]
    closest = min(responses, key=lambda one: int.from_bytes(one.body[b"r"][b"id"]) ^ target, default=None)
    return closest.time_ns - lookup.start_ns if closest else None


def answered(queries: list[Query]) -> dict[str, Any]:
    in_time = sum(query.in_time for query in queries)
    return {
        "sent": len(queries),
        "answered": in_time,
        "answered_late": sum(query.late for query in queries),
        "answered_pct": 100 * in_time / len(queries) if queries else None,
    }


def maintenance(node: Node, packets: Packets) -> dict[str, Any]:
    pings, find_nodes = node.of_kind("ping"), node.of_kind("find_node")
    both = pings + find_nodes
    return {
        "ping": len(pings),
        "find_node": len(find_nodes),
        "total": len(both),
        "per_minute": len(both) / (packets.duration_ns / SECOND / 60),
        "startup": sum(query.time_ns - node.first_ns <= STARTUP for query in both),
        "get_peers_refresh": sum(len(group.queries) for group in node.refreshes()),
    }


def traffic(node: Node, packets: Packets) -> dict[str, Any]:
    return {
        "sent": len(node.queries),
        "per_hour": len(node.queries) / (packets.duration_ns / SECOND / 3600),
        "bytes_out": sum(one.length for one in node.sent),
        "bytes_in": sum(one.length for one in node.received),
    }


def rtt(samples: list[int]) -> dict[str, Any]:
    return {"count": len(samples), **percentiles_ms(samples, 2, 25, 50, 75, 98)}


def received(node: Node) -> dict[str, int]:
    kinds = Counter(one.kind for one in node.received if one.kind not in ("response", "error"))
    known = {kind: kinds.pop(kind, 0) for kind in RECEIVED_KINDS}
    return {**known, "other": sum(kinds.values())}


def clients(node: Node) -> list[dict[str, Any]]:
    """Remote IP addresses by the first client code that each showed, most first."""
    codes: dict[str, str | None] = {}
    for one in node.received:
        ip = host(one.source)
        codes[ip] = codes.get(ip) or client_code(one.body.get(b"v", b""))
    shares = Counter(codes.values())
    ordered = sorted(shares.items(), key=lambda share: (-share[1], share[0] or ""))
    return [{"code": code, "nodes": count, "pct": 100 * count / len(codes)} for code, count in ordered]


def host(socket: str) -> str:
    return socket.rpartition(":")[0]


def client_code(version: bytes) -> str | None:
    return version[:2].decode("ascii") if len(version) >= 2 else None


def percentiles_ms(samples: list[int], *wanted: int) -> dict[str, float | None]:
    """Of nanoseconds, in milliseconds; the 100th is the maximum."""
    names = {100: "max"}
    figures = {names.get(p, f"p{p}"): percentile(samples, p) for p in wanted}
    return {name: None if ns is None else ns / 1e6 for name, ns in figures.items()}


def percentile(samples: list[int], p: int) -> float | None:
    """Interpolated linearly between order statistics: position p/100 x (n - 1), counted from 0."""
    if not samples:
        return None
    ordered = sorted(samples)
    position = Fraction(p * (len(ordered) - 1), 100)
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    return float(ordered[below] + (position - below) * (ordered[above] - ordered[below]))
