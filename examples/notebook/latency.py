# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # From captures to a figure
#
# `mdht profile --parquet` writes a row for each lookup and each query of the nodes under test; Polars and matplotlib do the
# rest. The captures here are of two nodes that lived in an emulated DHT. Make them with
#
#     mdht experiment run examples/notebook/two.toml --out target/notebook --keep pcap
#
# or name your own: a capture, and the address of the node under test in it.

# %%
import subprocess
from pathlib import Path

import matplotlib.pyplot as plt
import polars as pl

folder = Path("target/notebook")
tables = []
for capture in sorted(folder.glob("captures/*.pcap")):
    # the busiest node in it; --node ADDRESS names another
    subprocess.run(["mdht", "profile", capture, "--parquet", folder / capture.stem], check=True)
    tables.append(pl.read_parquet(folder / capture.stem / "lookups.parquet").with_columns(node=pl.lit(capture.stem)))

# %%
lookups = pl.concat(tables).filter(pl.col("kind") == "get_peers").with_columns(ms=pl.col("latency_ns") / 1e6)
figures = lookups.group_by("node").agg(
    pl.len().alias("lookups"), pl.col("ms").median().alias("p50"), pl.col("ms").quantile(0.98, "linear").alias("p98"),
    pl.col("queries").mean(),
).sort("p50")
print(figures)

# %%
figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
for (node,), rows in lookups.drop_nulls("ms").sort("ms").group_by("node", maintain_order=True):
    axes.ecdf(rows["ms"], label=f"{node}, {rows['queries'].mean():.0f} queries a lookup")
axes.set(xscale="log", xlabel="lookup latency, ms", ylabel="share of lookups", title="How soon lookups find a value")
axes.grid(alpha=0.3)
axes.legend()
figure.savefig(folder / "latency.svg", metadata={"Date": None})
figure.savefig(folder / "latency.png", dpi=120)
