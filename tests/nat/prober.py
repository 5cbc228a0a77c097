#!/usr/bin/env python3
"""The experiment of the thesis's chapter 7 in a few lines of Python: something for mdht's checker to agree with.

`prober.py '{"address": IP, "remote": IP, "port": N, "nodes": ["IP:PORT"], "pings": N, "interval": S, "timeout": S,
"second_burst": S}'` answers queries at ADDRESS:PORT as a DHT node does, and checks everybody who sends one: pings from
the same socket, from another port, and from another address; again a while later. Runs until it is killed. Prints JSON
lines:

    {"event": "ready"}
    {"event": "burst", "ip", "port", "id", "version", "letters": "RUU"}    the first burst is over
    {"event": "check", ..., "pattern": "RUU-UUU"}
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from pathlib import Path
from typing import Any

sys.dont_write_bytecode = True  # leave nothing in the checkout
sys.path.append(str(Path(__file__).resolve().parents[2] / "experiments" / "clients"))

from bencode import decode, encode

Address = tuple[str, int]
OWN_ID = bytes.fromhex("6d" * 20)


def compact(address: Address) -> bytes:
    return socket.inet_aton(address[0]) + address[1].to_bytes(2, "big")


class Vantage(asyncio.DatagramProtocol):
    """One socket that pings; what it is asked goes to `asked`, if anywhere."""

    def __init__(self, asked: Any = None) -> None:
        self.asked = asked
        self.waiting: dict[bytes, tuple[Address, asyncio.Event]] = {}
        self.count = 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, source: Address) -> None:
        try:
            message = decode(data)[0]
            kind, transaction = message[b"y"], message[b"t"]
        except (ValueError, KeyError, TypeError):
            return
        if kind == b"q" and self.asked:
            self.asked(message, source)
        to, answered = self.waiting.get(transaction, (None, None))
        if kind == b"r" and answered and to == source:  # from elsewhere it would prove another mapping
            answered.set()

    async def burst(self, to: Address, settings: dict[str, Any]) -> bool:
        """Whether any of its pings was answered in time."""
        answered = asyncio.Event()
        end = asyncio.get_running_loop().time() + settings["timeout"]
        sent = []
        for number in range(settings["pings"]):
            self.count += 1
            transaction = b"p%06d" % self.count
            self.waiting[transaction] = (to, answered)
            sent.append(transaction)
            # Read-only: nobody shall take the checkers for nodes and ask them, which would open the way for them.
            ping = {b"a": {b"id": OWN_ID}, b"q": b"ping", b"ro": 1, b"t": transaction, b"y": b"q"}
            self.transport.sendto(encode(ping), to)
            last = number + 1 == settings["pings"]
            left = end - asyncio.get_running_loop().time()
            try:
                await asyncio.wait_for(answered.wait(), left if last else min(left, settings["interval"]))
                break
            except TimeoutError:
                continue
        for transaction in sent:
            del self.waiting[transaction]
        return answered.is_set()


class Prober:
    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.known: set[tuple[str, bytes]] = set()
        self.tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        loop, port = asyncio.get_running_loop(), self.settings["port"]
        ours, remote = self.settings["address"], self.settings["remote"]
        self.vantages = [Vantage(self.asked), Vantage(), Vantage()]
        places = [(ours, port), (ours, port + 1), (remote, port)]
        for vantage, place in zip(self.vantages, places, strict=True):
            await loop.create_datagram_endpoint(lambda vantage=vantage: vantage, place)
        say(event="ready")

    def asked(self, query: dict[bytes, Any], source: Address) -> None:
        who = query[b"a"][b"id"]
        answer: dict[bytes, Any] = {b"id": OWN_ID}
        if query[b"q"] in (b"find_node", b"get_peers"):
            answer[b"nodes"] = b"".join(
                (index + 1).to_bytes(1, "big") * 20 + compact((node.split(":")[0], int(node.split(":")[1])))
                for index, node in enumerate(self.settings["nodes"][:8])
            )
            answer[b"token"] = b"none"
        message = {b"ip": compact(source), b"r": answer, b"t": query[b"t"], b"y": b"r"}
        self.vantages[0].transport.sendto(encode(message), source)
        # Who says that it answers nobody would pass for firewalled.
        if (source[0], who) not in self.known and query.get(b"ro") != 1:
            self.known.add((source[0], who))
            task = asyncio.get_running_loop().create_task(self.check(query, source))
            self.tasks.add(task)

    async def check(self, query: dict[bytes, Any], node: Address) -> None:
        about = {
            "ip": node[0],
            "port": node[1],
            "id": query[b"a"][b"id"].hex(),
            "version": query.get(b"v", b"").decode("latin-1"),
        }
        start = asyncio.get_running_loop().time()
        first = await self.letters(node)
        say(event="burst", letters=first, **about)
        await asyncio.sleep(start + self.settings["second_burst"] - asyncio.get_running_loop().time())
        say(event="check", pattern=f"{first}-{await self.letters(node)}", **about)

    async def letters(self, node: Address) -> str:
        reached = await asyncio.gather(*(vantage.burst(node, self.settings) for vantage in self.vantages))
        return "".join("R" if one else "U" for one in reached)


def say(**event: Any) -> None:
    print(json.dumps(event), flush=True)


async def main() -> None:
    await Prober(json.loads(sys.argv[1])).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
