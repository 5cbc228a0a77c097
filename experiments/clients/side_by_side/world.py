"""The served world while it runs."""

from __future__ import annotations

import ipaddress
import json
import signal
import subprocess
from pathlib import Path
from typing import Any


class World:
    """`mdht overlay serve`, in a network namespace of its own."""

    def __init__(self, mdht: Path, world: dict[str, Any], out: Path, name: str) -> None:
        self.captures = out / "captures"
        self.infohash_file = out / "infohashes.txt"
        words = [str(mdht), "overlay", "serve", "--format", "json", "--make-netns", name]
        words += ["--bind-range", world.get("range", "32.0.0.0/3"), "--capture", str(self.captures)]
        words += ["--infohashes", str(self.infohash_file)]
        for key in ("nodes", "seed", "parameters", "luck", "attack"):
            if key in world:
                words += [f"--{key}", str(world[key])]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        self.ready = self._document()
        self.bootstrap: str = self.ready["bootstrap"][0]
        self.entrance: list[str] = self.ready["enter"]
        self.infohashes = self.infohash_file.read_text().split()

    def address(self, number: int) -> str:
        return str(ipaddress.IPv4Address(self.ready["clients"][0]) + number)

    def capture(self, address: str) -> Path:
        return self.captures / f"{address.replace(':', '_')}.pcap"

    def stop(self) -> dict[str, Any]:
        self.process.send_signal(signal.SIGINT)
        done = self._document()
        self.process.wait(10)
        return done

    def _document(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("run.py: the world is not served; see above")
        document: dict[str, Any] = json.loads(line)
        return document
