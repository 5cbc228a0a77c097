"""A live script of `mdht experiment run` among the real clients."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from . import plan
from .bed import Bed

LIVE_SECONDS = 60
INTERVAL_SECONDS = 0.3
WARM_UP_SECONDS = 3


def check_live_script(bed: Bed, binary: Path) -> None:
    """Two combinations look up everything that the clients announce; what is found is read from their captures."""
    folder = plan.WORK / "live"
    script, log = write_script(sorted(bed.expected)), plan.LOGS / "mdht-live.log"
    command = [str(binary), "experiment", "run", str(script), "--out", str(folder), "--format", "json"]
    with log.open("wb") as errors:
        process = bed.namespace.popen(command, stdout=subprocess.PIPE, stderr=errors)
        try:
            out, _ = process.communicate(timeout=LIVE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            out, _ = process.communicate()
    bed.checks.equal("the live script ends well", 0, process.returncode, log)
    for variant in variants(out):
        latency = variant.get("lookup_latency_ms", {})
        found = [latency.get("count"), latency.get("no_value")]
        name = f"live {variant.get('label')} finds values of all infohashes, by its capture"
        bed.checks.equal(name, [len(bed.expected), 0], found, log)


def variants(out: bytes) -> list[dict[str, Any]]:
    """The two of the summary; empty ones, in which nothing will be found, if there is no summary."""
    try:
        found = json.loads(out)["variants"]
    except (ValueError, KeyError, TypeError):
        found = []
    return [*found, {}, {}][:2]


def write_script(infohashes: list[str]) -> Path:
    listed = plan.WORK / "live-infohashes"
    listed.write_text("".join(f"{infohash}\n" for infohash in infohashes))
    script = plan.WORK / "live.toml"
    script.write_text(
        f"""name = "live"
overlay = "live"

[live]
infohashes = "{listed}"
bind = "{plan.LIVE.split(":")[0]}"
bootstrap = ["{plan.BOOTSTRAP}"]

[schedule]
infohashes = {len(infohashes)}
interval_s = {INTERVAL_SECONDS}
warm_up_s = {WARM_UP_SECONDS}

[matrix]
routing = ["bep5", "nr128"]
lookup = ["standard"]
"""
    )
    return script
