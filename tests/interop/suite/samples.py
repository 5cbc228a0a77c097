"""Small captures of each kind of client, for tests that have no clients at hand."""

from __future__ import annotations

from pathlib import Path

from suites import pcapfile

MOST_BYTES = 190_000


def keep(capture: Path, folder: Path, nodes: dict[str, str], since_ns: int) -> list[Path]:
    """Writes one file for each node (name to IP:PORT): its traffic from `since_ns` on, as far as it fits."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, node in nodes.items():
        target = folder / f"{name}.pcap"

        def wanted(_: int, record: pcapfile.Record, node: str = node) -> bool:
            seen = record.datagram
            if seen is None or seen.time_ns < since_ns:
                return False
            # By IP address, which is the node's alone: the later pieces of a fragmented datagram hold no ports.
            return host(node) in (host(seen.source), host(seen.destination))

        pcapfile.cut(capture, target, wanted, MOST_BYTES)
        written.append(target)
    return written


def keep_own(captures: dict[str, Path], folder: Path) -> list[Path]:
    """The same of captures that nodes of ours wrote of themselves (name to file): their beginnings."""
    written = []
    for name, capture in captures.items():
        target = folder / f"{name}.pcap"
        pcapfile.cut(capture, target, lambda *_: True, MOST_BYTES)
        written.append(target)
    return written


def host(socket: str) -> str:
    return socket.split(":")[0]
