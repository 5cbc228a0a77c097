#!/usr/bin/env python3
"""Counts the KRPC messages of a capture with Wireshark's own bt-dht dissector: nothing of mdht is involved.

    tshark_counts.py CAPTURE        prints one JSON document:

    {"krpc": messages in all, "unclear": messages whose kind could not be told,
     "flows": [{"from": "IP:PORT", "to": "IP:PORT", "kind": KIND, "count": N}, ...]}

KIND is the name of the query (`ping`, `get_peers`, ...), `response` or `error`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from typing import Any

# The ports are named because another dissector's heuristics may seize them (seen: DNP3).
PORTS = (6881, 51413)
FIELDS = ("ip.src", "udp.srcport", "ip.dst", "udp.dstport", "bt-dht.bencoded.string", "bt-dht.error")
KINDS = {b"q": "query", b"r": "response", b"e": "error"}


def count(capture: str) -> dict[str, Any]:
    # An ICMP error quotes the datagram it is about, and the dissector reads that too.
    command = ["tshark", "-n", "-r", capture, "-Y", "bt-dht && !icmp", "-T", "fields", "-E", "aggregator=|"]
    command += [word for port in PORTS for word in ("-d", f"udp.port=={port},bt-dht")]
    command += [word for field in FIELDS for word in ("-e", field)]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"tshark ended with {done.returncode}: {done.stderr.decode(errors='replace').strip()}")
    flows: Counter[tuple[str, str, str]] = Counter()
    unclear = 0
    lines = [line for line in done.stdout.split(b"\n") if line]
    for line in lines:
        source, source_port, destination, destination_port, strings, error = line.split(b"\t")
        kind = kind_of(strings.split(b"|"), error)
        if kind is None:
            unclear += 1
        else:
            sender = f"{source.decode()}:{source_port.decode()}"
            receiver = f"{destination.decode()}:{destination_port.decode()}"
            flows[sender, receiver, kind] += 1
    return {
        "krpc": len(lines),
        "unclear": unclear,
        "flows": [{"from": a, "to": b, "kind": kind, "count": n} for (a, b, kind), n in sorted(flows.items())],
    }


def kind_of(strings: list[bytes], error: bytes) -> str | None:
    """`strings` are all keys and string values in their order; `y` is the last key of a bencoded message."""
    if error:
        return "error"
    if len(strings) < 2 or strings[-2] != b"y" or strings[-1] not in KINDS:
        return None
    kind = KINDS[strings[-1]]
    if kind != "query":
        return kind
    # After the arguments: q NAME [ro] t ID [v VERSION] y q. Searched from the end, past the last two.
    for index in range(len(strings) - 4, -1, -1):
        if strings[index] == b"q" and strings[index + 2] in (b"t", b"ro"):
            return strings[index + 1].decode(errors="replace")
    return None


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: tshark_counts.py CAPTURE")
    json.dump(count(sys.argv[1]), sys.stdout, indent=1)
    print()
