#!/usr/bin/env python3
"""From behind a gateway: what does it do to our packets? Asks witness.py; prints one JSON document.

`inside.py OWN_ADDRESS WITNESS WITNESS_REMOTE SECONDS...`: for each of the SECONDS it is tried whether an answer that
comes so late still comes through.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import time
from typing import Any

PATIENCE = 1.0
FIRST_PORT = 5000


class Probe:
    """A socket of its own, so that no probe opens the way for another."""

    count = 0

    def __init__(self, own: str) -> None:
        self.port = FIRST_PORT + Probe.count
        Probe.count += 1
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((own, self.port))
        self.answers: list[dict[str, Any]] = []

    def send(self, to: tuple[str, int], action: str, **more: Any) -> None:
        self.socket.sendto(json.dumps({"n": self.port, "do": action, **more}).encode(), to)


def listen(probes: list[Probe], seconds: float) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        readable, _, _ = select.select([probe.socket for probe in probes], [], [], left)
        for probe in probes:
            if probe.socket in readable:
                probe.answers.append(json.loads(probe.socket.recv(2000)))


def mapping(seen: dict[str, list[Any]]) -> str:
    if len(seen) < 3:
        return "unknown"
    if seen["first"] == seen["port"] == seen["address"]:
        return "endpoint-independent"
    return "address-dependent" if seen["first"] == seen["port"] else "address-and-port-dependent"


def filtering(sockets: set[str]) -> str:
    return {
        frozenset(("first", "port", "address")): "endpoint-independent",
        frozenset(("first", "port")): "address-dependent",
        frozenset(("first",)): "address-and-port-dependent",
    }.get(frozenset(sockets), "unknown")


def main() -> None:
    own, ours, remote = sys.argv[1:4]
    delays = [float(word) for word in sys.argv[4:]]
    first, port, address = (ours, 4000), (ours, 4001), (remote, 4000)
    where, knock = Probe(own), Probe(own)
    later = [Probe(own) for _ in delays]
    for to in (first, port, address):
        where.send(to, "where")
    knock.send(first, "knock")
    for probe, seconds in zip(later, delays, strict=True):
        probe.send(first, "later", seconds=seconds)
    listen([where, knock, *later], max(delays) + PATIENCE)
    seen = {answer["socket"]: answer["seen"] for answer in where.answers}
    document = {
        "mapping": mapping(seen),
        "preserves_ports": bool(seen) and all(to[1] == where.port for to in seen.values()),
        "addresses": sorted({to[0] for to in seen.values()}),
        "filtering": filtering({answer["socket"] for answer in knock.answers}),
        "survived": [seconds for probe, seconds in zip(later, delays, strict=True) if probe.answers],
    }
    print(json.dumps(document), flush=True)


if __name__ == "__main__":
    main()
