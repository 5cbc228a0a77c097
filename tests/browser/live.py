#!/usr/bin/env python3
"""Opens the live view of a running node in headless Chromium.

    tests/browser/setup.sh   # installs Chromium, once
    tests/browser/live.py    # needs target/release/mdht

A node that lives in a small served overlay is told what to look up. Screenshots go to target/browser/.
The last line is `N passed, M failed`.
"""

import json
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "tests"), str(ROOT / "experiments" / "clients")]
from run import OUT, WIDER_THAN_THE_PAGE  # noqa: E402
from suites import frame, places  # noqa: E402
from suites.served import ServedNode  # noqa: E402
from webdriver import Browser  # noqa: E402

# A run takes under a minute; a hang must end.
SUITE_SECONDS = 300
MDHT = Path(os.environ.get("MDHT", places.MDHT))
PATIENCE_S = 60
ADDRESS = "127.0.77.1:6881"

SEEN = """
return {
  state: document.getElementById("state").textContent,
  numbers: [...document.querySelectorAll("#numbers dd")].length,
  buckets: document.querySelectorAll("#tables rect").length,
  lookups: document.querySelectorAll(".lookup").length,
  bars: document.querySelectorAll(".lookup rect").length,
  values: document.querySelectorAll(".lookup rect.values").length,
  rates: document.querySelector("#rates path")?.getAttribute("d") ?? "",
  notices: document.querySelectorAll("#notices li").length,
};
"""


def wait_for(browser, condition):
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        seen = browser.run(SEEN)
        if condition(seen):
            break
        time.sleep(0.5)
    return seen


def check_view(browser, checks, served):
    browser.open(served.url)
    seen = wait_for(browser, lambda seen: " joined" in seen["state"])
    checks.that(" joined" in seen["state"], "it says that the node has joined", seen)
    for infohash in served.infohashes[:3]:
        served.look_up(infohash)
    seen = wait_for(browser, lambda seen: seen["values"] > 0 and seen["lookups"] == 3)
    checks.that(seen["lookups"] == 3, "each lookup is shown", seen)
    checks.that(seen["bars"] > 10 and seen["values"] > 0, "with its queries", seen)
    seen = wait_for(browser, lambda seen: seen["buckets"] > 2)
    checks.that(seen["buckets"] > 2, "the buckets are shown", seen)
    checks.that(seen["numbers"] == 8 and "L" in seen["rates"], "numbers and rates are shown", seen)


def check_looks(browser, checks):
    browser.resize(400, 800)
    page, screen, wide = browser.run(WIDER_THAN_THE_PAGE)
    checks.that(page <= screen and not wide, "nothing is wider than 400 px", (page, screen, wide))
    browser.screenshot(OUT / "live-narrow.png")
    browser.resize(1200, 900)
    for scheme in ("light", "dark"):
        browser.colour_scheme(scheme)
        browser.screenshot(OUT / f"live-{scheme}.png")


def suite(checks):
    OUT.mkdir(parents=True, exist_ok=True)
    options = ["--web", "0", "--bind", ADDRESS]
    with ServedNode(MDHT, 20_000, 180, options) as served, Browser() as browser:
        browser.open("about:blank")
        browser.requests()
        check_view(browser, checks, served)
        check_looks(browser, checks)
        foreign = [url for url in browser.requests() if not url.startswith((served.url, "data:", "chrome:"))]
        checks.that(not foreign, "nothing is fetched from elsewhere", foreign)
        messages = browser.console()
        checks.that(not messages, "nothing on the console", json.dumps(messages)[:600])
        served.node.terminate()
        served.node.wait(timeout=20)
        seen = wait_for(browser, lambda seen: "does not answer" in seen["state"])
        checks.that("does not answer" in seen["state"], "it says when the node has gone", seen)


if __name__ == "__main__":
    sys.exit(frame.run(suite, SUITE_SECONDS))
