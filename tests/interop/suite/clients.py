"""The real clients: libtorrent, bittorrent-dht and Transmission."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
from collections.abc import Iterable
from pathlib import Path

from . import plan
from .helper import Helper
from .namespace import Namespace

VENV_PYTHON = plan.WORK / "venv" / "bin" / "python"
MAINLINE_ITEMS = plan.ROOT / "target" / "clients" / "cargo" / "release" / "mainline-items"
BITTORRENT_DHT_MODULE = plan.WORK / "node" / "node_modules" / "bittorrent-dht" / "index.js"


class Libtorrent:
    def __init__(self, namespace: Namespace) -> None:
        script = str(plan.INTEROP / "libtorrent_nodes.py")
        self.helper = Helper(namespace, "libtorrent", [str(VENV_PYTHON), script], plan.LOGS / "libtorrent.log")
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
        command = ["node", script, str(BITTORRENT_DHT_MODULE), ip, port, plan.BOOTSTRAP]
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
        (home / "downloads").mkdir()
        (home / "torrents" / "interop.torrent").write_bytes(plan.torrent(name)[1])
        ip, port = address.split(":")
        settings = {
            "bind-address-ipv4": ip,
            "peer-port": int(port),
            "dht-enabled": True,
            "utp-enabled": False,
            "lpd-enabled": False,
            "pex-enabled": False,
            "port-forwarding-enabled": False,
            "rpc-enabled": False,
            "download-dir": str(home / "downloads"),
            "trash-original-torrent-files": False,
        }
        (home / "settings.json").write_text(json.dumps(settings))
        # Read by its DHT before it asks the public routers; a line is HOST PORT.
        (home / "dht.bootstrap").write_text(plan.BOOTSTRAP.replace(":", " ") + "\n")
        # From that node alone it takes 40 to 80 s until it announces; with the contacts of a former run, which
        # are tried first, 10 to 20 s.
        (home / "dht.dat").write_bytes(saved_contacts(name, plan.LIBTORRENT[:8]))
        with self.log.open("wb") as log:
            command = ["transmission-daemon", "--foreground", "--log-debug", "--config-dir", str(home)]
            self.process = namespace.popen(command, stdout=log, stderr=subprocess.STDOUT)

    def peers_learned(self) -> int:
        """How many peers its log says that the DHT gave it (one peer counts for every node that told of it)."""
        return sum(map(int, re.findall(r"Learned (\d+) IPv4 peers from DHT", self.log.read_text(errors="replace"))))


def saved_contacts(name: str, nodes: list[str]) -> bytes:
    """Transmission's dht.dat: its own ID and the addresses it knew, 6 bytes each."""
    compact = b"".join(
        socket.inet_aton(ip) + int(port).to_bytes(2, "big") for ip, port in (node.split(":") for node in nodes)
    )
    own_id = bytes.fromhex(plan.infohash(f"ID of {name}"))
    return b"d2:id20:" + own_id + b"5:nodes" + str(len(compact)).encode() + b":" + compact + b"e"


def missing_prerequisites() -> list[str]:
    """What setup.sh would have installed and is not there."""
    missing = [
        tool
        for tool in ("ip", "nsenter", "setpriv", "tcpdump", "tshark", "transmission-daemon", "node")
        if shutil.which(tool) is None
    ]
    return missing + [str(path) for path in (VENV_PYTHON, BITTORRENT_DHT_MODULE, MAINLINE_ITEMS) if not Path(path).exists()]
