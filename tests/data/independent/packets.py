"""The packets of a capture as tshark prints them."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import bencode

sys.path.append(str(Path(__file__).resolve().parents[2] / "interop"))
import tshark_counts  # noqa: E402  the interop suite's: which kind the dissector sees

FIELDS = (
    "frame.time_epoch frame.cap_len frame.len frame.protocols ip.src udp.srcport ip.dst udp.dstport "
    "ip.len ip.id ip.flags.mf ip.frag_offset udp.payload bt-dht.bencoded.string bt-dht.error"
).split()
# How every KRPC message starts, in tshark's hexadecimal; uTP, which shares the port, does not.
DICTIONARY = b"64"
# tshark's exit code when a capture ends in the middle of a packet.
CUT_SHORT = 2


@dataclass(frozen=True)
class Message:
    """A KRPC message on the wire."""

    number: int  # of its packet in the capture: it orders what came in the same microsecond
    time_ns: int
    source: str
    destination: str
    length: int  # of the IP packet, of all its pieces if it came in pieces
    body: dict[bytes, Any]

    @property
    def kind(self) -> str:
        """The name of the query, `response` or `error`."""
        match self.body[b"y"]:
            case b"q":
                return str(self.body[b"q"].decode())
            case b"r":
                return "response"
            case _:
                return "error"


@dataclass
class Packets:
    """Everything in a capture that matters here."""

    count: int = 0
    start_ns: int = 0
    duration_ns: int = 0
    cut_short: bool = False
    snapped: int = 0  # KRPC of which there is too little, by `tcpdump -s`
    fragments: int = 0
    reassembled: int = 0
    messages: list[Message] = field(default_factory=list)


def read(capture: Path) -> Packets:
    packets = Packets()
    pieces: Counter[tuple[bytes, bytes, bytes]] = Counter()
    times = []
    lines, packets.cut_short = tshark(capture)
    for line in lines:
        row = dict(zip(FIELDS, line.split(b"\t"), strict=True))
        times.append(nanoseconds(row["frame.time_epoch"]))
        # An ICMP error quotes the datagram it is about, and the dissectors read that too.
        if b"icmp" in row["frame.protocols"] or not row["ip.len"]:
            continue
        length = int(row["ip.len"])
        if row["ip.flags.mf"] in (b"1", b"True") or int(row["ip.frag_offset"]) > 0:
            packets.fragments += 1
            key = (row["ip.src"], row["ip.dst"], row["ip.id"])
            pieces[key] += length
            if row["udp.payload"]:
                packets.reassembled += 1
                length = pieces.pop(key)
        if not row["udp.payload"].startswith(DICTIONARY):
            continue
        if int(row["frame.cap_len"]) < int(row["frame.len"]):
            packets.snapped += 1
        elif b"bt-dht" in row["frame.protocols"]:
            packets.messages.extend(message(row, times[-1], length, len(times)))
    packets.count = len(times)
    packets.start_ns = min(times)
    packets.duration_ns = max(times) - min(times)
    return packets


def tshark(capture: Path) -> tuple[list[bytes], bool]:
    """The fields of every packet, and whether the capture ends in the middle of one."""
    command = ["tshark", "-n", "-r", str(capture), "-T", "fields", "-E", "aggregator=|", "-E", "occurrence=a"]
    # The ports are named because another dissector's heuristics may seize them.
    command += [word for port in tshark_counts.PORTS for word in ("-d", f"udp.port=={port},bt-dht")]
    command += [word for name in FIELDS for word in ("-e", name)]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode not in (0, CUT_SHORT):
        raise RuntimeError(f"tshark ended with {done.returncode}: {done.stderr.decode(errors='replace').strip()}")
    return [line for line in done.stdout.split(b"\n") if line], done.returncode == CUT_SHORT


def message(row: dict[str, bytes], time_ns: int, length: int, number: int) -> Iterator[Message]:
    """The KRPC message in a packet, if there is a whole one. Both readers must take it for the same kind."""
    try:
        body = bencode.read(bytes.fromhex(row["udp.payload"].decode()))
        known = body[b"y"] in (b"q", b"r", b"e")
    except (ValueError, KeyError, TypeError):
        return  # not KRPC after all
    if not known:
        return
    read = Message(
        number,
        time_ns,
        f"{row['ip.src'].decode()}:{row['udp.srcport'].decode()}",
        f"{row['ip.dst'].decode()}:{row['udp.dstport'].decode()}",
        length,
        body,
    )
    dissected = tshark_counts.kind_of(row["bt-dht.bencoded.string"].split(b"|"), row["bt-dht.error"])
    if dissected != read.kind:
        raise RuntimeError(f"packet {number} is a {read.kind} by its bytes, and a {dissected} by Wireshark")
    yield read


def nanoseconds(epoch: bytes) -> int:
    """tshark prints nine decimals; a float would not hold them."""
    seconds, _, fraction = epoch.partition(b".")
    return int(seconds) * 1_000_000_000 + int(fraction.ljust(9, b"0"))


def version() -> str:
    done = subprocess.run(["tshark", "--version"], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[0]
