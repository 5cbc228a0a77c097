//! Which answer belongs to which query.

#![allow(clippy::unwrap_used)] // in helper functions too

mod profiling;
mod synthetic;

use std::time::Duration;

use mdht_krpc::{Body, Message, Response};
use mdht_profiler::Options;
use profiling::{node, node_with, options};
use serde_json::{Value, json};
use synthetic::{NODE, Talk, id};

const A: &str = "10.0.0.2:1";

fn answered(node: &Value) -> (u64, u64, u64) {
    let figure = |section: &str, key: &str| node[section][key].as_u64().unwrap();
    (
        figure("rtt_ms", "count"),
        figure("stray_answers", "duplicate"),
        figure("stray_answers", "unmatched"),
    )
}

#[test]
fn rtt_is_from_query_to_answer() {
    let mut talk = Talk::new();
    for (i, rtt) in [8, 1, 4, 2].into_iter().enumerate() {
        let sent = 1000 * i as u64;
        talk.ping(sent, A, b"aa");
        talk.respond(sent + rtt, A, b"aa", id(2));
    }
    // position of p2 is 0.06, of p25 0.75, of p50 1.5, of p75 2.25, of p98 2.94
    let rtt = node(&talk)["rtt_ms"].take();
    for (key, expected) in [
        ("p2", 1.06),
        ("p25", 1.75),
        ("p50", 3.0),
        ("p75", 5.0),
        ("p98", 7.76),
    ] {
        let figure = rtt[key].as_f64().unwrap();
        assert!((figure - expected).abs() < 1e-9, "{key} is {figure}");
    }
    assert_eq!(rtt["count"], 4);
}

#[test]
fn only_address_socket_and_transaction_id_together_match() {
    let mut talk = Talk::new();
    talk.ping(0, A, b"aa");
    talk.respond(10, "10.0.0.2:2", b"aa", id(2)); // another port
    talk.respond(20, "10.0.0.3:1", b"aa", id(2)); // another address
    talk.respond(30, A, b"ab", id(2)); // another transaction
    talk.respond(30, A, b"aa\0", id(2));
    let response = Message::new(b"aa", Body::Response(Response::new(id(2))));
    talk.message(40, A, "10.0.0.1:6882", &response); // another socket
    let any_port = Options {
        nodes: vec!["10.0.0.1".parse().unwrap()],
        ..options()
    };
    assert_eq!(answered(&node_with(&talk, any_port)), (0, 0, 5));
    assert_eq!(answered(&node(&talk)), (0, 0, 4));
    talk.respond(50, A, b"aa", id(2));
    let node = node(&talk);
    assert_eq!(answered(&node), (1, 0, 4));
    assert_eq!(node["rtt_ms"]["p50"], 50.0);
}

#[test]
fn the_timeout_is_inclusive_and_late_answers_are_bounded() {
    for (rtt, in_time, late) in [(2000, 1, 0), (2001, 0, 1), (60_000, 0, 1), (60_001, 0, 0)] {
        let mut talk = Talk::new();
        talk.get_peers(0, A, b"1", id(7));
        talk.give(rtt, A, b"1", id(2), &["1.2.3.4:5"]);
        let node = node(&talk);
        let got = &node["lookup_queries"];
        if in_time + late > 0 {
            assert_eq!(
                (&got["answered"], &got["answered_late"]),
                (&json!(in_time), &json!(late))
            );
        } else {
            assert_eq!(node["stray_answers"]["unmatched"], 1);
        }
        assert_eq!(node["rtt_ms"]["count"], in_time, "{rtt}");
    }
}

#[test]
fn the_timeout_can_be_set() {
    let mut talk = Talk::new();
    talk.ping(0, A, b"1");
    talk.respond(70_000, A, b"1", id(2));
    let patient = Options {
        timeout: Duration::from_secs(90),
        ..options()
    };
    assert_eq!(answered(&node_with(&talk, patient)), (1, 0, 0));
}

