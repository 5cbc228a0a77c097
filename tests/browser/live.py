#!/usr/bin/env python3
"""Opens the live view of a running node in headless Chromium.

    tests/browser/setup.sh   # installs Chromium, once
    tests/browser/live.py    # needs target/release/mdht

A node that lives in a small served overlay is told what to look up. Screenshots go to target/browser/.
The last line is `N passed, M failed`.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from checks import Checks  # noqa: E402
from run import OUT, ROOT, WIDER_THAN_THE_PAGE  # noqa: E402
from webdriver import Browser  # noqa: E402

MDHT = Path(os.environ.get("MDHT", ROOT / "target" / "release" / "mdht"))
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


class World:
    """A small overlay on loopback, and a node of ours in it."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="mdht-live-")
        file = Path(self.folder.name) / "infohashes.txt"
        serve = [MDHT, "overlay", "serve", "--nodes", "20000", "--bind-range", "127.0.0.0/8"]
        serve += ["--for", "180", "--format", "json", "--infohashes", file]
        self.overlay = subprocess.Popen(serve, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        bootstrap = json.loads(self.overlay.stdout.readline())["bootstrap"][0]
        node = [MDHT, "node", "--driven", "--web", "0", "--bind", ADDRESS]
        node += ["--no-default-bootstrap", "--bootstrap", bootstrap]
        self.node = subprocess.Popen(
            node, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        self.url = next(line.strip() for line in self.node.stderr if line.startswith("http://"))
        self.infohashes = file.read_text().split()
        return self

    def look_up(self, number):
        self.node.stdin.write(f"lookup {self.infohashes[number]}\n")
        self.node.stdin.flush()

    def __exit__(self, *_):
        for process in (self.node, self.overlay):
            process.terminate()
            process.wait(timeout=20)
        self.folder.cleanup()


def wait_for(browser, condition):
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        seen = browser.run(SEEN)
        if condition(seen):
            break
        time.sleep(0.5)
    return seen


def check_view(browser, checks, world):
    browser.open(world.url)
    seen = wait_for(browser, lambda seen: " joined" in seen["state"])
    checks.that(" joined" in seen["state"], "it says that the node has joined", seen)
    for number in range(3):
        world.look_up(number)
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


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    checks = Checks()
    with World() as world, Browser() as browser:
        browser.open("about:blank")
        browser.requests()
        check_view(browser, checks, world)
        check_looks(browser, checks)
        foreign = [url for url in browser.requests() if not url.startswith((world.url, "data:", "chrome:"))]
        checks.that(not foreign, "nothing is fetched from elsewhere", foreign)
        messages = browser.console()
        checks.that(not messages, "nothing on the console", json.dumps(messages)[:600])
        world.node.terminate()
        world.node.wait(timeout=20)
        seen = wait_for(browser, lambda seen: "does not answer" in seen["state"])
        checks.that("does not answer" in seen["state"], "it says when the node has gone", seen)
    return checks.end()


if __name__ == "__main__":
    sys.exit(main())
