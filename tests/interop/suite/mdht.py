"""Runs the mdht command in the namespace and reads its JSON lines (DESIGN.md section 3)."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from suites.namespace import Namespace

from . import plan
from .capture import Lifetime


class Run:
    """One `mdht` process that is a node: lookup, announce or node."""

    def __init__(self, namespace: Namespace, binary: Path, name: str, address: str, arguments: list[str]) -> None:
        self.name = name
        self.address = address
        self.log = plan.LOGS / f"mdht-{name}.log"
        self.output = plan.LOGS / f"mdht-{name}.jsonl"
        self.own_capture = plan.WORK / f"own-{name}.pcap"
        self.own_capture.unlink(missing_ok=True)
        self.ended = 0.0  # wall clock, seconds
        common = ["--bind", address, "--bootstrap", plan.BOOTSTRAP, "--no-default-bootstrap"]
        common += ["--format", "json", "--capture", str(self.own_capture)]
        with self.output.open("wb") as out, self.log.open("wb") as errors:
            self.process = namespace.popen([str(binary), *arguments, *common], stdout=out, stderr=errors)
        self.watcher = threading.Thread(target=self._note_end, daemon=True)
        self.watcher.start()

    def _note_end(self) -> None:
        self.process.wait()
        self.ended = time.time()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)

    @property
    def exit_code(self) -> int | None:
        return self.process.returncode

    def events(self) -> list[dict[str, Any]]:
        """Its output; a line that is not JSON becomes an event of its own, which no check expects."""
        found = []
        for line in self.output.read_text(errors="replace").splitlines():
            try:
                event = json.loads(line)
            except json.JSONDecodeError:
                event = None
            found.append(event if isinstance(event, dict) else {"event": "not JSON", "line": line})
        return found

    def events_named(self, name: str) -> list[dict[str, Any]]:
        return [event for event in self.events() if event.get("event") == name]

    def peers(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for event in self.events_named("peer"):
            found.setdefault(str(event.get("infohash")), set()).add(str(event.get("peer")))
        return found

    def lifetime(self) -> Lifetime:
        return Lifetime(self.name, self.address, self.own_capture, self.ended)


def wait_for(runs: list[Run], seconds: float) -> None:
    """Waits until all have ended; kills what has not after `seconds` (its exit code is then -9)."""
    deadline = time.monotonic() + seconds
    for run in runs:
        run.watcher.join(max(0.0, deadline - time.monotonic()))
        if run.watcher.is_alive():
            run.process.kill()
            run.watcher.join()


def modules(routing: str, lookup: str) -> list[str]:
    return ["--routing", routing, "--lookup", lookup]


def profile(binary: Path, capture: Path, nodes: list[str]) -> dict[str, Any]:
    """The profile of the given nodes; raises with what the command said if it fails."""
    command = [str(binary), "profile", str(capture), "--format", "json"]
    command += [word for node in nodes for word in ("--node", node)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode != 0:
        raise RuntimeError(f"mdht profile {capture.name} ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def profiled_node(document: dict[str, Any], node: str) -> dict[str, Any]:
    """The entry of one node, or nothing (in which no count will be found)."""
    entries = [entry for entry in document.get("nodes", []) if entry.get("node") == node]
    return entries[0] if entries else {}
