"""Small captures of each kind of client, for tests that have no clients at hand."""

from __future__ import annotations

from pathlib import Path

from . import pcapfile

MOST_BYTES = 190_000


def keep(capture: Path, folder: Path, nodes: dict[str, str], since_ns: int) -> list[Path]:
    """Writes one file for each node (name to IP:PORT): its traffic from `since_ns` on, as far as it fits."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, node in nodes.items():
        target = folder / f"{name}.pcap"

        def wanted(_: int, record: pcapfile.Record, node: str = node) -> bool:
            seen = record.datagram
            return seen is not None and seen.time_ns >= since_ns and node in (seen.source, seen.destination)

        pcapfile.cut(capture, target, wanted, MOST_BYTES)
        written.append(target)
    return written
