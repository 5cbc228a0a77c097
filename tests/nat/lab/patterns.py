"""Real clients and ours behind every gateway query two instrumented nodes, which check them."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from suites.checks import Checks

from . import plan
from .clients import READ_ONLY, Libtorrent, Mdht, Transmission
from .internet import Household, Internet
from .named import Named
from .survey import Survey

JOIN_SECONDS = 20
JOIN_NODES = 8
# After the clients' start until each of them has been checked.
CHECK_SECONDS = 90
# And until mdht has watched each of them a while.
SURVEY_SECONDS = 120
# Besides libtorrent, in the names that their IDs follow from.
OTHERS = ("mdht", "late", READ_ONLY, "transmission")


class Prober:
    """prober.py, and what it found."""

    def __init__(self, internet: Internet) -> None:
        settings = {
            "address": plan.PROBER,
            "remote": plan.PROBER_REMOTE,
            "port": plan.PORT,
            "nodes": [f"{ip}:{plan.PORT}" for ip in plan.OVERLAY],
            "pings": plan.PINGS,
            "interval": plan.INTERVAL,
            "timeout": plan.TIMEOUT,
            "second_burst": plan.SECOND_BURST,
        }
        self.log = plan.LOGS / "prober.jsonl"
        command = [sys.executable, str(plan.NAT / "prober.py"), json.dumps(settings)]
        with (plan.LOGS / "prober.log").open("wb") as errors:
            self.process = internet.vantage.popen(command, stdout=subprocess.PIPE, stderr=errors)
        self.events: queue.Queue[dict[str, Any]] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.events.get(timeout=10)

    def _read(self) -> None:
        assert self.process.stdout is not None  # opened as a pipe
        with self.log.open("wb") as log:
            for line in self.process.stdout:
                log.write(line)
                log.flush()
                self.events.put(json.loads(line))


class Patterns:
    def __init__(
        self, internet: Internet, households: list[Household], checks: Checks, binary: Path, with_checker: bool
    ) -> None:
        self.internet = internet
        self.households = households
        self.checks = checks
        self.binary = binary
        self.with_checker = with_checker

    def start(self) -> None:
        self._start_overlay()
        self.prober = Prober(self.internet)
        self.survey = Survey(self.internet, self.binary) if self.with_checker else None
        instrumented = (plan.SURVEY if self.survey else plan.PROBER, plan.PROBER)
        for household in self.households:
            if household.planted.goes_quiet:
                household.go_quiet(instrumented)
        self.read_only = Mdht(self.households[0], self.binary, self._bootstrap(), READ_ONLY, plan.READ_ONLY_PORT)
        self.residents = [one for household in self.households for one in self._move_in(household)]

    def _start_overlay(self) -> None:
        addresses = [f"{ip}:{plan.PORT}" for ip in plan.OVERLAY]
        self.overlay = Libtorrent(self.internet.overlay, "overlay", addresses, addresses[:1], defaults=0)
        deadline = time.monotonic() + JOIN_SECONDS
        while min(sizes := self.overlay.table_sizes()) < JOIN_NODES and time.monotonic() < deadline:
            self.overlay.warm_up()
            time.sleep(0.5)
        name = "the overlay outside has joined"
        self.checks.true(name, min(sizes) >= JOIN_NODES, f"at least {JOIN_NODES} nodes in every table", sizes)

    def _move_in(self, household: Household) -> list[Resident]:
        bootstrap = self._bootstrap()
        own = f"{household.address}:{plan.LIBTORRENT_PORT}"
        libtorrent = Libtorrent(household.host, str(household.number), [own], bootstrap, defaults=1)
        mdht = Mdht(household, self.binary, bootstrap)
        residents = [Resident(household, "libtorrent", libtorrent), Resident(household, "mdht", mdht)]
        if household.planted.lifetime != plan.SHORT:
            residents.append(Resident(household, "transmission", Transmission(household, bootstrap)))
        return residents

    def _bootstrap(self) -> list[str]:
        # The instrumented nodes first: behind the firewall a client hears of nobody else.
        return [f"{ip}:{plan.PORT}" for ip in (plan.SURVEY, plan.PROBER, plan.OVERLAY[0])]

    def check_prober(self) -> None:
        deadline = time.monotonic() + CHECK_SECONDS
        while not all(one.patterns for one in self.residents) and time.monotonic() < deadline:
            try:
                event = self.prober.events.get(timeout=0.5)
            except queue.Empty:
                continue
            resident = self._resident(event)
            if resident and event["event"] == "burst" and resident.household.planted.leaves:
                resident.client.stop()
            if resident and event["event"] == "check":
                resident.patterns.append(event["pattern"])
        for one in self.residents:
            # More than one only of a client that took another ID meanwhile.
            pattern = one.household.planted.pattern
            good = bool(one.patterns) and set(one.patterns) == {pattern}
            self.checks.true(f"prober: {one.name}", good, pattern, one.patterns, one.client.log)

    def check_survey(self) -> None:
        """What mdht says of the same clients at the same time."""
        if not self.survey:
            return
        named = Named(self.internet, self.households, self.binary)
        named.start()
        self._let_speak()
        code = self.survey.finish(SURVEY_SECONDS)
        self.checks.equal("mdht check survey ends by itself", 0, code, self.survey.log)
        named.check(self.checks)
        found: dict[Resident, list[dict[str, Any]]] = {one: [] for one in self.residents}
        for node in self.survey.nodes():
            ip, _, _ = node["node"].rpartition(":")
            resident = self._resident({"ip": ip, "id": node["id"]})
            if resident:
                found[resident].append(node)
        checked = [node for node in self.survey.nodes() if node["id"] == self.read_only.id]
        self.checks.equal("survey: who says that it answers nobody is not checked", [], checked, self.survey.log)
        counted = self.survey.counters().get("read_only", 0)
        self.checks.true("survey: but counted", counted > 0, "> 0", counted, self.survey.log)
        for one, nodes in found.items():
            planted = one.household.planted
            # As with the prober: a client that took another ID meanwhile is two nodes, each of which must be right.
            for of, key, expected in (("pattern", "pattern", planted.pattern), ("likely cause", "likely", planted.likely)):
                said = [node[key] for node in nodes]
                good = set(said) == {expected}
                self.checks.true(f"survey: {one.name}: {of}", good, expected, said, self.survey.log)

    def stop(self) -> None:
        self.read_only.stop()
        for one in self.residents:
            one.client.stop()

    def _let_speak(self) -> None:
        """The checks are over: quiet clients ask again, as in the end all nodes do."""
        for household in self.households:
            if household.planted.goes_quiet:
                household.speak_again()
        for one in self.residents:
            if one.household.planted.goes_quiet and isinstance(one.client, Libtorrent):
                one.client.warm_up()

    def _resident(self, event: dict[str, Any]) -> Resident | None:
        for one in self.residents:
            if one.household.public == event["ip"] and one.is_called(event["id"]):
                return one
        return None


class Resident:
    """A client behind a gateway; who of the nodes seen at its address it is, its ID tells."""

    def __init__(self, household: Household, kind: str, client: Libtorrent | Mdht | Transmission) -> None:
        self.household = household
        self.kind = kind
        self.client = client
        self.patterns: list[str] = []

    @property
    def name(self) -> str:
        return f"{self.kind} behind {self.household.planted.name}"

    def is_called(self, node_id: str) -> bool:
        """Libtorrent draws its ID itself: it is who has none of the others' IDs."""
        if isinstance(self.client, Libtorrent):
            return node_id not in {plan.node_id(f"{kind}-{self.household.number}") for kind in OTHERS}
        return node_id == self.client.id
