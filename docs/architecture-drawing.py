#!/usr/bin/env python3
"""Draws docs/architecture.svg from what the crates depend on (Cargo.toml of each).

    docs/architecture-drawing.py            # writes the drawing
    docs/architecture-drawing.py --check    # fails if it is not what is there
"""

import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DRAWING = ROOT / "docs" / "architecture.svg"

# each part: its folder, a place (column of the middle, row) and what it is
PARTS = {
    "mdht": ("", 2.0, 0, "the command"),
    "mdht-experiments": ("experiments", 2.0, 1, "scripts, runner, reports, replay"),
    "mdht-overlay": ("overlay", 1.0, 2, "an emulated DHT of millions"),
    "mdht-node": ("node", 0.4, 3, "sans-IO core, driver, API"),
    "mdht-plugins": ("plugins", 0.4, 4, "routing and lookup policy"),
    "mdht-connectivity": ("connectivity", 2.0, 4, "checkers of who can be reached"),
    "mdht-profiler": ("profiler", 3.6, 4, "captures to measurements"),
    "mdht-krpc": ("krpc", 2.0, 5, "the wire; Instant and Rng"),
}
WIDTH, HEIGHT, BOX, TALL, COLUMN, ROW, MARGIN = 920, 580, 210, 50, 190, 98, 80


def edges():
    """Pairs of a part and one that it depends on, but for those that follow from others."""
    known = {}
    for name, (folder, *_) in PARTS.items():
        manifest = tomllib.loads((ROOT / folder / "Cargo.toml").read_text())
        known[name] = {dependency for dependency in manifest["dependencies"] if dependency in PARTS}

    def reached(name):
        return known[name].union(*(reached(other) for other in known[name]))

    for name in PARTS:
        for other in sorted(known[name]):
            if not any(other in reached(between) for between in known[name] - {other}):
                yield name, other


def middle(name):
    _, column, row, _ = PARTS[name]
    return MARGIN + column * COLUMN, 40 + row * ROW


def arrow(name, other):
    (x1, y1), (x2, y2) = middle(name), middle(other)
    y1, y2 = y1 + TALL / 2, y2 - TALL / 2 - 7
    bend = (y2 - y1) / 2
    return (f'<path d="M{x1:g} {y1:g} C{x1:g} {y1 + bend:g} {x2:g} {y2 - bend:g} {x2:g} {y2:g}" '
            'fill="none" stroke="#57606a" stroke-width="1.5" marker-end="url(#head)"/>')


def box(name):
    folder, _, _, about = PARTS[name]
    x, y = middle(name)
    return (f'<rect x="{x - BOX / 2:g}" y="{y - TALL / 2:g}" width="{BOX}" height="{TALL}" rx="6" '
            'fill="#eef4fb" stroke="#2f6db3"/>\n'
            f'<text x="{x:g}" y="{y - 4:g}" font-weight="bold">{folder or "src"}</text>\n'
            f'<text x="{x:g}" y="{y + 14:g}" font-size="12">{about}</text>')


def drawing():
    parts = [arrow(*edge) for edge in edges()] + [box(name) for name in PARTS]
    return f'''<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" \
font-family="sans-serif" font-size="15" text-anchor="middle" fill="#1f2328">
<!-- made by docs/architecture-drawing.py -->
<defs><marker id="head" viewBox="0 0 10 10" refX="2" refY="5" markerWidth="7" markerHeight="7" orient="auto">
<path d="M0 0 L10 5 L0 10 z" fill="#57606a"/></marker></defs>
<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>
''' + "\n".join(parts) + "\n</svg>\n"


def main():
    if "--check" not in sys.argv[1:]:
        DRAWING.write_text(drawing())
    elif DRAWING.read_text() != drawing():
        sys.exit("docs/architecture.svg is not what the crates depend on; run docs/architecture-drawing.py")


main()
