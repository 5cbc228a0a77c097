#!/usr/bin/env python3
"""Four attacks that need no overlay, on libtorrent and on our node, over loopback; a few minutes.

    experiments/clients/setup.sh libtorrent; cargo build --release
    target/interop/venv/bin/python experiments/clients/direct_attacks.py

Amplification, tokens from another address, a flood from one source, and announces of many infohashes. Prints a
table and, with --out FILE, JSON. Nothing leaves 127.0.0.0/8: each attacker is an address of it.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.dont_write_bytecode = True  # leave nothing in the checkout

from bencode import decode, encode
from installed import PYTHON, ROOT

# Of one infohash, announced before the amplification is measured.
PEERS = 100
# Honest swarms, and the attackers' infohashes that come after them.
HONEST, FLOOD = 50, 2500
# Queries a second from one source, and for how many seconds.
RATE, SECONDS = 400, 5


class Attacker:
    """An address that asks."""

    def __init__(self, target: tuple[str, int], ip: str, port: int = 0) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((ip, port))
        self.socket.settimeout(0.3)
        self.target, self.id = target, os.urandom(20)

    def query(self, method: bytes, transaction: bytes = b"aa", **arguments: Any) -> bytes:
        named = {key.encode(): value for key, value in arguments.items()}
        # read-only: it is not asked in its turn [BEP 43]
        return encode({b"t": transaction, b"y": b"q", b"q": method, b"ro": 1, b"a": {b"id": self.id, **named}})

    def send(self, datagram: bytes) -> None:
        self.socket.sendto(datagram, self.target)

    def ask(self, datagram: bytes, tries: int = 8) -> bytes | None:
        """The answer; queries of others are not for us."""
        for _ in range(tries):
            self.send(datagram)
            try:
                while True:
                    answer = self.socket.recv(65536)
                    if b"1:y1:q" not in answer:
                        return answer
            except (TimeoutError, ConnectionRefusedError):
                continue
        return None

    def announce(self, infohash: bytes) -> bool:
        answer = self.ask(self.query(b"get_peers", info_hash=infohash))
        token = decode(answer)[0].get(b"r", {}).get(b"token") if answer else None
        return token is not None and self.shows(infohash, token)

    def shows(self, infohash: bytes, token: bytes) -> bool:
        answer = self.ask(self.query(b"announce_peer", info_hash=infohash, port=6881, token=token))
        return answer is not None and decode(answer)[0].get(b"y") == b"r"

    def holds(self, infohash: bytes) -> bool | None:
        answer = self.ask(self.query(b"get_peers", info_hash=infohash))
        return bool(decode(answer)[0].get(b"r", {}).get(b"values")) if answer else None

    def close(self) -> None:
        self.socket.close()


def amplification(target: tuple[str, int]) -> dict[str, Any]:
    infohash = os.urandom(20)
    announced = 0
    for number in range(PEERS):
        one = Attacker(target, f"127.11.{number}.1")
        announced += one.announce(infohash)
        one.close()
    asker = Attacker(target, "127.12.0.1")
    question = asker.query(b"get_peers", transaction=b"a", info_hash=infohash)
    answers = [len(answer) for _ in range(5) if (answer := asker.ask(question))]
    return {"announced": announced, "question": len(question), "answer": max(answers, default=None)}


def tokens(target: tuple[str, int]) -> dict[str, Any]:
    infohash, first = os.urandom(20), Attacker(target, "127.13.0.1")
    answer = first.ask(first.query(b"get_peers", info_hash=infohash))
    token = decode(answer)[0][b"r"][b"token"] if answer else b""
    same_ip = Attacker(target, "127.13.0.1").shows(infohash, token)
    other_ip = Attacker(target, "127.13.0.2").shows(infohash, token)
    other_key = first.shows(os.urandom(20), token)
    return {"length": len(token), "other port": same_ip, "other address": other_ip, "other infohash": other_key}


def one_source(target: tuple[str, int]) -> dict[str, Any]:
    """A source that may be forged asks as fast as it can; somebody honest asks now and then."""
    loud, honest = Attacker(target, "127.14.0.1"), Attacker(target, "127.15.0.1")
    loud.socket.setblocking(False)
    sent = answered = bytes_in = bytes_out = served = 0
    begun = time.monotonic()
    for number in range(RATE * SECONDS):
        question = loud.query(b"get_peers", transaction=b"a", info_hash=os.urandom(20))
        loud.send(question)
        sent, bytes_in = sent + 1, bytes_in + len(question)
        if number % (RATE // 4) == 0:
            served += honest.ask(honest.query(b"ping"), tries=1) is not None
        try:
            while True:
                answer = loud.socket.recv(65536)
                answered, bytes_out = answered + 1, bytes_out + len(answer)
        except (BlockingIOError, ConnectionRefusedError):
            pass
        time.sleep(max(0.0, begun + number / RATE - time.monotonic()))
    seconds = time.monotonic() - begun
    return {
        "sent": sent,
        "answered": answered,
        "answers_per_s": round(answered / seconds, 1),
        "ratio": round(bytes_out / bytes_in, 2),
        "honest_answered_pct": round(100 * served / (4 * SECONDS)),
    }


def infohashes(target: tuple[str, int], memory: Any) -> dict[str, Any]:
    """What honest peers announced before a flood of announces, and what it takes."""
    time.sleep(10)  # whoever limits rates has room again
    honest = [os.urandom(20) for _ in range(HONEST)]
    announced = 0
    for number, infohash in enumerate(honest):
        one = Attacker(target, f"127.16.{number}.1")
        announced += one.announce(infohash)
        one.close()
    before, begun, stored = memory(), time.monotonic(), 0
    many = [Attacker(target, f"127.17.{number}.1") for number in range(100)]
    for number in range(FLOOD):
        if time.monotonic() - begun > 240:
            break
        stored += many[number % len(many)].announce(os.urandom(20))
    asked = [Attacker(target, f"127.18.{number}.1").holds(infohash) for number, infohash in enumerate(honest)]
    fresh = []
    for number in range(HONEST):
        one, infohash = Attacker(target, f"127.19.{number}.1"), os.urandom(20)
        one.announce(infohash)
        fresh.append(one.holds(infohash))
        one.close()
    return {
        "honest_announced": announced,
        "attackers_announced": stored,
        "seconds": round(time.monotonic() - begun),
        "honest_asked_again": sum(answer is not None for answer in asked),
        "honest_kept": sum(answer is True for answer in asked),
        "honest_taken_afterwards": sum(answer is True for answer in fresh),
        "memory_kb": [before, memory()],
    }


def resident_kb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))


def free_port(ip: str) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((ip, 0))
        return int(probe.getsockname()[1])


def start_libtorrent(ip: str, port: int) -> subprocess.Popen[str]:
    driver = ROOT / "experiments" / "clients" / "libtorrent_client.py"
    words = [str(PYTHON), str(driver), ip, str(port), "127.0.0.1:9", "/tmp"]
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def start_ours(ip: str, port: int) -> subprocess.Popen[str]:
    own = [str(ROOT / "target/release/mdht"), "node", "--driven", "--bind", f"{ip}:{port}"]
    words = [*own, "--no-default-bootstrap", "--bootstrap", "127.0.0.1:9"]
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Attacks libtorrent and our node over loopback.")
    parser.add_argument("--out", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    found: dict[str, Any] = {}
    for label, ip, start in [("libtorrent", "127.0.77.1", start_libtorrent), ("mdht", "127.0.77.2", start_ours)]:
        port = free_port(ip)
        process = start(ip, port)
        try:
            time.sleep(3)
            target = (ip, port)
            found[label] = {
                "amplification": amplification(target),
                "tokens": tokens(target),
                "one source": one_source(target),
                "infohashes": infohashes(target, lambda: resident_kb(process.pid)),
            }
        finally:
            process.kill()
            process.wait(5)
        print(label, json.dumps(found[label], indent=1), flush=True)
    if arguments.out:
        arguments.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
