"""libtorrent as a client: `libtorrent_client.py IP PORT BOOTSTRAP DIR`, driven by lines as README.md says."""

import sys
import threading

import libtorrent as lt
from client_settings import libtorrent


def main() -> None:
    ip, port, bootstrap, _dir = sys.argv[1:]
    alerts = lt.alert_category.dht_operation | lt.alert_category.error
    session = lt.session(libtorrent(f"{ip}:{port}", bootstrap, alerts))
    print("ready", flush=True)
    threading.Thread(target=report, args=[session], daemon=True).start()
    for line in sys.stdin:
        command, _, infohash = line.strip().partition(" ")
        if command == "lookup":
            session.dht_get_peers(lt.sha1_hash(bytes.fromhex(infohash)))
        elif command == "stop":
            break
        else:
            print(f"no such command: {line}", file=sys.stderr, flush=True)


def report(session: lt.session) -> None:
    while True:
        session.wait_for_alert(1000)
        for alert in session.pop_alerts():
            if isinstance(alert, lt.dht_get_peers_reply_alert):
                print(f"done {alert.info_hash} {alert.num_peers()}", flush=True)
            elif alert.category() & lt.alert_category.error:
                print(alert.message(), file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
