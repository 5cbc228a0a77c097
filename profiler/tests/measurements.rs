//! Measurements beyond the lookups, against figures computed by hand.

#![allow(clippy::unwrap_used)] // in helper functions too

mod profiling;
mod synthetic;

use std::time::Duration;

use mdht_krpc::{Body, Contact, Family, Id, Message, Method, Nodes, Query, Response};
use mdht_profiler::{FigureData, Options, Profile};
use profiling::{node, node_with, options, try_profile};
use serde_json::{Value, json};
use synthetic::{NODE, Talk, id};

const A: &str = "10.0.0.2:1";
const B: &str = "10.0.0.3:1";
const C: &str = "10.0.0.4:1";

fn profile(talk: &Talk) -> Profile {
    try_profile(&talk.pcap.bytes, options()).unwrap()
}

fn figure(profile: &Profile, name: &str) -> FigureData {
    let mut figures = profile.nodes[0].sections.iter().flat_map(|s| &s.figures);
    figures
        .find(|figure| figure.name == name)
        .unwrap()
        .data
        .clone()
}

/// A response without values that names `contacts`, by the byte of their IDs.
fn name_nodes(talk: &mut Talk, ms: u64, from: &str, tid: &[u8], contacts: &[(u8, &str)]) {
    let mut nodes = Vec::new();
    for (byte, addr) in contacts {
        Nodes::write(&Contact::new(id(*byte), addr.parse().unwrap()), &mut nodes);
    }
    let response = Response {
        nodes: Some(Nodes::new(Family::V4, &nodes)),
        ..Response::new(id(0x80))
    };
    talk.message(ms, from, NODE, &Message::new(tid, Body::Response(response)));
}

#[test]
fn startup_is_the_first_ten_minutes_of_the_nodes_traffic() {
    let mut talk = Talk::new();
    // its first message is received, 5 s after others talk
    talk.message(
        0,
        A,
        B,
        &Message::new(b"0", Body::Response(Response::new(id(2)))),
    );
    talk.message(
        5_000,
        A,
        NODE,
        &Message::new(b"0", Body::Response(Response::new(id(2)))),
    );
    for (ms, tid) in [
        (6_000, b"1"),
        (605_000, b"2"),
        (605_001, b"3"),
        (30_000_000, b"4"),
    ] {
        talk.ping(ms, A, tid);
    }
    talk.ask(7_000, B, b"5", Query::find_node(id(1), id(9)));
    let node = node(&talk);
    let maintenance = &node["maintenance"];
    assert_eq!(
        (&maintenance["startup"], &maintenance["total"]),
        (&json!(3), &json!(5))
    );
    let profile = profile(&talk);
    let FigureData::Steps(whole) = figure(&profile, "maintenance") else {
        panic!("steps")
    };
    assert_eq!(whole.last().unwrap().1, 5.0);
    assert!(whole.len() <= 1001);
    let FigureData::Steps(first) = figure(&profile, "maintenance_6h") else {
        panic!("steps")
    };
    assert_eq!((first[0], first.last().unwrap().1), ((6.0, 0.0), 4.0));
}

#[test]
fn hops_follow_the_referrals() {
    let (d, e) = ("10.0.0.5:1", "10.0.0.6:1");
    let mut talk = Talk::new();
    talk.get_peers(0, A, b"1", id(0));
    talk.get_peers(1, B, b"2", id(0));
    name_nodes(&mut talk, 50, A, b"1", &[(0x10, C)]);
    talk.get_peers(60, C, b"3", id(0)); // 1 hop
    name_nodes(&mut talk, 100, C, b"3", &[(0x10, C), (1, d)]);
    name_nodes(&mut talk, 105, B, b"2", &[(1, d), (2, e)]);
    talk.get_peers(110, d, b"4", id(0)); // 2 hops: C named it first
    talk.get_peers(111, e, b"5", id(0)); // 1 hop
    talk.give(150, d, b"4", id(1), &["1.2.3.4:5"]);
    talk.give(160, e, b"5", id(2), &["1.2.3.4:5"]);
    let node = node(&talk);
    let lookup = &node["lookups"][0];
    assert_eq!(
        (&lookup["hops"], &lookup["closest_hops"]),
        (&json!(2), &json!(2))
    );
    // 0x80 shares no bit with 0, 1 shares seven
    assert_eq!(lookup["first_distance_bits"], 160);
    assert_eq!(lookup["closest_distance_bits"], 153);
    let hops = &node["hops"];
    assert_eq!(hops["first_value"]["p50"], 2.0);
    // 0 hops: A and B; 1 hop: e, two bits; 2 hops: d
    assert_eq!(hops["distance_bits_p50"], json!([160.0, 154.0, 153.0]));
}

