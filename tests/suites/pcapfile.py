"""Reads classic pcap files as far as the suite needs: UDP over IPv4, over Ethernet or raw.

Used only to line up tcpdump's capture with the one a node wrote of itself, and to cut files; every figure
that is checked comes from mdht and from tshark.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ETHERNET, RAW, RAW_IPV4 = 1, 101, 228
MAGIC = {
    b"\xd4\xc3\xb2\xa1": ("<", 1000),
    b"\xa1\xb2\xc3\xd4": (">", 1000),
    b"\x4d\x3c\xb2\xa1": ("<", 1),
    b"\xa1\xb2\x3c\x4d": (">", 1),
}


@dataclass(frozen=True)
class Datagram:
    time_ns: int
    source: str
    destination: str
    payload: bytes


@dataclass(frozen=True)
class Record:
    raw: bytes  # the record as it stands in the file
    datagram: Datagram | None  # None: not UDP over IPv4


def records(path: Path) -> Iterator[Record]:
    data = path.read_bytes()
    if data[:4] not in MAGIC or len(data) < 24:
        raise ValueError(f"{path} is not a classic pcap file")
    order, nanoseconds = MAGIC[data[:4]]
    link = struct.unpack_from(order + "I", data, 20)[0]
    if link not in (ETHERNET, RAW, RAW_IPV4):
        raise ValueError(f"{path}: link type {link}")
    offset = 24
    while offset + 16 <= len(data):
        seconds, fraction, captured, _ = struct.unpack_from(order + "IIII", data, offset)
        end = offset + 16 + captured
        if end > len(data):
            break
        time_ns = seconds * 1_000_000_000 + fraction * nanoseconds
        yield Record(data[offset:end], datagram(data[offset + 16 : end], link, time_ns))
        offset = end


def datagram(packet: bytes, link: int, time_ns: int) -> Datagram | None:
    if link == ETHERNET:
        if packet[12:14] != b"\x08\x00":
            return None
        packet = packet[14:]
    if len(packet) < 28 or packet[0] >> 4 != 4 or packet[9] != 17:
        return None
    header = 4 * (packet[0] & 15)
    source_port, destination_port, length = struct.unpack_from(">HHH", packet, header)
    source = ".".join(map(str, packet[12:16])) + f":{source_port}"
    destination = ".".join(map(str, packet[16:20])) + f":{destination_port}"
    return Datagram(time_ns, source, destination, packet[header + 8 : header + length])


def cut(source: Path, target: Path, keep: Callable[[int, Record], bool], most_bytes: int | None = None) -> None:
    """Copies the file header and the records for which `keep(index, record)` holds."""
    written = 24
    with target.open("wb") as out:
        out.write(source.read_bytes()[:24])
        for index, record in enumerate(records(source)):
            if not keep(index, record):
                continue
            written += len(record.raw)
            if most_bytes is not None and written > most_bytes:
                break
            out.write(record.raw)
