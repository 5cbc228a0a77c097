//! docs/security.md names a test for each hostile input: each exists.

#![allow(clippy::unwrap_used)] // a panic fails the test

use std::path::Path;

/// What a row without a test says instead.
const OPEN: [&str; 2] = ["with BEP 44/51", "not built"];

/// Every `path.rs::name` in backquotes.
fn named(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter_map(|name| name.split_once(".rs::"))
}

#[test]
fn every_test_that_is_named_exists_and_every_row_names_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("docs/security.md")).unwrap();
    let mut count = 0;
    for (path, name) in named(&text) {
        let path = format!("{path}.rs");
        let file = std::fs::read_to_string(root.join(&path));
        let file = file.unwrap_or_else(|error| panic!("{path}: {error}"));
        assert!(
            file.contains(&format!("fn {name}(")),
            "{path} has no {name}"
        );
        count += 1;
    }
    assert!(count > 50, "{count} tests named");
    let hostile = text.split("## Hostile input").nth(1).unwrap();
    let hostile = hostile.split("\n## ").next().unwrap();
    let rows = hostile.lines().filter(|line| line.starts_with("| "));
    let rows = rows.filter(|row| !row.starts_with("| input |"));
    for row in rows {
        let open = OPEN.iter().any(|open| row.contains(open));
        assert!(open || named(row).next().is_some(), "no test: {row}");
    }
}
