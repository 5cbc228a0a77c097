"""Named checks: printed as they are made, counted at the end."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

TAIL_LINES = 15
# Characters of what was seen.
MOST_SEEN = 400


class Checks:
    def __init__(self) -> None:
        self.passed = 0
        self.failed = 0

    def equal(self, name: str, expected: Any, got: Any, log: Path | None = None) -> bool:
        return self.true(name, expected == got, expected, got, log)

    def holds_all(self, name: str, expected: set[str], got: set[str], log: Path | None = None) -> bool:
        """Everything expected is there; more may be."""
        return self.true(name, expected <= got, sorted(expected), sorted(got), log)

    def true(self, name: str, condition: bool, expected: Any, got: Any, log: Path | None = None) -> bool:
        self._count(condition)
        if condition:
            print(f"ok {name}", flush=True)
        else:
            print(f"FAILED {name}: expected {expected} .. got {got}", flush=True)
            print_tail(log)
        return condition

    def that(self, condition: bool, what: str, seen: object = "") -> None:
        """For suites in which what was seen tells enough."""
        self._count(condition)
        if condition:
            print(f"ok      {what}", flush=True)
        else:
            more = f": {str(seen)[:MOST_SEEN]}" if seen != "" else ""
            print(f"FAILED  {what}{more}", flush=True)

    def end(self) -> int:
        """Prints the sum; the exit code."""
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        return 1 if self.failed else 0

    def _count(self, condition: bool) -> None:
        self.passed += bool(condition)
        self.failed += not condition


def print_tail(log: Path | None) -> None:
    if log is None:
        return
    if not log.exists():
        print(f"    ({log} does not exist)", flush=True)
        return
    lines = log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
    print(f"    the end of {log}:", flush=True)
    for line in lines:
        print(f"    | {line[:300]}", flush=True)


class Clock:
    """Says how long each phase took."""

    def __init__(self) -> None:
        self.start = self.last = time.monotonic()

    def phase(self, name: str) -> None:
        now = time.monotonic()
        print(f"# {name}: {now - self.last:.1f} s (since the start {now - self.start:.1f} s)", flush=True)
        self.last = now
