"""libtorrent DHT nodes for beps.py, driven by JSON lines (suites/answering.py).

    start    {"name": TEXT, "listen": "IP:PORT,[IP]:PORT", "bootstrap": "IP:PORT,...", "settings": {...}}
    warm_up  {"names": [TEXT, ...]}                        every session looks up something made up
    tables   {"names": [TEXT, ...]}  -> {"nodes": [N, ...]}
    announce {"name": TEXT, "infohash": HEX, "port": N, "seed": BOOL}
    find     {"name": TEXT, "infohash": HEX, "want": ["IP:PORT"], "seconds": S}  -> {"found": [...]}
    sample   {"name": TEXT, "node": "IP:PORT", "seconds": S}  -> {"samples": [HEX], "num": N, "interval_s": N} or nulls
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.dont_write_bytecode = True  # leave nothing in the checkout
ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "tests"), str(ROOT / "experiments" / "clients")]

import client_settings
import libtorrent as lt
from suites.answering import answer_lines

# as an announce to trackers says it: libtorrent's announce_flags
SEED = 1
ALERTS = lt.alert_category.dht_operation | lt.alert_category.error | lt.alert_category.stats


class Sessions:
    def __init__(self) -> None:
        self.sessions: dict[str, lt.session] = {}

    def start(self, name: str, listen: str, bootstrap: str, settings: dict[str, Any]) -> dict[str, Any]:
        base = client_settings.libtorrent(listen, bootstrap, ALERTS)
        self.sessions[name] = lt.session({**base, **client_settings.LIBTORRENT_RELAXED, **settings})
        return {}

    def warm_up(self, names: list[str]) -> dict[str, Any]:
        for name in names:
            self.sessions[name].dht_get_peers(lt.sha1_hash(os.urandom(20)))
        return {}

    def tables(self, names: list[str]) -> dict[str, Any]:
        sizes = []
        for name in names:
            self.sessions[name].post_session_stats()
            stats = (a for a in self._alerts(name, 3) if isinstance(a, lt.session_stats_alert))
            sizes.append(next((alert.values["dht.dht_nodes"] for alert in stats), 0))
        return {"nodes": sizes}

    def announce(self, name: str, infohash: str, port: int, seed: bool) -> dict[str, Any]:
        self.sessions[name].dht_announce(lt.sha1_hash(bytes.fromhex(infohash)), port, SEED if seed else 0)
        return {}

    def find(self, name: str, infohash: str, want: list[str], seconds: float) -> dict[str, Any]:
        found: set[str] = set()
        self.sessions[name].dht_get_peers(lt.sha1_hash(bytes.fromhex(infohash)))
        for alert in self._alerts(name, seconds):
            if isinstance(alert, lt.dht_get_peers_reply_alert) and str(alert.info_hash) == infohash:
                found.update(text(*peer) for peer in alert.peers())
            if set(want) <= found:
                break
        return {"found": sorted(found)}

    def sample(self, name: str, node: str, seconds: float) -> dict[str, Any]:
        ip, port = node.rsplit(":", 1)
        self.sessions[name].dht_sample_infohashes((ip.strip("[]"), int(port)), lt.sha1_hash(os.urandom(20)))
        for alert in self._alerts(name, seconds):
            if isinstance(alert, lt.dht_sample_infohashes_alert):
                return {
                    "samples": [str(one) for one in alert.samples],
                    "num": alert.num_infohashes,
                    "interval_s": alert.interval.total_seconds(),
                }
        return {"samples": None, "num": None, "interval_s": None}

    def _alerts(self, name: str, seconds: float) -> Iterator[lt.alert]:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            yield from self.sessions[name].pop_alerts()
            time.sleep(0.02)


def text(ip: str, port: int) -> str:
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def main() -> None:
    sessions = Sessions()
    names = ("start", "warm_up", "tables", "announce", "find", "sample")
    answer_lines({name: getattr(sessions, name) for name in names})


if __name__ == "__main__":
    main()
