#!/usr/bin/env bash
# rtorrent as a DHT node alone: rtorrent.sh IP PORT BOOTSTRAP DIR. It has no limit on answers. It takes no orders
# and ends when it is killed.
set -euo pipefail
ip=$1 port=$2 bootstrap=$3 dir=$4

mkdir -p "$dir/session"
cat > "$dir/rtorrent.rc" <<RC
system.daemon.set = true
session.path.set = $dir/session
directory.default.set = $dir
network.bind_address.set = $ip
network.port_range.set = $port-$port
dht.port.set = $port
dht.mode.set = on
protocol.pex.set = no
trackers.use_udp.set = no
schedule2 = join, 1, 20, "dht.add_node=$bootstrap"
RC
exec rtorrent -n -o "import=$dir/rtorrent.rc"
