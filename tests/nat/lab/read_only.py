"""`mdht node --read-only=if-unreachable`: who is out of reach finds out by packets alone, and who is not does not."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from suites.checks import Checks

from . import gateways, plan
from .clients import Libtorrent, Mdht
from .gateways import FULL_CONE, OPEN, PORT_RESTRICTED, STATEFUL, SYMMETRIC
from .internet import Household

# Minutes are seconds here. A query counts as unsolicited after 6 s of silence, well beyond a short mapping.
SETTINGS = "if-unreachable:quiet=6s,watch=15s,hosts=4,proofs=2,pause=10s,longest_pause=20s"
# The overlay's nodes look something up so often, as clients with torrents do; more than 6 s apart, so that a node that
# they know is asked by hosts that were silent.
LOOKUPS_EVERY = 8.0
# Until everybody has found out: 6 s of looking on, 15 s of watching, and half of that again for want of hosts.
FINDS_OUT_SECONDS = 60.0
# Until one whose firewall was taken away has noticed: a pause and a trial.
NOTICES_SECONDS = 60.0

UNREACHABLE = "nobody can reach this node"
REACHABLE = "others can reach this node"
TRIAL = "answering again, to see"

REACHED = {OPEN: True, FULL_CONE: True, STATEFUL: False, PORT_RESTRICTED: False, SYMMETRIC: False}


def check(checks: Checks, overlay: Libtorrent, households: list[Household], binary: Path) -> None:
    chosen = [choose(households, kind) for kind in REACHED]
    # None of them knows another: what comes to the one from the others it was not asked for.
    bootstrap = [f"{ip}:{plan.PORT}" for ip in plan.OVERLAY]
    more = [f"--read-only={SETTINGS}", "--routing", "bep5", "--every", "5"]
    nodes = {one: Mdht(one, binary, bootstrap, "finds-out", plan.FINDS_OUT_PORT, more) for one in chosen}
    wait_for(overlay, FINDS_OUT_SECONDS, lambda: all(told(node) for node in nodes.values()))
    for household, node in nodes.items():
        is_reached = REACHED[household.planted.kind]
        good = told(node)[:1] == [REACHABLE if is_reached else UNREACHABLE]
        expected = "read-only" if not is_reached else "answering"
        checks.true(f"read-only: behind {household.planted.name}", good, expected, told(node), node.log)
    notices(checks, overlay, *next((one, node) for one, node in nodes.items() if one.planted.kind == STATEFUL))
    for household, node in nodes.items():
        if REACHED[household.planted.kind]:
            name = f"read-only: never behind {household.planted.name}"
            checks.true(name, UNREACHABLE not in told(node), "reachable throughout", told(node), node.log)
        node.stop()


def notices(checks: Checks, overlay: Libtorrent, household: Household, node: Mdht) -> None:
    """A read-only node answers again for a trial, in vain. When its firewall lets everybody in it notices, in another
    or before it, since it is still known to some."""
    wait_for(overlay, NOTICES_SECONDS, lambda: TRIAL in told(node))
    name = f"read-only: a trial behind {household.planted.name}"
    checks.true(name, TRIAL in told(node), "a trial", told(node), node.log)
    household.gateway.nft("insert rule ip gateway forward accept\n")
    wait_for(overlay, NOTICES_SECONDS, lambda: told(node)[-1:] == [REACHABLE])
    got = told(node)
    name = f"read-only: no longer, once the firewall is gone ({household.planted.name})"
    good = got[:1] == [UNREACHABLE] and got[-1] == REACHABLE
    checks.true(name, good, "reachable in the end", got, node.log)
    household.gateway.nft("delete table ip gateway\n" + gateways.ruleset(household.planted))


def choose(households: list[Household], kind: str) -> Household:
    """A full cone is reached only while its mapping lives; of the others the sooner forgetful."""
    lifetime = {OPEN: None, FULL_CONE: plan.LONG}.get(kind, plan.SHORT)
    of_kind = (one for one in households if one.planted.kind == kind and one.planted.lifetime == lifetime)
    return next(of_kind)


def told(node: Mdht) -> list[str]:
    """What a node said of its reachability, in order."""
    lines = node.log.read_text(errors="replace").splitlines()
    return [word for line in lines for word in (UNREACHABLE, REACHABLE, TRIAL) if word in line]


def wait_for(overlay: Libtorrent, seconds: float, happened: Callable[[], bool]) -> None:
    now = time.monotonic()
    deadline, lookups = now + seconds, now
    while not happened() and (now := time.monotonic()) < deadline:
        if now >= lookups:
            overlay.warm_up()
            lookups = now + LOOKUPS_EVERY
        time.sleep(0.5)
