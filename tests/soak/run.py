#!/usr/bin/env python3
"""A node of ours under ten times its usual traffic, in real time: is its memory flat, does it answer
every query, does it leak file descriptors or threads?

    tests/soak/run.py [--minutes 30] [--queries-per-s 40]

It lives in a served overlay of 100,000 nodes on loopback, looks up a popular swarm every ten seconds, and is
asked by 64 sockets. The usual is about 4 queries a second [thesis 7.5: 3.68 million nodes in 24 h asked
16 nodes]. The last line is `N passed, M failed`; the samples are printed as it goes.
"""

import argparse
import json
import os
import random
import selectors
import shlex
import socket
import sys
import threading
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests"))
from suites import frame  # noqa: E402
from suites.places import MDHT  # noqa: E402
from suites.served import ServedNode  # noqa: E402

NODE = ("127.0.99.1", 6881)
SOCKETS = 64
ANSWER_WITHIN_S = 2.0
SAMPLE_EVERY_S = 30
# For starting and ending, beyond the minutes asked for; a hang must end.
GRACE_S = 300


class Asker(threading.Thread):
    """Sends valid queries at an even rate; counts answers, and queries without one."""

    def __init__(self, per_second):
        super().__init__(daemon=True)
        self.pause = 1 / per_second
        self.asked = self.answered = self.late = 0
        self.open = {}
        self.stopping = False
        self.chance = random.Random(1)
        self.ids = [self.chance.randbytes(20) for _ in range(SOCKETS)]
        self.selector = selectors.DefaultSelector()
        self.sockets = []
        for number in range(SOCKETS):
            one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            one.bind((f"127.0.98.{number + 1}", 0))
            one.setblocking(False)
            self.selector.register(one, selectors.EVENT_READ)
            self.sockets.append(one)

    def run(self):
        due = time.monotonic()
        while not self.stopping or self.open:
            now = time.monotonic()
            while not self.stopping and due <= now:
                self.ask(now)
                due += self.pause
            self.take(max(0.0, min(due - time.monotonic(), 0.1)))
            for transaction, sent in list(self.open.items()):
                if time.monotonic() - sent > ANSWER_WITHIN_S:
                    del self.open[transaction]
                    self.late += 1

    def ask(self, now):
        number = self.asked % SOCKETS
        transaction = self.asked.to_bytes(4, "big")
        target = self.chance.randbytes(20)
        identity = b"2:id20:" + self.ids[number]
        kinds = (
            (b"d" + identity + b"e", b"4:ping"),
            (b"d" + identity + b"6:target20:" + target + b"e", b"9:find_node"),
            (b"d" + identity + b"9:info_hash20:" + target + b"e", b"9:get_peers"),
        )
        arguments, method = kinds[self.asked % 3]
        query = b"d1:a" + arguments + b"1:q" + method + b"1:t4:" + transaction + b"1:y1:qe"
        self.sockets[number].sendto(query, NODE)
        self.open[transaction] = now
        self.asked += 1

    def take(self, timeout):
        for key, _ in self.selector.select(timeout):
            try:
                answer, _ = key.fileobj.recvfrom(2048)
            except BlockingIOError:
                continue
            found = answer.find(b"1:t4:")
            if found >= 0 and self.open.pop(answer[found + 5 : found + 9], None) is not None:
                self.answered += 1


def sample(pid, url):
    status = Path(f"/proc/{pid}/status").read_text()
    field = lambda name: int(status.split(name + ":")[1].split()[0])  # noqa: E731
    counts = json.load(urllib.request.urlopen(url + "status.json", timeout=10))
    return {
        "rss_kb": field("VmRSS"),
        "threads": field("Threads"),
        "descriptors": len(os.listdir(f"/proc/{pid}/fd")),
        "rate_limited": counts["rate_limited"],
        "queries": sum(counts["queries_received"].values()),
    }


def soak(minutes, per_second, options):
    words = ["--metrics", "0", "--bind", f"{NODE[0]}:{NODE[1]}", "--every", "3600", *shlex.split(options)]
    with ServedNode(MDHT, 100_000, int(minutes * 60) + 120, words) as served:
        url = served.url.removesuffix("metrics")
        asker = Asker(per_second)
        asker.start()
        samples = []
        begun = time.monotonic()
        while (passed := time.monotonic() - begun) < minutes * 60:
            if passed >= len(samples) * SAMPLE_EVERY_S:
                samples.append(sample(served.node.pid, url))
                print(f"{passed:6.0f} s  {samples[-1]}", flush=True)
            served.look_up(random.choice(served.infohashes))
            time.sleep(10)
        asker.stopping = True
        asker.join(timeout=30)
        time.sleep(5)
        samples.append(sample(served.node.pid, url))
        return samples, asker


def check(checks, samples, asker):
    half = len(samples) // 2
    most = lambda samples, key: max(one[key] for one in samples)  # noqa: E731
    limited, last = samples[-1]["rate_limited"], samples[half:]
    answered = f"{asker.answered} of {asker.asked}, {limited} over the limit"
    checks.that(asker.late == limited, f"every query below the rate limit is answered: {answered}")
    before, after = most(samples[1:half], "rss_kb"), most(last, "rss_kb")
    checks.that(after <= before * 1.05 + 1024, f"memory is flat in the second half: {before} kB, then {after} kB")
    descriptors = [one["descriptors"] for one in samples]
    leaked = most(last, "descriptors") > most(samples[:half], "descriptors") + 1
    checks.that(not leaked, f"no descriptor is leaked: {descriptors}")
    threads = [one["threads"] for one in samples]
    checks.that(len(set(threads)) == 1, f"no thread is leaked: {threads}")


def main():
    parser = argparse.ArgumentParser(description="A node under ten times its usual traffic, in real time.")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--queries-per-s", type=float, default=40)
    parser.add_argument("--options", default="", help="of mdht node, such as --options='--routing nr128'")
    arguments = parser.parse_args()
    if arguments.minutes < 3:
        parser.error("--minutes: at least 3, for halves to be compared")

    def suite(checks):
        check(checks, *soak(arguments.minutes, arguments.queries_per_s, arguments.options))

    return frame.run(suite, arguments.minutes * 60 + GRACE_S)


if __name__ == "__main__":
    sys.exit(main())
