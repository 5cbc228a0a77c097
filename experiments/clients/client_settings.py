"""Settings under which real clients talk to nobody but the DHT that they are put into."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import bencode

# Without these an overlay on private addresses is held to rules meant for the Internet, and an address that
# sends more than 5 queries a second is ignored for 300 s: one test node asks for many infohashes at once.
LIBTORRENT_RELAXED: dict[str, Any] = {
    "dht_restrict_routing_ips": False,
    "dht_restrict_search_ips": False,
    "dht_ignore_dark_internet": False,
    "dht_prefer_verified_node_ids": False,
    "dht_enforce_node_id": False,
    "dht_upload_rate_limit": 100_000_000,
    "dht_block_ratelimit": 1_000_000,
}


def libtorrent(listen: str, bootstrap: str, alerts: int) -> dict[str, Any]:
    """Of a session; both are lists with commas of IP:PORT, and `alerts` is the mask of what it tells."""
    return {
        "listen_interfaces": listen,
        "dht_bootstrap_nodes": bootstrap,
        "enable_dht": True,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        "alert_mask": alerts,
    }


def fill_transmission_home(home: Path, ip: str, port: int, bootstrap: list[str], **more: Any) -> None:
    """Writes what Transmission reads when it starts; `more` is of its settings, with `_` for `-`."""
    (home / "downloads").mkdir(parents=True, exist_ok=True)
    settings = {
        "bind-address-ipv4": ip,
        "peer-port": port,
        "dht-enabled": True,
        "utp-enabled": False,
        "lpd-enabled": False,
        "pex-enabled": False,
        "port-forwarding-enabled": False,
        "download-dir": str(home / "downloads"),
        **{key.replace("_", "-"): value for key, value in more.items()},
    }
    (home / "settings.json").write_text(json.dumps(settings))
    # Read by its DHT before it asks the public routers; a line is HOST PORT.
    (home / "dht.bootstrap").write_text("".join(node.replace(":", " ") + "\n" for node in bootstrap))


def keep_transmission_contacts(home: Path, own_id: str, nodes: list[str]) -> None:
    """As after a former run: its own ID, and the addresses that it knew, which it tries first."""
    apart = (node.split(":") for node in nodes)
    compact = b"".join(socket.inet_aton(ip) + int(port).to_bytes(2, "big") for ip, port in apart)
    (home / "dht.dat").write_bytes(bencode.encode({b"id": bytes.fromhex(own_id), b"nodes": compact}))
