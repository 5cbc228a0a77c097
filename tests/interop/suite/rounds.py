"""mdht among the real clients: every combination looks up and announces; long-running nodes serve."""

from __future__ import annotations

import time
from pathlib import Path

from . import plan
from .bed import Bed
from .mdht import Run, modules, wait_for

LOOKUP_SECONDS = 40
ANNOUNCE_SECONDS = 25
FIND_SECONDS = 10
STORE_SECONDS = 45
APART_SECONDS = 0.5
STOP_SECONDS = 10


class Rounds:
    def __init__(self, bed: Bed, binary: Path) -> None:
        self.bed = bed
        self.binary = binary
        self.checks = bed.checks
        self.lookups: list[Run] = []
        self.announces: list[Run] = []
        self.nodes: list[Run] = []

    @property
    def runs(self) -> list[Run]:
        return [*self.lookups, *self.announces, *self.nodes]

    def start_nodes(self) -> None:
        for node in plan.LONG_RUNNING:
            arguments = ["node", "--id", node.id, *modules(node.routing, node.lookup)]
            self.nodes.append(self._start(node.name, node.address, arguments))

    def run_round(self, combinations: list[plan.Combination]) -> None:
        kind = combinations[0].lookup
        lookups = [self._start_lookup(one) for one in combinations]
        self.lookups += lookups
        wait_for(lookups, LOOKUP_SECONDS)
        for run in lookups:
            self._check_ended(run)
            self._check_found(run)
        self.bed.clock.phase(f"four nodes looked up, {kind}")
        announces = [self._start_announce(one) for one in combinations]
        self.announces += announces
        wait_for(announces, ANNOUNCE_SECONDS)
        for run in announces:
            self._check_ended(run)
        self.bed.clock.phase(f"four nodes announced, {kind}")
        self._check_found_by_clients(combinations, announces)
        self.bed.clock.phase(f"clients looked up what they announced, {kind}")

    def check_nodes_serve(self) -> None:
        """Clients announce infohashes next to the nodes' IDs; a client must then be given the peers by the nodes.

        libtorrent passes a node on only after having queried it itself, which may take a minute: tried repeatedly.
        """
        stored = {
            node: {plan.peer_of(plan.LIBTORRENT[5], node.port), plan.peer_of(plan.BITTORRENT_DHT[0], node.port)}
            for node in plan.LONG_RUNNING
        }
        deadline = time.monotonic() + STORE_SECONDS
        while True:
            served = self._announce_and_find_at_nodes()
            if all(stored[node] <= served[node] for node in stored) or time.monotonic() > deadline:
                break
        for node, run in zip(plan.LONG_RUNNING, self.nodes, strict=True):
            self.checks.equal(f"{node.name} still runs", None, run.process.poll(), run.log)
            self.checks.holds_all(f"{node.name} serves what clients stored on it", stored[node], served[node], run.log)

    def _announce_and_find_at_nodes(self) -> dict[plan.LongRunning, set[str]]:
        """Two clients announce; a third, bittorrent-dht, says what it gets from our nodes."""
        storer, seeker = self.bed.bittorrent_dht
        self.bed.libtorrent.announce(plan.Announce(node.infohash, 5, node.port) for node in plan.LONG_RUNNING)
        for node in plan.LONG_RUNNING:
            storer.announce(node.infohash, node.port)
        time.sleep(1)
        answers = seeker.find([node.infohash for node in plan.LONG_RUNNING], FIND_SECONDS)
        return {
            node: {str(one["peer"]) for one in answers[node.infohash] if one["from"] == node.address}
            for node in plan.LONG_RUNNING
        }

    def stop_nodes(self) -> None:
        for run in self.nodes:
            run.stop()
        wait_for(self.nodes, STOP_SECONDS)
        for run in self.nodes:
            self._check_ended(run)

    def _start_lookup(self, one: plan.Combination) -> Run:
        arguments = ["lookup", *self.bed.expected, *modules(one.routing, one.lookup)]
        run = self._start(f"{one.name}-lookup", one.lookup_address, arguments)
        # Side by side, but not with their first bursts at once: on few cores a node would read its clock long
        # after the kernel stamped the packet.
        time.sleep(APART_SECONDS)
        return run

    def _start_announce(self, one: plan.Combination) -> Run:
        arguments = ["announce", one.announce_infohash, "--port", str(one.announce_port)]
        return self._start(
            f"{one.name}-announce", one.announce_address, [*arguments, *modules(one.routing, one.lookup)]
        )

    def _start(self, name: str, address: str, arguments: list[str]) -> Run:
        return Run(self.bed.namespace, self.binary, name, address, arguments)

    def _check_ended(self, run: Run) -> None:
        self.checks.equal(f"{run.name} ends well", 0, run.exit_code, run.log)

    def _check_found(self, run: Run) -> None:
        found = run.peers()
        expected = self.bed.expected
        wrong = [key for key in expected if found.get(key, set()) != expected[key]]
        self.checks.equal(
            f"{run.name} finds the announced peers of all {len(expected)} infohashes, and no others",
            {key[:8]: sorted(expected[key]) for key in wrong},
            {key[:8]: sorted(found.get(key, set())) for key in wrong},
            run.log,
        )

    def _check_found_by_clients(self, combinations: list[plan.Combination], runs: list[Run]) -> None:
        wanted = {one.announce_infohash: {one.announced_peer} for one in combinations}
        by_libtorrent = self.bed.libtorrent.find(combinations[0].number, wanted, FIND_SECONDS)
        by_bittorrent_dht = self.bed.bittorrent_dht[1].find(wanted, FIND_SECONDS)
        for one, run in zip(combinations, runs, strict=True):
            key = one.announce_infohash
            self.checks.equal(f"libtorrent finds what {run.name}d", wanted[key], by_libtorrent[key], run.log)
            got = {str(answer["peer"]) for answer in by_bittorrent_dht[key]}
            self.checks.equal(f"bittorrent-dht finds what {run.name}d", wanted[key], got, run.log)
