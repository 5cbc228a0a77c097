#!/usr/bin/env bash
# Builds the Debian package in target/debian/: the command, manual pages, completions and the service.
# Installs cargo-deb, once, into target/tools.
set -euo pipefail
cd "$(dirname "$0")/.."

version=cargo-deb 3.8.0
tools=target/tools
if [[ $("$tools/bin/cargo-deb" --version 2>/dev/null) != "$version" ]]; then
    CARGO_PROFILE_RELEASE_OPT_LEVEL=1 cargo install --quiet --locked --no-default-features --root "$tools" "cargo-deb@$version"
fi
cargo build --release

# what the command says of itself
made=target/packaging
rm -rf "$made"
mkdir -p "$made/man"
target/release/mdht man "$made/man"
gzip --best --no-name "$made"/man/*.1
gzip --best --no-name <CHANGELOG.md >"$made/changelog.gz"
for shell in bash zsh fish; do target/release/mdht completions "$shell" >"$made/mdht.$shell"; done

"$tools/bin/cargo-deb" --no-build "$@"
