#!/bin/sh
# Installs what tests/browser/run.py needs: Chromium and its WebDriver.
set -eu
if ! command -v chromium >/dev/null || ! command -v chromedriver >/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        chromium chromium-driver
fi
