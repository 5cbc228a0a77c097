#!/usr/bin/env python3
"""mdht among real BitTorrent clients: the interop suite.

Run as root after setup.sh. Everything happens in a network namespace of its own, on addresses of 10/8 that
nobody else sees. Prints one line per check, and last of all `N passed, M failed`; exit code 1 if any failed.
Logs and captures stay in target/interop.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True  # leave nothing in the checkout
ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "tests"), str(ROOT / "experiments" / "clients")]

from suite import plan, samples
from suite.analysis import Analysis
from suite.bed import Bed
from suite.capture import Tcpdump
from suite.clients import missing_prerequisites
from suite.items import Items
from suite.live import check_live_script
from suite.loopback import Loopback
from suite.rounds import Rounds
from suites import frame
from suites.checks import Checks, Clock

# A run takes about 250 s; a hang must end.
SUITE_SECONDS = 600

CLIENTS = {
    "libtorrent": plan.LIBTORRENT[1],
    "libtorrent-seeker": plan.LIBTORRENT_SEEKER,
    "libtorrent-defaults": plan.LIBTORRENT[-1],
    "bittorrent-dht": plan.BITTORRENT_DHT[0],
    "transmission": plan.TRANSMISSION,
}


def main() -> int:
    arguments = parse_arguments()
    return frame.run(lambda checks: begin(checks, arguments), SUITE_SECONDS)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Runs mdht among real BitTorrent clients.")
    frame.add_mdht(parser)
    parser.add_argument("--clients-only", action="store_true", help="only the real clients, without mdht")
    parser.add_argument("--items-only", action="store_true", help="of mdht only what it puts and gets")
    parser.add_argument(
        "--keep-samples", type=Path, metavar="DIR", help="write a small capture of each kind of client to DIR"
    )
    parser.add_argument(
        "--mtu", type=int, metavar="BYTES", help="MTU of the namespace, so that longer messages come in fragments"
    )
    return parser.parse_args()


def begin(checks: Checks, arguments: argparse.Namespace) -> None:
    binary = None if arguments.clients_only else arguments.mdht.resolve()
    if frame.check_prerequisites(checks, "tests/interop/setup.sh", missing_prerequisites(), binary):
        run_suite(checks, Clock(), binary, arguments)


def run_suite(checks: Checks, clock: Clock, binary: Path | None, arguments: argparse.Namespace) -> None:
    prepare_folders()
    capture = plan.WORK / "capture-all.pcap"
    with Loopback(arguments.mtu) as namespace:
        tcpdump = Tcpdump(namespace, capture, plan.LOGS / "tcpdump.log")
        bed = Bed(namespace, checks, clock)
        bed.start()
        items = Items(bed, binary) if binary else None
        if items and arguments.items_only:
            items.check()
            tcpdump.stop()
            return
        rounds = Rounds(bed, binary) if binary else None
        if rounds:
            rounds.start_nodes()
        announced_ns = time.time_ns()
        bed.announce()
        bed.check_clients_find_each_other()
        if rounds and items:
            run_mdht(rounds, items, clock)
        checks.equal("packets dropped by tcpdump's kernel buffer", 0, tcpdump.stop(), tcpdump.log)
    clock.phase("network namespace torn down")
    analyse(Analysis(checks, binary, capture), rounds)
    clock.phase("captures compared")
    if arguments.keep_samples:
        for path in keep_samples(capture, arguments.keep_samples, rounds, announced_ns):
            print(f"# kept {path} ({path.stat().st_size} bytes)")


def keep_samples(capture: Path, folder: Path, rounds: Rounds | None, announced_ns: int) -> list[Path]:
    ours = {f"mdht-{run.name}": run.address for run in rounds.lookups[:1]} if rounds else {}
    own = {f"mdht-{run.name}-own": run.own_capture for run in rounds.nodes} if rounds else {}
    kept = samples.keep(capture, folder, {**CLIENTS, **ours}, announced_ns)
    return kept + samples.keep_own(own, folder)


def prepare_folders() -> None:
    shutil.rmtree(plan.LOGS, ignore_errors=True)
    plan.LOGS.mkdir(parents=True)
    for old in (*plan.WORK.glob("capture-*.pcap"), *plan.WORK.glob("own-*.pcap")):
        old.unlink()


def run_mdht(rounds: Rounds, items: Items, clock: Clock) -> None:
    for number, combinations in enumerate(plan.rounds()):
        rounds.run_round(combinations)
        if number == 0:
            rounds.bed.start_seeker()
    check_live_script(rounds.bed, rounds.binary)
    clock.phase("a live script looked up")
    rounds.check_nodes_serve()
    clock.phase("clients stored on the long-running nodes")
    items.check()
    rounds.bed.check_seeker_found()
    rounds.stop_nodes()
    clock.phase("the late transmission found a peer, and the long-running nodes ended")


def analyse(analysis: Analysis, rounds: Rounds | None) -> None:
    shark = analysis.compare_clients(CLIENTS)
    if rounds is None:
        return
    analysis.compare_runs(rounds.runs)
    for run in rounds.nodes:
        analysis.check_served(run, shark, {"libtorrent": plan.LIBTORRENT, "bittorrent-dht": plan.BITTORRENT_DHT})


if __name__ == "__main__":
    sys.exit(main())
