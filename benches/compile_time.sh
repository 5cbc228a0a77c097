#!/bin/sh
# How long the default build takes from scratch, with sources already downloaded: wall clock, and processor time over
# the number of cores, which other work on the machine disturbs less.
set -eu
cd "$(dirname "$0")/.."

target=target/compile-time
rm -rf "$target"
cargo fetch --locked --quiet
start=$(date +%s.%N)
CARGO_TARGET_DIR=$target cargo build --release --locked --quiet --timings
end=$(date +%s.%N)
# user and system time of children, in the second line of `times`
times >"$target/times.txt"
awk -v wall="$(echo "$end $start" | awk '{print $1 - $2}')" -v cores="$(nproc)" '
    NR == 2 { gsub("s", ""); split($1, u, "m"); split($2, s, "m"); busy = 60 * (u[1] + s[1]) + u[2] + s[2] }
    END { printf "wall %.0f s, processor time over %d cores %.0f s\n", wall, cores, busy / cores }' "$target/times.txt"
ls -l "$target/release/mdht" | awk '{ printf "mdht: %.1f MB\n", $5 / 1e6 }'
rm -rf "$target"
