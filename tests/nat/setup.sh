#!/usr/bin/env bash
# Installs everything that tests/nat/run.py needs, on a Debian machine, as root. Idempotent.
#
#   Debian   nftables iproute2 util-linux procps
#   and      the real clients, by tests/interop/setup.sh: libtorrent, transmission-daemon
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

missing=()
command -v nft >/dev/null || missing+=(nftables)
command -v ip >/dev/null || missing+=(iproute2)
command -v nsenter >/dev/null || missing+=(util-linux)
command -v sysctl >/dev/null || missing+=(procps)
if [ ${#missing[@]} -gt 0 ]; then
    [ "$(id -u)" = 0 ] || { echo "setup.sh: must run as root to install: ${missing[*]}" >&2; exit 1; }
    echo "setup.sh: installing ${missing[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
"$here/../interop/setup.sh"
