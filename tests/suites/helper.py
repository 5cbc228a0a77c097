"""A helper process that answers JSON lines with JSON lines (answering.py; interop's bittorrent_dht.js)."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from .namespace import Namespace


class HelperError(RuntimeError):
    pass


class Helper:
    def __init__(self, namespace: Namespace, name: str, command: list[str], log: Path) -> None:
        self.name = name
        self.log = log
        with log.open("wb") as errors:
            self.process = namespace.popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)
        self.count = 0
        self.replies: dict[int, dict[str, Any]] = {}
        self.lines: queue.Queue[bytes] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def send(self, action: str, **arguments: Any) -> int:
        """Asks without waiting; `wait` with the number returned."""
        self.count += 1
        line = json.dumps({"id": self.count, "do": action, **arguments}) + "\n"
        assert self.process.stdin is not None  # opened as a pipe
        try:
            self.process.stdin.write(line.encode())
            self.process.stdin.flush()
        except OSError as problem:
            raise HelperError(f"{self.name} has ended: {problem}") from problem
        return self.count

    def wait(self, number: int, timeout: float) -> dict[str, Any]:
        deadline = time.monotonic() + timeout
        while number not in self.replies:
            try:
                line = self.lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise HelperError(f"{self.name} did not answer within {timeout:.0f} s") from None
            if not line:
                raise HelperError(f"{self.name} has ended")
            reply = json.loads(line)
            self.replies[reply.pop("id")] = reply
        return self.replies.pop(number)

    def ask(self, action: str, timeout: float = 10, **arguments: Any) -> dict[str, Any]:
        reply = self.wait(self.send(action, **arguments), timeout)
        if "error" in reply:
            raise HelperError(f"{self.name}, {action}: {reply['error']}")
        return reply

    def _read(self) -> None:
        assert self.process.stdout is not None  # opened as a pipe
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(b"")
