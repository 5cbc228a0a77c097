"""libtorrent as a DHT node that answers everybody: `libtorrent_open.py IP PORT BOOTSTRAP DIR`.

By default it bans an address that asks more than five times a second; here that and its limit on bytes are off. It
ends with its input.
"""

import sys

import libtorrent as lt


def main() -> None:
    ip, port, bootstrap, _dir = sys.argv[1:]
    session = lt.session(
        {
            "listen_interfaces": f"{ip}:{port}",
            "dht_bootstrap_nodes": bootstrap,
            "enable_dht": True,
            "enable_lsd": False,
            "enable_upnp": False,
            "enable_natpmp": False,
            # limits off
            "dht_upload_rate_limit": 2_000_000_000,
            "dht_block_ratelimit": 1_000_000,
            # all askers and nodes are on one network here
            "dht_restrict_routing_ips": False,
            "dht_restrict_search_ips": False,
            "dht_ignore_dark_internet": False,
            "dht_prefer_verified_node_ids": False,
            "alert_mask": 0,
        }
    )
    for _ in sys.stdin:
        pass
    del session


if __name__ == "__main__":
    main()
