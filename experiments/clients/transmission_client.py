"""Transmission as a client: `transmission_client.py IP PORT BOOTSTRAP DIR`, driven by lines as README.md says.

It looks up its torrents only, when it thinks fit: each infohash is added as a magnet link and the one before is
removed. It speaks to nobody else than the world.
"""

import json
import socket
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from subprocess import STDOUT, Popen
from threading import Thread


class Rpc:
    """Transmission's remote control, which wants a session ID that it gives with its first refusal."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = ""

    def ask(self, method: str, **arguments: object) -> dict[str, object]:
        body = json.dumps({"method": method, "arguments": arguments}).encode()
        for _ in range(2):
            request = urllib.request.Request(self.url, body, {"X-Transmission-Session-Id": self.session})
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as refusal:
                if refusal.code != 409:
                    raise
                self.session = refusal.headers["X-Transmission-Session-Id"]
        raise RuntimeError("transmission refuses its own session ID")


def main() -> None:
    ip, port, bootstrap, folder = sys.argv[1:]
    home, control = Path(folder), free_port()
    (home / "downloads").mkdir(parents=True, exist_ok=True)
    settings = {
        "bind-address-ipv4": ip,
        "peer-port": int(port),
        "dht-enabled": True,
        "download-dir": str(home / "downloads"),
        "rpc-bind-address": "127.0.0.1",
        "rpc-port": control,
        # they would talk to others than the world
        "utp-enabled": False,
        "lpd-enabled": False,
        "pex-enabled": False,
        "port-forwarding-enabled": False,
    }
    (home / "settings.json").write_text(json.dumps(settings))
    # read before it asks the public routers; a line is HOST PORT
    (home / "dht.bootstrap").write_text(bootstrap.replace(":", " ") + "\n")
    command = ["transmission-daemon", "--foreground", "--log-debug", "--config-dir", str(home)]
    with (home / "log").open("wb") as log:
        process = Popen(command, stdout=log, stderr=STDOUT)
    Thread(target=lambda: sys.exit(process.wait()), daemon=True).start()
    try:
        serve(Rpc(f"http://127.0.0.1:{control}/transmission/rpc"))
    finally:
        process.terminate()
        process.wait(10)


def serve(rpc: Rpc) -> None:
    for attempt in range(100):
        try:
            rpc.ask("session-get")
            break
        except (OSError, urllib.error.URLError):
            if attempt == 99:
                raise
            time.sleep(0.1)
    print("ready", flush=True)
    for line in sys.stdin:
        command, _, infohash = line.strip().partition(" ")
        if command == "lookup":
            found = rpc.ask("torrent-get", fields=["id"])["arguments"]
            if ids := [torrent["id"] for torrent in found["torrents"]]:
                rpc.ask("torrent-remove", ids=ids)
            rpc.ask("torrent-add", filename=f"magnet:?xt=urn:btih:{infohash}")
        elif command == "stop":
            break
        else:
            print(f"no such command: {line}", file=sys.stderr, flush=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    main()
