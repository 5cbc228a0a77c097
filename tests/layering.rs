//! Who may know whom: imports flow downwards only, and neither the core of the
//! node nor the overlay reads a clock or owns a socket, but in the one folder
//! where the overlay meets real UDP.

#![allow(clippy::unwrap_used)] // a panic fails the test

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What each part may depend on, of ours. A new part needs a line here.
const MAY_KNOW: [(&str, &[&str]); 8] = [
    ("mdht-krpc", &[]),
    ("mdht-plugins", &["mdht-krpc"]),
    ("mdht-profiler", &["mdht-krpc"]),
    ("mdht-node", &["mdht-krpc", "mdht-plugins"]),
    ("mdht-connectivity", &["mdht-krpc"]),
    (
        "mdht-overlay",
        &[
            "mdht-krpc",
            "mdht-plugins",
            "mdht-node",
            "mdht-connectivity",
        ],
    ),
    (
        "mdht-experiments",
        &[
            "mdht-krpc",
            "mdht-connectivity",
            "mdht-node",
            "mdht-overlay",
            "mdht-plugins",
            "mdht-profiler",
        ],
    ),
    (
        "mdht",
        &[
            "mdht-krpc",
            "mdht-plugins",
            "mdht-node",
            "mdht-connectivity",
            "mdht-overlay",
            "mdht-profiler",
            "mdht-experiments",
        ],
    ),
];

/// Where the overlay is served on real UDP.
const REAL: &str = "overlay/src/serve/udp";

/// What would bring a clock, a socket or a runtime where none belongs.
const IMPURE: [&str; 6] = ["tokio", "nix", "socket2", "mio", "rustix", "getrandom"];

fn cargo(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(args)
        .arg("--offline")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {args:?}: {told}");
    String::from_utf8(output.stdout).unwrap()
}

/// The workspace's packages with what each depends on, tests included or not.
fn dependencies(tests_too: bool) -> BTreeMap<String, BTreeSet<String>> {
    let metadata = cargo(&["metadata", "--no-deps", "--format-version", "1"]);
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    let name = |value: &Value| value["name"].as_str().unwrap().to_owned();
    let packages = metadata["packages"].as_array().unwrap();
    let of = |package: &Value| {
        let all = package["dependencies"].as_array().unwrap().iter();
        all.filter(|dependency| tests_too || dependency["kind"] != "dev")
            .map(name)
            .collect()
    };
    packages.iter().map(|p| (name(p), of(p))).collect()
}

/// Everything that a package is built from, itself included.
fn built_from(package: &str) -> BTreeSet<String> {
    let tree = cargo(&["tree", "-p", package, "-e", "normal", "--prefix", "none"]);
    let names = tree.lines().filter_map(|line| line.split(' ').next());
    names.map(str::to_owned).collect()
}

#[test]
fn every_part_knows_only_those_below_it() {
    let packages = dependencies(false);
    let ours: BTreeSet<_> = packages.keys().cloned().collect();
    let may_know: BTreeMap<_, _> = MAY_KNOW.into_iter().collect();
    for (package, depends_on) in &packages {
        let may_know = may_know.get(package.as_str());
        let may_know = may_know.unwrap_or_else(|| panic!("{package} has no line in MAY_KNOW"));
        for known in depends_on.intersection(&ours) {
            assert!(
                may_know.contains(&known.as_str()),
                "{package} depends on {known}"
            );
        }
    }
}

#[test]
fn nothing_depends_on_the_command_not_even_in_tests() {
    for (package, depends_on) in dependencies(true) {
        assert!(!depends_on.contains("mdht"), "{package} depends on mdht");
    }
}

#[test]
fn the_profiler_can_be_built_without_any_node() {
    let profiler = built_from("mdht-profiler");
    for ours in ["mdht-node", "mdht-plugins", "mdht-overlay", "tokio"] {
        assert!(
            !profiler.contains(ours),
            "the profiler is built from {ours}"
        );
    }
}

#[test]
fn the_node_is_built_without_profiling_plotting_and_the_command_line() {
    let node = built_from("mdht-node");
    assert!(node.contains("tokio"));
    for other in ["mdht-profiler", "plotters", "parquet", "clap", "zstd"] {
        assert!(!node.contains(other), "the node is built from {other}");
    }
}

#[test]
fn wire_and_policy_are_built_without_a_runtime_or_a_clock() {
    for package in ["mdht-krpc", "mdht-plugins", "mdht-connectivity"] {
        let parts = built_from(package);
        assert!(parts.contains(package));
        for impure in IMPURE {
            assert!(!parts.contains(impure), "{package} is built from {impure}");
        }
    }
}

/// The overlay is built with the node's driver, since core and driver are one
/// crate, but it must not reach for it: what it runs is `mdht_node::core`, and
/// it writes captures.
#[test]
fn the_overlay_uses_nothing_of_the_driver() {
    let packages = dependencies(false);
    // the calls of that folder
    for impure in IMPURE.into_iter().filter(|name| *name != "nix") {
        assert!(!packages["mdht-overlay"].contains(impure), "{impure}");
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in rust_files(&root.join("overlay/src")) {
        let text = std::fs::read_to_string(&file).unwrap();
        for (place, _) in text.match_indices("mdht_node::") {
            let used = &text[place + "mdht_node::".len()..];
            let pure = ["core", "item", "CaptureWriter"]
                .iter()
                .any(|part| used.starts_with(part));
            assert!(pure, "{}: {used:.40}", file.display());
        }
    }
}

#[test]
fn core_and_overlay_have_no_socket_no_clock_and_no_randomness_of_their_own() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pure = [
        "node/src/core",
        "plugins/src",
        "krpc/src",
        "connectivity/src",
        "overlay/src",
    ];
    let files: Vec<_> = pure
        .iter()
        .flat_map(|p| rust_files(&root.join(p)))
        .collect();
    assert!(files.len() > 20, "{files:?}");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for word in [
            "UdpSocket",
            "tokio",
            "SystemTime",
            "Instant::now",
            "std::time::Instant",
            "getrandom",
            "std::thread",
        ] {
            // runs that share nothing may run at once
            let may = word == "std::thread" && file.ends_with("overlay/src/runner.rs")
                || file.starts_with(root.join(REAL));
            assert!(
                may || !text.contains(word),
                "{} in {}",
                word,
                file.display()
            );
        }
    }
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}
