"""A node of ours in a small served overlay on loopback, told what to look up."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Self

STOP_SECONDS = 30


class ServedNode:
    """`mdht node --driven` among `nodes` emulated ones, served for `seconds` at most. Use in `with`."""

    def __init__(self, mdht: Path, nodes: int, seconds: int, options: list[str]) -> None:
        self.mdht, self.nodes, self.seconds, self.options = mdht, nodes, seconds, options
        self.folder = tempfile.TemporaryDirectory(prefix="mdht-served-")
        self.processes: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self) -> None:
        file = Path(self.folder.name) / "infohashes.txt"
        serve = [str(self.mdht), "overlay", "serve", "--nodes", str(self.nodes), "--bind-range", "127.0.0.0/8"]
        serve += ["--for", str(self.seconds), "--format", "json", "--infohashes", str(file)]
        overlay = subprocess.Popen(serve, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.processes.append(overlay)
        assert overlay.stdout is not None  # opened as a pipe
        bootstrap = json.loads(overlay.stdout.readline())["bootstrap"][0]
        words = [str(self.mdht), "node", "--driven", "--no-default-bootstrap", "--bootstrap", bootstrap, *self.options]
        pipe = subprocess.PIPE
        self.node = subprocess.Popen(words, stdin=pipe, stdout=subprocess.DEVNULL, stderr=pipe, text=True)
        self.processes.append(self.node)
        assert self.node.stderr is not None  # opened as a pipe
        # of what --web or --metrics serves
        self.url = next(line.strip() for line in self.node.stderr if line.startswith("http://"))
        self.infohashes = file.read_text().split()

    def look_up(self, infohash: str) -> None:
        assert self.node.stdin is not None  # opened as a pipe
        self.node.stdin.write(f"lookup {infohash}\n")
        self.node.stdin.flush()

    def __exit__(self, *_: object) -> None:
        for process in reversed(self.processes):
            process.terminate()
            process.wait(STOP_SECONDS)
        self.folder.cleanup()
