"""The real clients behind the gateways, and ours."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from suite.helper import Helper

from . import plan
from .internet import Household, Space

VENV_PYTHON = plan.ROOT / "target" / "interop" / "venv" / "bin" / "python"
# Names of `mdht node` in a household, which their IDs follow from.
READ_ONLY = "read-only"


class Libtorrent:
    """One or more nodes in one process; the last `defaults` of them have libtorrent's own settings."""

    def __init__(self, space: Space, name: str, addresses: list[str], bootstrap: list[str], defaults: int) -> None:
        script = str(plan.INTEROP / "libtorrent_nodes.py")
        self.log = plan.LOGS / f"libtorrent-{name}.log"
        self.helper = Helper(space, f"libtorrent of {name}", [str(VENV_PYTHON), script], self.log)
        self.helper.send("start", addresses=addresses, bootstrap=",".join(bootstrap), defaults=defaults)
        # A libtorrent node without torrents joins only over minutes.
        self.helper.send("warm_up")

    def stop(self) -> None:
        self.helper.process.kill()

    def warm_up(self) -> None:
        self.helper.ask("warm_up")

    def table_sizes(self) -> list[int]:
        sizes: list[int] = self.helper.ask("status")["nodes"]
        return sizes


class Transmission:
    def __init__(self, household: Household, bootstrap: list[str]) -> None:
        name = f"transmission-{household.number}"
        self.log = plan.LOGS / f"{name}.log"
        self.id = plan.node_id(name)
        home = plan.WORK / name
        shutil.rmtree(home, ignore_errors=True)
        (home / "downloads").mkdir(parents=True)
        settings = {
            "bind-address-ipv4": household.address,
            "peer-port": plan.TRANSMISSION_PORT,
            "dht-enabled": True,
            "utp-enabled": False,
            "lpd-enabled": False,
            "pex-enabled": False,
            "port-forwarding-enabled": False,
            "rpc-enabled": False,
            "download-dir": str(home / "downloads"),
        }
        (home / "settings.json").write_text(json.dumps(settings))
        # As after a former run: its ID, and nodes that it knew.
        (home / "dht.dat").write_bytes(saved_contacts(self.id, bootstrap))
        (home / "dht.bootstrap").write_text("".join(node.replace(":", " ") + "\n" for node in bootstrap))
        with self.log.open("wb") as log:
            command = ["transmission-daemon", "--foreground", "--log-debug", "--config-dir", str(home)]
            self.process = household.host.popen(command, stdout=log, stderr=subprocess.STDOUT)

    def stop(self) -> None:
        self.process.kill()


class Mdht:
    """`mdht node`; the one called READ_ONLY says that it answers nobody [BEP 43]."""

    def __init__(
        self,
        household: Household,
        binary: Path,
        bootstrap: list[str],
        name: str = "mdht",
        port: int = plan.MDHT_PORT,
        more: list[str] | None = None,
    ) -> None:
        self.log = plan.LOGS / f"{name}-{household.number}.log"
        self.id = plan.node_id(f"{name}-{household.number}")
        command = [str(binary), "node", "--bind", f"{household.address}:{port}", "--id", self.id]
        command += ["--read-only"] if name == READ_ONLY else []
        command += ["--no-default-bootstrap", "--format", "json", *(more or [])]
        command += [word for node in bootstrap for word in ("--bootstrap", node)]
        with self.log.open("wb") as log:
            self.process = household.host.popen(command, stdout=log, stderr=subprocess.STDOUT)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)


def saved_contacts(own_id: str, nodes: list[str]) -> bytes:
    """Transmission's dht.dat: its own ID and the addresses it knew, 6 bytes each."""
    compact = b"".join(
        socket.inet_aton(ip) + int(port).to_bytes(2, "big") for ip, port in (node.split(":") for node in nodes)
    )
    return b"d2:id20:" + bytes.fromhex(own_id) + b"5:nodes" + str(len(compact)).encode() + b":" + compact + b"e"


def missing_prerequisites() -> list[str]:
    """What setup.sh would have installed and is not there."""
    tools = ("nft", "ip", "nsenter", "setpriv", "sysctl", "transmission-daemon")
    missing = [tool for tool in tools if shutil.which(tool) is None]
    return missing + [str(path) for path in (VENV_PYTHON,) if not path.exists()]
