"""What came of a run: the table and its data."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from .drivers import Client
from .world import World

# Heading, width, and how a row's figure is printed.
COLUMNS = [
    ("p50 ms", 8, lambda row: row["lookup_latency_ms"]["p50"]),
    ("p99 ms", 8, lambda row: row["lookup_latency_ms"]["p99"]),
    ("found", 6, lambda row: row["lookup_latency_ms"]["count"]),
    ("not", 4, lambda row: row["lookup_latency_ms"]["no_value"]),
    ("cost", 6, lambda row: row["lookup_cost"]["p50"]),
    ("answered %", 10, lambda row: row["lookup_queries"]["answered_pct"]),
    ("closest ms", 10, lambda row: row["closest_ms"]["p50"]),
    ("maint/min", 9, lambda row: row["maintenance"]["per_minute"]),
    ("queries/h", 9, lambda row: row["all_queries"]["per_hour"]),
    ("kB/h", 8, lambda row: row["kilobytes_per_hour"]),
    ("CPU s", 6, lambda row: row["cpu_s"]),
    ("MB", 6, lambda row: row["rss_bytes"] / 1e6),
]


def profile(mdht: Path, world: World, client: Client) -> dict[str, Any] | None:
    """The black box's view of one client, or nothing if it sent nothing."""
    capture = world.capture(client.address)
    if not capture.exists():
        return None
    node = f"{client.address}={client.label}"
    words = [str(mdht), "profile", str(capture), "--node", node, "--infohashes", str(world.infohash_file)]
    done = subprocess.run([*words, "--format", "json"], capture_output=True, text=True)
    if done.returncode:
        client.fault = client.fault or f"not profiled: {done.stderr.strip()}"
        return None
    document = json.loads(done.stdout)
    duration = document["captures"][0]["duration_s"]
    row: dict[str, Any] = document["nodes"][0]
    traffic = row["all_queries"]["bytes_out"] + row["all_queries"]["bytes_in"]
    row["kilobytes_per_hour"] = traffic / 1e3 * 3600 / duration if duration else None
    return row


def rows(mdht: Path, world: World, clients: list[Client]) -> list[dict[str, Any]]:
    result = []
    for client in clients:
        row = profile(mdht, world, client)
        if row is None:
            client.fault = client.fault or "sent nothing"
        elif not any(lookup.get("responses") for lookup in row["lookups"]):
            client.fault = client.fault or "no lookup was answered: it has not joined"
        row = row or {}
        row |= {
            "label": client.label,
            "address": client.address,
            "asked": client.asked,
            "fault": client.fault,
            "log_tail": client.tail() if client.fault else None,
            "cpu_s": client.usage.cpu_s,
            "rss_bytes": client.usage.rss_bytes,
        }
        result.append(row)
    return result


def report(mdht: Path, world: World, clients: list[Client], out: Path) -> None:
    """One page with the distributions of all clients."""
    words = [str(mdht), "profile", "--infohashes", str(world.infohash_file), "--report", str(out)]
    captured = [client for client in clients if world.capture(client.address).exists()]
    for client in captured:
        words += [str(world.capture(client.address)), "--node", f"{client.address}={client.label}"]
    if captured:
        # what keeps it from being written is on standard error, and the table is there anyway
        subprocess.run(words, check=False, stdout=subprocess.DEVNULL)


def text(table: list[dict[str, Any]]) -> str:
    lines = [f"{'client':<16}" + "".join(f"{name:>{width + 1}}" for name, width, _ in COLUMNS)]
    for row in table:
        figures = "" if "lookups" not in row else "".join(cell(row, *column) for column in COLUMNS)
        lines.append(f"{row['label']:<16}{figures}")
    for row in table:
        if row["fault"]:
            lines += ["", f"{row['label']}: {row['fault']}"]
            lines += [f"    {line}" for line in (row["log_tail"] or "(its log is empty)").splitlines()]
    return "\n".join(lines)


def cell(row: dict[str, Any], _name: str, width: int, figure: Any) -> str:
    value = figure(row)
    shown = "-" if value is None else f"{value:.1f}" if isinstance(value, float) else str(value)
    return f"{shown:>{width + 1}}"