#[test]
fn a_second_answer_is_a_duplicate() {
    let mut talk = Talk::new();
    talk.ping(0, A, b"1");
    talk.respond(10, A, b"1", id(2));
    talk.respond(20, A, b"1", id(2));
    talk.refuse(5000, A, b"1");
    let node = node(&talk);
    assert_eq!(answered(&node), (1, 2, 0));
    assert_eq!(node["rtt_ms"]["p50"], 10.0);
}

#[test]
fn a_doubled_query_takes_two_answers_in_order() {
    let mut talk = Talk::new();
    talk.ping(0, A, b"1");
    talk.ping(5, A, b"1");
    talk.respond(30, A, b"1", id(2));
    talk.respond(31, A, b"1", id(2));
    let node = node(&talk);
    assert_eq!(answered(&node), (2, 0, 0));
    // 30 and 26
    assert_eq!(
        (&node["rtt_ms"]["p2"], &node["rtt_ms"]["p50"]),
        (&json!(26.08), &json!(28.0))
    );
}

#[test]
fn an_id_used_again_after_the_timeout_means_the_new_query() {
    let mut talk = Talk::new();
    talk.ping(0, A, b"1");
    talk.ping(10_000, A, b"1");
    talk.respond(10_040, A, b"1", id(2));
    talk.respond(10_050, A, b"1", id(2)); // to the first, 10 s late
    let node = node(&talk);
    assert_eq!(answered(&node), (1, 0, 0));
    assert_eq!(node["rtt_ms"]["p50"], 40.0);
}

#[test]
fn transaction_ids_of_any_length() {
    let mut talk = Talk::new();
    let long = [7; 300];
    for (i, tid) in [&b""[..], b"1", b"12345678", b"123456789", &long]
        .into_iter()
        .enumerate()
    {
        talk.ping(10 * i as u64, A, tid);
    }
    for (i, tid) in [&b""[..], b"1", b"12345678", b"123456789", &long]
        .into_iter()
        .enumerate()
    {
        talk.respond(100 + 10 * i as u64, A, tid, id(2));
    }
    talk.respond(200, A, &long[..299], id(2));
    let node = node(&talk);
    assert_eq!(answered(&node), (5, 0, 1));
    assert_eq!(node["rtt_ms"]["p50"], 100.0);
}

#[test]
fn an_answer_older_than_its_query_took_no_time() {
    let mut talk = Talk::new();
    talk.ping(1000, A, b"1");
    talk.respond(990, A, b"1", id(2));
    let profile = profiling::profile_json(&talk.pcap.bytes, options());
    assert_eq!(profile["captures"][0]["time_steps_back"], 1);
    assert_eq!(profile["nodes"][0]["rtt_ms"]["p50"], 0.0);
}

#[test]
fn one_absurd_time_does_not_end_the_profile() {
    let mut talk = Talk::new();
    talk.ping(0, A, b"1");
    talk.respond(10, A, b"1", id(2));
    talk.ping(2_000_000_000_000, A, b"2"); // 63 years later
    for i in 1..=100_u64 {
        talk.ping(1000 * i, A, b"3");
        talk.respond(1000 * i + 10, A, b"3", id(2));
    }
    assert_eq!(answered(&node(&talk)), (101, 0, 0));
}

#[test]
fn two_nodes_under_test_that_talk_to_each_other() {
    let mut talk = Talk::new();
    talk.ping(0, A, b"1");
    talk.respond(30, A, b"1", id(2));
    let nodes = vec![NODE.parse().unwrap(), format!("{A}=other").parse().unwrap()];
    let profile = profiling::profile_json(&talk.pcap.bytes, Options { nodes, ..options() });
    assert_eq!(profile["nodes"][0]["maintenance"]["ping"], 1);
    assert_eq!(profile["nodes"][0]["rtt_ms"]["p50"], 30.0);
    assert_eq!(profile["nodes"][1]["received"]["ping"], 1);
    assert_eq!(profile["nodes"][1]["rtt_ms"]["count"], 0);
    assert_eq!(profile["nodes"][1]["label"], "other");
}