#[test]
fn swarm_size_against_replicas_and_latency() {
    let mut talk = Talk::new();
    for (i, (peers, latency)) in [(50, 300), (10, 100), (51, 80), (201, 40)]
        .into_iter()
        .enumerate()
    {
        let (start, number) = (100_000 * i as u64, u8::try_from(i).unwrap());
        let (tid, infohash) = ([number], id(20 + number));
        let peers: Vec<String> = (0..peers).map(|p| format!("1.2.3.{p}:5")).collect();
        let peers: Vec<&str> = peers.iter().map(String::as_str).collect();
        talk.get_peers(start, A, &tid, infohash);
        talk.give(start + latency, A, &tid, id(8), &peers);
    }
    let profile = profile(&talk);
    let swarm = profile.nodes[0].section("swarm_latency_ms").unwrap();
    assert_eq!(
        swarm,
        &json!({
            "up_to_50_peers": {"count": 2, "p50": 200.0},
            "51_to_200_peers": {"count": 1, "p50": 80.0},
            "over_200_peers": {"count": 1, "p50": 40.0},
        })
    );
    let points = [(50.0, 1.0), (10.0, 1.0), (51.0, 1.0), (201.0, 1.0)];
    assert_eq!(
        figure(&profile, "swarm_replicas"),
        FigureData::Scatter(points.to_vec())
    );
    let cdf = vec![40.0, 80.0, 100.0, 300.0];
    assert_eq!(figure(&profile, "lookup_latency"), FigureData::Cdf(cdf));
}

#[test]
fn doubled_queries_are_of_one_kind_key_and_address() {
    let mut talk = Talk::new();
    talk.get_peers(0, A, b"1", id(7));
    talk.get_peers(1000, A, b"2", id(7)); // doubled: exactly a second later
    talk.get_peers(2001, A, b"3", id(7)); // not any more
    talk.get_peers(2002, B, b"4", id(7)); // another node
    talk.get_peers(2003, A, b"5", id(8)); // another infohash
    talk.ask(2004, A, b"6", Query::find_node(id(1), id(7))); // another kind
    talk.ask(2005, A, b"6", Query::find_node(id(1), id(7))); // doubled
    let by_default = node(&talk)["needless_queries"].take();
    assert_eq!(by_default["doubled"], 2);
    assert_eq!(by_default["doubled_pct"].as_f64().unwrap().round(), 29.0);
    let wider = Options {
        doubled_within: Duration::from_millis(1001),
        ..options()
    };
    assert_eq!(node_with(&talk, wider)["needless_queries"]["doubled"], 3);
}

#[test]
fn pings_to_nodes_of_a_lookup_are_needless() {
    let mut talk = Talk::new();
    talk.get_peers(0, A, b"1", id(7));
    talk.ping(10_000, A, b"2"); // needless: exactly 10 s after the query
    talk.ping(10_001, A, b"3"); // not any more
    talk.ping(11_000, B, b"4"); // needless: a query follows
    talk.get_peers(12_000, B, b"5", id(7));
    talk.get_peers(12_100, B, b"6", id(8)); // the ping counts once
    talk.ping(13_000, "10.0.0.3:2", b"7"); // another port
    talk.ping(14_000, C, b"8"); // never queried in a lookup
    talk.ask(14_001, C, b"9", Query::find_node(id(1), id(7)));
    let needless = node(&talk)["needless_queries"].take();
    assert_eq!(needless["needless_pings"], 2);
    assert_eq!(needless["needless_pings_pct"], 40.0);
    let text = profile(&talk).to_string();
    assert!(
        text.contains("2 of 5 pings to nodes queried within 10 s anyway (40.0 %)"),
        "{text}"
    );
}

#[test]
fn timeouts_by_cause() {
    let mut talk = Talk::new();
    let asks_only = Message::new(b"q", Body::Query(Query::new(Method::Ping, id(3))));
    talk.ping(0, A, b"1"); // never heard from
    talk.ping(10, B, b"2"); // B only asks
    talk.message(20, B, NODE, &asks_only);
    talk.ping(30, C, b"3"); // before C's first answer
    talk.ping(5_000, C, b"4");
    talk.respond(5_050, C, b"4", id(4));
    talk.ping(6_000, C, b"5"); // between its answers
    talk.ping(7_000, C, b"6");
    talk.respond(9_500, C, b"6", id(4)); // late, an answer all the same
    talk.ping(100_000, C, b"7"); // after its last
    talk.ping(200_000, C, b"8"); // so is this, but the capture ends
    let node = node(&talk);
    assert_eq!(
        node["timeouts"],
        json!({
            "total": 6, "never_heard": 1, "never_answered": 1, "before_first_answer": 1,
            "between_answers": 1, "after_last_answer": 2, "cut_short": 1, "complete": true,
        })
    );
    let answers = &node["client_responses"];
    assert_eq!(answers["never_heard"]["queries"], 1);
    assert_eq!(answers["clients"][0]["queries"], 7);
    assert_eq!(answers["clients"][0]["answered"], 1);
    assert_eq!(answers["clients"][0]["answered_late"], 1);
    assert_eq!(node["stray_answers"]["late"], 1);
    assert_eq!(node["stray_answers"]["late_ms"]["p50"], 2500.0);
}

