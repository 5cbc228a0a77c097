"""tcpdump on lo, and the part of its capture that one of our short-lived nodes was there to see."""

from __future__ import annotations

import re
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from suites import pcapfile
from suites.namespace import Namespace

START_SECONDS = 5
# The kernel hands over a block of packets when it is full or a second old. (Immediate mode would be quicker, but
# it keeps a slot of the longest packet's size for every packet, and drops packets in a burst.)
SETTLE_SECONDS = 2.0


class Tcpdump:
    def __init__(self, namespace: Namespace, path: Path, log: Path) -> None:
        self.path = path
        self.log = log
        with log.open("wb") as errors:
            # -B 65536: 64 MiB of kernel buffer. -Z root: the file stays ours. icmp: what dead nodes provoke.
            command = ["tcpdump", "-i", "lo", "-n", "-U", "-Z", "root", "-B", "65536", "-s", "0"]
            self.process = namespace.popen([*command, "-w", str(path), "udp or icmp"], stderr=errors)
        deadline = time.monotonic() + START_SECONDS
        while b"listening on" not in log.read_bytes():
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError(f"tcpdump did not start: {log.read_text(errors='replace').strip()}")
            time.sleep(0.02)

    def stop(self) -> int | None:
        """How many packets the kernel dropped; None if tcpdump did not say."""
        time.sleep(SETTLE_SECONDS)
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            return None
        dropped = re.search(r"(\d+) packets? dropped by kernel", self.log.read_text(errors="replace"))
        return int(dropped.group(1)) if dropped else None


@dataclass(frozen=True)
class Lifetime:
    """A node of ours, what it captured of itself, and when (wall clock, seconds) it was seen to have ended."""

    name: str
    address: str
    own_capture: Path
    ended: float


@dataclass(frozen=True)
class Unread:
    """Datagrams for a node that arrived when it no longer read: `early_s` before its end did the first come."""

    indices: frozenset[int]
    early_s: float


def unread_datagrams(records: list[pcapfile.Record], life: Lifetime) -> Unread:
    """The datagrams at the end of a node's life that it never read, as record numbers in tcpdump's capture.

    Clients go on querying a node that has ended, and a datagram may lie in a socket's buffer while it closes:
    nobody could count those. Only what comes after the last datagram that the node did read is one of them;
    any that it missed before that remains, and makes the counts differ.
    """
    read = Counter(
        (one.datagram.source, one.datagram.payload)
        for one in pcapfile.records(life.own_capture)
        if one.datagram and one.datagram.destination == life.address
    )
    tail: list[int] = []
    for index, record in enumerate(records):
        seen = record.datagram
        if seen is None or seen.destination != life.address:
            continue
        tail.append(index)
        key = (seen.source, seen.payload)
        if read[key] > 0:
            read[key] -= 1
            tail.clear()
    times = [one.datagram.time_ns for one in (records[index] for index in tail) if one.datagram]
    return Unread(frozenset(tail), life.ended - min(times) / 1e9 if times else 0.0)


def cut_to_lifetime(source: Path, records: list[pcapfile.Record], target: Path, life: Lifetime) -> Unread:
    """Writes to `target` the node's own traffic out of `source`, without what it could not read any more.

    One file for each node: a datagram that one of our nodes sent to another that had ended counts for the first.
    """
    unread = unread_datagrams(records, life)

    def wanted(index: int, record: pcapfile.Record) -> bool:
        seen = record.datagram
        return seen is not None and life.address in (seen.source, seen.destination) and index not in unread.indices

    pcapfile.cut(source, target, wanted)
    return unread
