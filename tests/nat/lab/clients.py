"""The real clients behind the gateways, and ours."""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path

from client_settings import fill_transmission_home, keep_transmission_contacts
from installed import PYTHON
from suites.helper import Helper
from suites.places import LIBTORRENT_NODES

from . import plan
from .internet import Household, Space

# Names of `mdht node` in a household, which their IDs follow from.
READ_ONLY = "read-only"


class Libtorrent:
    """One or more nodes in one process; the last `defaults` of them have libtorrent's own settings."""

    def __init__(self, space: Space, name: str, addresses: list[str], bootstrap: list[str], defaults: int) -> None:
        command = [str(PYTHON), str(LIBTORRENT_NODES)]
        self.log = plan.LOGS / f"libtorrent-{name}.log"
        self.helper = Helper(space, f"libtorrent of {name}", command, self.log)
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
        fill_transmission_home(home, household.address, plan.TRANSMISSION_PORT, bootstrap, rpc_enabled=False)
        keep_transmission_contacts(home, self.id, bootstrap)
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


def missing_prerequisites() -> list[str]:
    """What setup.sh would have installed and is not there."""
    tools = ("nft", "ip", "nsenter", "setpriv", "sysctl", "transmission-daemon")
    missing = [tool for tool in tools if shutil.which(tool) is None]
    return missing + [str(path) for path in (PYTHON,) if not path.exists()]
