#!/usr/bin/env python3
"""Tells hosts behind NATs what it sees of them: plain JSON over UDP, no DHT. Runs until it is killed.

`witness.py ADDRESS OTHER_ADDRESS` has three sockets: `first` and `port` on ADDRESS, `address` on OTHER_ADDRESS.
Every datagram is a request {"n": N, "do": NAME}:

    where   answered by the socket it came to
    knock   answered by all three
    later   answered by the socket it came to, {"seconds": S} later

and every answer is {"n": N, "socket": NAME, "seen": [IP, PORT]}.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

SOCKETS = ("first", "port", "address")
PORTS = (4000, 4001, 4000)


class Witness(asyncio.DatagramProtocol):
    def __init__(self, name: str, everybody: dict[str, Witness]) -> None:
        self.name = name
        self.everybody = everybody
        everybody[name] = self

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, source: tuple[str, int]) -> None:
        request = json.loads(data)
        number, action = request["n"], request["do"]
        if action == "where":
            self.answer(number, source)
        elif action == "knock":
            for witness in self.everybody.values():
                witness.answer(number, source)
        elif action == "later":
            asyncio.get_running_loop().call_later(request["seconds"], self.answer, number, source)

    def answer(self, number: int, to: tuple[str, int]) -> None:
        self.transport.sendto(json.dumps({"n": number, "socket": self.name, "seen": to}).encode(), to)


async def main() -> None:
    ours, remote = sys.argv[1:3]
    everybody: dict[str, Witness] = {}
    loop = asyncio.get_running_loop()
    for name, ip, port in zip(SOCKETS, (ours, ours, remote), PORTS, strict=True):
        await loop.create_datagram_endpoint(lambda name=name: Witness(name, everybody), (ip, port))
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