#[test]
fn violations_by_client() {
    let mut talk = Talk::new();
    let canonical = &b"d1:ad2:id20:aaaaaaaaaaaaaaaaaaaae1:q4:ping1:t1:01:v4:UT\x01\x021:y1:qe"[..];
    let unsorted = b"d1:y1:q1:ad2:id20:aaaaaaaaaaaaaaaaaaaae1:q4:ping1:t1:01:v4:UT\x01\x02e";
    let short_id = b"d1:ad2:id4:aaaae1:q4:ping1:t1:01:y1:qe";
    let bad_nodes = b"d1:rd2:id20:aaaaaaaaaaaaaaaaaaaa5:nodes3:abce1:t1:01:y1:re";
    for (i, payload) in [canonical, unsorted, short_id, bad_nodes]
        .into_iter()
        .enumerate()
    {
        talk.payload(i as u64, A, NODE, payload);
    }
    talk.payload(9, NODE, A, unsorted); // its own are not counted
    let violations = node(&talk)["protocol_violations"].take();
    assert_eq!(violations["messages"], 4);
    assert_eq!(violations["violating"], 3);
    assert_eq!(
        violations["clients"],
        json!([
            {"code": null, "name": null, "messages": 2, "violating": 2, "kinds": [
                {"kind": "ID of wrong length", "messages": 1},
                {"kind": "bad node list", "messages": 1},
            ]},
            {"code": "UT", "name": "uTorrent", "messages": 2, "violating": 1, "kinds": [
                {"kind": "non-canonical bencode", "messages": 1},
            ]},
        ])
    );
}

#[test]
fn ids_that_bep_42_allows() {
    let mut talk = Talk::new();
    let valid: Id = "5fbfbff10c5d6a4ec8a88e4c6ab4c28b95eee401".parse().unwrap();
    for (ms, from, own) in [
        (0, "124.31.75.21:1", valid), // a vector of BEP 42
        (1, "124.31.75.21:2", id(3)), // the first ID of an address counts
        (2, "21.75.31.124:1", id(3)),
        (3, "8.8.8.8:1", id(3)),
        (4, A, id(3)),
    ] {
        talk.respond(ms, from, b"1", own);
    }
    talk.refuse(5, "9.9.9.9:1", b"1"); // an error holds no ID
    assert_eq!(
        node(&talk)["bep42_ids"],
        json!({"valid": 1, "invalid": 2, "exempt": 1, "valid_pct": 100.0 / 3.0})
    );
}

#[test]
fn distinct_nodes_traffic_and_queries_over_time() {
    let mut talk = Talk::new();
    talk.ping(0, A, b"1");
    talk.respond(500, A, b"1", id(2));
    talk.respond(1_500, "10.0.0.2:9", b"1", id(2)); // the same IP address
    talk.respond(3_200, B, b"1", id(2));
    talk.ping(3_900, B, b"2");
    talk.ping(3_950, B, b"3");
    let node = node(&talk);
    assert_eq!(
        node["distinct_nodes"],
        json!({"ips": 2, "complete": true,
            "over_time": {"start_s": 0.5, "interval_s": 1.0, "new_ips": [1, 0, 1]}})
    );
    let (ping, response) = (28 + 55, 28 + 46);
    assert_eq!(
        node["traffic_over_time"],
        json!({"start_s": 0.0, "interval_s": 1.0,
            "bytes_out": [ping, 0, 0, 2 * ping],
            "bytes_in": [response, response, 0, response]})
    );
    let rate = &node["query_rate"];
    assert_eq!(rate["over_time"]["sent"], json!([1, 0, 0, 2]));
    assert_eq!(
        (&rate["peak_sent_per_s"], &rate["peak_received_per_s"]),
        (&json!(2), &json!(0))
    );
    let expected = vec![(0.5, 0.0), (1.5, 1.0), (2.5, 1.0), (3.5, 2.0)];
    assert_eq!(
        figure(&profile(&talk), "distinct_nodes"),
        FigureData::Steps(expected)
    );
}

#[test]
fn nothing_measured_is_null_and_not_zero() {
    let talk = Talk::new();
    let mut other = talk;
    other.message(
        0,
        A,
        B,
        &Message::new(b"1", Body::Response(Response::new(id(2)))),
    );
    let node = node(&other);
    for (section, key) in [
        ("needless_queries", "doubled_pct"),
        ("bep42_ids", "valid_pct"),
        ("protocol_violations", "violating_pct"),
    ] {
        assert_eq!(node[section][key], Value::Null, "{section}");
    }
    assert_eq!(node["hops"]["closest"]["p50"], Value::Null);
    assert_eq!(
        node["swarm_latency_ms"]["over_200_peers"]["p50"],
        Value::Null
    );
    assert_eq!(node["traffic_over_time"]["start_s"], Value::Null);
}
