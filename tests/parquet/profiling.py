"""Runs the profiler on the made-up capture of two nodes."""

import json
import resource
import shutil
import subprocess
from functools import cache
from pathlib import Path

import sample

ROOT = Path(__file__).resolve().parents[2]
CAPTURE = ROOT / "target" / "parquet" / "sample.pcap"
NODES = ["--node", "10.0.0.1:6881=NR128-A", "--node", "10.0.0.2:6881=UT"]


@cache
def binary():
    subprocess.run(["cargo", "build", "--quiet", "--release"], cwd=ROOT, check=True)
    sample.write(CAPTURE)
    return ROOT / "target" / "release" / "mdht"


def run(dir, file_size=None):
    """The profiler with its rows in `dir`, where no file may exceed `file_size` bytes."""
    command = [binary(), "profile", CAPTURE, *NODES, "--format", "json", "--parquet", dir]

    def limit():
        if file_size is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))

    # Python ignores the signal of files that grow too large; so does the child unless it is restored
    return subprocess.run(
        command, capture_output=True, text=True, check=False, preexec_fn=limit, restore_signals=False
    )


def profile(dir):
    """A run that must succeed: what it printed, and that as JSON."""
    shutil.rmtree(dir, ignore_errors=True)
    done = run(dir)
    if done.returncode != 0:
        raise SystemExit(f"mdht profile failed: {done.stderr}")
    return done.stdout, json.loads(done.stdout)
