#!/usr/bin/env python3
"""mdht and libtorrent, BEP by BEP: 32, 33, 42, 43 and 51; with the crate mainline 42, 43 and our checkers.

Run as root after setup.sh; about a minute and a half. Unlike run.py's, the IPv4 addresses here are of the public
Internet (64/8, in a network namespace where nobody else is), for BEP 42 exempts private ones. Prints one line per
check, and last of all `N passed, M failed`; exit code 1 if any failed. Logs stay in target/interop/logs.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.dont_write_bytecode = True  # leave nothing in the checkout
ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "tests"), str(ROOT / "experiments" / "clients")]

from installed import CARGO, PYTHON
from suite import plan
from suite.loopback import Loopback
from suites import frame
from suites.checks import Checks
from suites.helper import Helper
from suites.namespace import Namespace

MAINLINE = CARGO / "mainline-driver"
# A run takes about a minute and a half; a hang must end.
SUITE_SECONDS = 240

NODES = 24
SEEDS, LEECHES = 6, 10
# What a node that is bound to no address in particular is seen under.
HOME = "64.200.0.1"


def v4(n: int) -> str:
    return f"64.{n}.0.1:6881"


def v6(n: int) -> str:
    return f"[fd00:{n:x}::1]:6881"


def crc32c(data: bytes) -> int:
    """Castagnoli's, bit by bit: BEP 42 is checked by other code than the one under test."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def fits(node_id: str, ip: str) -> bool:
    """BEP 42 for IPv4."""
    bytes_of_id = bytes.fromhex(node_id)
    masked = bytearray(int(part) & mask for part, mask in zip(ip.split("."), (0x03, 0x0F, 0x3F, 0xFF), strict=True))
    masked[0] |= (bytes_of_id[19] & 7) << 5
    return crc32c(bytes(masked)) >> 11 == int.from_bytes(bytes_of_id[:4], "big") >> 11


