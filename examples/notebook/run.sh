#!/bin/sh
# Runs the notebook as a script, from the captures to the figure, and holds its table to the profiler's own figures.
# Installs Polars, matplotlib and jupytext from PyPI into target/notebook/venv; a second run does not.
set -eu
cd "$(dirname "$0")/../.."

here=examples/notebook
out=target/notebook
venv=$out/venv
.ci/venv "$venv" "$here/requirements.txt"

mdht=${MDHT:-target/release/mdht}
PATH=$(cd "$(dirname "$mdht")" && pwd):$PATH
mdht experiment run "$here/two.toml" --out "$out" --keep pcap >/dev/null
rm -f "$out/latency.svg" "$out/latency.png"
MPLBACKEND=Agg "$venv/bin/python" "$here/latency.py" >"$out/printed.txt"
test -s "$out/latency.svg" && test -s "$out/latency.png"

# a notebook that Jupyter opens
"$venv/bin/jupytext" --quiet --to ipynb --output "$out/latency.ipynb" "$here/latency.py"

# the figures of the table are those of summary.json
"$venv/bin/python" - "$out" <<'PYTHON'
import json, sys
from pathlib import Path
import polars as pl

out = Path(sys.argv[1])
for variant in json.loads((out / "summary.json").read_text())["variants"]:
    rows = pl.read_parquet(out / variant["label"] / "lookups.parquet")
    own = rows.filter(pl.col("kind") == "get_peers")
    measured = own["latency_ns"].median() / 1e6
    expected = variant["lookup_latency_ms"]["p50"]
    assert abs(measured - expected) < 1e-3, (variant["label"], measured, expected)
    print(f"{variant['label']}: median {measured:.1f} ms of {len(own)} lookups, as in summary.json")
PYTHON
