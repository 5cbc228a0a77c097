"""Where setup.sh puts the clients that are not the system's."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Has libtorrent.
PYTHON = ROOT / "target" / "interop" / "venv" / "bin" / "python"
BITTORRENT_DHT = ROOT / "target" / "interop" / "node" / "node_modules" / "bittorrent-dht" / "index.js"
# Programs made with crates.
CARGO = ROOT / "target" / "clients" / "cargo" / "release"
