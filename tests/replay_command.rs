//! `mdht replay` as it is called, on captures of real clients.

#![allow(clippy::unwrap_used)] // a panic fails the test

mod support;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use mdht_krpc::{Body, Id, Message};
use serde_json::Value;
use support::captures::{FILE_HEADER, data, record_behind};
use support::{Finished, TemporaryDir, mdht};

/// A node of ours as it captured itself, as raw IPv4; see
/// `tests/data/README.md`.
const OWN: &str = "mdht-node-own.pcap";
const OWN_NODE: &str = "10.141.0.1:6881";

fn replay(args: &str) -> Finished {
    mdht(&format!("replay {args}"))
}

fn json(args: &str) -> Value {
    let run = replay(&format!("{args} --format json"));
    assert_eq!(run.code, Some(0), "{run:?}");
    let [document] = &run.documents()[..] else {
        panic!("one document, not {}", run.out);
    };
    document.clone()
}

/// Node IDs of all who query the node and may enter a table, read without the
/// profiler.
fn queriers(capture: &str) -> BTreeSet<Id> {
    const HEADERS: usize = 16 + 20 + 8; // record, IPv4, UDP
    let pcap = std::fs::read(data(capture)).unwrap();
    let node: SocketAddr = OWN_NODE.parse().unwrap();
    let mut queriers = BTreeSet::new();
    let mut at = FILE_HEADER;
    while at < pcap.len() {
        let next = record_behind(&pcap, at);
        let to: [u8; 4] = pcap[at + 32..at + 36].try_into().unwrap();
        let message = Message::scan(&pcap[at + HEADERS..next]).unwrap();
        if IpAddr::from(to) == node.ip()
            && let Body::Query(query) = message.body
            && !message.read_only
        {
            queriers.extend(query.id);
        }
        at = next;
    }
    queriers
}

/// What the independent script found of a capture's first node.
fn expected(capture: &str) -> Value {
    let text = std::fs::read_to_string(data(&format!("{capture}.expected.json"))).unwrap();
    let expected: Value = serde_json::from_str(&text).unwrap();
    expected["profiles"][0]["nodes"][0].clone()
}

#[test]
fn a_table_with_room_for_all_holds_all_who_queried() {
    let queriers = queriers(OWN);
    assert!(queriers.len() > 10, "a capture of a node with company");
    // the node looks nothing up, so without its own upkeep only queries are fed
    let document = json(&format!(
        "{} --node {OWN_NODE} --routing bep5:k=64 --routing nice --answers lookups",
        data(OWN)
    ));
    let (bep5, nice) = (&document["modules"][0], &document["modules"][1]);
    assert_eq!(bep5["admitted"], queriers.len());
    assert_eq!(bep5["evicted"], 0);
    let contacts = bep5["buckets"].as_array().unwrap().iter();
    let contacts = contacts.map(|bucket| bucket["contacts"].as_u64().unwrap());
    assert_eq!(contacts.sum::<u64>(), queriers.len() as u64);
    // the capture is shorter than the quarantine
    assert_eq!(nice["admitted"], 0);
    assert!(nice["quarantined"].as_u64().unwrap() <= queriers.len() as u64);
}

#[test]
fn everything_that_the_node_sent_and_received_is_replayed() {
    for (capture, node) in [
        (OWN, OWN_NODE),
        ("libtorrent.pcap.gz", "10.35.0.1:6881"),
        ("transmission.pcapng", "10.70.0.1:51413"),
        ("bittorrent-dht-noisy.pcap.gz", "10.60.0.1:6881"),
    ] {
        let expected = expected(capture);
        assert_eq!(expected["node"], node);
        let document = json(&format!("{} --node {node} --routing nr128", data(capture)));
        let received = expected["received"].as_object().unwrap();
        let received: u64 = received.values().map(|n| n.as_u64().unwrap()).sum();
        assert_eq!(document["queries_received"], received, "{capture}");
        let sent = &expected["all_queries"]["sent"];
        assert_eq!(&document["queries_sent"], sent, "{capture}");
        assert_eq!(document["messages"], expected["messages"], "{capture}");
        let decided = &document["modules"][0]["decided"];
        let sum = |keys: &[&str]| keys.iter().map(|k| decided[k].as_u64().unwrap()).sum();
        let by_method: u64 = sum(&["ping", "find_node"]);
        let by_evidence: u64 = sum(&["answering", "silent", "heard", "unknown"]);
        assert_eq!(by_method, by_evidence, "{capture}");
        assert_eq!(document["modules"][0]["queries"], by_method);
    }
}

