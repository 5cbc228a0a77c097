"""aria2 as a client: `aria2_client.py IP PORT BOOTSTRAP DIR`, driven by lines as README.md says.

It looks up its downloads only: each infohash is added as a magnet link and the one before is removed.
"""

import json
import socket
import sys
import time
import urllib.request
from pathlib import Path
from subprocess import STDOUT, Popen


def main() -> None:
    ip, port, bootstrap, folder = sys.argv[1:]
    home, control = Path(folder), free_port()
    home.mkdir(parents=True, exist_ok=True)
    command = [
        "aria2c",
        f"--dir={home}",
        f"--interface={ip}",
        f"--dht-listen-port={port}",
        f"--listen-port={port}",
        f"--dht-entry-point={bootstrap}",
        # fresh state, not that of another run
        f"--dht-file-path={home / 'dht.dat'}",
        "--no-conf=true",
        "--enable-rpc=true",
        f"--rpc-listen-port={control}",
        # the range has no IPv6, and its IPv6 DHT would look for routers
        "--disable-ipv6=true",
        "--enable-dht6=false",
        # they would talk to others than the world
        "--bt-enable-lpd=false",
        "--enable-peer-exchange=false",
        "--console-log-level=notice",
    ]
    with (home / "log").open("wb") as log:
        process = Popen(command, stdout=log, stderr=STDOUT)
    try:
        serve(f"http://127.0.0.1:{control}/jsonrpc")
    finally:
        process.terminate()
        process.wait(10)


def ask(url: str, method: str, *params: object) -> object:
    body = {"jsonrpc": "2.0", "id": "1", "method": method, "params": params}
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode()), timeout=10) as answer:
        return json.load(answer)["result"]


def serve(url: str) -> None:
    for attempt in range(100):
        try:
            ask(url, "aria2.getVersion")
            break
        except OSError:
            if attempt == 99:
                raise
            time.sleep(0.1)
    print("ready", flush=True)
    last = None
    for line in sys.stdin:
        command, _, infohash = line.strip().partition(" ")
        if command == "lookup":
            if last is not None:
                ask(url, "aria2.forceRemove", last)
            last = ask(url, "aria2.addUri", [f"magnet:?xt=urn:btih:{infohash}"])
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
