#!/usr/bin/env python3
"""The same variants in virtual and in real time: do both clocks tell the same?

Runs the clients of the script that are `mdht` nodes in the served world, and the same combinations by
`mdht experiment run` in virtual time, on the same schedule, and prints for each figure of a lookup both medians and
the Kolmogorov-Smirnov distance, with the distance that two samples of one distribution exceed once in twenty times.
Run as root. The results are in the folder --out; exit code 1 if a client failed.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import tomllib
from bisect import bisect_right
from pathlib import Path
from typing import Any

sys.dont_write_bytecode = True  # leave nothing in the checkout

from installed import ROOT
from run import look_up, start
from side_by_side import table
from side_by_side.world import World

FIGURES = [("latency_ms", "latency, ms"), ("cost", "cost, queries"), ("closest_ms", "time to closest, ms")]


def main() -> int:
    parser = argparse.ArgumentParser(description="Compares virtual and real time.")
    parser.add_argument("script", type=Path, nargs="?", default=Path(__file__).parent / "both_clocks.toml")
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "both-clocks", metavar="DIR")
    parser.add_argument("--mdht", type=Path, default=ROOT / "target" / "release" / "mdht", metavar="PATH")
    parser.add_argument("--namespace", default="mdht-clocks", metavar="NAME", help="of the network namespace")
    arguments = parser.parse_args()
    script = tomllib.loads(arguments.script.read_text())
    out, mdht = arguments.out.resolve(), arguments.mdht.resolve()
    out.mkdir(parents=True, exist_ok=True)
    virtual = in_virtual_time(mdht, script, out)
    real, served = in_real_time(mdht, script, out, arguments.namespace)
    report = compare(virtual, real)
    document = {"script": script, "served": served, "figures": report, "virtual": virtual, "real": real}
    (out / "both-clocks.json").write_text(json.dumps(document, indent=1) + "\n")
    return 1 if any(row["fault"] for row in real) else 0


def in_virtual_time(mdht: Path, script: dict[str, Any], out: Path) -> list[dict[str, Any]]:
    """The same schedule as a script of the experiment runner."""
    world, schedule, clients = script["world"], script["schedule"], script["client"]
    lines = [
        'name = "both-clocks"',
        f"seed = {world.get('seed', 1)}",
        "[overlay]",
        f"nodes = {world['nodes']}",
        "[schedule]",
        f"infohashes = {schedule['lookups']}",
        f"interval_s = {schedule['interval_s'] / len(clients)}",
        f"warm_up_s = {schedule['warm_up_s']}",
    ]
    for client in clients:
        options = dict(zip(client["options"][::2], client["options"][1::2], strict=True))
        lines += ["[[variant]]", f'label = "{client["label"]}"']
        lines += [f'routing = "{options["--routing"]}"', f'lookup = "{options["--lookup"]}"']
    path = out / "virtual.toml"
    path.write_text("\n".join(lines) + "\n")
    words = [str(mdht), "experiment", "run", str(path), "--out", str(out / "virtual"), "--keep", "pcap"]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    rows = []
    for client in clients:
        capture = out / "virtual" / "captures" / f"{client['label']}.pcap"
        done = subprocess.run([str(mdht), "profile", str(capture), "--format", "json"], capture_output=True, check=True)
        rows.append(json.loads(done.stdout)["nodes"][0] | {"label": client["label"]})
    return rows


def in_real_time(mdht: Path, script: dict[str, Any], out: Path, name: str) -> tuple[list[dict[str, Any]], Any]:
    world = World(mdht, script["world"], out, name)
    clients = []
    try:
        clients = start(mdht, world, script["client"], out)
        look_up(world, clients, script["schedule"])
    finally:
        for client in clients:
            client.stop()
        served = world.stop()
    return table.rows(mdht, world, clients), served


def compare(virtual: list[dict[str, Any]], real: list[dict[str, Any]]) -> list[dict[str, Any]]:
    print(f"{'':<32}{'virtual':>16}{'real':>16}{'KS distance':>14}{'by chance':>11}")
    report = []
    for one, other in zip(virtual, real, strict=True):
        for key, name in FIGURES:
            a, b = (figures(row, key) for row in (one, other))
            if not a or not b:
                print(f"{one['label']:<10}{name:<22}{'no lookups':>16}")
                continue
            distance, chance = kolmogorov_smirnov(a, b), critical(len(a), len(b))
            medians = [statistics.median(sample) for sample in (a, b)]
            print(
                f"{one['label']:<10}{name:<22}"
                f"{medians[0]:>9.1f} of{len(a):>4}{medians[1]:>9.1f} of{len(b):>4}{distance:>14.3f}{chance:>11.3f}"
            )
            report.append(
                {
                    "label": one["label"],
                    "figure": key,
                    "medians": medians,
                    "counts": [len(a), len(b)],
                    "distance": distance,
                    "critical": chance,
                }
            )
    return report


def figures(row: dict[str, Any], key: str) -> list[float]:
    return sorted(lookup[key] for lookup in row.get("lookups", []) if lookup.get(key) is not None)


def kolmogorov_smirnov(a: list[float], b: list[float]) -> float:
    """The largest gap between the two distributions; both samples in order."""
    return max(abs(bisect_right(a, x) / len(a) - bisect_right(b, x) / len(b)) for x in a + b)


def critical(n: int, m: int) -> float:
    """The distance exceeded with probability 0.05 if both are of one distribution (the usual large-sample bound)."""
    return math.sqrt(-math.log(0.05 / 2) / 2 * (n + m) / (n * m))


if __name__ == "__main__":
    sys.exit(main())
