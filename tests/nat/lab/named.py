"""`mdht check node`: nodes that the user names, of which one is first waited for."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from suites.checks import Checks

from . import gateways, plan
from .clients import Mdht
from .internet import Household, Internet

# For a new node in the household to query us.
AWAITS = 15
SECONDS = 60


class Named:
    """Runs beside the survey, from other ports of the same addresses."""

    def __init__(self, internet: Internet, households: list[Household], binary: Path) -> None:
        self.internet = internet
        self.binary = binary
        self.open = next(one for one in households if one.planted.kind == gateways.OPEN)
        long = [one for one in households if one.planted.lifetime == plan.LONG]
        self.restricted = next(one for one in long if one.planted.kind == gateways.RESTRICTED)

    def start(self) -> None:
        known = f"{self.open.public}:{plan.MDHT_PORT}"
        # By its name alone nobody behind a NAT can be reached; its address, without the port, will do to wait for it.
        self.running = {
            "RRR-RRR": self._check(known, plan.PORT + 2, []),
            "UUU-UUU": self._check(f"{self.restricted.public}:{plan.LATE_PORT + 1}", plan.PORT + 4, []),
            "RRU-RRU": self._check(self.restricted.public, plan.PORT + 6, ["--await-query", f"{AWAITS}s"]),
        }
        instrumented = f"{plan.SURVEY}:{plan.PORT + 6}"
        self.late = Mdht(self.restricted, self.binary, [instrumented], "late", plan.LATE_PORT)

    def _check(self, node: str, port: int, more: list[str]) -> tuple[str, Path, subprocess.Popen[bytes]]:
        command = [str(self.binary), "check", "node", node, "--bind", f"{plan.SURVEY}:{port}"]
        command += ["--remote-bind", f"{plan.SURVEY_REMOTE}:{port}", "--format", "json", *plan.TIMING, *more]
        log = plan.LOGS / f"named-{port}.log"
        with log.open("wb") as errors:
            return node, log, self.internet.vantage.popen(command, stdout=subprocess.PIPE, stderr=errors)

    def check(self, checks: Checks) -> None:
        for pattern, (node, log, process) in self.running.items():
            output, _ = process.communicate(timeout=SECONDS)
            got: dict[str, Any] = json.loads(output) if output.strip() else {}
            checks.equal(f"check node {node}: pattern", pattern, got.get("pattern"), log)
