"""Who lives where, and what is announced: everything here follows from a fixed seed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from suites.places import ROOT

INTEROP = ROOT / "tests" / "interop"
WORK = ROOT / "target" / "interop"
LOGS = WORK / "logs"

SEED = "mdht interop 1"
PORT = 6881
TRANSMISSION_PORT = 51413

LIBTORRENT_NODES = 30
# The last few keep libtorrent's own limits, as found on the Internet: they ban whoever sends over 5 queries a second.
LIBTORRENT_DEFAULTS = 4

ROUTING = ("bep5", "nice", "nrtt", "nr128")
LOOKUP = ("standard", "aggressive")


def address(network: int, host: int = 1, port: int = PORT) -> str:
    """Every node is in a /16 of its own, so that no rule about nodes of one subnet gets in the way."""
    return f"10.{network}.0.{host}:{port}"


def infohash(name: str) -> str:
    return hashlib.sha1(f"{SEED} {name}".encode()).hexdigest()


LIBTORRENT = [address(10 + i) for i in range(LIBTORRENT_NODES)]
BOOTSTRAP = LIBTORRENT[0]
# Where the nodes of a live script live, on ports of the system's choice.
LIVE = address(150)
# Looks up what the others announce; the last one that does not ban.
SEEKER = LIBTORRENT_NODES - LIBTORRENT_DEFAULTS - 1
LIBTORRENT_SEEKER = LIBTORRENT[SEEKER]
BITTORRENT_DHT = [address(60), address(61)]
# The first announces its torrent for others to find; the second starts later and must find what mdht announced.
TRANSMISSION, TRANSMISSION_SEEKER = (address(70 + i, port=TRANSMISSION_PORT) for i in range(2))


def torrent(name: str) -> tuple[str, bytes]:
    """Infohash and contents of the smallest torrent: one piece of a file that nobody has."""
    piece = hashlib.sha1(f"{SEED} {name}".encode()).digest()
    info = b"d6:lengthi16384e4:name12:interop.data12:piece lengthi16384e6:pieces20:" + piece + b"e"
    return hashlib.sha1(info).hexdigest(), b"d4:info" + info + b"e"


TRANSMISSION_INFOHASH = torrent("transmission")[0]
SEEKER_INFOHASH = torrent("transmission seeker")[0]


@dataclass(frozen=True)
class Announce:
    """`session` is an index into LIBTORRENT or BITTORRENT_DHT."""

    infohash: str
    session: int
    port: int


# Ten infohashes by three libtorrent nodes each. Of those with default limits none announces: they may ban.
LIBTORRENT_ANNOUNCES = [
    Announce(infohash(f"libtorrent {n}"), (3 * n + k) % (LIBTORRENT_NODES - LIBTORRENT_DEFAULTS), 20_000 + 10 * n + k)
    for n in range(10)
    for k in range(3)
]
BITTORRENT_DHT_ANNOUNCES = [Announce(infohash(f"bittorrent-dht {n}"), n, 21_000 + n) for n in range(2)]


def peer_of(node: str, port: int) -> str:
    return f"{node.split(':')[0]}:{port}"


def expected_peers() -> dict[str, set[str]]:
    """Infohash to the peers that a lookup must find, for everything that the real clients announce."""
    peers: dict[str, set[str]] = {}
    for one in LIBTORRENT_ANNOUNCES:
        peers.setdefault(one.infohash, set()).add(peer_of(LIBTORRENT[one.session], one.port))
    for one in BITTORRENT_DHT_ANNOUNCES:
        peers.setdefault(one.infohash, set()).add(peer_of(BITTORRENT_DHT[one.session], one.port))
    # Transmission announces the port it listens on.
    peers[TRANSMISSION_INFOHASH] = {TRANSMISSION}
    return peers


@dataclass(frozen=True)
class Combination:
    """One pair of modules: a node that looks up, another that announces, each at its own address."""

    routing: str
    lookup: str
    number: int

    @property
    def name(self) -> str:
        return f"{self.routing}-{self.lookup}"

    @property
    def lookup_address(self) -> str:
        return address(100 + self.number)

    @property
    def announce_address(self) -> str:
        return address(120 + self.number)

    @property
    def announce_infohash(self) -> str:
        if self.number == 0:
            return SEEKER_INFOHASH
        return infohash(f"announced by {self.name}")

    @property
    def announce_port(self) -> int:
        return 22_000 + self.number

    @property
    def announced_peer(self) -> str:
        return peer_of(self.announce_address, self.announce_port)


def rounds() -> list[list[Combination]]:
    """Four combinations run at the same time: quicker, and no round meets more than one round's dead nodes."""
    return [
        [Combination(routing, lookup, 4 * j + i) for i, routing in enumerate(ROUTING)]
        for j, lookup in enumerate(LOOKUP)
    ]


@dataclass(frozen=True)
class LongRunning:
    """An `mdht node`, and an infohash next to its ID, so that whoever announces that stores it on this node."""

    name: str
    routing: str
    lookup: str
    address: str
    port: int

    @property
    def id(self) -> str:
        return infohash(f"node {self.name}")

    @property
    def infohash(self) -> str:
        return f"{int(self.id, 16) ^ 1:040x}"


LONG_RUNNING = [
    LongRunning("node-bep5", "bep5", "standard", address(140), 23_000),
    LongRunning("node-nr128", "nr128", "aggressive", address(141), 23_001),
]
