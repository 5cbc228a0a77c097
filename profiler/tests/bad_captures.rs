//! Bad captures: what can be read is reported, what cannot is counted by kind
//! with the first offset of each; an error only where nothing can be read.

#![allow(clippy::unwrap_used)] // in helper functions too

mod inputs;
mod profiling;
mod synthetic;

use std::collections::BTreeSet;
use std::io::Cursor;
use std::ops::ControlFlow;
use std::path::Path;

use inputs::bad::{self, Bad};
use inputs::laws;
use mdht_profiler::{Input, Options, Profiler};
use profiling::{options, try_profile};
use serde_json::{Value, json};

fn summary(bad: &Bad, options: Options) -> Result<Value, String> {
    let profile = try_profile(&bad.bytes, options).map_err(|error| error.to_string())?;
    Ok(serde_json::to_value(&profile.captures[0]).unwrap())
}

#[test]
fn what_can_be_read_is_reported_and_what_cannot_is_counted() {
    for bad in bad::captures() {
        let name = bad.name;
        match (&bad.expected, summary(&bad, options())) {
            (Ok((packets, faults)), Ok(capture)) => {
                let faults = faults.iter().map(
                    |(kind, count, at)| json!({"kind": kind, "count": count, "first_offset": at}),
                );
                assert_eq!(capture["faults"], faults.collect::<Value>(), "{name}");
                assert_eq!(capture["packets"], *packets, "{name}");
                let messages = capture["krpc_messages"].as_u64().unwrap();
                assert!(messages > 0 || name == "a-hundred-tags", "{name}");
            }
            (Err(expected), Err(text)) => assert!(text.contains(expected), "{name}: {text}"),
            (expected, found) => panic!("{name}: {expected:?} {found:?}"),
        }
    }
}

#[test]
fn no_node_named_and_read_once_they_say_the_same() {
    for bad in bad::captures() {
        let named = summary(&bad, options());
        let unnamed = summary(&bad, Options::default());
        let input = Input::reader("-", Cursor::new(bad.bytes.clone()));
        let once = Profiler::new(Options::default())
            .watch(vec![input], &mut |_| ControlFlow::Continue(()));
        let once = once.map(|profile| serde_json::to_value(&profile.captures[0]).unwrap());
        assert_eq!(named.is_ok(), unnamed.is_ok(), "{}", bad.name);
        assert_eq!(named.is_ok(), once.is_ok(), "{}", bad.name);
        if let (Ok(named), Ok(unnamed), Ok(once)) = (named, unnamed, once) {
            for key in ["packets", "faults", "truncated_at", "krpc_messages"] {
                assert_eq!(named[key], unnamed[key], "{} {key}", bad.name);
                assert_eq!(named[key], once[key], "{} {key}", bad.name);
            }
        }
    }
}

#[test]
fn the_text_says_where() {
    let captures = bad::captures();
    for (name, expected) in [
        ("cut", "  ends inside a record: 1, first at byte 224\n"),
        (
            "ip-header",
            "  packet with broken IP or UDP header: 2, first at byte 124\n",
        ),
        (
            "fragment-missing",
            "  1 fragments, of which 0 datagrams were put together\n",
        ),
    ] {
        let bad = captures.iter().find(|bad| bad.name == name).unwrap();
        let text = try_profile(&bad.bytes, options()).unwrap().to_string();
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn the_laws_hold_cut_anywhere() {
    for bad in bad::captures() {
        for len in (0..=bad.bytes.len().min(500)).rev().step_by(7) {
            laws::check(&bad.bytes[..len]);
        }
    }
}

#[test]
fn the_laws_hold_with_any_byte_changed() {
    for bad in bad::captures() {
        for at in (0..bad.bytes.len().min(500)).step_by(3) {
            let mut bytes = bad.bytes.clone();
            bytes[at] = bytes[at].wrapping_add(0x7f);
            laws::check(&bytes);
        }
    }
}

#[test]
fn the_seeds_of_the_fuzz_target_are_these() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds/captures");
    let mut expected = bad::captures();
    expected.extend(bad::good());
    let names: BTreeSet<_> = expected.iter().map(|bad| bad.name.to_owned()).collect();
    let found = std::fs::read_dir(&seeds)
        .unwrap()
        .map(|e| e.unwrap().file_name());
    let found: BTreeSet<_> = found.map(|name| name.into_string().unwrap()).collect();
    assert_eq!(found, names, "write them anew: see fuzz/README.md");
    for seed in expected {
        let bytes = std::fs::read(seeds.join(seed.name)).unwrap();
        // another version of a compressor may pack otherwise
        assert!(
            bytes == seed.bytes || seed.name.contains("gzip"),
            "{}",
            seed.name
        );
        laws::check(&bytes);
    }
}