class Suite:
    def __init__(self, namespace: Namespace, checks: Checks, binary: Path) -> None:
        self.namespace, self.checks, self.binary = namespace, checks, binary
        script = str(plan.INTEROP / "libtorrent_beps.py")
        log = plan.LOGS / "libtorrent-beps.log"
        self.libtorrent = Helper(namespace, "libtorrent", [str(PYTHON), script], log)

    def session(self, name: str, listen: str, bootstrap: str = "", **settings: Any) -> None:
        self.libtorrent.ask("start", 20, name=name, listen=listen, bootstrap=bootstrap, settings=settings)

    def mdht(self, arguments: str, seconds: float = 40) -> tuple[int, list[dict[str, Any]], str]:
        """Exit code, documents and standard error of a command that ends by itself."""
        command = [str(self.binary), *arguments.split(), "--no-default-bootstrap", "--format", "json"]
        process = self.namespace.popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
        documents = [json.loads(line) for line in out.decode().splitlines()]
        return process.returncode, documents, err.decode()

    def node(self, name: str, arguments: str) -> Node:
        command = [str(self.binary), "node", *arguments.split(), "--no-default-bootstrap"]
        return Node(self.namespace, name, [*command, "--format", "json", "--every", "1"])

    def wait_tables(self, names: list[str], least: int, seconds: float = 40) -> list[int]:
        deadline = time.monotonic() + seconds
        while True:
            self.libtorrent.ask("warm_up", names=names)
            time.sleep(0.5)
            sizes: list[int] = self.libtorrent.ask("tables", 3 * len(names) + 5, names=names)["nodes"]
            if min(sizes) >= least or time.monotonic() > deadline:
                return sizes

    def run(self) -> None:
        self.start_overlay()
        self.bep42()
        self.bep33_and_51()
        self.bep43()
        self.bep32()
        if MAINLINE.exists():
            self.mainline()
        else:
            print("# the crate mainline is not built (experiments/clients/setup.sh mainline): left out", flush=True)

    def start_overlay(self) -> None:
        self.names = [f"lt{n}" for n in range(NODES)]
        for n, name in enumerate(self.names):
            self.session(name, v4(10 + n), "" if n == 0 else v4(10))
        sizes = self.wait_tables(self.names, 8)
        self.checks.true("libtorrent nodes joined", min(sizes) >= 8, ">= 8 nodes each", sizes)
        # early, so that the others have heard of it when they announce what is next to it
        self.swarm = plan.infohash("beps swarm")
        near = f"{int(self.swarm, 16) ^ 1:040x}"
        # nr128 makes itself known sooner than the default
        modules = "--routing nr128 --lookup aggressive"
        self.near = self.node("near", f"--bind 64.90.0.1:6881 --bootstrap {v4(10)} --id {near} {modules}")

    def ids(self, nodes: list[str], options: str = "") -> list[str | None]:
        _, documents, _ = self.mdht(f"ping {' '.join(nodes)} --bind {HOME}:0 {options}")
        return [one["id"] for one in documents if "node" in one]

    def bep42(self) -> None:
        state = plan.WORK / "beps-state"
        subprocess.run(["rm", "-rf", str(state)], check=True)
        node = self.node("follower", f"--bind 0.0.0.0:7001 --bootstrap {v4(10)} --state {state}")
        change = node.wait_for_note("gives way to", 60)
        self.checks.true("votes of libtorrent nodes change our ID", change is not None, "a notice", change)
        own_id = node.overlay()["id"]
        self.checks.true(f"our ID fits the address {HOME}", fits(own_id, HOME), "a fitting ID", own_id)
        node.stop()
        again = self.node("follower-again", f"--bind 0.0.0.0:7001 --bootstrap {v4(10)} --state {state}")
        time.sleep(5)
        self.checks.equal("the ID is kept across a restart", own_id, again.overlay()["id"])
        # libtorrent checks whom it holds: one that enforces BEP 42 refuses an ID that does not fit
        self.session("enforcer", v4(60), v4(10), dht_enforce_node_id=True)
        self.wait_tables(["enforcer"], 1)
        _, refused, _ = self.mdht(f"ping {v4(60)} --bind {HOME}:0 --id {'ab' * 20}")
        code = refused[0].get("error", {}).get("code")
        self.checks.equal("an enforcing libtorrent refuses an ID that does not fit", 203, code)
        _, served, _ = self.mdht(f"ping {v4(60)} --bind {HOME}:0 --id {own_id}")
        self.checks.true("and answers under ours", served[0]["id"] is not None, "an ID", served[0])
        _, bound, _ = self.mdht(f"ping {v4(60)} --bind 64.201.0.1:0")
        self.checks.true("a public --bind address has a fitting ID at once", bound[0]["id"] is not None, "an ID", bound)
        others = [v4(10 + n) for n in range(NODES)]
        pairs = zip(others, self.ids(others), strict=True)
        fitting = [fits(one, node.split(":")[0]) for node, one in pairs if one]
        self.checks.equal("all libtorrent nodes have an ID that fits their address", [True] * NODES, fitting)
        again.stop()

    def bep33_and_51(self) -> None:
        swarm, node = self.swarm, self.near
        keys = [plan.infohash(f"beps {n}") for n in range(5)]
        for n in range(SEEDS + LEECHES):
            self.libtorrent.ask("announce", name=self.names[n], infohash=swarm, port=9000 + n, seed=n < SEEDS)
        for n, key in enumerate(keys):
            self.libtorrent.ask("announce", name=self.names[n], infohash=key, port=9100 + n, seed=False)
        stored = node.wait_for(lambda status: status["stored_peers"] >= (SEEDS + LEECHES) // 2, 20)
        self.checks.true("libtorrent nodes store on our node next to it", stored, ">= 8 peers", node.status())
        for n, key in enumerate(keys):
            want = [f"64.{10 + n}.0.1:{9100 + n}"]
            self.libtorrent.ask("find", 15, name=self.names[22], infohash=key, want=want, seconds=8)
        options = f"--bind 64.91.0.1:0 --bootstrap {v4(10)}"
        _, documents, _ = self.mdht(f"scrape {swarm} {plan.infohash('nobody')} {options}")
        found, nothing = documents[0], documents[1]
        print(f"# {found}", flush=True)
        close = abs((found["seeds"] or 0) - SEEDS) < 1 and abs((found["peers"] or 0) - LEECHES) < 1
        self.checks.true("a scrape counts seeds and peers announced by libtorrent", close, (SEEDS, LEECHES), found)
        several = found["nodes_with_filters"] > 1 and found["refused_filters"] == 0
        self.checks.true("libtorrent's filters are among them", several, "> 1 node with filters", found)
        self.checks.equal("a swarm that nobody knows has no size", None, nothing["seeds"])
        ours = plan.infohash("beps ours")
        for n, mark in enumerate(["--seed", "", ""]):
            self.mdht(f"announce {ours} --port 9200 {mark} --bind 64.{110 + n}.0.1:0 --bootstrap {v4(10)}")
        _, told, _ = self.mdht(f"scrape {ours} {options}")
        close = abs((told[0]["seeds"] or 0) - 1) < 0.5 and abs((told[0]["peers"] or 0) - 2) < 0.5
        self.checks.true("libtorrent tells our seed from our other peers", close, "1 and 2", told[0])
        _, one, _ = self.mdht("sample 64.90.0.1:6881 --bind 64.91.0.1:0")
        self.checks.holds_all("our node tells what it holds", {swarm}, set(one[0]["infohashes"] or []))
        sample = self.libtorrent.ask("sample", 15, name=self.names[20], node="64.90.0.1:6881", seconds=10)
        self.checks.holds_all("libtorrent samples our node", {swarm}, set(sample["samples"] or []))
        same = (sample["num"], sample["interval_s"]) == (one[0]["num"], one[0]["interval_s"])
        self.checks.true("and reads num and interval", same and sample["interval_s"] <= 21600, one[0], sample)
        _, all_of_them, _ = self.mdht(f"sample --nodes 60 {options}")
        told = {key for event in all_of_them if event["event"] == "sample" for key in event["infohashes"] or []}
        self.checks.holds_all("a walk finds every infohash that libtorrent nodes hold", {swarm, *keys}, told)
        done = [event for event in all_of_them if event["event"] == "done"]
        print(f"# {done}", flush=True)
        node.stop()

    def bep43(self) -> None:
        node = self.node("alone", "--bind 64.92.0.1:6881")
        time.sleep(0.5)
        self.session("shy", v4(61), "64.92.0.1:6881", dht_read_only=True)
        self.libtorrent.ask("warm_up", names=["shy"])
        received = node.wait_for(lambda status: sum(status["queries_received"].values()) > 0, 20)
        time.sleep(3)
        contacts = node.overlay()["contacts"]
        self.checks.true("a read-only libtorrent asks us", received, "queries", node.status())
        self.checks.equal("and does not enter our table", 0, contacts)
        self.session("open", v4(62), "64.92.0.1:6881")
        self.libtorrent.ask("warm_up", names=["open"])
        entered = node.wait_for(lambda status: status["overlays"][0]["contacts"] > 0, 20)
        self.checks.true("another libtorrent does", entered, "a contact", node.status())
        node.stop()
        self.session("host", v4(63))
        self.mdht(f"lookup {'12' * 20} --bind 64.93.0.1:6881 --bootstrap {v4(63)} --read-only")
        sizes = self.wait_tables(["host"], 1, 2)
        self.checks.equal("a read-only mdht does not enter libtorrent's table", [0], sizes)
        other = self.node("seen", f"--bind 64.94.0.1:6881 --bootstrap {v4(63)}")
        sizes = self.wait_tables(["host"], 1, 20)
        self.checks.equal("another mdht does", [1], sizes)
        other.stop()

    def bep32(self) -> None:
        names = [f"six{n}" for n in range(10)]
        for n, name in enumerate(names):
            self.session(name, v6(0x10 + n), "" if n == 0 else v6(0x10))
        self.session("both", f"{v4(64)},{v6(0x40)}", f"{v4(10)},{v6(0x10)}")
        sizes = self.wait_tables(names, 5)
        self.checks.true("libtorrent nodes joined over IPv6", min(sizes) >= 5, ">= 5 nodes each", sizes)
        self.wait_tables(["both"], 8)
        theirs, ours = plan.infohash("six theirs"), plan.infohash("six ours")
        self.libtorrent.ask("announce", name="six3", infohash=theirs, port=9300, seed=False)
        time.sleep(2)
        options = f"--bind [fd00:80::1]:6881 --bootstrap {v6(0x10)}"
        _, events, _ = self.mdht(f"lookup {theirs} {options}")
        peers = {event["peer"] for event in events if event["event"] == "peer"}
        self.checks.holds_all("mdht finds over IPv6 what libtorrent announced", {"[fd00:13::1]:9300"}, peers)
        code, _, _ = self.mdht(f"announce {ours} --port 9301 {options}")
        self.checks.equal("mdht announces over IPv6", 0, code)
        found = self.libtorrent.ask("find", 15, name="six7", infohash=ours, want=["[fd00:80::1]:9301"], seconds=10)["found"]
        self.checks.holds_all("libtorrent finds it", {"[fd00:80::1]:9301"}, set(found))
        # only the IPv4 address of a node of both families is known: its answer must lead into the IPv6 DHT
        dual = self.node("dual", f"--bind 64.95.0.1:6881 --bind [fd00:81::1]:6881 --bootstrap {v4(64)}")
        both = dual.wait_for(lambda status: all(one["joined"] for one in status["overlays"]), 30)
        self.checks.true("one IPv4 address leads into both DHTs", both, "joined twice", dual.status().get("overlays"))
        ids = [one["id"] for one in dual.status()["overlays"]]
        self.checks.true("with an ID in each", len(set(ids)) == 2, "two IDs", ids)
        dual.stop()

    def mainline(self) -> None:
        """The crate mainline, among nodes of ours alone: what it learns, it learns from us."""
        node = self.node("mainline-host", "--bind 64.96.0.1:6881")
        time.sleep(0.5)
        shy = Mainline(self.namespace, "64.97.0.1:6881", "64.96.0.1:6881", "client")
        shy.tell(f"lookup {plan.infohash('nobody')}")
        asked = node.wait_for(lambda status: status["queries_received"]["get_peers"] > 0, 20)
        time.sleep(2)
        contacts = node.overlay()["contacts"]
        self.checks.true("mainline as a client asks us", asked, "queries", node.status())
        self.checks.equal("and does not enter our table", 0, contacts)
        server = Mainline(self.namespace, "64.98.0.1:6881", "64.96.0.1:6881")
        server.tell(f"lookup {plan.infohash('nobody')}")
        entered = node.wait_for(lambda status: status["overlays"][0]["contacts"] > 0, 20)
        self.checks.true("mainline as a server does", entered, "a contact", node.status())
        its_id = server.ask("id", 20, lambda text: fits(text, "64.98.0.1"))
        self.checks.true("our `ip` gives mainline an ID that fits", fits(its_id, "64.98.0.1"), "a fitting ID", its_id)
        # 8.0.1 reads only messages whose transaction ID has four bytes
        words = "check node 64.98.0.1:6881 --bind 64.99.0.1 --remote-bind 64.100.0.1 --format json"
        timings = "--interval 400ms --timeout 2s --second-burst 2s"
        check = self.namespace.popen([str(self.binary), *f"{words} {timings}".split()], stdout=subprocess.PIPE)
        pattern = json.loads(check.communicate(timeout=20)[0])["pattern"]
        self.checks.equal("our checkers reach mainline from every vantage point", "RRR-RRR", pattern)
        node.stop()


class Mainline:
    def __init__(self, namespace: Namespace, node: str, bootstrap: str, *mode: str) -> None:
        command = [str(MAINLINE), *node.split(":"), bootstrap, "/nonexistent", *mode]
        self.process = namespace.popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None  # opened as a pipe
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()

    def ask(self, word: str, seconds: float, is_final: Callable[[str], bool]) -> str:
        """Asks until the answer is a final one, or the time is over."""
        deadline = time.monotonic() + seconds
        while True:
            self.tell(word)
            assert self.process.stdout is not None  # opened as a pipe
            # lookups that end are told between answers
            lines = iter(lambda: self.process.stdout.readline().decode().strip(), "")
            answer = next(line.removeprefix(word).strip() for line in lines if line.split(" ")[0] == word)
            if is_final(answer) or time.monotonic() > deadline:
                return answer
            time.sleep(0.5)


class Node:
    """An `mdht node` and the last status it printed."""

    def __init__(self, namespace: Namespace, name: str, command: list[str]) -> None:
        self.output, self.log = plan.LOGS / f"beps-{name}.jsonl", plan.LOGS / f"beps-{name}.log"
        with self.output.open("wb") as out, self.log.open("wb") as errors:
            self.process = namespace.popen(command, stdout=out, stderr=errors)

    def status(self) -> dict[str, Any]:
        lines = self.output.read_text().splitlines()
        complete = [line for line in lines if line.endswith("}")]
        return json.loads(complete[-1]) if complete else {}

    def overlay(self) -> dict[str, Any]:
        self.wait_for(lambda status: True, 10)
        overlay: dict[str, Any] = self.status()["overlays"][0]
        return overlay

    def wait_for(self, condition: Any, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            status = self.status()
            if status and condition(status):
                return True
            time.sleep(0.2)
        return False

    def wait_for_note(self, text: str, seconds: float) -> str | None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for line in self.log.read_text(errors="replace").splitlines():
                if text in line:
                    time.sleep(1.5)  # a status of afterwards
                    return line
            time.sleep(0.2)
        return None

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(10)


def main() -> int:
    parser = argparse.ArgumentParser(description="Runs mdht and libtorrent against each other, BEP by BEP.")
    frame.add_mdht(parser)
    binary = parser.parse_args().mdht.resolve()
    return frame.run(lambda checks: begin(checks, binary), SUITE_SECONDS)


def begin(checks: Checks, binary: Path) -> None:
    plan.LOGS.mkdir(parents=True, exist_ok=True)
    with Loopback() as namespace:
        add_addresses(namespace)
        Suite(namespace, checks, binary).run()


def add_addresses(namespace: Namespace) -> None:
    namespace.ip("addr", "add", f"{HOME}/32", "dev", "lo")
    namespace.ip("route", "add", "local", "64.0.0.0/8", "dev", "lo", "src", HOME)
    for n in [*range(0x10, 0x1A), 0x40, 0x80, 0x81]:
        namespace.ip("addr", "add", f"fd00:{n:x}::1/128", "dev", "lo", "nodad")


if __name__ == "__main__":
    sys.exit(main())
