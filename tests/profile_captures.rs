//! What `mdht profile` reads: from standard input, several captures at once,
//! captures that are cut or none.

#![allow(clippy::unwrap_used)] // a panic fails the test

mod support;

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use support::captures::{LOOKUPS, LOOKUPS_NODE, data, json, profile, record_behind};
use support::{Finished, MDHT, TemporaryDir};

#[test]
fn standard_input_that_comes_slowly_gives_what_the_file_gives() {
    for (name, options) in [
        (LOOKUPS, ""),
        ("transmission.pcapng", "--node 10.70.0.1:51413=TR"),
        ("libtorrent.pcap.gz", "--node 10.35.0.1"),
    ] {
        let of_file = json(&format!("{} {options}", data(name)));
        let bytes = std::fs::read(data(name)).unwrap();
        let pieces: Vec<_> = bytes.chunks(bytes.len() / 15).collect();
        let run = piped(&format!("- {options} --format json"), &pieces);
        assert_eq!(run.code, Some(0), "{name}: {run:?}");
        let mut of_pipe = run.documents().remove(0);
        assert_eq!(of_pipe["captures"][0]["path"], "-");
        of_pipe["captures"][0]["path"] = of_file["captures"][0]["path"].clone();
        assert_eq!(of_pipe, of_file, "{name}");
    }
}

#[test]
fn standard_input_that_ends_early_or_is_no_capture() {
    let bytes = std::fs::read(data(LOOKUPS)).unwrap();
    let run = piped("- --format json", &[&bytes[..1000], &bytes[1000..30_001]]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let capture = &run.documents()[0]["captures"][0];
    assert_eq!(capture["truncated"], true);
    assert!(capture["packets"].as_u64() > Some(50), "{capture}");
    for (pieces, told) in [
        (vec![], "- is empty"),
        (
            vec![&b"garbage "[..], b"and more of it"],
            "- is not a capture",
        ),
        (vec![&bytes[..10]], "inside its file header"),
    ] {
        let run = piped("-", &pieces);
        assert_eq!(run.code, Some(1), "{run:?}");
        assert!(run.err.contains(told) && run.out.is_empty(), "{run:?}");
    }
}

/// tcpdump may be killed at any moment, and a disk be full.
#[test]
fn a_capture_cut_anywhere_is_read_up_to_the_cut() {
    let dir = TemporaryDir::new();
    let bytes = std::fs::read(data(LOOKUPS)).unwrap();
    let cut = dir.file("cut.pcap");
    let mut packets_before = 0;
    let inside_records = (0..bytes.len() - 3000).step_by(5000).enumerate();
    for (i, offset) in inside_records {
        // in the header of the record, or behind it
        let length = record_behind(&bytes, offset) + [7, 40][i % 2];
        std::fs::write(&cut, &bytes[..length]).unwrap();
        let run = profile(&format!("{cut} --node {LOOKUPS_NODE} --format json"));
        if packets_before == 0 && run.code == Some(1) {
            assert!(run.err.contains("cut.pcap could be read"), "{}", run.err);
            continue;
        }
        assert_eq!(run.code, Some(0), "{length}: {run:?}");
        let document = run.documents().remove(0);
        let capture = &document["captures"][0];
        let packets = capture["packets"].as_u64().unwrap();
        assert!(packets > packets_before, "{length}: {capture}");
        assert_eq!(capture["krpc_messages"], packets);
        assert_eq!(capture["truncated"], true, "{length}");
        assert!(capture["truncated_at"].as_u64() <= Some(length as u64));
        packets_before = packets;
    }
    assert!(packets_before > 100, "the last cut is near the end");
    let text = profile(&cut);
    assert!(
        text.out.contains("ends inside a record: 1"),
        "a person is told too: {}",
        text.out
    );
}

#[test]
fn several_captures_are_one_profile_in_the_order_of_their_time() {
    let (one, other) = (
        data("bittorrent-dht-fragments.pcap.zst"),
        data("transmission.pcapng"),
    );
    let nodes = "--node 10.70.0.1:51413=TR --node 10.60.0.1:6881=JS";
    let both = json(&format!("{one} {other} {nodes}"));
    let turned = json(&format!("{other} {one} {nodes}"));
    assert_eq!(both, turned);
    let captures = both["captures"].as_array().unwrap();
    assert_eq!(captures.len(), 2);
    let starts = captures.iter().map(|c| c["start"].as_str().unwrap());
    assert!(starts.is_sorted(), "{captures:?}");
    // the nodes in the order in which they were named
    let labels: Vec<_> = both["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|n| &n["label"])
        .collect();
    assert_eq!(labels, ["TR", "JS"]);
    for (index, pointer) in [
        (0, "/all_queries/sent"),
        (0, "/received/get_peers"),
        (1, "/rtt_ms/count"),
        (1, "/all_queries/bytes_in"),
    ] {
        let count = |document: &Value| {
            let figure = document["nodes"][index].pointer(pointer);
            figure.unwrap().as_u64().unwrap()
        };
        let parts = [&one, &other].map(|one| count(&json(&format!("{one} {nodes}"))));
        assert_eq!(count(&both), parts.iter().sum::<u64>(), "{pointer}");
    }
}

#[test]
fn one_bad_capture_among_good_ones_is_named() {
    let dir = TemporaryDir::new();
    let (bad, missing) = (dir.file("bad.pcap"), dir.file("missing.pcap"));
    std::fs::write(&bad, "no capture at all").unwrap();
    for (second, told) in [(&bad, "is not a capture"), (&missing, "No such file")] {
        let run = profile(&format!("{} {second}", data(LOOKUPS)));
        assert_eq!(run.code, Some(1), "{run:?}");
        let names_it = run.err.contains(second.as_str()) && run.err.contains(told);
        assert!(names_it && !run.err.contains(LOOKUPS), "{}", run.err);
    }
}

#[test]
fn a_node_that_is_not_there_is_a_warning() {
    let run = profile(&format!(
        "{} --node 10.1.2.3:4 --format json",
        data(LOOKUPS)
    ));
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.err.starts_with("warning: 10.1.2.3:4 "), "{}", run.err);
    let node = &run.documents()[0]["nodes"][0];
    assert_eq!(node["messages"], 0);
    assert!(node["lookup_latency_ms"]["p50"].is_null(), "never 0");
}

/// Runs `mdht profile` with `pieces` coming in one by one.
fn piped(args: &str, pieces: &[&[u8]]) -> Finished {
    let mut command = Command::new(MDHT);
    command.arg("profile").args(args.split_whitespace());
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    for piece in pieces {
        // who has seen enough may have gone
        let _ = input.write_all(piece);
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(input);
    let output = child.wait_with_output().unwrap();
    Finished {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}
