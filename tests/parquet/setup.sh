#!/bin/sh
# Installs what tests/parquet/run.py needs: DuckDB and Polars from PyPI (requirements.txt), in
# target/parquet/venv. A second run does nothing.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
exec "$here/../../.ci/venv" "$here/../../target/parquet/venv" "$here/requirements.txt"
