//! What the program is built from: licences that it may be given away under,
//! sources that everybody can check, nothing twice without a reason, and
//! nothing that no document tells of.
//!
//! This works from what cargo knows already. Known
//! vulnerabilities need the RustSec database, which no package registry has:
//! `.ci/audit` asks for it where it can be reached.

#![allow(clippy::unwrap_used)] // a panic fails the test

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Licences that a program under MIT or Apache-2.0 may hold parts under. A
/// licence's exception stands beside its name.
const ALLOWED: [&str; 9] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "MIT",
    "Unicode-3.0",
    "Zlib",
];

/// Crates that are there in more than one version, and why.
const TWICE: [(&str, &str); 4] = [
    (
        "getrandom",
        "older ones by ahash, of parquet, and for browsers",
    ),
    (
        "miniz_oxide",
        "flate2 has gone on to the next version, png has not",
    ),
    ("r-efi", "each getrandom's own, on UEFI only"),
    (
        "syn",
        "zerocopy, of ahash, has not gone on to the third version",
    ),
];

/// Crates that bring code in another language or link to a system library, and
/// why. Those of other systems than ours are not built.
const NATIVE: [(&str, &str); 2] = [
    ("zstd-sys", "zstd itself, built from its own C"),
    ("wasm-bindgen-shared", "only where the system is a browser"),
];

/// Where crates may come from: https://crates.io.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Everything in the lock file. What only other systems than this are built
/// from may have to be fetched first.
fn packages() -> Vec<Value> {
    let metadata = |more: &[&str]| {
        let command = ["metadata", "--format-version", "1", "--locked"];
        let mut cargo = Command::new(env!("CARGO"));
        let cargo = cargo.args(command).args(more);
        cargo
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap()
    };
    let offline = metadata(&["--offline"]);
    let output = match offline.status.success() {
        true => offline,
        false => metadata(&[]),
    };
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo metadata: {told}");
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap().clone();
    assert!(packages.len() > 50);
    packages
}

fn name(package: &Value) -> &str {
    package["name"].as_str().unwrap()
}

/// Whether an SPDX expression can be met with licences of `ALLOWED`. `/` is the
/// old way to write OR.
fn is_met(expression: &str) -> bool {
    let spaced = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    let spaced = spaced.replace(" WITH ", "_WITH_");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut place = 0;
    let met = any(&words, &mut place);
    met && place == words.len()
}

fn any(words: &[&str], place: &mut usize) -> bool {
    let mut met = all(words, place);
    while words.get(*place) == Some(&"OR") {
        *place += 1;
        met |= all(words, place);
    }
    met
}

fn all(words: &[&str], place: &mut usize) -> bool {
    let mut met = one(words, place);
    while words.get(*place) == Some(&"AND") {
        *place += 1;
        met &= one(words, place);
    }
    met
}

fn one(words: &[&str], place: &mut usize) -> bool {
    let word = words.get(*place).copied().unwrap_or_default();
    *place += 1;
    if word != "(" {
        return ALLOWED.contains(&word.replace("_WITH_", " WITH ").as_str());
    }
    let met = any(words, place);
    *place += 1;
    met && words.get(*place - 1) == Some(&")")
}

#[test]
fn expressions_are_read_as_they_are_meant() {
    for met in [
        "MIT",
        "GPL-3.0 OR MIT",
        "MIT/GPL-3.0",
        "(GPL-3.0 OR MIT) AND Unicode-3.0",
    ] {
        assert!(is_met(met), "{met}");
    }
    assert!(is_met("Apache-2.0 WITH LLVM-exception OR GPL-2.0"));
    for unmet in [
        "",
        "GPL-3.0",
        "MIT AND GPL-3.0",
        "(MIT OR GPL-3.0) AND MPL-2.0",
        "(MIT",
    ] {
        assert!(!is_met(unmet), "{unmet}");
    }
}

#[test]
fn every_part_may_be_given_away() {
    for package in packages() {
        let licence = package["license"].as_str().unwrap_or_default();
        assert!(is_met(licence), "{} is under `{licence}`", name(&package));
    }
}

#[test]
fn every_part_comes_from_the_registry_or_from_here() {
    for package in packages() {
        if let Some(source) = package["source"].as_str() {
            assert_eq!(source, REGISTRY, "{}", name(&package));
        } else {
            assert!(name(&package).starts_with("mdht"), "{}", name(&package));
        }
        for dependency in package["dependencies"].as_array().unwrap() {
            let is_ours = package["source"].is_null();
            let any_version = is_ours && dependency["req"] == "*";
            assert!(
                !any_version,
                "{} takes any {}",
                name(&package),
                dependency["name"]
            );
        }
    }
}

#[test]
fn nothing_is_there_twice_or_foreign_without_a_reason() {
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut native = BTreeSet::new();
    for package in packages() {
        let version = package["version"].as_str().unwrap().to_owned();
        let name = name(&package).to_owned();
        if !package["links"].is_null() {
            native.insert(name.clone());
        }
        versions.entry(name).or_default().insert(version);
    }
    versions.retain(|_, versions| versions.len() > 1);
    let told = |all: &[(&str, &str)]| -> BTreeSet<String> {
        all.iter().map(|(name, _)| (*name).to_owned()).collect()
    };
    // one that is twice no more has lost its reason, too
    assert_eq!(
        versions.keys().cloned().collect::<BTreeSet<_>>(),
        told(&TWICE),
        "{versions:?}"
    );
    assert_eq!(native, told(&NATIVE));
}

/// docs/dependencies.md says of each crate that we name why we need it.
#[test]
fn every_dependency_of_ours_is_told_of() {
    let told = include_str!("../docs/dependencies.md");
    for package in packages()
        .iter()
        .filter(|package| package["source"].is_null())
    {
        for dependency in package["dependencies"].as_array().unwrap() {
            let dependency = name(dependency);
            let is_told = dependency.starts_with("mdht") || told.contains(dependency);
            assert!(is_told, "docs/dependencies.md has no line for {dependency}");
        }
    }
}
