#!/usr/bin/env bash
# Puts the source of every crate that the build needs into vendor/, so that packaging/Dockerfile builds without a network.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo vendor --locked --versioned-dirs vendor >packaging/vendored.toml
du -sh vendor
