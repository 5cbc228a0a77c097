"""`mdht check self` behind every gateway, with a second address that is not behind it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from suites.checks import Checks

from . import gateways, plan
from .internet import Household

SECONDS = 120
# Nodes that are asked first: as many as there are public routers.
BOOTSTRAP = 4
# Of the search for the lifetime: over short ones, far from long ones.
FIRST_GAP, LONGEST_GAP = 0.5, 4.0
# How far a measured end may lie from the planted one, on a machine with other work.
SLACK = 0.5
# What may be said of every guarded household.
PERHAPS = "address-dependent or address-and-port-dependent"


def check(checks: Checks, households: list[Household], binary: Path) -> None:
    seconds = {household: household.add_second_line() for household in households}
    check_shortcut(checks, seconds, binary)
    for household in households:
        household.route_between_lines()
    search = ["--mapping-lifetime", "--first-gap", f"{FIRST_GAP}s", "--longest-gap", f"{LONGEST_GAP}s"]
    for household, got, log in ask_all(seconds, binary, search, "self"):
        judge(checks, household, got, log)


def check_shortcut(checks: Checks, seconds: dict[Household, str], binary: Path) -> None:
    """With nothing but a second line, the machine's packets to itself never meet the gateway: no word about it then."""
    guarded = {one: second for one, second in seconds.items() if one.planted.filtering != "endpoint-independent"}
    for household, got, log in ask_all(guarded, binary, [], "shortcut"):
        told = {key: got.get(key) for key in ("filtering", "unsolicited")}
        good = told["filtering"] in (None, household.planted.filtering, PERHAPS) and told["unsolicited"] is not True
        name = f"self: packets that stay on the machine tell nothing of {household.planted.name}"
        checks.true(name, good, "unknown, or as planted", told, log)


def ask_all(
    seconds: dict[Household, str], binary: Path, more: list[str], name: str
) -> Iterator[tuple[Household, dict[str, Any], Path]]:
    """The documents of `mdht check self` of all households, which ask at the same time."""
    running = []
    for household, second in seconds.items():
        log = plan.LOGS / f"{name}-{household.number}.log"
        command = [str(binary), "check", "self", "--bind", f"{household.address}:{plan.SELF_PORT}"]
        command += ["--remote-bind", second, "--timeout", "1s", "--format", "json", *more]
        # Several: one alone may name nothing but households, whose clients have been stopped.
        command += [word for ip in plan.OVERLAY[:BOOTSTRAP] for word in ("--bootstrap", f"{ip}:{plan.PORT}")]
        command += ["--no-default-bootstrap"]
        with log.open("wb") as errors:
            process = household.host.popen(command, stdout=subprocess.PIPE, stderr=errors)
        running.append((household, process, log))
    for household, process, log in running:
        output, _ = process.communicate(timeout=SECONDS)
        log.with_suffix(".json").write_bytes(output)
        yield household, json.loads(output) if output.strip() else {}, log


def judge(checks: Checks, household: Household, got: dict[str, Any], log: Path) -> None:
    expected = expectations(household)
    told = {key: got.get(key, "nothing") for key in expected}
    checks.equal(f"self: behind {household.planted.name}", expected, told, log)
    if household.planted.kind in (gateways.OPEN, gateways.FIREWALL):
        return
    lifetime = got.get("mapping_lifetime_s") or {}
    at_least, under = lifetime.get("at_least", 0), lifetime.get("under")
    if household.planted.lifetime == plan.SHORT:
        good = under is not None and plan.SHORT - SLACK <= at_least <= plan.SHORT + SLACK
        good = good and plan.SHORT - SLACK <= under <= plan.SHORT + SLACK
        wanted = f"about {plan.SHORT} s"
    else:
        good = under is None and at_least >= LONGEST_GAP
        wanted = f"{LONGEST_GAP} s or more"
    checks.true(f"self: lifetime of a mapping behind {household.planted.name}", good, wanted, lifetime, log)


def expectations(household: Household) -> dict[str, Any]:
    planted = household.planted
    if planted.kind == gateways.FIREWALL:
        # Nobody's word comes in; but the second address hears us, so that it is known that its own packets do not.
        return {"mapping": None, "filtering": None, "unsolicited": False}
    return {
        "external_ip": household.public,
        "behind_nat": planted.translates,
        "mapping": planted.mapping,
        "filtering": planted.filtering,
        "port_preservation": planted.preserves_ports,
        "unsolicited": planted.filtering == "endpoint-independent",
        "carrier_grade_nat_signs": [],
    }
