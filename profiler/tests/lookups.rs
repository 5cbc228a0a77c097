//! Lookups and their figures, against figures computed by hand.

#![allow(clippy::unwrap_used)] // in helper functions too

mod profiling;
mod synthetic;

use std::time::Duration;

use mdht_krpc::{Id, Query};
use mdht_profiler::Options;
use profiling::{node, node_with, options};
use serde_json::{Value, json};
use synthetic::{Talk, id};

const A: &str = "10.0.0.2:1";
const B: &str = "10.0.0.3:1";
const C: &str = "10.0.0.4:1";

fn only_lookup(node: &Value) -> &Value {
    let lookups = node["lookups"].as_array().unwrap();
    assert_eq!(lookups.len(), 1, "{node}");
    &lookups[0]
}

#[test]
fn latency_and_cost_count_unanswered_queries_but_not_later_ones() {
    let mut talk = Talk::new();
    talk.get_peers(0, A, b"1", id(7));
    talk.get_peers(10, B, b"2", id(7)); // never answered
    talk.get_peers(20, C, b"3", id(7));
    talk.respond(60, A, b"1", id(8));
    talk.give(163, C, b"3", id(9), &["1.2.3.4:5"]);
    talk.get_peers(170, "10.0.0.5:1", b"4", id(7)); // after the value
    talk.give(300, "10.0.0.5:1", b"4", id(10), &["1.2.3.4:5", "1.2.3.4:6"]);
    let node = node(&talk);
    let expected = json!({
        "infohash": id(7).to_string(), "start_s": 0.0, "latency_ms": 163.0, "cost": 3,
        "queries": 4, "responses": 3, "responses_late": 0,
        // 7 ^ 8 = 15, 7 ^ 9 = 14, 7 ^ 10 = 13
        "closest_ms": 300.0,
        "replicas": 2, "peers": 2, "announced": false,
        // nobody named anybody; bits of 15 and 13 in every byte
        "hops": 0, "closest_hops": 0, "first_distance_bits": 156, "closest_distance_bits": 156,
    });
    assert_eq!(only_lookup(&node), &expected);
    assert_eq!(
        node["lookup_latency_ms"],
        json!({"count": 1, "no_value": 0, "p50": 163.0, "p75": 163.0, "p98": 163.0,
            "p99": 163.0, "max": 163.0})
    );
    assert_eq!(
        node["lookup_cost"],
        json!({"mean": 3.0, "p50": 3.0, "p99": 3.0})
    );
    assert_eq!(
        node["lookup_queries"],
        json!({"sent": 4, "answered": 3, "answered_late": 0, "answered_pct": 75.0})
    );
}

