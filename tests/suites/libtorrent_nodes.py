"""Many libtorrent DHT nodes in one process, driven by JSON lines on standard input and output.

Run with the Python that has libtorrent (target/interop/venv). What it can be asked to do (answering.py):

    start     {"addresses": ["IP:PORT", ...], "bootstrap": "IP:PORT", "defaults": K}
                  one session per address; the last K keep libtorrent's own DHT limits
    status    {}  -> {"nodes": [size of each session's routing table]}
    warm_up   {}
                  every session looks up something made up, as a client with torrents would
    announce  {"announces": [{"session": I, "infohash": HEX, "port": N}]}
    get_peers {"lookups": [{"session": I, "infohash": HEX, "want": ["IP:PORT"]}], "seconds": S}
                  -> {"found": [["IP:PORT", ...], ...]}, in the order asked, as soon as all wanted peers are there
    put_item  {"session": I, "value": TEXT, "seconds": S}  -> {"target": HEX, "nodes": how many stored it}
                  with "secret_key" (64 bytes), "public_key" and "salt" a mutable item, one above what is there; its
                  target is not told
    get_items {"session": I, "items": [{"target": HEX} or {"public_key": HEX, "salt": TEXT}], "want": [TEXT],
               "seconds": S}
                  -> {"found": [TEXT or null, ...]}, in the order asked, as soon as all are what is wanted
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

ALERTS = lt.alert_category.dht_operation | lt.alert_category.error | lt.alert_category.stats


class Nodes:
    def __init__(self) -> None:
        self.sessions: list[lt.session] = []

    def start(self, addresses: list[str], bootstrap: str, defaults: int) -> dict[str, Any]:
        for index, address in enumerate(addresses):
            # The first node of the overlay has nobody to ask.
            settings = client_settings.libtorrent(address, "" if address == bootstrap else bootstrap, ALERTS)
            if index < len(addresses) - defaults:
                settings.update(client_settings.LIBTORRENT_RELAXED)
            self.sessions.append(lt.session(settings))
        return {}

    def status(self) -> dict[str, Any]:
        sizes: list[int | None] = [None] * len(self.sessions)
        for session in self.sessions:
            session.post_session_stats()
        deadline = time.monotonic() + 3
        while None in sizes and time.monotonic() < deadline:
            for index, session in enumerate(self.sessions):
                for alert in session.pop_alerts():
                    if isinstance(alert, lt.session_stats_alert):
                        sizes[index] = alert.values["dht.dht_nodes"]
            time.sleep(0.02)
        return {"nodes": [size or 0 for size in sizes]}

    def warm_up(self) -> dict[str, Any]:
        for session in self.sessions:
            session.dht_get_peers(lt.sha1_hash(os.urandom(20)))
        return {}

    def announce(self, announces: list[dict[str, Any]]) -> dict[str, Any]:
        for one in announces:
            self.sessions[one["session"]].dht_announce(infohash(one["infohash"]), one["port"])
        return {}

    def get_peers(self, lookups: list[dict[str, Any]], seconds: float) -> dict[str, Any]:
        found: dict[tuple[int, str], set[str]] = {(one["session"], one["infohash"]): set() for one in lookups}
        wanted = {(one["session"], one["infohash"]): set(one["want"]) for one in lookups}
        for session, target in found:
            self.sessions[session].dht_get_peers(infohash(target))
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and any(wanted[key] - found[key] for key in found):
            for index in {session for session, _ in found}:
                for alert in self.sessions[index].pop_alerts():
                    key = (index, str(getattr(alert, "info_hash", "")))
                    if isinstance(alert, lt.dht_get_peers_reply_alert) and key in found:
                        found[key].update(f"{ip}:{port}" for ip, port in alert.peers())
            time.sleep(0.02)
        return {"found": [sorted(found[one["session"], one["infohash"]]) for one in lookups]}

    def put_item(
        self,
        session: int,
        value: str,
        seconds: float,
        secret_key: str | None = None,
        public_key: str = "",
        salt: str = "",
    ) -> dict[str, Any]:
        node = self.sessions[session]
        # of this category only while it is wanted: every query received would be told, until the queue is full
        node.apply_settings({"alert_mask": ALERTS | lt.alert_category.dht})
        target = ""
        if secret_key is None:
            target = str(node.dht_put_immutable_item(value.encode()))
        else:
            keys = bytes.fromhex(secret_key), bytes.fromhex(public_key)
            node.dht_put_mutable_item(*keys, value.encode(), salt.encode())
        for alert in self._alerts(session, seconds):
            # the alert of a mutable item has no target
            if isinstance(alert, lt.dht_put_alert):
                if secret_key is None and str(alert.target) == target:
                    break
                if secret_key is not None and (as_bytes(alert.public_key), as_bytes(alert.salt)) == (
                    keys[1],
                    salt.encode(),
                ):
                    break
        else:
            alert = None
        node.apply_settings({"alert_mask": ALERTS})
        return {"target": target, "nodes": alert.num_success if alert else 0}

    def get_items(
        self, session: int, items: list[dict[str, str]], want: list[str], seconds: float
    ) -> dict[str, Any]:
        node = self.sessions[session]
        found: dict[tuple[str, str], tuple[int, str]] = {}
        for item in items:
            if "target" in item:
                node.dht_get_immutable_item(infohash(item["target"]))
            else:
                node.dht_get_mutable_item(bytes.fromhex(item["public_key"]), item["salt"].encode())
        keys = [(item.get("target") or item["public_key"], item.get("salt", "")) for item in items]
        for alert in self._alerts(session, seconds):
            if isinstance(alert, lt.dht_immutable_item_alert):
                keep(found, (str(alert.target), ""), 0, alert.item)
            elif isinstance(alert, lt.dht_mutable_item_alert):
                key = as_bytes(alert.key).hex(), as_bytes(alert.salt).decode()
                keep(found, key, alert.seq, alert.item)
            if [found.get(key, (0, None))[1] for key in keys] == want:
                break
        return {"found": [found.get(key, (0, None))[1] for key in keys]}

    def _alerts(self, session: int, seconds: float) -> Iterator[Any]:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            yield from self.sessions[session].pop_alerts()
            time.sleep(0.02)


def keep(found: dict[tuple[str, str], tuple[int, str]], key: tuple[str, str], seq: int, item: Any) -> None:
    """Keeps the newest; libtorrent tells of each as it comes. Nobody having one is told as an empty item."""
    value = item.get("value") if isinstance(item, dict) else item
    if value and (key not in found or seq >= found[key][0]):
        found[key] = seq, as_bytes(value).decode(errors="replace")


def as_bytes(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value)


def infohash(text: str) -> lt.sha1_hash:
    return lt.sha1_hash(bytes.fromhex(text))


def main() -> None:
    nodes = Nodes()
    names = ("start", "status", "warm_up", "announce", "get_peers", "put_item", "get_items")
    answer_lines({name: getattr(nodes, name) for name in names})


if __name__ == "__main__":
    main()
