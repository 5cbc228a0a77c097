"""A network namespace in which all of 10/8 is local, and the processes that run in it."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import IO

PREFIX = "mdht-interop-"


class Namespace:
    """Use as a context manager: at its end every process started here is gone, and the namespace too."""

    def __init__(self, mtu: int | None = None) -> None:
        self.name = f"{PREFIX}{os.getpid()}"
        self.mtu = mtu
        self.processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Namespace:
        remove_leftovers()
        run_ip("netns", "add", self.name)
        try:
            run_ip("-n", self.name, "link", "set", "lo", "up", *(["mtu", str(self.mtu)] if self.mtu else []))
            # Every address of 10/8 is ours without adding one.
            run_ip("-n", self.name, "route", "add", "local", "10.0.0.0/8", "dev", "lo")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

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


def remove_leftovers() -> None:
    """Namespaces of suites that were killed outright: their number is that of no living process."""
    for path in Path("/run/netns").glob(f"{PREFIX}*"):
        if not Path("/proc", path.name.removeprefix(PREFIX)).exists():
            subprocess.run(["ip", "netns", "delete", path.name], check=False, capture_output=True)


def run_ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
