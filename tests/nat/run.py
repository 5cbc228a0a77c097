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
import signal
import sys
import traceback
from pathlib import Path

sys.dont_write_bytecode = True  # leave nothing in the checkout
sys.path.append(str(Path(__file__).resolve().parent.parent / "interop"))

from lab import kernel, own_view, plan, read_only
from lab.clients import missing_prerequisites
from lab.gateways import PLANTED
from lab.internet import Internet
from lab.patterns import Patterns
from suite.checks import Checks, Clock

# A run takes about 100 s; a hang must end.
SUITE_SECONDS = 600


class Interrupted(BaseException):
    """A signal asked the suite to end; not an Exception, so that nothing but main() catches it."""


def main() -> int:
    arguments = parse_arguments()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, interrupt)
    signal.alarm(SUITE_SECONDS)
    go_first()
    checks, clock = Checks(), Clock()
    try:
        if check_prerequisites(checks, arguments.mdht):
            run_suite(checks, clock, arguments)
    except Interrupted as reason:
        checks.true("the suite runs to its end", False, "no interruption", reason)
    except Exception as problem:
        traceback.print_exc()
        checks.true("the suite runs to its end", False, "no error", problem)
    print(checks.summary(), flush=True)
    return 1 if checks.failed else 0


def go_first() -> None:
    """Seconds are told apart here: this suite and what it starts go before the machine's other work, if allowed."""
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Runs mdht's connectivity checkers among real NATs.")
    parser.add_argument(
        "--mdht",
        type=Path,
        default=plan.ROOT / "target" / "release" / "mdht",
        metavar="PATH",
        help="the binary to test (default: target/release/mdht)",
    )
    parser.add_argument(
        "--without-checker", action="store_true", help="only the gateways and the suite's prober, without `mdht check`"
    )
    return parser.parse_args()


def interrupt(number: int, _: object) -> None:
    name = f"{SUITE_SECONDS} s are over" if number == signal.SIGALRM else signal.Signals(number).name
    # A second signal must not cut the cleaning up short.
    for other in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        signal.signal(other, signal.SIG_IGN)
    raise Interrupted(name)


def check_prerequisites(checks: Checks, binary: Path) -> bool:
    good = checks.equal("runs as root (network namespaces need it)", 0, os.geteuid())
    good &= checks.equal("prerequisites are installed (tests/nat/setup.sh installs them)", [], missing_prerequisites())
    built = binary.is_file() and os.access(binary, os.X_OK)
    found = "a program" if built else "none"
    good &= checks.true("the mdht binary is built (cargo build --release)", built, f"a program at {binary}", found)
    return good


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
