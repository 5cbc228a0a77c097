"""Network namespaces, and the processes that run in them."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import IO, Self


class Namespace:
    """One with nothing in it but loopback. As a context manager: at its end every process started here is gone, and the
    namespace too."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        try:
            return self.open()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> Self:
        run_ip("netns", "add", self.name)
        self.ip("link", "set", "lo", "up")
        return self

    def ip(self, *arguments: str) -> None:
        run_ip("-n", self.name, *arguments)

    def popen(
        self,
        command: list[str],
        *,
        stdin: int | None = subprocess.DEVNULL,
        stdout: int | IO[bytes] | None = subprocess.DEVNULL,
        stderr: int | IO[bytes] | None = subprocess.DEVNULL,
        cwd: Path | None = None,
        environment: dict[str, str] | None = None,
    ) -> subprocess.Popen[bytes]:
        # nsenter and setpriv replace themselves by what they start, so the PID is the client's own. The kernel
        # kills it if the suite dies without a chance to clean up.
        inside = ["nsenter", f"--net=/run/netns/{self.name}", "setpriv", "--pdeathsig", "KILL", "--", *command]
        process = subprocess.Popen(
            inside,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            cwd=cwd,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
        self.processes.append(process)
        return process

    def close(self) -> None:
        living = [process for process in self.processes if process.poll() is None]
        for process in living:
            process.terminate()
        deadline = time.monotonic() + 2
        for process in living:
            try:
                process.wait(max(0.05, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes.clear()
        subprocess.run(["ip", "netns", "delete", self.name], check=False, capture_output=True)


def remove_leftovers(prefix: str) -> None:
    """Namespaces of suites that were killed outright: the number after the prefix is that of no living process."""
    for path in Path("/run/netns").glob(f"{prefix}*"):
        owner = path.name.removeprefix(prefix).partition("-")[0]
        if not Path("/proc", owner).exists():
            subprocess.run(["ip", "netns", "delete", path.name], check=False, capture_output=True)


def run_ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
