"""Who lives where, and the times of a check: everything is fixed."""

from __future__ import annotations

import hashlib
from suites.places import ROOT

NAT = ROOT / "tests" / "nat"
WORK = ROOT / "target" / "nat"
LOGS = WORK / "logs"

PORT = 6881

# Addresses look public and are each of a /16 of its own, so that no client has a rule against them. They exist only in
# the suite's namespaces, which lead nowhere.
# mdht's instrumented node and its remotechecker:
SURVEY, SURVEY_REMOTE = "45.83.10.1", "93.184.20.1"
# The suite's own instrumented node, which shares no code with mdht:
PROBER, PROBER_REMOTE = "62.45.30.1", "88.99.40.1"
# What tests the gateways themselves, without any DHT:
WITNESS, WITNESS_REMOTE = "77.20.50.1", "82.30.60.1"
VANTAGE = (SURVEY, SURVEY_REMOTE, PROBER, PROBER_REMOTE, WITNESS, WITNESS_REMOTE)

# The rest of the overlay: libtorrent nodes on the open Internet.
OVERLAY = [f"{80 + i % 15}.{40 + i}.7.9" for i in range(12)]


def public_address(number: int) -> str:
    """Of the n-th household."""
    return f"{109 + number}.{60 + number}.3.4"


# Behind a NAT every household has the same private network, as everywhere.
LAN_GATEWAY, LAN_HOST = "192.168.1.1", "192.168.1.2"

# A household's line past its gateway, for `mdht check self --remote-bind`.
def second_address(number: int) -> str:
    return f"{150 + number}.{20 + number}.5.6"


LIBTORRENT_PORT, MDHT_PORT, TRANSMISSION_PORT = 6881, 6882, 51413
READ_ONLY_PORT, LATE_PORT, FINDS_OUT_PORT, SELF_PORT = 6883, 6884, 6886, 6890

# The thesis's 5 s, 60 s and 300 s [thesis chapter 7, 4.1], 25 times as fast. Waiting for an answer is not shortened as
# much: it must outlast four intervals.
PINGS = 5
INTERVAL = 0.5
TIMEOUT = 4.0
SECOND_BURST = 12.0
# The same for mdht.
TIMING = ["--pings", str(PINGS), "--interval", f"{INTERVAL}s", "--timeout", f"{TIMEOUT}s"]
TIMING += ["--second-burst", f"{SECOND_BURST}s"]

# Lifetimes of mappings: over long before the second burst, or long after it.
SHORT, LONG = 2, 60

# What each client is still allowed to ask, once both instrumented nodes have heard of it (see quiet.py).
LAST_WORDS = 1


def node_id(name: str) -> str:
    return hashlib.sha1(f"mdht nat {name}".encode()).hexdigest()
