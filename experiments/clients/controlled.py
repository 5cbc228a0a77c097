"""A client with a remote control: a process that this driver starts, orders about over HTTP, and ends with."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from subprocess import Popen


def drive(command: list[str], answers: Callable[[], object], look_up: Callable[[str], None]) -> None:
    """Runs a command, waits until its remote control answers, and hands it each infohash to look up."""
    # its log is ours
    process = Popen(command, stdout=sys.stderr, stderr=sys.stderr)
    stopping = threading.Event()
    threading.Thread(target=end_with, args=[process, stopping], daemon=True).start()
    try:
        wait_for(answers)
        print("ready", flush=True)
        for line in sys.stdin:
            order, _, infohash = line.strip().partition(" ")
            if order == "lookup":
                look_up(infohash)
            elif order == "stop":
                break
            else:
                print(f"no such command: {line}", file=sys.stderr, flush=True)
    finally:
        stopping.set()
        process.terminate()
        process.wait(10)


def end_with(process: Popen[bytes], stopping: threading.Event) -> None:
    """A client that ends by itself takes its driver with it."""
    code = process.wait()
    if not stopping.is_set():
        os._exit(code or 1)


def wait_for(answers: Callable[[], object]) -> None:
    for attempt in range(100):
        try:
            answers()
            return
        except OSError:
            if attempt == 99:
                raise
            time.sleep(0.1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
