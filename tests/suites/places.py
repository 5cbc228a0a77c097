"""Where the checkout is, and in it the command under test."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MDHT = ROOT / "target" / "release" / "mdht"
# To be run by the Python that has libtorrent.
LIBTORRENT_NODES = ROOT / "tests" / "suites" / "libtorrent_nodes.py"
