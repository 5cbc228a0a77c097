"""The real clients: libtorrent, bittorrent-dht and Transmission."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable

from client_settings import fill_transmission_home, keep_transmission_contacts
from installed import BITTORRENT_DHT, CARGO, PYTHON
from suites.helper import Helper
from suites.namespace import Namespace
from suites.places import LIBTORRENT_NODES

from . import plan

MAINLINE_ITEMS = CARGO / "mainline-items"


class Libtorrent:
    def __init__(self, namespace: Namespace) -> None:
        command = [str(PYTHON), str(LIBTORRENT_NODES)]
        self.helper = Helper(namespace, "libtorrent", command, plan.LOGS / "libtorrent.log")
        self.helper.ask(
            "start", 20, addresses=plan.LIBTORRENT, bootstrap=plan.BOOTSTRAP, defaults=plan.LIBTORRENT_DEFAULTS
        )

    def table_sizes(self) -> list[int]:
        sizes: list[int] = self.helper.ask("status")["nodes"]
        return sizes

    def announce(self, announces: Iterable[plan.Announce]) -> None:
        self.helper.ask("announce", announces=[vars(one) for one in announces])

    def find(self, session: int, wanted: dict[str, set[str]], seconds: float) -> dict[str, set[str]]:
        """What one session finds for each infohash, waiting at most `seconds` for all wanted peers."""
        lookups = [{"session": session, "infohash": key, "want": sorted(peers)} for key, peers in wanted.items()]
        found = self.helper.ask("get_peers", seconds + 5, lookups=lookups, seconds=seconds)["found"]
        return {key: set(peers) for key, peers in zip(wanted, found, strict=True)}


class BittorrentDht:
    def __init__(self, namespace: Namespace, number: int) -> None:
        self.address = plan.BITTORRENT_DHT[number]
        self.log = plan.LOGS / f"bittorrent-dht-{number}.log"
        ip, port = self.address.split(":")
        script = str(plan.INTEROP / "bittorrent_dht.js")
        command = ["node", script, str(BITTORRENT_DHT), ip, port, plan.BOOTSTRAP]
        self.helper = Helper(namespace, f"bittorrent-dht {number}", command, self.log)

    def table_size(self) -> int:
        status = self.helper.ask("status")
        return status["nodes"] if status["ready"] else 0

    def announce(self, infohash: str, port: int) -> int:
        """Returns how many nodes accepted it."""
        accepted: int = self.helper.ask("announce", 20, infohash=infohash, port=port)["nodes"]
        return accepted

    def find(self, infohashes: Iterable[str], seconds: float) -> dict[str, list[dict[str, str | None]]]:
        """All lookups at once; each answer is a list of {"peer", "from"}."""
        numbers = {key: self.helper.send("lookup", infohash=key) for key in infohashes}
        return {key: self.helper.wait(number, seconds)["found"] for key, number in numbers.items()}


class Transmission:
    """Looks up and announces only its own torrents, at its own pace: it gets one that no other client has."""

    def __init__(self, namespace: Namespace, name: str, address: str) -> None:
        self.log = plan.LOGS / f"{name}.log"
        home = plan.WORK / name.replace(" ", "-")
        shutil.rmtree(home, ignore_errors=True)
        (home / "torrents").mkdir(parents=True)
        (home / "torrents" / "interop.torrent").write_bytes(plan.torrent(name)[1])
        ip, port = address.split(":")
        more = {"rpc_enabled": False, "trash_original_torrent_files": False}
        fill_transmission_home(home, ip, int(port), [plan.BOOTSTRAP], **more)
        # From that node alone it takes 40 to 80 s until it announces; with known contacts 10 to 20 s.
        keep_transmission_contacts(home, plan.infohash(f"ID of {name}"), plan.LIBTORRENT[:8])
        with self.log.open("wb") as log:
            command = ["transmission-daemon", "--foreground", "--log-debug", "--config-dir", str(home)]
            self.process = namespace.popen(command, stdout=log, stderr=subprocess.STDOUT)

    def peers_learned(self) -> int:
        """How many peers its log says that the DHT gave it (one peer counts for every node that told of it)."""
        return sum(map(int, re.findall(r"Learned (\d+) IPv4 peers from DHT", self.log.read_text(errors="replace"))))


def missing_prerequisites() -> list[str]:
    """What setup.sh would have installed and is not there."""
    missing = [
        tool
        for tool in ("ip", "nsenter", "setpriv", "tcpdump", "tshark", "transmission-daemon", "node")
        if shutil.which(tool) is None
    ]
    return missing + [str(path) for path in (PYTHON, BITTORRENT_DHT, MAINLINE_ITEMS) if not path.exists()]
