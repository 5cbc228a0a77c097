"""Are the gateways what they shall be? Asked without any DHT, by witness.py and inside.py."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from suites.checks import Checks

from . import gateways, plan
from .internet import Household, Internet

# Before and after a short mapping's end, in seconds.
SURVIVES, OUTLIVES = 1.0, 3.5


def start_witness(internet: Internet) -> None:
    command = [sys.executable, str(plan.NAT / "witness.py"), plan.WITNESS, plan.WITNESS_REMOTE]
    process = internet.vantage.popen(command, stdout=subprocess.PIPE, stderr=None)
    assert process.stdout is not None  # opened as a pipe
    process.stdout.readline()


def check(checks: Checks, households: list[Household]) -> None:
    arguments = [plan.WITNESS, plan.WITNESS_REMOTE, str(SURVIVES), str(OUTLIVES)]
    running = []
    for household in households:
        command = [sys.executable, str(plan.NAT / "inside.py"), household.address, *arguments]
        running.append(household.host.popen(command, stdout=subprocess.PIPE, stderr=None))
    for household, process in zip(households, running, strict=True):
        output, _ = process.communicate(timeout=30)
        got = json.loads(output) if output else {}
        checks.equal(f"kernel: {household.planted.name}", expected(household), got)


def expected(household: Household) -> dict[str, Any]:
    planted = household.planted
    silent = planted.kind == gateways.FIREWALL
    survived = [] if silent else [SURVIVES] if planted.lifetime == plan.SHORT else [SURVIVES, OUTLIVES]
    return {
        "mapping": planted.mapping,
        "preserves_ports": not silent and planted.preserves_ports,
        "addresses": [] if silent else [household.public],
        "filtering": planted.filtering,
        "survived": survived,
    }
