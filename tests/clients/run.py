#!/usr/bin/env python3
"""Real clients in the served overlay, in small: two clients, a hundred thousand nodes, three minutes.

Run as root after experiments/clients/setup.sh libtorrent and `cargo build --release`. Prints one line per check,
and last of all `N passed, M failed`; exit code 1 if any failed. Captures and logs stay in target/clients/short.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

sys.dont_write_bytecode = True  # leave nothing in the checkout

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
# before this folder, which has a run.py too
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "experiments" / "clients")]

from run import look_up, start
from side_by_side import table
from side_by_side.drivers import Client
from side_by_side.world import World
from suites import frame, pcapfile
from suites.checks import Checks, Clock
from suites.places import MDHT

# A run takes about three minutes; a hang must end.
SUITE_SECONDS = 600
OUT = ROOT / "target" / "clients" / "short"
NAMESPACE = "mdht-short"


def suite(checks: Checks) -> None:
    clock = Clock()
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    refusals(checks)
    clock.phase("refusals")
    script = tomllib.loads((HERE / "short.toml").read_text())
    side_by_side(checks, script)
    clock.phase("side by side")
    names = subprocess.run(["ip", "netns"], capture_output=True, text=True).stdout
    checks.true("the namespace is gone", NAMESPACE not in names, "no namespace", names)


def refusals(checks: Checks) -> None:
    """What cannot be served is refused in one line with the remedy."""
    cases = {
        "a range that is not local": (["--bind-range", "10.0.0.0/8", "--nodes", "1000"], "ip route add local"),
        "a port in use": (["--bind-range", "127.0.0.0/8", "--nodes", "1000"], "choose another with --port"),
        "too few file descriptors": (["--bind-range", "127.0.0.0/8", "--port", "20000", "--pool", "512", "--nodes", "1000"], "ulimit -n"),
        "a world that is too large": (["--bind-range", "127.16.0.0/12", "--nodes", "2000000"], "wider range"),
        "no privilege": (["--make-netns", "none"], "no privilege"),
    }
    serve = [str(MDHT), "overlay", "serve", "--for", "30"]
    holder = subprocess.Popen([*serve, "--bind-range", "127.0.0.0/8", "--nodes", "1000"], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    holder.stdout.readline()
    for name, (words, remedy) in cases.items():
        command = [*serve, *words]
        if "descriptors" in name:
            command = ["prlimit", "--nofile=64", *command]
        if "privilege" in name:
            # root in name only
            command = ["unshare", "--user", "--map-root-user", *command]
        done = subprocess.run(command, capture_output=True, text=True)
        said = done.stderr.strip()
        right = done.returncode != 0 and remedy in said and len(said.splitlines()) == 1
        checks.true(f"{name} is refused with the remedy", right, f"one line with {remedy!r}", said)
    holder.kill()
    holder.wait()


def side_by_side(checks: Checks, script: dict[str, Any]) -> None:
    # one that crashes must not disturb the others
    broken = {"label": "broken", "driver": "mdht", "options": ["--routing", "none"]}
    chosen = [*script["client"], broken]
    world = World(MDHT, script["world"], OUT, NAMESPACE)
    clients: list[Client] = []
    tcpdump, dump = sniff(world)
    try:
        clients = start(MDHT, world, chosen, OUT)
        # one that hangs neither
        hanging = [*world.entrance, "sleep", "1000"]
        address = f"{world.address(len(chosen))}:6881"
        clients.append(Client.start("hanging", address, hanging, OUT / "logs" / "hanging.log"))
        look_up(world, clients, script["schedule"])
    finally:
        for client in clients:
            client.stop()
        time.sleep(1)
        tcpdump.terminate()
        tcpdump.wait(10)
        served = world.stop()
    rows = table.rows(MDHT, world, clients)
    print(table.text(rows), flush=True)
    (OUT / "clients.json").write_text(json.dumps({"served": served, "clients": rows}, indent=1) + "\n")
    for client, row in zip(clients[:2], rows, strict=False):
        looked_up(checks, client, row, script["schedule"]["lookups"])
        seen = datagrams(dump, client.address)
        own = datagrams(world.capture(client.address), client.address)
        checks.true(f"{client.label}: the tap is what tcpdump saw", own == seen, len(seen[0] + seen[1]), len(own[0] + own[1]))
    fault, log_tail = rows[2]["fault"] or "", rows[2]["log_tail"] or ""
    checks.true("a client that crashes is reported with its log", "exit code 2" in fault, "exit code 2", fault)
    checks.true("... with its log's tail", "none" in log_tail, "its error", log_tail)
    checks.equal("a client that hangs is reported", "did not stop when asked", rows[3]["fault"])
    checks.equal("every datagram could be sent", 0, served["not_sent"])


def looked_up(checks: Checks, client: Client, row: dict[str, Any], lookups: int) -> None:
    checks.equal(f"{client.label}: nothing went wrong", None, row["fault"], client.log)
    found = row["lookup_latency_ms"]["count"]
    checks.true(f"{client.label}: most lookups find peers", found >= lookups - 1, f"{lookups - 1} of {lookups}", found)
    answered = row["lookup_queries"]["answered_pct"] or 0
    checks.true(f"{client.label}: nodes answer, but not all", 30 < answered < 95, "30 to 95 %", answered)


def sniff(world: World) -> tuple[subprocess.Popen[bytes], Path]:
    dump = OUT / "tcpdump.pcap"
    words = ["tcpdump", "-i", "lo", "-w", str(dump), "-B", "32768", "--immediate-mode", "-U", "udp"]
    log = (OUT / "tcpdump.log").open("w")
    process = subprocess.Popen([*world.entrance, *words], stderr=log)
    deadline = time.monotonic() + 10
    while not dump.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    return process, dump


def datagrams(path: Path, address: str) -> tuple[list[Any], list[Any]]:
    """What an address sent and what it received, each in order: addresses and payload."""
    sent, received = [], []
    for record in pcapfile.records(path):
        one = record.datagram
        if one is not None:
            if address == one.source:
                sent.append((one.destination, one.payload))
            elif address == one.destination:
                received.append((one.source, one.payload))
    return sent, received


if __name__ == "__main__":
    sys.exit(frame.run(suite, SUITE_SECONDS))
