#!/usr/bin/env bash
# Builds the Debian package in target/debian/: the command, manual pages, completions and the service.
# Needs dpkg-dev and xz-utils; installs cargo-deb, once, into target/tools. Who builds a package is its maintainer:
# DEBFULLNAME and DEBEMAIL name them, as for Debian's own tools.
set -euo pipefail
cd "$(dirname "$0")/.."

for tool in dpkg-shlibdeps xz; do
    command -v "$tool" >/dev/null || { echo "$tool is missing: apt install dpkg-dev xz-utils" >&2; exit 1; }
done

version=3.8.0
tools=target/tools
if [[ $("$tools/bin/cargo-deb" --version 2>/dev/null) != "cargo-deb $version" ]]; then
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
maintainer="${DEBFULLNAME:-The mdht developers} <${DEBEMAIL:-mdht@localhost}>"
while IFS= read -r line; do
    [[ $line == " -- "* ]] && line=" -- $maintainer  ${line##*>  }"
    echo "$line"
done <packaging/changelog >"$made/changelog"
for shell in bash zsh fish; do target/release/mdht completions "$shell" >"$made/mdht.$shell"; done

"$tools/bin/cargo-deb" --no-build --maintainer "$maintainer" "$@"
[[ -n ${DEBEMAIL:-} ]] || echo "nobody is named as the maintainer: before you give it to others, set DEBEMAIL and DEBFULLNAME" >&2
