//! The profile as a whole: JSON, text table, choice of the node.

#![allow(clippy::unwrap_used)] // in helper functions too

mod profiling;
mod synthetic;

use mdht_krpc::{Body, Id, Message, Method, Query, Response};
use mdht_profiler::measurement::{Measurement, Row, Section, Span};
use mdht_profiler::{Observed, Options, Profiler};
use profiling::{CaptureFile, node, options, profile_json, try_profile};
use serde_json::{Value, json};
use synthetic::{NODE, Talk, id};

const A: &str = "10.0.0.2:1";
const B: &str = "10.0.0.3:1";

/// Two minutes in the life of a node.
fn two_minutes() -> Talk {
    let mut talk = Talk::new();
    talk.ping(0, A, b"1");
    talk.respond(100, A, b"1", id(2));
    talk.ask(1000, B, b"2", Query::find_node(id(1), id(9)));
    talk.get_peers(2000, A, b"3", id(7));
    talk.give(2163, A, b"3", id(2), &["1.2.3.4:5"]);
    for (i, (method, from)) in [
        (Method::Ping, A),
        (Method::GetPeers, A),
        (Method::GetPeers, B),
        (Method::FindNode, B),
        (Method::AnnouncePeer, A),
        (Method::SampleInfohashes, A),
        (Method::Unknown(b"vote"), A),
    ]
    .into_iter()
    .enumerate()
    {
        let mut query = Message::new(b"q", Body::Query(Query::new(method, id(3))));
        query.version = (from == A).then_some(b"UT\x02\x02");
        talk.message(3000 + i as u64, from, NODE, &query);
    }
    talk.ping(120_000, B, b"4");
    talk
}

#[test]
fn the_whole_json_in_the_documented_order() {
    let talk = two_minutes();
    let file = CaptureFile::new(&talk.pcap.bytes);
    let options = Options {
        nodes: vec!["10.0.0.1:6881=NR128-A".parse().unwrap()],
        ..Options::default()
    };
    let profile = Profiler::new(options).run(&[&file.0], &mut |_| {}).unwrap();
    let text = serde_json::to_string(&profile.nodes[0]).unwrap();
    // IP packets: 28 bytes of headers and the message, which is 55 bytes for a ping
    let (ping, find_node, get_peers) = (28 + 55, 28 + 91, 28 + 94);
    let bytes_out = 2 * ping + find_node + get_peers;
    // responses, then the queries in turn; `v` takes 9 bytes
    let bytes_in = (28 + 46) + (28 + 64) + (92 + 97 + 88 + 88 + 102 + 106 + 92);
    let expected = format!(
        concat!(
            r#"{{"node":"10.0.0.1:6881","label":"NR128-A","messages":13,"#,
            r#""lookups":[{{"infohash":"{}","start_s":2.0,"latency_ms":163.0,"cost":1,"#,
            r#""queries":1,"responses":1,"responses_late":0,"closest_ms":163.0,"#,
            r#""replicas":1,"peers":1,"announced":false,"hops":0,"closest_hops":0,"#,
            // 7 ^ 2 = 5
            r#""first_distance_bits":155,"closest_distance_bits":155}}],"#,
            r#""lookup_latency_ms":{{"count":1,"no_value":0,"p50":163.0,"p75":163.0,"#,
            r#""p98":163.0,"p99":163.0,"max":163.0}},"#,
            r#""lookup_cost":{{"mean":1.0,"p50":1.0,"p99":1.0}},"#,
            r#""lookup_queries":{{"sent":1,"answered":1,"answered_late":0,"answered_pct":100.0}},"#,
            r#""closest_ms":{{"p50":163.0,"p75":163.0,"p98":163.0,"p99":163.0}},"#,
            r#""maintenance":{{"ping":2,"find_node":1,"total":3,"per_minute":1.5,"#,
            r#""startup":3,"get_peers_refresh":0,"over_time":{{"start_s":0.0,"interval_s":1.0,"#,
            r#""ping":[1{}1],"find_node":[0,1{}0]}}}},"#,
            r#""all_queries":{{"sent":4,"per_hour":120.0,"bytes_out":{},"bytes_in":{}}},"#,
            r#""rtt_ms":{{"count":2,"p2":101.26,"p25":115.75,"p50":131.5,"p75":147.25,"#,
            r#""p98":161.74}},"#,
            r#""received":{{"ping":1,"find_node":1,"get_peers":2,"announce_peer":1,"other":2}},"#,
            r#""clients":[{{"code":null,"name":null,"nodes":1,"pct":50.0}},"#,
            r#"{{"code":"UT","name":"uTorrent","nodes":1,"pct":50.0}}],"#,
            r#""stray_answers":{{"duplicate":0,"unmatched":0,"late":0,"#,
            r#""late_ms":{{"p50":null,"p98":null}}}},"#,
        ),
        id(7),
        ",0".repeat(119) + ",",
        ",0".repeat(118) + ",",
        bytes_out,
        bytes_in
    );
    assert_eq!(text.split_at(expected.len()).0, expected);
}

