#!/usr/bin/env python3
"""Opens the report of a capture in headless Chromium and uses it.

    tests/browser/setup.sh              # installs Chromium, once
    tests/browser/run.py [REPORT.html]  # makes a report of its own if none is given

Screenshots go to target/browser/. The last line is `N passed, M failed`.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "tests"), str(ROOT / "experiments" / "clients")]
import sample  # noqa: E402
from suites import frame  # noqa: E402
from webdriver import ENTER, TAB, Browser  # noqa: E402

# A run takes under a minute, but it builds what it opens; a hang must end.
SUITE_SECONDS = 1800
OUT = ROOT / "target" / "browser"

FIRST_COLUMN_SORTS = """
const table = [...document.querySelectorAll("table")].find(
  (t) => t.tBodies[0].rows.length > 2);
window.table = table;
const numeric = [...table.tHead.rows[0].cells].findIndex((cell, i) =>
  !cell.classList.contains("text") &&
  new Set([...table.tBodies[0].rows].map((r) => r.cells[i].dataset.value)).size > 2);
table.tHead.rows[0].cells[numeric].querySelector("button").id = "sort-me";
window.column = numeric;
return numeric;
"""
VALUES = """
return [...window.table.tBodies[0].rows].map(
  (r) => r.cells[window.column].dataset.value ?? null);
