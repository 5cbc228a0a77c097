"""libtorrent as a DHT node that answers everybody: `libtorrent_open.py IP PORT BOOTSTRAP DIR`.

By default it bans an address that asks more than five times a second; here that and its limit on bytes are off. It
ends with its input.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

import libtorrent as lt
from client_settings import LIBTORRENT_RELAXED, libtorrent


def main() -> None:
    ip, port, bootstrap, _dir = sys.argv[1:]
    # all askers and nodes are on one network here
    settings = libtorrent(f"{ip}:{port}", bootstrap, alerts=0) | LIBTORRENT_RELAXED
    session = lt.session(settings | {"dht_upload_rate_limit": 2_000_000_000})
    for _ in sys.stdin:
        pass
    del session


if __name__ == "__main__":
    main()
