"""Items of BEP 44: what each of mdht, libtorrent, bittorrent-dht and mainline puts, each of the others gets.

Three items a client: an immutable one, a mutable one, and a mutable one with a salt. The first and the last are made so
that an `mdht node` is among the closest to them: it must store what the clients put, and serve it to them.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from . import plan
from .bed import Bed
from .clients import MAINLINE_ITEMS
from .mdht import Run, wait_for

COMMAND_SECONDS = 40
PUT_SECONDS = 20
GET_SECONDS = 25
STOP_SECONDS = 10
# libtorrent passes a node on only after having queried it itself.
KNOWN_SECONDS = 20
# Bits that a target shares with the ID of our node: closer to it than to any of some forty others.
NEAR_BITS = 12
NODE_ADDRESS = plan.address(142)
# Each run of mdht and of mainline is a node of its own, in networks from these on.
MDHT_NETWORK, MAINLINE_NETWORK = 160, 200
CLIENTS = ("mdht", "libtorrent", "bittorrent-dht", "mainline")
LIBTORRENT_WRITER, LIBTORRENT_READER = 7, 11


@dataclass(frozen=True)
class Item:
    writer: str
    kind: str
    value: str
    target: str
    seed: str = ""
    public_key: str = ""
    salt: str = ""

    @property
    def name(self) -> str:
        return f"{self.writer}'s {self.kind} item"

    @property
    def secret_key(self) -> str:
        """As libtorrent wants it: what the seed is hashed to."""
        digest = bytearray(hashlib.sha512(bytes.fromhex(self.seed)).digest())
        digest[0] &= 248
        digest[31] = digest[31] & 63 | 64
        return digest.hex()


class Items:
    def __init__(self, bed: Bed, binary: Path) -> None:
        self.bed = bed
        self.binary = binary
        self.checks = bed.checks
        self.runs = 0
        self.mainline_runs = itertools.count(1)
        self.keys = plan.WORK / "keys"
        self.keys.mkdir(exist_ok=True)
        self.node_id = plan.infohash("node of items")
        self.node = Run(bed.namespace, binary, "node-items", NODE_ADDRESS, ["node", "--id", self.node_id])
        self.started = time.monotonic()

    def check(self) -> None:
        time.sleep(max(0.0, self.started + KNOWN_SECONDS - time.monotonic()))
        items = [item for client in CLIENTS for item in self._made_for(client)]
        for client in CLIENTS:
            self._put([item for item in items if item.writer == client])
        self.bed.clock.phase("four clients put items")
        for client in CLIENTS:
            self._check_got(client, [item for item in items if item.writer != client])
        self.bed.clock.phase("four clients got each other's items")
        self._check_replaced(next(i for i in items if i.writer == "libtorrent" and i.salt))
        self._check_served(sum(item.kind != "mutable" for item in items))
        self.bed.clock.phase("mdht replaced libtorrent's item, and its node ended")

    def _made_for(self, client: str) -> list[Item]:
        seed = hashlib.sha256(f"{plan.SEED} {client}".encode()).hexdigest()
        key = self.bed.bittorrent_dht[0].helper.ask("key", seed=seed)["public_key"]
        (self.keys / client).write_text(f"{seed}\n")
        (self.keys / client).chmod(0o600)

        def immutable(number: int) -> tuple[str, bytes]:
            value = f"immutable {number} by {client}"
            return value, f"{len(value)}:{value}".encode()

        def salted(number: int) -> tuple[str, bytes]:
            return f"salt {number}", bytes.fromhex(key) + f"salt {number}".encode()

        value, target = self._near_node(immutable)
        salt, salted_target = self._near_node(salted)
        plain_target = hashlib.sha1(bytes.fromhex(key)).hexdigest()
        return [
            Item(client, "immutable", value, target),
            Item(client, "mutable", f"mutable by {client}", plain_target, seed, key),
            Item(client, "salted", f"salted by {client}", salted_target, seed, key, salt),
        ]

    def _near_node(self, made: Callable[[int], tuple[str, bytes]]) -> tuple[str, str]:
        """The first of those numbered whose hash is near the ID of our node, and its hash."""
        wanted = int(self.node_id, 16) >> (160 - NEAR_BITS)
        for number in range(1_000_000):
            text, hashed = made(number)
            target = hashlib.sha1(hashed).hexdigest()
            if int(target, 16) >> (160 - NEAR_BITS) == wanted:
                return text, target
        raise RuntimeError("no hash near the ID of the node")

    def _put(self, items: list[Item]) -> None:
        client = items[0].writer
        if client == "mdht":
            runs = [self._mdht("put", item, 1) for item in items]
            wait_for(runs, COMMAND_SECONDS)
        for number, item in enumerate(items):
            log = self.bed.libtorrent.helper.log
            if client == "mdht":
                done, log = runs[number].events_named("put"), runs[number].log
                nodes = done[0]["stored"] if done else 0
                target = done[0]["target"] if done else None
            elif client == "libtorrent":
                nodes, target = self._libtorrent_put(item), item.target
            elif client == "bittorrent-dht":
                mutable = {"seed": item.seed, "salt": item.salt, "seq": 1} if item.seed else {}
                log = self.bed.bittorrent_dht[0].log
                reply = self.bed.bittorrent_dht[0].helper.ask("put", PUT_SECONDS, value=item.value, **mutable)
                nodes, target = reply["nodes"], reply["target"]
            else:
                mutable_words = [item.seed, "1", *([item.salt] if item.salt else [])] if item.seed else []
                # it says no number; it fails if nobody stores the item
                target = self._mainline("put", item.value, *mutable_words)
                nodes = 1 if target else 0
            self.checks.true(f"{item.name} is stored by others", nodes > 0, "> 0 nodes", nodes, log)
            self.checks.equal(f"{item.name} is at the same target for all", item.target, target, log)

    def _libtorrent_put(self, item: Item) -> int:
        keys = {"secret_key": item.secret_key, "public_key": item.public_key, "salt": item.salt} if item.seed else {}
        arguments = {"session": LIBTORRENT_WRITER, "value": item.value, "seconds": PUT_SECONDS, **keys}
        nodes: int = self.bed.libtorrent.helper.ask("put_item", PUT_SECONDS + 5, **arguments)["nodes"]
        return nodes

    def _check_got(self, client: str, items: list[Item]) -> None:
        """What one client gets of the others' items."""
        log = self.bed.libtorrent.helper.log
        if client == "mdht":
            runs = [self._mdht("get", item) for item in items]
            wait_for(runs, COMMAND_SECONDS)
            documents = [run.events_named("item") for run in runs]
            got = [found[0].get("value") if found else None for found in documents]
            log = runs[0].log
        elif client == "libtorrent":
            got = self._libtorrent_get(items)
        elif client == "bittorrent-dht":
            helper, log = self.bed.bittorrent_dht[1].helper, self.bed.bittorrent_dht[1].log
            numbers = [helper.send("get", target=item.target, salt=item.salt) for item in items]
            got = [helper.wait(number, GET_SECONDS).get("value") for number in numbers]
        else:
            with ThreadPoolExecutor(len(items)) as all_at_once:
                got = list(all_at_once.map(self._mainline_get, items))
        for item, value in zip(items, got, strict=True):
            self.checks.equal(f"{client} gets {item.name}", item.value, value, log)

    def _libtorrent_get(self, items: list[Item]) -> list[str | None]:
        asked = [
            {"public_key": item.public_key, "salt": item.salt} if item.seed else {"target": item.target}
            for item in items
        ]
        wanted = [item.value for item in items]
        arguments = {"session": LIBTORRENT_READER, "items": asked, "want": wanted, "seconds": GET_SECONDS}
        found: list[str | None] = self.bed.libtorrent.helper.ask("get_items", GET_SECONDS + 5, **arguments)["found"]
        return found

    def _mainline_get(self, item: Item) -> str | None:
        if not item.seed:
            return self._mainline("get", item.target)
        found = self._mainline("get-mutable", item.public_key, *([item.salt] if item.salt else []))
        # behind its sequence number
        return found.partition(" ")[2] if found else None

    def _check_replaced(self, item: Item) -> None:
        """mdht reads the sequence number that libtorrent chose, and puts the next; libtorrent gets it."""
        newer = Item(**{**vars(item), "value": "put in its place by mdht"})
        run = self._mdht("put", newer)
        wait_for([run], COMMAND_SECONDS)
        put = (run.events_named("put") or [{}])[0]
        self.checks.true(f"mdht replaces {item.name}", put.get("stored", 0) > 0, "> 0 nodes", put, run.log)
        self.checks.equal("no client refuses the item put in its place", {}, put.get("errors"), run.log)
        self.checks.equal(f"libtorrent gets mdht's in place of {item.name}", [newer.value], self._libtorrent_get([newer]))

    def _check_served(self, aimed: int) -> None:
        """What the node at which items were aimed says of itself."""
        self.node.stop()
        wait_for([self.node], STOP_SECONDS)
        self.checks.equal("the node at which items were aimed ends well", 0, self.node.exit_code, self.node.log)
        stats = (self.node.events_named("stats") or [{}])[0]
        stored = stats.get("items", {}).get("stored", 0)
        self.checks.true("it stored all items aimed at it", stored >= aimed, f">= {aimed}", stats, self.node.log)

    def _mdht(self, action: str, item: Item, sequence: int | None = None) -> Run:
        salt = ["--salt", item.salt] if item.salt else []
        if action == "put":
            key = ["--key", str(self.keys / item.writer), *salt] if item.seed else []
            words = ["put", item.value, *key, *(["--seq", str(sequence)] if key and sequence else [])]
        else:
            words = ["get", *(["--public-key", item.public_key, *salt] if item.seed else [item.target])]
        self.runs += 1
        address = plan.address(MDHT_NETWORK + self.runs)
        return Run(self.bed.namespace, self.binary, f"{action}-{self.runs}", address, words)

    def _mainline(self, *words: str) -> str | None:
        """What it printed; nothing if it failed."""
        number = next(self.mainline_runs)
        ip, port = plan.address(MAINLINE_NETWORK + number).split(":")
        log = plan.LOGS / f"mainline-items-{number}.log"
        with log.open("wb") as errors:
            command = [str(MAINLINE_ITEMS), ip, port, plan.BOOTSTRAP, *words]
            process = self.bed.namespace.popen(command, stdout=subprocess.PIPE, stderr=errors)
            try:
                out, _ = process.communicate(timeout=COMMAND_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                out, _ = process.communicate()
        log.write_text(log.read_text(errors="replace") + json.dumps(words) + "\n")
        return out.decode(errors="replace").strip() if process.returncode == 0 else None
