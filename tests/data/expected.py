#!/usr/bin/env python3
"""What `mdht profile` must say of the captures here, computed from tshark's fields and none of mdht's code.

    expected.py            writes CAPTURE.expected.json beside each capture
    expected.py --check    computes them again; exit code 1 if one differs from the file

Which release of tshark it was is in the file, and no difference.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.dont_write_bytecode = True  # leave nothing in the checkout

from independent import figures, packets
from independent.node import SECOND, Node, Rules

HERE = Path(__file__).resolve().parent

# The capture and its nodes under test: first the one it is of, then some that it met. Of those it holds only the
# half of a conversation, which must make no difference to how the rest is counted.
BOOTSTRAP = "10.10.0.1:6881"
CAPTURES = {
    "bittorrent-dht-cut.pcap": ["10.60.0.1:6881", BOOTSTRAP],
    "bittorrent-dht-fragments.pcap.zst": ["10.60.0.1:6881", BOOTSTRAP],
    "bittorrent-dht-noisy.pcap.gz": ["10.60.0.1:6881", BOOTSTRAP],
    "libtorrent-defaults-snapped.pcap": ["10.39.0.1:6881"],
    "libtorrent.pcap.gz": ["10.35.0.1:6881", "10.60.0.1:6881"],
    "mdht-lookup.pcap": ["10.100.0.1:6881", BOOTSTRAP],
    "mdht-node-own.pcap": ["10.141.0.1:6881", "10.60.0.1:6881"],
    "transmission.pcapng": ["10.70.0.1:51413", BOOTSTRAP],
}

# By the thesis's rules, and by rules so tight that what is rare on a machine of its own (late answers, lookups
# that pause, groups of several queries that are refresh) happens all the time. Some pauses of libtorrent's lookups
# are a little shorter than the last gap, some a little longer.
MILLISECOND = SECOND // 1000
RULES = [
    Rules(),
    Rules(timeout_ns=MILLISECOND, lookup_gap_ns=10 * MILLISECOND, refresh_max_queries=3),
    Rules(timeout_ns=MILLISECOND // 5, lookup_gap_ns=2010 * MILLISECOND, refresh_max_queries=0),
]


def main() -> int:
    parser = argparse.ArgumentParser(description="Computes what the profiler must say of the captures here.")
    parser.add_argument("--check", action="store_true", help="compare with the files instead of writing them")
    check = parser.parse_args().check
    differing = [name for name, nodes in CAPTURES.items() if not treat(name, nodes, check)]
    for name in differing:
        print(f"{name}: tshark's fields no longer give what {expected_file(name).name} says", file=sys.stderr)
    print(f"{len(CAPTURES) - len(differing)} of {len(CAPTURES)} captures as expected, by {packets.version()}")
    return 1 if differing else 0


def treat(name: str, nodes: list[str], check: bool) -> bool:
    """Writes the expected figures of one capture, or says whether they are what the file holds."""
    document = json.loads(json.dumps(expected(name, nodes)))
    path = expected_file(name)
    if not check:
        path.write_text(json.dumps(document, indent=1) + "\n")
        return True
    known = json.loads(path.read_text())
    return {**known, "tshark": None} == {**document, "tshark": None}


def expected_file(name: str) -> Path:
    return HERE / f"{name}.expected.json"


def expected(name: str, nodes: list[str]) -> dict[str, Any]:
    read = packets.read(HERE / name)
    return {
        "tshark": packets.version(),
        "capture": {
            "packets": read.count,
            "krpc_messages": len(read.messages),
            "snapped": read.snapped,
            "fragments": read.fragments,
            "reassembled": read.reassembled,
            "truncated": read.cut_short,
            "duration_s": read.duration_ns / SECOND,
        },
        "profiles": [
            {
                "options": rules.options(),
                "nodes": [figures.of_node(Node(node, read.messages, rules), read) for node in nodes],
            }
            for rules in RULES
        ],
    }


if __name__ == "__main__":
    sys.exit(main())
