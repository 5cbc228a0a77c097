"""A WebDriver client for what the browser test needs, on the standard library."""

import base64
import json
import re
import subprocess
import tempfile
import urllib.error
import urllib.request

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
]
ENTER = "\ue007"
TAB = "\ue004"


class WebDriverError(Exception):
    """The browser refused a command."""


class Browser:
    """A headless Chromium with a profile of its own; use it in `with`."""

    def __enter__(self):
        self.profile = tempfile.TemporaryDirectory(prefix="mdht-browser-")
        self.driver = subprocess.Popen(
            ["chromedriver", "--port=0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.session = None
        try:
            self.base = f"http://127.0.0.1:{self._port()}"
            arguments = [*FLAGS, f"--user-data-dir={self.profile.name}"]
            capabilities = {
                "browserName": "chrome",
                "goog:chromeOptions": {"args": arguments},
                "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
            }
            request = {"capabilities": {"alwaysMatch": capabilities}}
            self.session = self._call("POST", "/session", request)["sessionId"]
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.session:
            try:
                self._call("DELETE", f"/session/{self.session}")
            except (WebDriverError, OSError):
                pass
        self.driver.terminate()
        self.driver.wait(timeout=20)
        self.driver.stdout.close()
        try:
            self.profile.cleanup()
        except OSError:
            pass  # Chromium may still be writing its last files

    def _port(self):
        for line in self.driver.stdout:
            found = re.search(r"started successfully on port (\d+)", line)
            if found:
                return int(found.group(1))
        raise WebDriverError("chromedriver did not start")

    def _call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.base + path, data, {"Content-Type": "application/json"}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return json.load(response)["value"]
        except urllib.error.HTTPError as error:
            raise WebDriverError(error.read().decode(errors="replace")) from error

    def _do(self, command, body):
        return self._call("POST", f"/session/{self.session}/{command}", body)

    def _devtools(self, command, **parameters):
        return self._do("goog/cdp/execute", {"cmd": command, "params": parameters})

    def open(self, url):
        self._do("url", {"url": url})

    def run(self, script, *arguments):
        """What the JavaScript function body `script` returns."""
        return self._do("execute/sync", {"script": script, "args": list(arguments)})

    def press(self, key):
        """Presses and releases a key where the focus is."""
        keys = [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        self._do("actions", {"actions": [{"type": "key", "id": "keys", "actions": keys}]})

    def click(self, selector):
        found = self._do("element", {"using": "css selector", "value": selector})
        self._do(f"element/{next(iter(found.values()))}/click", {})

    def resize(self, width, height):
        self._devtools(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )

    def colour_scheme(self, scheme):
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self._devtools("Emulation.setEmulatedMedia", features=[feature])

    def screenshot(self, path, whole=True):
        shot = self._devtools(
            "Page.captureScreenshot", format="png", captureBeyondViewport=whole
        )
        path.write_bytes(base64.b64decode(shot["data"]))

    def console(self):
        """Messages on the console since the last call."""
        return self._do("se/log", {"type": "browser"})

    def requests(self):
        """Addresses that were asked for since the last call."""
        entries = self._do("se/log", {"type": "performance"})
        events = [json.loads(entry["message"])["message"] for entry in entries]
        return [
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
        ]
