"""Starts the overlay of real clients and lets them announce; checks that they find each other without us."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from suites.checks import Checks, Clock
from suites.namespace import Namespace

from . import plan
from .clients import BittorrentDht, Libtorrent, Transmission

JOIN_SECONDS = 40
# Routing tables must hold this many before anything is announced: BEP 5's k.
JOIN_NODES = 8
TRANSMISSION_SECONDS = 60


class Bed:
    def __init__(self, namespace: Namespace, checks: Checks, clock: Clock) -> None:
        self.namespace = namespace
        self.checks = checks
        self.clock = clock

    def start(self) -> None:
        self.libtorrent = Libtorrent(self.namespace)
        self.transmission = Transmission(self.namespace, "transmission", plan.TRANSMISSION)
        self._check_joined("libtorrent nodes joined", self._libtorrent_tables, self.libtorrent.helper.log)
        # Only now: bittorrent-dht bootstraps once, and stays alone if the first node knows nobody yet.
        self.bittorrent_dht = [BittorrentDht(self.namespace, number) for number in range(len(plan.BITTORRENT_DHT))]
        tables = [one.table_size for one in self.bittorrent_dht]
        log = self.bittorrent_dht[0].log
        self._check_joined("bittorrent-dht nodes joined", lambda: [size() for size in tables], log)
        self.clock.phase("real clients started and joined")

    def announce(self) -> None:
        self.libtorrent.announce(plan.LIBTORRENT_ANNOUNCES)
        for one in plan.BITTORRENT_DHT_ANNOUNCES:
            client = self.bittorrent_dht[one.session]
            accepted = client.announce(one.infohash, one.port)
            name = f"bittorrent-dht {one.session} announced"
            self.checks.true(name, accepted >= 3, ">= 3 nodes", accepted, client.log)
        self.expected = plan.expected_peers()

    def check_clients_find_each_other(self) -> None:
        """If this fails, the overlay is at fault and not mdht."""
        slowest = plan.TRANSMISSION_INFOHASH
        deadline = time.monotonic() + TRANSMISSION_SECONDS
        while time.monotonic() < deadline:
            if self.libtorrent.find(plan.SEEKER, {slowest: self.expected[slowest]}, 2)[slowest]:
                break
        found = self.libtorrent.find(plan.SEEKER, self.expected, 5)
        for key, peers in self.expected.items():
            log = self.transmission.log if key == slowest else self.libtorrent.helper.log
            self.checks.holds_all(f"libtorrent finds the peers of {key[:8]}", peers, found[key], log)
        answers = self.bittorrent_dht[0].find(self.expected, 20)
        for key, peers in self.expected.items():
            got = {str(one["peer"]) for one in answers[key]}
            log = self.bittorrent_dht[0].log
            self.checks.holds_all(f"bittorrent-dht finds the peers of {key[:8]}", peers, got, log)
        self.clock.phase("real clients announced and found each other")

    def start_seeker(self) -> None:
        """A Transmission whose torrent mdht has announced before."""
        self.seeker = Transmission(self.namespace, "transmission seeker", plan.TRANSMISSION_SEEKER)

    def check_seeker_found(self) -> None:
        deadline = time.monotonic() + TRANSMISSION_SECONDS
        while not self.seeker.peers_learned() and time.monotonic() < deadline:
            time.sleep(0.2)
        learned = self.seeker.peers_learned()
        self.checks.true("transmission finds what mdht announced", learned > 0, "> 0 peers", learned, self.seeker.log)

    def _libtorrent_tables(self) -> list[int]:
        # A libtorrent node without torrents joins only over minutes.
        self.libtorrent.helper.ask("warm_up")
        return self.libtorrent.table_sizes()

    def _check_joined(self, name: str, tables: Callable[[], list[int]], log: Path) -> None:
        deadline = time.monotonic() + JOIN_SECONDS
        sizes = tables()
        while min(sizes) < JOIN_NODES and time.monotonic() < deadline:
            time.sleep(0.8)
            sizes = tables()
        self.checks.true(name, min(sizes) >= JOIN_NODES, f"at least {JOIN_NODES} nodes in every table", sizes, log)
