"""Compares three independent counts of the same traffic: the node's own, tshark's, and mdht's profile."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import tshark_counts  # a script on its own as well, beside run.py
from suites import pcapfile
from suites.checks import Checks

from . import counts, plan
from .capture import cut_to_lifetime
from .mdht import Run, profile, profiled_node

# How long before its end a node may leave datagrams unread: the time it takes to print its last lines and exit.
UNREAD_SECONDS = 0.5
# A node's own clock reads a datagram later than the kernel did, on a busy machine by some milliseconds. A wrong unit or a
# clock that drifts shows in far more.
TIME_MS = 50.0

LOOKUP_COUNTS = ("queries", "responses", "replicas", "peers")


class Analysis:
    def __init__(self, checks: Checks, binary: Path | None, capture: Path) -> None:
        self.checks = checks
        self.binary = binary
        self.capture = capture

    def compare_clients(self, nodes: dict[str, str]) -> dict[str, Any]:
        """Profile against tshark for the real clients (name to address), on the file as tcpdump wrote it.

        Returns what tshark counted."""
        shark = tshark_counts.count(str(self.capture))
        self.checks.equal("tshark can tell the kind of every KRPC message", 0, shark["unclear"])
        for name, node in nodes.items():
            seen = counts.from_tshark(shark, node)
            self.checks.true(f"{name} answers queries", seen["responses sent"] > 0, "> 0 responses", seen)
        if self.binary is None:
            return shark
        document = self._profile(self.capture, list(nodes.values()))
        messages = sum(one.get("krpc_messages", 0) for one in document.get("captures", []))
        self.checks.equal("KRPC messages of the whole capture, profile = tshark", shark["krpc"], messages)
        for name, node in nodes.items():
            expected = counts.with_all_queries(counts.from_tshark(shark, node))
            self._same(f"{name}: profile = tshark", expected, counts.from_profile(profiled_node(document, node)))
        return shark

    def compare_runs(self, runs: list[Run]) -> None:
        """All three counts for every node of ours."""
        records = list(pcapfile.records(self.capture))
        for run in runs:
            size = run.own_capture.stat().st_size if run.own_capture.exists() else 0
            if self.checks.true(f"{run.name}: --capture wrote packets", size > 24, "> 24 bytes", size, run.log):
                self._compare_run(run, records)

    def _compare_run(self, run: Run, records: list[pcapfile.Record]) -> None:
        own_traffic = plan.WORK / f"capture-{run.name}.pcap"
        unread = cut_to_lifetime(self.capture, records, own_traffic, run.lifetime())
        self.checks.true(
            f"{run.name}: read everything until it ended",
            unread.early_s <= UNREAD_SECONDS,
            f"nothing unread earlier than {UNREAD_SECONDS} s before its end",
            f"{len(unread.indices)} unread, the first {unread.early_s:.3f} s before",
        )
        seen = counts.from_tshark(tshark_counts.count(str(own_traffic)), run.address)
        entry = profiled_node(self._profile(own_traffic, [run.address]), run.address)
        stats = run.events_named("stats")
        self.checks.equal(f"{run.name}: one stats line", 1, len(stats), run.output)
        said = counts.from_stats(stats[-1] if stats else {})
        self._same(f"{run.name}: what the node counted = tshark", seen, said)
        self._same(f"{run.name}: profile = tshark", counts.with_all_queries(seen), counts.from_profile(entry))
        self._compare_own_capture(run, entry)

    def check_served(self, run: Run, shark: dict[str, Any], clients: dict[str, list[str]]) -> None:
        """A long-running node was queried by every kind of client, and stored for them."""
        queries = ("ping", "find_node", "get_peers")
        for name, addresses in clients.items():
            asked = counts.between(shark, addresses, run.address, queries)
            self.checks.true(f"{run.name} is queried by {name}", asked > 0, "> 0 queries", asked, run.log)
            stored = counts.between(shark, addresses, run.address, ("announce_peer",))
            self.checks.true(f"{run.name} is announced to by {name}", stored > 0, "> 0 announce_peer", stored, run.log)

    def _profile(self, capture: Path, nodes: list[str]) -> dict[str, Any]:
        """Nothing if the command fails: the checks that follow then find no counts."""
        assert self.binary is not None  # nobody asks for a profile without it
        try:
            document, problem = profile(self.binary, capture, nodes), None
        except (RuntimeError, ValueError, OSError, subprocess.TimeoutExpired) as reason:
            document, problem = {}, reason
        self.checks.equal(f"mdht profile reads {capture.name}", None, problem)
        return document

    def _same(self, name: str, expected: counts.Counts, got: counts.Counts) -> None:
        wanted, found = counts.differences(expected, got)
        self.checks.equal(name, wanted, found)

    def _compare_own_capture(self, run: Run, from_tcpdump: dict[str, Any]) -> None:
        """The node's own capture against tcpdump's, and the `done` lines of a lookup against its own capture."""
        own = profiled_node(self._profile(run.own_capture, [run.address]), run.address)
        theirs, ours = lookups_of(from_tcpdump), lookups_of(own)
        expected = {**counts.from_profile(from_tcpdump), **lookup_counts(theirs)}
        got = {**counts.from_profile(own), **lookup_counts(ours)}
        keys = sorted(expected.keys() | got.keys())
        self.checks.equal(f"{run.name}: own capture counts as tcpdump's", *counts.differences(expected, got, keys))
        self._compare_times(run, theirs, ours)
        done = run.events_named("done")
        if run.name.endswith("-lookup"):
            self.checks.equal(
                f"{run.name}: one done line for each infohash",
                sorted(ours),
                sorted(f"{event.get('infohash')} 0" for event in done),
                run.output,
            )
            self._compare_done(run, done, ours)

    def _compare_times(self, run: Run, theirs: dict[str, Any], ours: dict[str, Any]) -> None:
        apart = [
            f"{key[:8]} {field}: {theirs[key].get(field)} and {ours[key].get(field)}"
            for key in theirs.keys() & ours.keys()
            for field in ("latency_ms", "closest_ms")
            if not near(theirs[key].get(field), ours[key].get(field), TIME_MS)
        ] + [
            f"{key[:8]} cost: {theirs[key].get('cost')} and {ours[key].get('cost')}"
            for key in theirs.keys() & ours.keys()
            if not is_cost_read_later(theirs[key], ours[key])
        ]
        what = f"times within {TIME_MS:.0f} ms of tcpdump's, costs no lower"
        self.checks.equal(f"{run.name}: own capture has {what}", [], apart)

    def _compare_done(self, run: Run, done: list[dict[str, Any]], ours: dict[str, Any]) -> None:
        names = {
            "queries": "queries",
            "responses": "responses",
            "cost": "cost",
            "nodes_with_values": "replicas",
            "peers": "peers",
        }
        said = {f"{event.get('infohash')} {key}": event.get(key) for event in done for key in names}
        profiled = {f"{name[:-2]} {key}": one.get(field) for name, one in ours.items() for key, field in names.items()}
        self._same(f"{run.name}: done lines = profile of its own capture", profiled, said)
        slow = [
            f"{event.get('infohash', '')[:8]}: {event.get('latency_ms')} and {one.get('latency_ms')}"
            for event in done
            if (one := ours.get(f"{event.get('infohash')} 0"))
            and not near(event.get("latency_ms"), one.get("latency_ms"), TIME_MS)
        ]
        self.checks.equal(f"{run.name}: latencies of its done lines are those of the profile", [], slow)


def is_cost_read_later(theirs: dict[str, Any], ours: dict[str, Any]) -> bool:
    """Whether a cost of the node's own capture can be tcpdump's.

    tcpdump sees the first value when the kernel has it, the node when it has read all that came before. On loopback,
    with a round trip of microseconds, each of those may set off queries, which count for the node and not for tcpdump;
    the reverse cannot be, nor more than the lookup's queries in all."""
    arrived, read = theirs.get("cost"), ours.get("cost")
    if arrived is None or read is None:
        return arrived == read
    return bool(arrived <= read <= theirs["queries"])


def lookups_of(entry: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Keyed by infohash and the how-manieth lookup of it: `HEX 0`."""
    keyed: dict[str, dict[str, Any]] = {}
    for one in sorted(entry.get("lookups", []), key=lambda lookup: lookup["start_s"]):
        number = sum(key.startswith(one["infohash"]) for key in keyed)
        keyed[f"{one['infohash']} {number}"] = one
    return keyed


def lookup_counts(lookups: dict[str, dict[str, Any]]) -> counts.Counts:
    return {f"{key} {field}": one.get(field) for key, one in lookups.items() for field in LOOKUP_COUNTS}


def near(a: float | None, b: float | None, tolerance: float) -> bool:
    if a is None or b is None:
        return a is b
    return abs(a - b) <= tolerance
