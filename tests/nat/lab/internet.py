"""An Internet of network namespaces: one bridge on which every public address is a neighbour."""

from __future__ import annotations

import os
import subprocess

from suites.namespace import Namespace, remove_leftovers

from . import gateways, plan, quiet
from .gateways import Planted

PREFIX = "mdht-nat-"

# A host with two lines: no answer for the address of one on the other, and its own packets may come back to it.
SCOPES = ("all", "second")
TWO_LINES = {"accept_local": 1, "rp_filter": 0}


class Space(Namespace):
    """A namespace whose kernel can be told how to filter and route."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{PREFIX}{os.getpid()}-{name}")

    def nft(self, ruleset: str) -> None:
        self._run(["nft", "-f", "-"], ruleset)

    def sysctl(self, settings: dict[str, int]) -> None:
        self._run(["sysctl", "-q", "-w", *(f"{key}={value}" for key, value in settings.items())])

    def _run(self, command: list[str], text: str = "") -> None:
        inside = ["nsenter", f"--net=/run/netns/{self.name}", "--", *command]
        done = subprocess.run(inside, input=text, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)} in {self.name}: {done.stderr.strip()}")


class Household:
    """One planted class: a host, and its gateway if there is one between it and the Internet."""

    def __init__(self, internet: Internet, number: int, planted: Planted) -> None:
        self.internet = internet
        self.planted = planted
        self.number = number
        self.public = plan.public_address(number)
        self.host = internet.space(f"host{number}")
        if planted.kind == gateways.OPEN:
            self.address = self.public
            internet.connect(self.host, [self.public])
        else:
            self.address = plan.LAN_HOST if planted.translates else self.public
            self.gateway = internet.space(f"gateway{number}")
            internet.connect(self.gateway, [self.public] if planted.translates else [])
            self._connect_host()
            self.gateway.nft(gateways.ruleset(planted))
            self.gateway.sysctl(gateways.sysctls(planted))

    def go_quiet(self, instrumented: tuple[str, str]) -> None:
        self.gateway.nft(quiet.ruleset(instrumented))

    def speak_again(self) -> None:
        self.gateway.nft("delete table ip quiet\n")

    def add_second_line(self) -> str:
        """A line past the gateway, as a machine with two networks has; the address it has there."""
        second = plan.second_address(self.number)
        # Or it would say there that its first address is to be found past the gateway.
        self.host.sysctl({"net.ipv4.conf.all.arp_ignore": 1})
        self.internet.connect(self.host, [second], "second")
        self.host.ip("route", "add", "default", "dev", "second", "table", "102")
        self.host.ip("rule", "add", "pref", "20", "iif", "lo", "from", second, "lookup", "102")
        return second

    def route_between_lines(self) -> None:
        """Packets between two addresses of one machine never leave it, unless rules ahead of its table of local
        addresses say so; and it takes them back only if told to."""
        host = self.host
        host.sysctl({f"net.ipv4.conf.{of}.{key}": value for key, value in TWO_LINES.items() for of in SCOPES})
        is_open = self.planted.kind == gateways.OPEN
        way = ["dev", "wan"] if is_open else ["via", plan.LAN_GATEWAY, "dev", "eth0"]
        host.ip("route", "add", "default", *way, "table", "101")
        host.ip("rule", "add", "pref", "10", "iif", "lo", "from", self.address, "lookup", "101")
        host.ip("rule", "add", "pref", "30", "lookup", "local")
        host.ip("rule", "del", "pref", "0")

    def _connect_host(self) -> None:
        host, gateway = self.host, self.gateway
        gateway.ip("link", "add", "lan", "type", "veth", "peer", "name", "eth0", "netns", host.name)
        gateway.ip("address", "add", f"{plan.LAN_GATEWAY}/32", "dev", "lan")
        gateway.ip("link", "set", "lan", "up")
        gateway.ip("route", "add", f"{self.address}/32", "dev", "lan")
        host.ip("address", "add", f"{self.address}/32", "dev", "eth0")
        host.ip("link", "set", "eth0", "up")
        host.ip("route", "add", f"{plan.LAN_GATEWAY}/32", "dev", "eth0")
        host.ip("route", "add", "default", "via", plan.LAN_GATEWAY, "dev", "eth0")


class Internet:
    """Use as a context manager: at its end every process started in it is gone, and every namespace too."""

    def __init__(self) -> None:
        self.spaces: list[Space] = []
        self.lines = 0

    def __enter__(self) -> Internet:
        remove_leftovers(PREFIX)
        try:
            self.bridge = self.space("bridge")
            self.bridge.ip("link", "add", "bridge", "type", "bridge")
            self.bridge.ip("link", "set", "bridge", "up")
            self.vantage = self.space("vantage")
            self.connect(self.vantage, list(plan.VANTAGE))
            self.overlay = self.space("overlay")
            self.connect(self.overlay, plan.OVERLAY)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def household(self, number: int, planted: Planted) -> Household:
        return Household(self, number, planted)

    def space(self, name: str) -> Space:
        space = Space(name)
        self.spaces.append(space)  # before it is there: what is half made must be taken down too
        return space.open()

    def connect(self, space: Space, addresses: list[str], name: str = "wan") -> None:
        self.lines += 1
        port = f"line{self.lines}"
        self.bridge.ip("link", "add", port, "type", "veth", "peer", "name", name, "netns", space.name)
        self.bridge.ip("link", "set", port, "master", "bridge", "up")
        for address in addresses:
            space.ip("address", "add", f"{address}/32", "dev", name)
        space.ip("link", "set", name, "up")
        if name == "wan":
            space.ip("route", "add", "default", "dev", name)

    def close(self) -> None:
        # All at once: a namespace waits for its own processes when it is closed.
        for space in self.spaces:
            for process in space.processes:
                if process.poll() is None:
                    process.kill()
        for space in reversed(self.spaces):
            space.close()
        self.spaces.clear()
