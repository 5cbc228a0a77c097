#!/usr/bin/env python3
"""Reads the Parquet files of `mdht profile --parquet` with DuckDB and Polars.

    tests/parquet/setup.sh              # installs both, once
    tests/parquet/run.py [--show]       # --show prints what the queries give

The queries of docs/parquet.md must give what that page says, the columns must be those it lists, and the rows must
add up to the profiler's own JSON: counts exactly, times to the microsecond. Capture and files stay in
target/parquet/. The last line is `N passed, M failed`.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "target" / "parquet"
PYTHON = OUT / "venv" / "bin" / "python"

if Path(sys.prefix) != PYTHON.parents[1]:
    if not PYTHON.exists():
        sys.exit("run.py: DuckDB and Polars are missing; run tests/parquet/setup.sh first")
    os.execv(PYTHON, [PYTHON, *sys.argv])

sys.path += [str(ROOT / "tests"), str(ROOT / "tests" / "browser"), str(ROOT / "experiments" / "clients")]
import agreement  # noqa: E402
import page  # noqa: E402
import profiling  # noqa: E402
from suites import frame  # noqa: E402

# A run takes seconds, but it builds the profiler; a hang must end.
SUITE_SECONDS = 1800


def check_files(checks, rows):
    names = sorted(path.name for path in rows.iterdir())
    expected = ["exchanges.parquet", "lookups.parquet", "messages.parquet"]
    checks.that(names == expected, "three files, and nothing temporary", names)
    again = OUT / "again"
    profiling.profile(again)
    same = all((rows / name).read_bytes() == (again / name).read_bytes() for name in names)
    checks.that(same, "a second run writes the same bytes")


def check_failures(checks, printed):
    """Whatever becomes of the files, the profile is printed."""
    in_the_way = OUT / "in-the-way"
    in_the_way.write_text("no folder")
    for what, dir, limit, words in (
        ("a file in the way", in_the_way, None, ("in-the-way", "name a folder")),
        ("no room", OUT / "no-room", 4096, (".parquet", "make room")),
    ):
        done = profiling.run(dir, limit)
        checks.that(done.returncode == 1, f"{what}: exit code 1", done.returncode)
        checks.that(done.stdout == printed, f"{what}: the profile is printed")
        told = done.stderr.splitlines()[-1]
        checks.that(all(word in told for word in words), f"{what}: told what to do", told)
    checks.that(not list((OUT / "no-room").iterdir()), "no room: nothing is left")


def suite(checks):
    show = "--show" in sys.argv[1:]
    rows = OUT / "rows"
    printed, profile = profiling.profile(rows)
    os.chdir(rows)
    check_files(checks, rows)
    page.check_columns(checks)
    page.check_queries(checks, show)
    agreement.check(checks, profile)
    check_failures(checks, printed)


if __name__ == "__main__":
    sys.exit(frame.run(suite, SUITE_SECONDS))
