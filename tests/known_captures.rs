//! Captures of real clients in `tests/data`, whose figures were computed from
//! tshark's fields by a script that shares no code with mdht: counts must be
//! the same, times must agree to the microsecond.

#![allow(clippy::unwrap_used)] // a panic fails the test

mod support;

use serde_json::Value;
use support::captures::{FILE_HEADER, data, record_behind};
use support::{MDHT, mdht};

#[test]
fn libtorrent() {
    check("libtorrent.pcap.gz");
}

#[test]
fn libtorrent_with_its_defaults_snapped() {
    check("libtorrent-defaults-snapped.pcap");
}

#[test]
fn transmission_in_pcapng() {
    check("transmission.pcapng");
}

#[test]
fn bittorrent_dht_in_fragments() {
    check("bittorrent-dht-fragments.pcap.zst");
}

#[test]
fn bittorrent_dht_cut_inside_a_packet() {
    check("bittorrent-dht-cut.pcap");
}

#[test]
fn bittorrent_dht_with_packets_lost_and_seen_twice() {
    check("bittorrent-dht-noisy.pcap.gz");
}

#[test]
fn mdht_looking_up() {
    check("mdht-lookup.pcap");
}

#[test]
fn mdht_serving_as_it_captured_itself() {
    check("mdht-node-own.pcap");
}

#[test]
fn every_capture_has_its_test() {
    let tests = include_str!("known_captures.rs");
    let mut known = 0;
    for entry in std::fs::read_dir(data("")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if let Some(capture) = name.strip_suffix(".expected.json") {
            assert!(tests.contains(&format!("check(\"{capture}\")")), "{name}");
            known += 1;
        }
    }
    assert_eq!(known, 8);
}

/// A whole that was written as two files gives the figures of one.
#[test]
fn a_capture_in_two_files_is_merged_by_time() {
    let whole = std::fs::read(data("mdht-lookup.pcap")).unwrap();
    let dir = support::TemporaryDir::new();
    let (first, second) = (dir.file("first.pcap"), dir.file("second.pcap"));
    let middle = record_behind(&whole, whole.len() / 2);
    std::fs::write(&first, &whole[..middle]).unwrap();
    std::fs::write(&second, [&whole[..FILE_HEADER], &whole[middle..]].concat()).unwrap();
    let expected = expected_of("mdht-lookup.pcap");
    let profile = &expected["profiles"][0];
    // the later one first: the order in which files are named is not theirs
    let mut got = profiled(&format!("{second} {first}"), profile);
    // between the two files nothing was observed, which enters rates
    for (node, wanted) in nodes_of(&mut got).iter_mut().zip(list(&profile["nodes"])) {
        node["maintenance"]["per_minute"] = wanted["maintenance"]["per_minute"].clone();
        node["all_queries"]["per_hour"] = wanted["all_queries"]["per_hour"].clone();
    }
    compare("nodes", &profile["nodes"], &got["nodes"]);
}

/// The comparison itself finds what differs by one, or by a microsecond.
#[test]
fn a_wrong_figure_is_found() {
    let expected = expected_of("mdht-lookup.pcap");
    let profile = &expected["profiles"][0];
    let got = profiled(&data("mdht-lookup.pcap"), profile);
    let differing = |pointer: &str, change: f64| {
        let mut wrong = profile["nodes"].clone();
        let figure = wrong.pointer_mut(pointer).unwrap();
        *figure = match figure.as_u64() {
            Some(count) => (count + 1).into(),
            None => (figure.as_f64().unwrap() + change).into(),
        };
        differences("nodes", &wrong, &got["nodes"])
    };
    for (pointer, change) in [
        ("/0/lookup_queries/answered", 1.0),
        ("/0/lookups/3/cost", 1.0),
        ("/0/lookups/3/latency_ms", 0.001),
        ("/0/lookups/3/start_s", 0.000_001),
        ("/0/rtt_ms/p98", 0.001),
        ("/0/received/ping", 1.0),
        ("/0/clients/0/nodes", 1.0),
        ("/0/all_queries/bytes_in", 1.0),
    ] {
        assert_eq!(differing(pointer, change).len(), 1, "{pointer}");
    }
}

/// Profiles a capture by every set of rules of its expected file.
fn check(capture: &str) {
    let expected = expected_of(capture);
    let profiles = list(&expected["profiles"]);
    assert!(!profiles.is_empty());
    for profile in profiles {
        let got = profiled(&data(capture), profile);
        compare("capture", &expected["capture"], &got["captures"][0]);
        compare("nodes", &profile["nodes"], &got["nodes"]);
    }
}

/// What the command says of `captures`, with the options and the nodes of an
/// expected profile.
fn profiled(captures: &str, profile: &Value) -> Value {
    let mut args = format!("profile {captures} --format json");
    let nodes = list(&profile["nodes"]).iter().map(|node| &node["node"]);
    let nodes = nodes.flat_map(|node| ["--node", text(node)]);
    for word in list(&profile["options"]).iter().map(text).chain(nodes) {
        args.push(' ');
        args.push_str(word);
    }
    let run = mdht(&args);
    assert_eq!(run.code, Some(0), "{MDHT} {args}: {run:?}");
    run.documents().remove(0)
}

fn compare(what: &str, expected: &Value, got: &Value) {
    let differences = differences(what, expected, got);
    assert!(differences.is_empty(), "\n{}", differences.join("\n"));
}

/// Where `got` is not as expected: every key that is expected, in lists of the
/// same length, with the same figures. More keys may be there.
fn differences(path: &str, expected: &Value, got: &Value) -> Vec<String> {
    let differ = || vec![format!("{path}: expected {expected}, got {got}")];
    match (expected, got) {
        (Value::Object(wanted), Value::Object(_)) => wanted
            .iter()
            .flat_map(|(key, value)| differences(&format!("{path}.{key}"), value, &got[key]))
            .collect(),
        (Value::Array(wanted), Value::Array(found)) if wanted.len() == found.len() => {
            let pairs = wanted.iter().zip(found).enumerate();
            pairs
                .flat_map(|(i, (wanted, found))| {
                    differences(&format!("{path}[{i}]"), wanted, found)
                })
                .collect()
        }
        (Value::Number(wanted), Value::Number(found)) if wanted.is_f64() => {
            let (wanted, found) = (wanted.as_f64().unwrap(), found.as_f64().unwrap());
            match (wanted - found).abs() <= tolerance(path, wanted) {
                true => Vec::new(),
                false => differ(),
            }
        }
        _ if expected == got => Vec::new(),
        _ => differ(),
    }
}

/// Half a microsecond of a time; of anything else, what floats round.
fn tolerance(path: &str, figure: f64) -> f64 {
    match path {
        _ if path.contains("_ms") => 0.5e-3,
        _ if path.ends_with("_s") => 0.5e-6,
        _ => figure.abs() * 1e-12,
    }
}

fn expected_of(capture: &str) -> Value {
    let path = data(&format!("{capture}.expected.json"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn nodes_of(profile: &mut Value) -> &mut Vec<Value> {
    profile["nodes"].as_array_mut().unwrap()
}
