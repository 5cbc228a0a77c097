#!/usr/bin/env python3
"""Real clients and our nodes side by side in one served world, each profiled by the same black box.

Run as root after setup.sh. Results go to the folder --out: captures, logs, clients.json,
report.html. A client that crashes,
hangs or never joins is reported with its log's tail, and the rest goes on. Exit code 1 if that happened.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

sys.dont_write_bytecode = True  # leave nothing in the checkout

from installed import ROOT
from side_by_side import table
from side_by_side.drivers import Client, command
from side_by_side.world import World

PORT = 6881
# After the last lookup.
LAST_S = 15


def main() -> int:
    arguments = parse_arguments()
    script = tomllib.loads(arguments.script.read_text())
    if arguments.attack:
        script["world"]["attack"] = arguments.attack
    chosen = [one for one in script["client"] if not arguments.only or one["label"] in arguments.only]
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    mdht = arguments.mdht.resolve()
    world = World(mdht, script["world"], out.resolve(), arguments.namespace)
    clients: list[Client] = []
    try:
        clients = start(mdht, world, chosen, out.resolve())
        look_up(world, clients, script["schedule"])
        for client in clients:
            client.measure()
    finally:
        for client in clients:
            client.stop()
        served = world.stop()
    rows = table.rows(mdht, world, clients)
    document = {"script": script, "served": served, "clients": rows}
    (out / "clients.json").write_text(json.dumps(document, indent=1) + "\n")
    print(table.text(rows), flush=True)
    table.report(mdht, world, clients, out / "report.html")
    print(f"served: {served['received']} in, {served['sent']} out, late by {served['late_ms']}", file=sys.stderr)
    return 1 if any(row["fault"] for row in rows) else 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Runs real clients in the emulated overlay and profiles them.")
    parser.add_argument("script", type=Path, nargs="?", default=Path(__file__).parent / "clients.toml")
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "clients", metavar="DIR")
    parser.add_argument("--mdht", type=Path, default=ROOT / "target" / "release" / "mdht", metavar="PATH")
    parser.add_argument("--only", action="append", metavar="LABEL", help="only this client; repeat for more")
    parser.add_argument("--attack", metavar="KIND:SHARE", help="turn a share of the world's nodes")
    parser.add_argument("--namespace", default="mdht-clients", metavar="NAME", help="of the network namespace")
    return parser.parse_args()


def start(mdht: Path, world: World, chosen: list[dict[str, Any]], out: Path) -> list[Client]:
    clients = []
    for number, one in enumerate(chosen):
        ip = world.address(number)
        folder = out / "clients" / one["label"]
        folder.mkdir(parents=True, exist_ok=True)
        words = command(mdht, one["driver"], one.get("options", []), (ip, PORT, world.bootstrap, folder))
        log = out / "logs" / f"{one['label']}.log"
        clients.append(Client.start(one["label"], f"{ip}:{PORT}", [*world.entrance, *words], log))
    return clients


def look_up(world: World, clients: list[Client], schedule: dict[str, Any]) -> None:
    """Rounds: in each every client once, in a fresh order, evenly spaced; each draws from a list of its own."""
    chance = random.Random(schedule.get("seed", 1))
    lists = [chance.sample(world.infohashes, schedule["lookups"]) for _ in clients]
    begun = time.monotonic()
    space = schedule["interval_s"] / len(clients)
    due = begun + schedule["warm_up_s"]
    for number in range(schedule["lookups"]):
        order = list(range(len(clients)))
        chance.shuffle(order)
        for place in order:
            wait(due, clients)
            due += space
            clients[place].look_up(lists[place][number])
    wait(due + LAST_S, clients)


def wait(until: float, clients: list[Client]) -> None:
    while (left := until - time.monotonic()) > 0:
        for client in clients:
            client.note_end()
            client.measure()
        time.sleep(min(left, 1.0))


if __name__ == "__main__":
    sys.exit(main())
