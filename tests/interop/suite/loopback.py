"""A network namespace in which all of 10/8 is local."""

from __future__ import annotations

import os
from typing import Self

from suites.namespace import Namespace, remove_leftovers

PREFIX = "mdht-interop-"


class Loopback(Namespace):
    def __init__(self, mtu: int | None = None) -> None:
        super().__init__(f"{PREFIX}{os.getpid()}")
        self.mtu = mtu

    def open(self) -> Self:
        remove_leftovers(PREFIX)
        super().open()
        if self.mtu:
            self.ip("link", "set", "lo", "mtu", str(self.mtu))
        # Every address of 10/8 is ours without adding one.
        self.ip("route", "add", "local", "10.0.0.0/8", "dev", "lo")
        return self
