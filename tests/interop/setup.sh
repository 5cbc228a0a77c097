#!/usr/bin/env bash
# Installs everything that tests/interop/run.py needs, on a Debian machine, as root.
# Idempotent: what is there already is not touched, and a second run takes about a second.
#
#   Debian   tshark tcpdump iproute2 util-linux transmission-daemon python3-venv, and nodejs npm if missing
#   PyPI     libtorrent (requirements.txt), in target/interop/venv
#   npm      bittorrent-dht (package-lock.json), in target/interop/node
#   crates.io   mainline (experiments/clients/mainline), in target/clients/cargo
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(cd "$here/../.." && pwd)/target/interop
policy=/usr/sbin/policy-rc.d

fail() { echo "setup.sh: $*" >&2; exit 1; }

# Debian starts a daemon as soon as its package is installed, unless policy-rc.d forbids it. One that is
# there already (containers have one) is left alone.
install_packages() {
    [ "$(id -u)" = 0 ] || fail "must run as root to install: $*"
    export DEBIAN_FRONTEND=noninteractive
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' > "$policy"
        chmod +x "$policy"
        trap 'rm -f "$policy"' EXIT
    fi
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "$@" >/dev/null
    # Nor may it start at the next boot: the suite runs a transmission of its own.
    if command -v systemctl >/dev/null; then
        systemctl disable transmission-daemon.service >/dev/null 2>&1 || true
    fi
}

add_missing_packages() {
    local missing=()
    command -v tshark >/dev/null || missing+=(tshark)
    command -v tcpdump >/dev/null || missing+=(tcpdump)
    command -v ip >/dev/null || missing+=(iproute2)
    command -v nsenter >/dev/null && command -v setpriv >/dev/null || missing+=(util-linux)
    command -v transmission-daemon >/dev/null || missing+=(transmission-daemon)
    command -v python3 >/dev/null || missing+=(python3)
    python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
    # Separate tests: Node.js from elsewhere than Debian brings its own npm, and Debian's npm would fight it.
    command -v node >/dev/null || missing+=(nodejs)
    command -v npm >/dev/null || missing+=(npm)
    if [ ${#missing[@]} -gt 0 ]; then
        echo "setup.sh: installing ${missing[*]}"
        install_packages "${missing[@]}"
    fi
}

# A stamp holding the requirements makes the second run quick, and a changed pin reinstall.
add_libtorrent() {
    local stamp=$work/venv/installed.txt
    if ! cmp -s "$here/requirements.txt" "$stamp" || ! "$work/venv/bin/python" -c 'import libtorrent' 2>/dev/null; then
        echo "setup.sh: installing libtorrent in $work/venv"
        rm -rf "$work/venv"
        python3 -m venv "$work/venv"
        "$work/venv/bin/pip" install -q --disable-pip-version-check -r "$here/requirements.txt"
        "$work/venv/bin/python" -c 'import libtorrent' || fail "libtorrent was installed but does not load"
        cp "$here/requirements.txt" "$stamp"
    fi
}

add_bittorrent_dht() {
    local stamp=$work/node/installed.json
    if ! cmp -s "$here/package-lock.json" "$stamp" || [ ! -e "$work/node/node_modules/bittorrent-dht/index.js" ]; then
        echo "setup.sh: installing bittorrent-dht in $work/node"
        rm -rf "$work/node"
        mkdir -p "$work/node"
        cp "$here/package.json" "$here/package-lock.json" "$work/node/"
        (cd "$work/node" && npm ci --silent --no-audit --no-fund --ignore-scripts)
        cp "$here/package-lock.json" "$stamp"
    fi
}

add_mainline() {
    local root=$here/../..
    cargo build --quiet --locked --release --manifest-path "$root/experiments/clients/mainline/Cargo.toml" \
        --target-dir "$root/target/clients/cargo"
}

mkdir -p "$work"
add_missing_packages
add_libtorrent
add_bittorrent_dht
add_mainline
echo "setup.sh: ready"