#[test]
fn an_empty_list_of_values_is_no_value() {
    let mut talk = Talk::new();
    talk.get_peers(0, A, b"1", id(7));
    talk.get_peers(5, B, b"2", id(7));
    talk.give(50, A, b"1", id(8), &[]);
    let none = node(&talk);
    let lookup = only_lookup(&none);
    assert_eq!(
        (&lookup["latency_ms"], &lookup["cost"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(
        (&lookup["replicas"], &lookup["peers"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(none["lookup_latency_ms"]["no_value"], 1);
    assert_eq!(none["lookup_latency_ms"]["count"], 0);
    assert_eq!(none["lookup_latency_ms"]["p50"], Value::Null);

    talk.give(90, B, b"2", id(9), &["1.2.3.4:5"]);
    let some = node(&talk);
    assert_eq!(only_lookup(&some)["latency_ms"], 90.0);
}

#[test]
fn values_that_come_late_still_end_the_lookup() {
    let mut talk = Talk::new();
    talk.get_peers(0, A, b"1", id(7));
    talk.get_peers(1, B, b"2", id(7));
    talk.give(2500, A, b"1", id(8), &["1.2.3.4:5"]);
    let node = node(&talk);
    let lookup = only_lookup(&node);
    assert_eq!(lookup["latency_ms"], 2500.0);
    assert_eq!(
        (&lookup["responses"], &lookup["responses_late"]),
        (&json!(0), &json!(1))
    );
    assert_eq!(node["lookup_queries"]["answered_late"], 1);
    assert_eq!(node["lookup_queries"]["answered_pct"], 0.0);
}

#[test]
fn a_query_after_the_gap_starts_a_new_lookup() {
    let mut talk = Talk::new();
    talk.get_peers(0, A, b"1", id(7));
    talk.get_peers(30_000, B, b"2", id(7)); // exactly the gap: the same lookup
    talk.give(30_100, B, b"2", id(8), &["1.2.3.4:5"]);
    talk.get_peers(60_001, A, b"3", id(7)); // a millisecond more
    talk.give(60_041, A, b"3", id(9), &["1.2.3.4:5"]);
    let both = node(&talk);
    let figures: Vec<_> = both["lookups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|l| {
            (
                l["start_s"].as_f64().unwrap(),
                l["latency_ms"].as_f64().unwrap(),
            )
        })
        .collect();
    assert_eq!(figures, [(0.0, 30_100.0), (60.001, 40.0)]);
    // p98 of 40 and 30100: 40 + 0.98 * 30060
    let p98 = both["lookup_latency_ms"]["p98"].as_f64().unwrap();
    assert!((p98 - 29_498.8).abs() < 1e-6, "{p98}");

    let shorter = Options {
        lookup_gap: Duration::from_secs(29),
        ..options()
    };
    // the first group is then one query without a value: refresh
    assert_eq!(
        node_with(&talk, shorter)["lookups"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn an_answer_belongs_to_the_lookup_that_asked() {
    let mut talk = Talk::new();
    talk.get_peers(0, A, b"1", id(7));
    talk.get_peers(1, B, b"2", id(7));
    talk.get_peers(31_000, C, b"3", id(7));
    talk.give(31_010, B, b"2", id(8), &["1.2.3.4:5"]); // late, to the first lookup
    talk.give(31_020, C, b"3", id(9), &["1.2.3.4:5"]);
    let node = node(&talk);
    assert_eq!(node["lookups"][0]["latency_ms"], 31_010.0);
    assert_eq!(node["lookups"][0]["cost"], 2);
    assert_eq!(node["lookups"][1]["latency_ms"], 20.0);
}

#[test]
fn one_unanswered_query_without_an_announce_is_refresh() {
    let mut talk = Talk::new();
    talk.get_peers(0, A, b"1", id(7)); // refresh
    talk.respond(20, A, b"1", id(8));
    talk.get_peers(100, A, b"2", id(20)); // a lookup: it got a value
    talk.give(120, A, b"2", id(8), &["1.2.3.4:5"]);
    talk.get_peers(200, A, b"3", id(30)); // a lookup: it announced
    talk.respond(220, A, b"3", id(8));
    talk.ask(
        230,
        A,
        b"4",
        Query::announce_peer(id(1), id(30), 7, b"token"),
    );
    talk.get_peers(300, A, b"5", id(40)); // a lookup: two queries
    talk.get_peers(310, B, b"6", id(40));
    let infohashes = |node: &Value| -> Vec<Value> {
        node["lookups"]
            .as_array()
            .unwrap()
            .iter()
            .map(|l| l["infohash"].clone())
            .collect()
    };
    let hex =
        |bytes: &[u8]| -> Vec<Value> { bytes.iter().map(|&b| id(b).to_string().into()).collect() };
    let by_rule = node(&talk);
    assert_eq!(infohashes(&by_rule), hex(&[20, 30, 40]));
    assert_eq!(by_rule["maintenance"]["get_peers_refresh"], 1);
    assert_eq!(by_rule["maintenance"]["total"], 0);
    assert_eq!(by_rule["lookup_queries"]["sent"], 4);

    let two = node_with(
        &talk,
        Options {
            refresh_max_queries: 2,
            ..options()
        },
    );
    assert_eq!(infohashes(&two), hex(&[20, 30]));
    assert_eq!(two["maintenance"]["get_peers_refresh"], 3);

    let zero = node_with(
        &talk,
        Options {
            refresh_max_queries: 0,
            ..options()
        },
    );
    assert_eq!(infohashes(&zero), hex(&[7, 20, 30, 40]));

    let named = Some([id(7), id(99)].into());
    let named = node_with(
        &talk,
        Options {
            infohashes: named,
            ..options()
        },
    );
    assert_eq!(infohashes(&named), hex(&[7]));
    assert_eq!(named["maintenance"]["get_peers_refresh"], 4);
}

#[test]
fn time_to_closest_is_that_of_the_closest_node_not_of_the_last() {
    let mut near = [7; 20];
    near[19] = 6;
    let mut talk = Talk::new();
    talk.get_peers(0, A, b"1", id(7));
    talk.get_peers(0, B, b"2", id(7));
    talk.get_peers(0, C, b"3", id(7));
    talk.respond(40, A, b"1", id(0x87));
    talk.respond(55, B, b"2", Id::new(near));
    talk.get_peers(60, B, b"4", id(7));
    talk.respond(80, B, b"4", Id::new(near)); // the same node again
    talk.respond(90, C, b"3", id(0x17));
    let node = node(&talk);
    assert_eq!(only_lookup(&node)["closest_ms"], 55.0);
    assert_eq!(
        node["closest_ms"],
        json!({"p50": 55.0, "p75": 55.0, "p98": 55.0, "p99": 55.0})
    );
}

#[test]
fn an_error_is_an_answer_but_brings_neither_value_nor_node() {
    let mut talk = Talk::new();
    talk.get_peers(0, A, b"1", id(7));
    talk.get_peers(0, B, b"2", id(7));
    talk.refuse(30, A, b"1");
    let node = node(&talk);
    let lookup = only_lookup(&node);
    assert_eq!(lookup["responses"], 1);
    assert_eq!(
        (&lookup["closest_ms"], &lookup["latency_ms"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn replicas_and_peers_are_distinct() {
    let mut talk = Talk::new();
    for (ms, from, peers) in [
        (0, A, &["1.1.1.1:1", "1.1.1.1:2"][..]),
        (100, B, &["1.1.1.1:2", "1.1.1.1:2", "[2a00::1]:3"]),
        (200, A, &["1.1.1.1:4"]),
        (300, C, &[]),
    ] {
        let tid = ms.to_string();
        talk.get_peers(ms, from, tid.as_bytes(), id(7));
        talk.give(ms + 10, from, tid.as_bytes(), id(8), peers);
    }
    let node = node(&talk);
    let lookup = only_lookup(&node);
    assert_eq!(
        (&lookup["replicas"], &lookup["peers"]),
        (&json!(2), &json!(4))
    );
}

#[test]
fn lookups_of_several_infohashes_run_side_by_side() {
    let mut talk = Talk::new();
    talk.get_peers(0, A, b"1", id(7));
    talk.get_peers(5, A, b"2", id(9));
    talk.give(25, A, b"2", id(8), &["1.2.3.4:5"]);
    talk.give(40, A, b"1", id(8), &["1.2.3.4:5"]);
    let node = node(&talk);
    assert_eq!(node["lookups"][0]["latency_ms"], 40.0);
    assert_eq!(node["lookups"][1]["latency_ms"], 20.0);
    assert_eq!(node["lookup_cost"]["mean"], 1.0);
}
