#!/usr/bin/env bash
# Makes the captures here anew, with the real clients of the interop suite, and what they are expected to say.
# As root, after `cargo build --release` and tests/interop/setup.sh; about three minutes.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
suite=$here/../interop/run.py
samples=$(mktemp -d)
trap 'rm -rf "$samples"' EXIT

"$suite" --keep-samples "$samples/usual"
# An MTU that every IPv4 host must be able to take: bittorrent-dht's answers are longer.
"$suite" --clients-only --mtu 576 --keep-samples "$samples/small-mtu"

cd "$samples"
gzip -9n <usual/libtorrent-seeker.pcap >"$here/libtorrent.pcap.gz"
# What `tcpdump -s 200` would have written.
editcap -F pcap -s 200 usual/libtorrent-defaults.pcap "$here/libtorrent-defaults-snapped.pcap"
editcap -F pcapng usual/transmission.pcap "$here/transmission.pcapng"
# As a tcpdump that was killed leaves it: the file ends in the middle of a packet.
head -c -100 usual/bittorrent-dht.pcap >"$here/bittorrent-dht-cut.pcap"
# As a bad tap would have had it: every seventh packet lost, every eleventh seen again half a millisecond later. It
# gives what loopback does not: timeouts, answers to no query, answers and queries that come twice.
editcap -F pcap usual/bittorrent-dht.pcap lost.pcap $(seq 7 7 2000)
editcap -F pcap -r -t 0.0005 usual/bittorrent-dht.pcap again.pcap $(seq 11 11 2000)
mergecap -F pcap -w noisy.pcap lost.pcap again.pcap
gzip -9n <noisy.pcap >"$here/bittorrent-dht-noisy.pcap.gz"
zstd -q -19 -f small-mtu/bittorrent-dht.pcap -o "$here/bittorrent-dht-fragments.pcap.zst"
cp usual/mdht-bep5-standard-lookup.pcap "$here/mdht-lookup.pcap"
cp usual/mdht-node-nr128-own.pcap "$here/mdht-node-own.pcap"

"$here/expected.py"
