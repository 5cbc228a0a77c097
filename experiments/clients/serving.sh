#!/usr/bin/env bash
# Serving speed of other clients beside ours and a bare echo (benches/serving.rs), on a Debian machine, as root for
# what is to be installed: libtorrent (PyPI), rtorrent (Debian), librqbit-dht and mainline (crates.io).
# Arguments go to the bench: --warm-up SECONDS, --rounds N, --seconds S, --routing MODULE, ...
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
target=$(cd "$here/../.." && pwd)/target
"$here/setup.sh" libtorrent mainline librqbit rtorrent

cd "$here/../.."
cargo bench --bench serving -- \
    --client "rtorrent=$here/serving/rtorrent.sh" \
    --client "libtorrent=$target/interop/venv/bin/python $here/serving/libtorrent_open.py" \
    --client "librqbit-dht=$target/clients/cargo/release/librqbit-driver" \
    --client "mainline=$target/clients/cargo/release/mainline-driver" \
    "$@"