#[test]
fn the_text_table() {
    let talk = two_minutes();
    let mut bytes = talk.pcap.bytes;
    bytes.truncate(bytes.len() - 1);
    let text = try_profile(&bytes, options()).unwrap().to_string();
    let (_, text) = text.split_once(": ").unwrap();
    let at = bytes.len() + 1 - 16 - 83;
    let expected = format!(
        "12 packets in 3.006 s from 2027-01-15T08:00:00Z
  12 KRPC messages, 0 other packets
  ends inside a record: 1, first at byte {at}

Node 10.0.0.1:6881
                            count      p50      p75      p98      p99      max
"
    );
    assert!(text.starts_with(&expected), "{text}\n{expected}");
    for line in [
        "  lookup latency, ms            1    163.0    163.0    163.0    163.0    163.0\n",
        "  RTT, ms                       2    131.5    147.2    161.7    162.4    163.0\n",
        "  lookups               1 with a value, 0 without\n",
        "  lookup queries        1 sent, 1 answered (100.0 %), 0 late\n",
        "  clients               2 addresses: no version 50.0 %, uTorrent 50.0 %\n",
    ] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn without_a_node_the_busiest_address_is_profiled() {
    let talk = two_minutes();
    let profile = profile_json(&talk.pcap.bytes, Options::default());
    assert_eq!(
        profile["addresses"],
        json!([
            {"address": "10.0.0.1:6881", "sent": 4, "received": 9},
            {"address": "10.0.0.2:1", "sent": 7, "received": 2},
            {"address": "10.0.0.3:1", "sent": 2, "received": 2},
        ])
    );
    assert_eq!(profile["nodes"].as_array().unwrap().len(), 1);
    let mut named = profile_json(&talk.pcap.bytes, options());
    assert_eq!(profile["nodes"][0], named["nodes"][0].take());
    assert_eq!(named.get("addresses"), None);
}

#[test]
fn a_node_that_is_not_there_is_said_to_be_absent() {
    let talk = two_minutes();
    let options = Options {
        nodes: vec!["10.9.9.9".parse().unwrap()],
        ..Options::default()
    };
    let profile = try_profile(&talk.pcap.bytes, options).unwrap();
    assert_eq!(profile.nodes[0].messages, 0);
    assert_eq!(
        profile.nodes[0].section("rtt_ms").unwrap()["p50"],
        Value::Null
    );
    assert!(
        profile
            .to_string()
            .contains("Node 10.9.9.9: not one of its KRPC messages")
    );
}

#[test]
fn an_address_counts_once_among_the_clients() {
    let mut talk = Talk::new();
    let mut say = |ms: u64, from: &str, version: Option<&'static [u8]>| {
        let response = Body::Response(Response::new(id(2)));
        let mut message = Message::new(b"1", response);
        message.version = version;
        talk.message(ms, from, NODE, &message);
    };
    say(0, "10.0.0.2:1", None);
    say(1, "10.0.0.2:2", Some(b"LT\x01\x02")); // the same address, now with a version
    say(2, "10.0.0.2:1", Some(b"UT\x01\x02")); // the first code stays
    say(3, "10.0.0.3:1", Some(b"L")); // too short to be a version
    say(4, "10.0.0.4:1", Some(b"LT"));
    say(5, "10.0.0.5:1", Some(b"\x01\"ab"));
    assert_eq!(
        node(&talk)["clients"],
        json!([
            {"code": "LT", "name": "libtorrent", "nodes": 2, "pct": 50.0},
            {"code": null, "name": null, "nodes": 1, "pct": 25.0},
            {"code": r#"\x01\""#, "name": null, "nodes": 1, "pct": 25.0},
        ])
    );
}

/// IDs that the node under test met.
#[derive(Clone, Default)]
struct Ids(std::collections::BTreeSet<Id>);

impl Measurement for Ids {
    fn on_message(&mut self, observed: &Observed<'_>) {
        if let Body::Response(response) = &observed.message.body {
            self.0.extend(response.id);
        }
    }

    fn finish(self: Box<Self>, _: &Span) -> Section {
        let count = self.0.len();
        Section {
            key: "ids",
            json: count.into(),
            rows: vec![Row::line("IDs", count.to_string())],
            ..Section::default()
        }
    }
}

#[test]
fn a_measurement_can_be_added_from_outside() {
    let file = CaptureFile::new(&two_minutes().pcap.bytes);
    let profiler = Profiler::new(options()).with_measurement(|_| Box::<Ids>::default());
    let profile = profiler.run(&[&file.0], &mut |_| {}).unwrap();
    assert_eq!(profile.nodes[0].section("ids"), Some(&json!(1)));
    assert!(
        profile
            .to_string()
            .contains("\n  IDs                   1\n")
    );
}

/// Hands what it counts to whoever made it.
#[derive(Clone)]
struct Told(std::sync::mpsc::Sender<u64>, u64);

impl Measurement for Told {
    fn on_message(&mut self, _: &Observed<'_>) {
        self.1 += 1;
    }

    fn finish(self: Box<Self>, _: &Span) -> Section {
        self.0.send(self.1).unwrap();
        Section::default()
    }
}

#[test]
fn a_measurement_may_hold_what_its_maker_knows_and_leave_nothing_in_the_json() {
    let file = CaptureFile::new(&two_minutes().pcap.bytes);
    let (told, counts) = std::sync::mpsc::channel();
    let profiler =
        Profiler::new(options()).with_measurement(move |_| Box::new(Told(told.clone(), 0)));
    let run = move || profiler.run(&[&file.0], &mut |_| {}).unwrap();
    let profile = std::thread::spawn(run).join().unwrap();
    assert_eq!(counts.recv(), Ok(profile.nodes[0].messages));
    let json = serde_json::to_value(&profile).unwrap();
    assert_eq!(json["nodes"][0].get(""), None);
}
