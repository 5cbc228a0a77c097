#!/usr/bin/env python3
"""mdht's connectivity checkers among real NATs: of the Linux kernel, with real clients behind them.

Run as root after setup.sh. Everything happens in network namespaces of its own, which lead nowhere. Prints one line per
check, and last of all `N passed, M failed`; exit code 1 if any failed. Logs stay in target/nat.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import sys
from pathlib import Path

sys.dont_write_bytecode = True  # leave nothing in the checkout
ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "tests"), str(ROOT / "experiments" / "clients")]

from lab import kernel, own_view, plan, read_only
from lab.clients import missing_prerequisites
from lab.gateways import PLANTED
from lab.internet import Internet
from lab.patterns import Patterns
from suites import frame
from suites.checks import Checks, Clock

# A run takes about 100 s; a hang must end.
SUITE_SECONDS = 600


def main() -> int:
    arguments = parse_arguments()
    go_first()
    return frame.run(lambda checks: begin(checks, arguments), SUITE_SECONDS)


def go_first() -> None:
    """Seconds are told apart here: this suite and what it starts go before the machine's other work, if allowed."""
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Runs mdht's connectivity checkers among real NATs.")
    frame.add_mdht(parser)
    parser.add_argument(
        "--without-checker", action="store_true", help="only the gateways and the suite's prober, without `mdht check`"
    )
    return parser.parse_args()


def begin(checks: Checks, arguments: argparse.Namespace) -> None:
    if frame.check_prerequisites(checks, "tests/nat/setup.sh", missing_prerequisites(), arguments.mdht):
        run_suite(checks, Clock(), arguments)


def run_suite(checks: Checks, clock: Clock, arguments: argparse.Namespace) -> None:
    shutil.rmtree(plan.WORK, ignore_errors=True)
    plan.LOGS.mkdir(parents=True)
    with Internet() as internet:
        households = [internet.household(number, planted) for number, planted in enumerate(PLANTED)]
        clock.phase("network namespaces and gateways set up")
        kernel.start_witness(internet)
        kernel.check(checks, households)
        clock.phase("gateways checked without mdht")
        patterns = Patterns(internet, households, checks, arguments.mdht.resolve(), not arguments.without_checker)
        patterns.start()
        clock.phase("clients started")
        patterns.check_prober()
        clock.phase("patterns seen by the suite's own prober")
        patterns.check_survey()
        clock.phase("patterns and causes seen by mdht check survey")
        patterns.stop()
        read_only.check(checks, patterns.overlay, households, arguments.mdht.resolve())
        clock.phase("nodes found out whether they are reached")
        if not arguments.without_checker:
            own_view.check(checks, households, arguments.mdht.resolve())
        clock.phase("households asked mdht check self")
    clock.phase("network namespaces torn down")


if __name__ == "__main__":
    sys.exit(main())
