"""The frame of a suite: it ends on a signal or when its time is over, says what it found, and exits with 1 if any of
it was wrong."""

from __future__ import annotations

import argparse
import os
import signal
import traceback
from collections.abc import Callable
from pathlib import Path

from .checks import Checks
from .places import MDHT

ENDED_BY = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)


class Interrupted(BaseException):
    """A signal asked the suite to end; not an Exception, so that nothing but run() catches it."""


def run(suite: Callable[[Checks], None], seconds: float) -> int:
    """Runs a suite for `seconds` at most, for a hang must end; prints the sum last of all. Returns the exit code."""

    def interrupt(number: int, _: object) -> None:
        # A second signal must not cut the cleaning up short.
        for other in ENDED_BY:
            signal.signal(other, signal.SIG_IGN)
        raise Interrupted(f"{seconds:g} s are over" if number == signal.SIGALRM else signal.Signals(number).name)

    for number in ENDED_BY:
        signal.signal(number, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    checks = Checks()
    try:
        suite(checks)
    except Interrupted as reason:
        checks.true("the suite runs to its end", False, "no interruption", reason)
    except Exception as problem:
        traceback.print_exc()
        checks.true("the suite runs to its end", False, "no error", problem)
    return checks.end()


def add_mdht(parser: argparse.ArgumentParser) -> None:
    help = "the binary to test (default: target/release/mdht)"
    parser.add_argument("--mdht", type=Path, default=MDHT, metavar="PATH", help=help)


def check_prerequisites(checks: Checks, setup: str, missing: list[str], binary: Path | None) -> bool:
    """Whether the suite can begin: as root, with all that `setup` installs, and with a command to test if it needs one."""
    good = checks.equal("runs as root (network namespaces need it)", 0, os.geteuid())
    good &= checks.equal(f"prerequisites are installed ({setup} installs them)", [], missing)
    if binary is not None:
        built = binary.is_file() and os.access(binary, os.X_OK)
        found = "a program" if built else "none"
        good &= checks.true("the mdht binary is built (cargo build --release)", built, f"a program at {binary}", found)
    return good
