#!/usr/bin/env bash
# Installs the clients that experiments/clients/run.py drives, on a Debian machine, as root. A second run takes
# a few seconds. Name clients to install only those.
#
#   Debian      transmission-daemon aria2, and rtorrent when named
#   PyPI        libtorrent       the interop suite's, in target/interop/venv
#   npm         bittorrent-dht   the interop suite's, in target/interop/node
#   crates.io   mainline librqbit-dht, in target/clients/cargo
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
[ $# -gt 0 ] || set -- libtorrent bittorrent-dht transmission aria2 mainline librqbit

debian() {
    command -v "$1" >/dev/null && return
    [ "$(id -u)" = 0 ] || { echo "setup.sh: must run as root to install $2" >&2; exit 1; }
    echo "setup.sh: installing $2"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$2" >/dev/null
}

crate() {
    cargo build --quiet --locked --release --manifest-path "$here/$1/Cargo.toml" --target-dir "$root/target/clients/cargo"
}

for client in "$@"; do
    case $client in
        # transmission with them: the suite knows how to keep Debian from starting it
        libtorrent | bittorrent-dht | transmission) "$root/tests/interop/setup.sh" >/dev/null ;;
        aria2) debian aria2c aria2 ;;
        rtorrent) debian rtorrent rtorrent ;;
        mainline | librqbit) crate "$client" ;;
        *) echo "setup.sh: no such client: $client" >&2; exit 2 ;;
    esac
done
echo "setup.sh: ready"
