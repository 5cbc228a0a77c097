#!/bin/sh
# Installs what tests/parquet/run.py needs: DuckDB and Polars from PyPI (requirements.txt), in
# target/parquet/venv. A second run does nothing.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
venv=$here/../../target/parquet/venv
stamp=$venv/installed.txt

if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3 python3-venv
fi
# a stamp holding the requirements makes a changed pin reinstall
if ! cmp -s "$here/requirements.txt" "$stamp"; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install -q --disable-pip-version-check -r "$here/requirements.txt"
    cp "$here/requirements.txt" "$stamp"
fi
