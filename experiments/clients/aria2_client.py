"""aria2 as a client: `aria2_client.py IP PORT BOOTSTRAP DIR`, driven by lines as README.md says.

It looks up its downloads only: each infohash is added as a magnet link and the one before is removed.

It takes a get_peers answer without a token for malformed, and its first lookup of its own ID begins before its
bootstrap node has answered, so it never comes further than a bootstrap node, which gives no tokens. It is given an
ordinary node instead, found by asking the bootstrap node from another port.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import urllib.request
from pathlib import Path

from controlled import drive, free_port


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
        f"--dht-entry-point={ordinary_node(ip, bootstrap)}",
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
        "--console-log-level=warn",
        "--show-console-readout=false",
        "--summary-interval=0",
    ]
    url = f"http://127.0.0.1:{control}/jsonrpc"
    downloads: list[object] = []

    def look_up(infohash: str) -> None:
        if downloads:
            ask(url, "aria2.forceRemove", downloads.pop())
        downloads.append(ask(url, "aria2.addUri", [f"magnet:?xt=urn:btih:{infohash}"]))

    drive(command, lambda: ask(url, "aria2.getVersion"), look_up)


def ordinary_node(ip: str, bootstrap: str) -> str:
    """A node that answers, of those that the bootstrap node names."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.bind((ip, 0))
        own.settimeout(2)
        own_id, to_ask = os.urandom(20), [bootstrap]
        for _ in range(50):
            host, port = to_ask.pop(0).split(":")
            find_node = b"d1:ad2:id20:%b6:target20:%be1:q9:find_node1:t2:fn1:y1:qe" % (own_id, own_id)
            own.sendto(find_node, (host, int(port)))
            try:
                answer, sender = own.recvfrom(2048)
            except TimeoutError:
                to_ask = to_ask or [bootstrap]
                continue
            if f"{sender[0]}:{sender[1]}" != bootstrap:
                return f"{sender[0]}:{sender[1]}"
            _, _, nodes = answer.partition(b"5:nodes208:")
            found = [nodes[at + 20 : at + 26] for at in range(0, 208, 26)]
            to_ask += [f"{socket.inet_ntoa(one[:4])}:{int.from_bytes(one[4:])}" for one in found if len(one) == 6]
            to_ask = to_ask or [bootstrap]
    raise SystemExit("aria2_client.py: no node answers")


def ask(url: str, method: str, *params: object) -> object:
    body = {"jsonrpc": "2.0", "id": "1", "method": method, "params": params}
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode()), timeout=10) as answer:
        return json.load(answer)["result"]


if __name__ == "__main__":
    main()
