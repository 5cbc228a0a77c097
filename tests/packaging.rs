//! What packages hold is there, and the services in them start the command
//! with options that it knows.

#![allow(clippy::unwrap_used)] // a panic fails the test

mod support;

use std::fs;

use support::{TemporaryDir, mdht};
use toml::Table;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn read(name: &str) -> String {
    fs::read_to_string(format!("{ROOT}/{name}")).unwrap()
}

/// The part of a text between two others.
fn between<'t>(text: &'t str, before: &str, after: &str) -> &'t str {
    let (_, rest) = text.split_once(before).unwrap();
    rest.split_once(after).unwrap().0
}

#[test]
fn what_the_debian_package_takes_from_the_repository_is_there() {
    let manifest: Table = read("Cargo.toml").parse().unwrap();
    let deb = &manifest["package"]["metadata"]["deb"];
    let assets = deb["assets"].as_array().unwrap();
    let sources = assets.iter().map(|asset| asset[0].as_str().unwrap());
    // the others are made by packaging/deb.sh
    let kept: Vec<_> = sources
        .filter(|source| !source.starts_with("target/"))
        .collect();
    assert!(kept.len() >= 3, "{kept:?}");
    for source in kept {
        assert!(fs::exists(format!("{ROOT}/{source}")).unwrap(), "{source}");
    }
}

#[test]
fn services_start_the_command_with_options_that_it_knows() {
    let unit = read("packaging/mdht.service");
    let options = between(&unit, "MDHT_OPTIONS=", "\"\n");
    let settings = read("packaging/mdht.default");
    assert_eq!(between(&settings, "MDHT_OPTIONS=\"", "\"\n"), options);
    let started =
        between(&unit, "ExecStart=/usr/bin/mdht ", "\n").replace("$MDHT_OPTIONS", options);
    let image = read("packaging/Dockerfile");
    let image = between(&image, "CMD [", "]").replace(['"', ','], "");

    let dir = TemporaryDir::new();
    for words in [started, image] {
        // an address that this machine does not have: the options are read, and nothing is sent
        let words = words.replace("${STATE_DIRECTORY}", &dir.file("state"));
        let words = words.replace("/var/lib/mdht", &dir.file("state"));
        let words = words
            .replace("0.0.0.0:", "192.0.2.1:")
            .replace("[::]:", "[2001:db8::1]:");
        let run = mdht(&words);
        assert_eq!(run.code, Some(1), "{words}: {run:?}");
        assert!(
            run.err.contains("does not have that address"),
            "{words}: {run:?}"
        );
    }
}