#[test]
fn modules_stand_side_by_side() {
    let args = format!(
        "{} --node {OWN_NODE} --routing bep5 --routing nr128:refresh=3s",
        data(OWN)
    );
    let run = replay(&args);
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{run:?}");
    let line = |start: &str| {
        let found = run.out.lines().find(|line| line.starts_with(start));
        let found = found.unwrap_or_else(|| panic!("no {start} in {}", run.out));
        found[start.len()..].split_whitespace().collect::<Vec<_>>()
    };
    assert_eq!(line("time"), ["bep5", "nr128:refresh=3s"]);
    let document = json(&args);
    let of = |n: usize, key: &str| document["modules"][n][key].to_string();
    for key in ["admitted", "quarantined", "evicted"] {
        assert_eq!(line(key), [of(0, key), of(1, key)], "{key}");
    }
    assert!(run.out.contains("--unknown alive gives the other bound"));
    assert_eq!(replay(&args).out, run.out, "the same again");
}

#[test]
fn a_capture_that_is_cut_is_replayed_up_to_there() {
    let run = replay(&format!(
        "{} --node 10.60.0.1 --routing bep5",
        data("bittorrent-dht-cut.pcap")
    ));
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.err.contains("cut short"), "{}", run.err);
}

#[test]
fn a_node_that_is_not_there_is_told_with_those_that_are() {
    let run = replay(&format!(
        "{} --node 10.9.9.9 --routing bep5",
        data("mdht-lookup.pcap")
    ));
    assert_eq!((run.code, run.out.as_str()), (Some(1), ""));
    assert!(run.err.contains("10.9.9.9"), "{}", run.err);
    assert!(run.err.contains("10.100.0.1:6881"), "{}", run.err);
}

#[test]
fn what_cannot_be_read_is_named() {
    let dir = TemporaryDir::new();
    let (missing, text) = (dir.file("missing.pcap"), dir.file("text.pcap"));
    std::fs::write(&text, "no capture at all").unwrap();
    for path in [&missing, &text] {
        let run = replay(&format!("{path} --node 10.0.0.1 --routing bep5"));
        assert_eq!(run.code, Some(1), "{run:?}");
        assert!(run.err.contains(path.as_str()), "{}", run.err);
    }
}

#[test]
fn bad_usage() {
    let capture = data(OWN);
    for (args, told) in [
        (format!("{capture} --node {OWN_NODE}"), "--routing"),
        (format!("{capture} --routing bep5"), "--node"),
        (format!("--node {OWN_NODE} --routing bep5"), "CAPTURE"),
        (
            format!("{capture} --node host --routing bep5"),
            "10.0.0.1:6881",
        ),
        (
            format!("{capture} --node {OWN_NODE} --routing bep6"),
            "bep5",
        ),
        (
            format!("{capture} --node {OWN_NODE} --routing bep5 --id 12"),
            "--id",
        ),
        (
            format!("{capture} --node {OWN_NODE} --routing bep5 --window 0"),
            "--window",
        ),
    ] {
        let run = replay(&args);
        assert_eq!(run.code, Some(2), "{args}: {run:?}");
        assert!(run.err.contains(told), "{args}: {}", run.err);
    }
}