"""
# WCAG 2 contrast of every text and of every figure's colours with the page
CONTRAST = """
const rgb = (text) => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
const light = (text) => {
  const [r, g, b] = rgb(text).map((c) => {
    c /= 255;
    return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const contrast = (a, b) => {
  const [high, low] = [light(a), light(b)].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
};
const paper = getComputedStyle(document.body).backgroundColor;
let text = 99, marks = 99;
const probe = document.createElement("i");
document.body.append(probe);
const background = ["--grid", "--paper"].map((name) => {
  probe.style.color = `var(${name})`;
  return getComputedStyle(probe).color;
});
probe.remove();
for (const e of document.querySelectorAll("h1,h2,h3,p,td,th button,a,dt,dd,footer")) {
  let under = e;
  while (under !== document.body &&
         getComputedStyle(under).backgroundColor === "rgba(0, 0, 0, 0)") {
    under = under.parentElement;
  }
  text = Math.min(text, contrast(
    getComputedStyle(e).color, getComputedStyle(under).backgroundColor));
}
for (const e of document.querySelectorAll("svg text")) {
  text = Math.min(text, contrast(getComputedStyle(e).fill, paper));
}
for (const e of document.querySelectorAll("svg polyline, svg polygon, svg circle")) {
  const style = getComputedStyle(e);
  const colour = style.fill === "none" ? style.stroke : style.fill;
  if (!background.includes(colour)) marks = Math.min(marks, contrast(colour, paper));
}
return [paper, text, marks];
"""
WIDER_THAN_THE_PAGE = """
const page = document.documentElement;
return [page.scrollWidth, page.clientWidth,
  [...document.querySelectorAll("main *")].filter((e) =>
    !e.closest(".scroll, .wide, svg") && e.getBoundingClientRect().right > page.clientWidth + 0.5
  ).map((e) => e.tagName + "." + e.className).slice(0, 5)];
"""
# texts that stick out of their figure or lie upon each other
FIGURE_TEXTS = """
const bad = [];
for (const svg of document.querySelectorAll("svg")) {
  const frame = svg.getBoundingClientRect();
  const boxes = [...svg.querySelectorAll("text")].map((t) =>
    [t.textContent.trim(), t.getBoundingClientRect()]).filter(([t]) => t);
  for (const [text, box] of boxes) {
    if (box.left < frame.left - 1 || box.right > frame.right + 1 ||
        box.bottom > frame.bottom + 1) {
      bad.push(svg.getAttribute("aria-label") + ": cut: " + text);
    }
  }
  boxes.forEach(([a, p], i) => boxes.slice(i + 1).forEach(([b, q]) => {
    const wide = Math.min(p.right, q.right) - Math.max(p.left, q.left);
    const high = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
    if (wide > 1 && high > 0.5 * Math.min(p.height, q.height)) {
      bad.push(svg.getAttribute("aria-label") + ": overlap: " + a + " / " + b);
    }
  }));
}
return bad;
"""
SMALLEST_TEXT = """
return Math.min(...[...document.querySelectorAll("svg text")].map((t) =>
  parseFloat(getComputedStyle(t).fontSize) * t.getScreenCTM().a));
"""


def make_report():
    """A report on a made-up capture."""
    OUT.mkdir(parents=True, exist_ok=True)
    capture, report = OUT / "sample.pcap", OUT / "sample.html"
    sample.write(capture)
    cargo = ["cargo", "run", "--quiet", "--package", "mdht-profiler", "--example", "report", "--"]
    nodes = ["--node", "10.0.0.1:6881=NR128-A", "--node", "10.0.0.2:6881=<b>UT</b> & co"]
    command = [*cargo, str(capture), *nodes, "--report", str(report), "--plots", str(OUT / "plots")]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return report


def make_experiment():
    """The report of a small experiment."""
    out = OUT / "experiment"
    cargo = ["cargo", "run", "--quiet", "--release", "--", "experiment", "run"]
    script = ROOT / "tests" / "browser" / "experiment.toml"
    command = [*cargo, str(script), "--out", str(out)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return out / "report.html"


def check_experiment(browser, checks, url):
    browser.resize(1200, 900)
    browser.colour_scheme("light")
    browser.open(url)
    sections = ("repeat", "comparison", "planes", "verdicts", "score", "tables", "figures", "slowest")
    for section in sections:
        found = browser.run("return document.getElementById(arguments[0]) !== null", section)
        checks.that(found, f"experiment: the section on {section}")
    planes = browser.run('return document.querySelectorAll("#planes figure svg").length')
    checks.that(planes == 4, "experiment: four planes", planes)
    figures = browser.run('return document.querySelectorAll("#figures figure svg").length')
    checks.that(figures >= 8, "experiment: figures 2 to 9", figures)
    oracle = browser.run(
        'return [...document.querySelectorAll("#comparison td")].some((t) => t.textContent === "oracle")'
    )
    checks.that(oracle, "experiment: the oracle's row")
    texts = browser.run(FIGURE_TEXTS)
    checks.that(not texts, "experiment: no text of a figure is cut or covered", texts[:8])
    browser.run('document.querySelector("details").open = true')
    script = browser.run('return document.querySelector("details pre").innerText')
    checks.that("[overlay]" in script, "experiment: the script can be unfolded", script)
    check_sorting(browser, checks)
    check_small_screen(browser, checks, "experiment-narrow.png")


def check_page(browser, checks, url):
    browser.resize(1200, 900)
    browser.colour_scheme("light")
    browser.open(url)
    title = browser.run("return document.title")
    checks.that("DHT profile" in title, "the title", title)
    figures = browser.run(
        'return [...document.querySelectorAll("figure svg")].map((s) =>'
        ' s.getBoundingClientRect()).map((b) => [b.width, b.height])'
    )
    drawn = [f for f in figures if f[0] > 200 and f[1] > 60]
    checks.that(len(drawn) >= 5 and drawn == figures, "figures are there", figures)
    for section in ("captures", "comparison", "figures", "measurements", "slowest", "definitions"):
        found = browser.run("return document.getElementById(arguments[0]) !== null", section)
        checks.that(found, f"the section on {section}")
    links = browser.run(
        'return [...document.querySelectorAll("nav a")].filter((a) =>'
        ' !document.querySelector(a.getAttribute("href"))).length'
    )
    checks.that(links == 0, "every link leads somewhere", links)
    texts = browser.run(FIGURE_TEXTS)
    checks.that(not texts, "no text of a figure is cut or covered", texts[:8])
    foreign = browser.run('return document.querySelectorAll("b, img, iframe").length')
    checks.that(foreign == 0, "markup in labels stays text", foreign)


def check_sorting(browser, checks):
    checks.that(browser.run(FIRST_COLUMN_SORTS) >= 0, "there is a table to sort")
    before = browser.run(VALUES)
    browser.click("#sort-me")
    down = [float(v) for v in browser.run(VALUES) if v is not None]
    checks.that(down == sorted(down, reverse=True), "a click sorts downwards", down)
    browser.click("#sort-me")
    after = browser.run(VALUES)
    up = [float(v) for v in after if v is not None]
    checks.that(up == sorted(up), "a second click sorts upwards", up)
    checks.that(up != down and len(after) == len(before), "no row is lost", after)
    order = browser.run('return document.getElementById("sort-me").parentElement.ariaSort')
    checks.that(order == "ascending", "the order is told to screen readers", order)
    # by keyboard alone: to the heading before and back would need shift, so
    # focus is put there and moved on with the tabulator
    browser.run(
        'const cells = [...window.table.tHead.rows[0].cells];'
        ' cells[window.column - 1].querySelector("button").focus()'
    )
    browser.press(TAB)
    browser.press(ENTER)
    keyed = [float(v) for v in browser.run(VALUES) if v is not None]
    checks.that(keyed == down, "the keyboard sorts too", keyed)


def check_small_screen(browser, checks, shot="narrow.png"):
    browser.resize(400, 800)
    page, screen, wide = browser.run(WIDER_THAN_THE_PAGE)
    checks.that(page <= screen and not wide, "nothing is wider than 400 px", (page, screen, wide))
    scrolls = browser.run(
        'return [...document.querySelectorAll(".scroll")].some((s) => s.scrollWidth > s.clientWidth)'
    )
    checks.that(scrolls, "wide tables scroll in their boxes")
    smallest = browser.run(SMALLEST_TEXT)
    checks.that(smallest >= 8.5, "text of figures can be read at 400 px", smallest)
    browser.screenshot(OUT / shot)


def check_colours(browser, checks):
    browser.resize(1200, 900)
    for scheme in ("light", "dark"):
        browser.colour_scheme(scheme)
        paper, text, marks = browser.run(CONTRAST)
        # the lightest of Okabe and Ito's colours has 2.2 on white; dashes and
        # markers tell the series apart besides
        checks.that(text >= 4.5, f"{scheme}: text stands out", text)
        checks.that(marks >= 2.0, f"{scheme}: curves and bars stand out", marks)
        darkness = sum(map(float, re.findall(r"[\d.]+", paper)[:3]))
        checks.that((darkness < 200) == (scheme == "dark"), f"{scheme}: the page is", paper)
        browser.screenshot(OUT / f"{scheme}.png")


def suite(checks):
    given = len(sys.argv) > 1
    report = Path(sys.argv[1]).resolve() if given else make_report()
    pages = [report.as_uri()]
    OUT.mkdir(parents=True, exist_ok=True)
    with Browser() as browser:
        browser.open("about:blank")  # away from the page of new tabs
        browser.requests()
        check_page(browser, checks, report.as_uri())
        check_sorting(browser, checks)
        check_small_screen(browser, checks)
        check_colours(browser, checks)
        if not given:
            pages.append(make_experiment().as_uri())
            check_experiment(browser, checks, pages[-1])
        messages = browser.console()
        checks.that(not messages, "nothing on the console", json.dumps(messages)[:600])
        own = (*pages, "data:", "chrome:")
        asked = [url for url in browser.requests() if not url.startswith(own)]
        checks.that(not asked, "nothing is fetched", asked)


if __name__ == "__main__":
    sys.exit(frame.run(suite, SUITE_SECONDS))
