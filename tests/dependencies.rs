//! Every crate that we depend on has its reason in docs/dependencies.md, and
//! nothing stands there that we no longer use.

#![allow(clippy::unwrap_used)] // a panic fails the test

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use toml::Table;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The folder of each crate, and the name that the page has for it.
const PARTS: [(&str, &str); 8] = [
    ("", "command"),
    ("krpc", "krpc"),
    ("plugins", "plugins"),
    ("node", "node"),
    ("profiler", "profiler"),
    ("connectivity", "connectivity"),
    ("overlay", "overlay"),
    ("experiments", "experiments"),
];

fn page() -> String {
    fs::read_to_string(format!("{ROOT}/docs/dependencies.md")).unwrap()
}

/// The crates of a section of a manifest that are not ours.
fn crates(section: Option<&toml::Value>) -> Vec<String> {
    let names = section
        .and_then(toml::Value::as_table)
        .into_iter()
        .flat_map(Table::keys);
    names
        .filter(|name| !name.starts_with("mdht"))
        .cloned()
        .collect()
}

/// What is built into a part, for every platform; and what only its tests use.
fn of(folder: &str) -> (Vec<String>, Vec<String>) {
    let manifest = fs::read_to_string(format!("{ROOT}/{folder}/Cargo.toml")).unwrap();
    let manifest: Table = manifest.parse().unwrap();
    let mut built = crates(manifest.get("dependencies"));
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    for target in targets.into_iter().flat_map(Table::values) {
        built.extend(crates(target.get("dependencies")));
    }
    (built, crates(manifest.get("dev-dependencies")))
}

/// The crates of the page's table, each with who uses it.
fn rows(page: &str) -> BTreeMap<String, String> {
    let mut rows = BTreeMap::<String, String>::new();
    for line in page.lines().filter(|line| line.starts_with("| ")).skip(1) {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        for name in cells[1].split(", ") {
            let users = rows.entry(name.to_owned()).or_default();
            users.push_str(&format!("{}, ", cells[2]));
        }
    }
    rows
}

#[test]
fn every_dependency_has_its_reason() {
    let page = page();
    let rows = rows(&page);
    let mut used = BTreeSet::new();
    for (folder, part) in PARTS {
        let (built, tested) = of(folder);
        for name in &built {
            let users = rows.get(name);
            let users =
                users.unwrap_or_else(|| panic!("docs/dependencies.md says nothing of {name}"));
            let is_named = users.contains(part) || users.contains("all");
            assert!(
                is_named,
                "docs/dependencies.md does not say that {part} uses {name}"
            );
        }
        for name in tested.iter().filter(|name| !built.contains(name)) {
            assert!(
                page.contains(name.as_str()),
                "docs/dependencies.md says nothing of {name}"
            );
        }
        used.extend(built);
    }
    assert!(used.len() > 20, "{used:?}");
    let unused: Vec<_> = rows.keys().filter(|name| !used.contains(*name)).collect();
    assert!(
        unused.is_empty(),
        "docs/dependencies.md has {unused:?}, which nobody uses"
    );
}
