"""A made-up capture of two nodes, cut in its last packet."""

import random
import struct
from hashlib import sha1

from bencode import encode

NODES = {"10.0.0.1": 60, "10.0.0.2": 140}  # address, fastest answer in ms
CLIENTS = [b"UT\x00\x01", b"LT\x01\x02", b"<b>x", None]  # one wants to be markup


def ip_address(text):
    return bytes(map(int, text.split(".")))


def datagram(source, destination, payload):
    udp = struct.pack("!HHHH", 6881, 6881, 8 + len(payload), 0) + payload
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0)
    return ip + ip_address(source) + ip_address(destination) + udp


class Sample:
    """Packets with their times in milliseconds."""

    def __init__(self):
        self.random = random.Random(8)
        self.packets = []
        self.transaction = 0

    def send(self, ms, source, destination, message):
        payload = message if isinstance(message, bytes) else encode(message)
        self.packets.append((ms, datagram(source, destination, payload)))

    def exchange(self, ms, node, query, arguments, values=None):
        """A query of `node`; how long the answer took, or None."""
        self.transaction = (self.transaction + 1) % 65536
        tid = self.transaction.to_bytes(2, "big")
        number = self.random.randrange(1, 200)
        remote = f"203.0.113.{number}"
        arguments = {b"id": sha1(node.encode()).digest(), **arguments}
        self.send(ms, node, remote, {b"t": tid, b"y": b"q", b"q": query, b"a": arguments})
        fate = self.random.random()
        if fate < 0.15:
            return None
        delay = NODES[node] * (1 - self.random.random()) ** -0.6
        client = CLIENTS[number % len(CLIENTS)]
        answer = {b"t": tid, **({b"v": client} if client else {})}
        if fate < 0.18:
            answer.update({b"y": b"e", b"e": [201, b"no"]})
        else:
            found = {b"id": sha1(remote.encode()).digest(), b"nodes": b"", b"token": b"t"}
            if values:
                found[b"values"] = values
            answer.update({b"y": b"r", b"r": found})
        self.send(ms + delay, remote, node, answer)
        return delay

    def lookup(self, ms, node):
        infohash = self.random.randbytes(20)
        swarm = [self.random.randbytes(6) for _ in range(self.random.choice([0, 3, 30, 300]))]
        for step in range(self.random.randrange(6, 20)):
            values = None
            if swarm and step >= 4:
                values = self.random.choices(swarm, k=min(len(swarm), 40))
            self.exchange(ms + 45 * step, node, b"get_peers", {b"info_hash": infohash}, values)

    def pcap(self):
        for i, node in enumerate(NODES):
            for ms in range(i * 400, 1_200_000, 15_000):
                self.lookup(ms, node)
            for ms in range(0, 1_200_000, 6_000 if i == 0 else 2_000):
                self.exchange(ms, node, b"ping", {})
            self.send(700_000, "203.0.113.9", node, b"d1:t2:xx1:y1:q")  # cannot be read
        self.packets.sort(key=lambda packet: packet[0])
        records = [
            struct.pack("<IIII", 1_800_000_000 + us // 1_000_000, us % 1_000_000, len(p), len(p)) + p
            for us, p in ((int(ms * 1000), packet) for ms, packet in self.packets)
        ]
        header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 101)
        return (header + b"".join(records))[:-10]


def write(path):
    path.write_bytes(Sample().pcap())
