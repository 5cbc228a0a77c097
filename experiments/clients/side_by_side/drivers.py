"""Which command starts which client, and a client while it runs."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from installed import BITTORRENT_DHT, CARGO, PYTHON, ROOT

HERE = ROOT / "experiments" / "clients"

# What a driver is started with before IP PORT BOOTSTRAP DIR.
DRIVERS = {
    "libtorrent": [str(PYTHON), str(HERE / "libtorrent_client.py")],
    "bittorrent-dht": ["node", str(HERE / "bittorrent_dht_client.js")],
    "transmission": ["python3", str(HERE / "transmission_client.py")],
    "aria2": ["python3", str(HERE / "aria2_client.py")],
    "mainline": [str(CARGO / "mainline-driver")],
    "librqbit": [str(CARGO / "librqbit-driver")],
}


def command(mdht: Path, driver: str, options: list[str], place: tuple[str, int, str, Path]) -> list[str]:
    ip, port, bootstrap, folder = place
    if driver == "mdht":
        own = [str(mdht), "node", "--driven", "--bind", f"{ip}:{port}", "--every", "3600"]
        return [*own, "--no-default-bootstrap", "--bootstrap", bootstrap, *options]
    if driver not in DRIVERS:
        raise SystemExit(f"run.py: no such driver: {driver}; there are mdht, {', '.join(DRIVERS)}")
    return [*DRIVERS[driver], *options, ip, str(port), bootstrap, str(folder)]


@dataclass
class Usage:
    """Of a process and its children."""

    cpu_s: float = 0.0
    rss_bytes: int = 0


@dataclass
class Client:
    """A client that runs, or did."""

    label: str
    address: str
    process: subprocess.Popen[str]
    log: Path
    fault: str | None = None
    asked: int = 0
    usage: Usage = field(default_factory=Usage)

    @classmethod
    def start(cls, label: str, address: str, words: list[str], log: Path) -> Client:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("w") as out:
            process = subprocess.Popen(
                words,
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=subprocess.STDOUT,
                text=True,
                env=os.environ | {"BITTORRENT_DHT": str(BITTORRENT_DHT)},
                cwd=log.parent,
            )
        return cls(label, address, process, log)

    def look_up(self, infohash: str) -> None:
        if self.fault is None:
            try:
                assert self.process.stdin is not None
                self.process.stdin.write(f"lookup {infohash}\n")
                self.process.stdin.flush()
                self.asked += 1
            except OSError:
                self.note_end()

    def note_end(self) -> None:
        """Reports a client that has ended though nobody asked it to."""
        if self.fault is None and self.process.poll() is not None:
            self.fault = f"ended by itself, exit code {self.process.returncode}"

    def measure(self) -> None:
        """The highest memory and the latest CPU time; afterwards it is too late."""
        cpu_s, rss_bytes = 0.0, 0
        for pid in descendants(self.process.pid):
            try:
                parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                status = Path(f"/proc/{pid}/status").read_text()
            except OSError:
                continue
            cpu_s += (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")
            resident = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")]
            rss_bytes += int(resident[0]) * 1024 if resident else 0
        self.usage = Usage(max(cpu_s, self.usage.cpu_s), max(rss_bytes, self.usage.rss_bytes))

    def stop(self) -> None:
        """Asks it to stop; one that does not is killed, which is a fault."""
        self.note_end()
        if self.process.poll() is not None:
            return
        try:
            assert self.process.stdin is not None
            self.process.stdin.write("stop\n")
            self.process.stdin.close()
        except OSError:
            pass
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.fault = self.fault or "did not stop when asked"
            for pid in reversed(descendants(self.process.pid)):
                try:
                    os.kill(pid, 9)
                except OSError:
                    continue
            self.process.wait(5)

    def tail(self, lines: int = 8) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def descendants(pid: int) -> list[int]:
    """A process and its children's children."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(below for child in children for below in descendants(int(child)))]
