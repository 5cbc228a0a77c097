"""Transmission as a client: `transmission_client.py IP PORT BOOTSTRAP DIR`, driven by lines as README.md says.

It looks up its torrents only, when it thinks fit: each infohash is added as a magnet link and the one before is
removed. It speaks to nobody else than the world.
"""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from client_settings import fill_transmission_home
from controlled import drive, free_port


class Rpc:
    """Transmission's remote control, which wants a session ID that it gives with its first refusal."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = ""

    def ask(self, method: str, **arguments: object) -> dict[str, Any]:
        body = json.dumps({"method": method, "arguments": arguments}).encode()
        for _ in range(2):
            request = urllib.request.Request(self.url, body, {"X-Transmission-Session-Id": self.session})
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:
                    reply: dict[str, Any] = json.load(answer)
                    return reply
            except urllib.error.HTTPError as refusal:
                if refusal.code != 409:
                    raise
                self.session = refusal.headers["X-Transmission-Session-Id"]
        raise RuntimeError("transmission refuses its own session ID")


def main() -> None:
    ip, port, bootstrap, folder = sys.argv[1:]
    home, control = Path(folder), free_port()
    more = {"rpc_bind_address": "127.0.0.1", "rpc_port": control}
    fill_transmission_home(home, ip, int(port), [bootstrap], **more)
    rpc = Rpc(f"http://127.0.0.1:{control}/transmission/rpc")

    def look_up(infohash: str) -> None:
        found = rpc.ask("torrent-get", fields=["id"])["arguments"]
        if ids := [torrent["id"] for torrent in found["torrents"]]:
            rpc.ask("torrent-remove", ids=ids)
        rpc.ask("torrent-add", filename=f"magnet:?xt=urn:btih:{infohash}")

    command = ["transmission-daemon", "--foreground", "--log-error", "--config-dir", str(home)]
    drive(command, lambda: rpc.ask("session-get"), look_up)


if __name__ == "__main__":
    main()
