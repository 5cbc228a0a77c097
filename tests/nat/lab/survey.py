"""`mdht check survey` as an instrumented node, and what it wrote of everybody who queried it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from . import plan
from .internet import Internet

# Long enough for the slowest client to have found the instrumented nodes.
TAKES_IN = 10
# When it looks again whether a node that is out of reach is still there: after the quiet clients may ask again.
WATCHES = 36


class Survey:
    def __init__(self, internet: Internet, binary: Path) -> None:
        self.folder = plan.WORK / "survey"
        self.log = plan.LOGS / "survey.log"
        self.table = plan.LOGS / "survey.txt"
        address = f"{plan.SURVEY}:{plan.PORT}"
        command = [str(binary), "check", "survey", "--out", str(self.folder), "--bind", address]
        command += ["--remote-bind", f"{plan.SURVEY_REMOTE}:{plan.PORT}"]
        command += ["--bootstrap", f"{plan.OVERLAY[0]}:{plan.PORT}", "--no-default-bootstrap"]
        command += [*plan.TIMING, "--survival", f"{WATCHES}s"]
        command += ["--duration", f"{TAKES_IN}s"]
        with self.table.open("wb") as out, self.log.open("wb") as errors:
            self.process = internet.vantage.popen(command, stdout=out, stderr=errors)

    def finish(self, seconds: float) -> int | None:
        """Its exit code; none if it has not ended in time."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def nodes(self) -> list[dict[str, Any]]:
        path = self.folder / "nodes.jsonl"
        if not path.exists():
            return []
        return [json.loads(line) for line in path.read_text().splitlines()]

    def counters(self) -> dict[str, int]:
        path = self.folder / "survey.json"
        counters: dict[str, int] = json.loads(path.read_text())["counters"] if path.exists() else {}
        return counters
