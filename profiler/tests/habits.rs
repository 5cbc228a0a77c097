//! What real clients do on the wire, each habit as it was seen.

#![allow(clippy::unwrap_used)] // in helper functions too

mod inputs;
mod profiling;
mod synthetic;

use mdht_krpc::{Body, Contact, Family, Id, Message, Method, Nodes, Query, Response};
use profiling::{node, profile_json};
use serde_json::{Value, json};
use synthetic::{NODE, Talk, id, udp};

const A: &str = "10.0.0.2:1";
const B: &str = "10.0.0.3:1";

/// librqbit sends `values` with every get_peers response, empty if it has no
/// peer.
#[test]
fn empty_values_are_no_value() {
    let mut talk = Talk::new();
    talk.get_peers(0, A, b"1", id(7));
    talk.get_peers(1, B, b"2", id(7));
    talk.payload(
        30,
        A,
        NODE,
        b"d1:rd2:id20:-rQ9100-abcdefghijkl5:nodes0:5:token4:abcd6:valueslee1:t1:11:y1:re",
    );
    talk.respond(60, B, b"2", id(8));
    let node = node(&talk);
    assert_eq!(node["lookup_latency_ms"]["no_value"], 1);
    assert_eq!(node["lookups"][0]["latency_ms"], Value::Null);
    assert_eq!(node["lookups"][0]["replicas"], 0);
    assert_eq!(node["swarm_replicas"]["count"], 0);
    assert_eq!(node["protocol_violations"]["violating"], 0);
}

/// So an empty list does not make a lookup of what is refresh.
#[test]
fn refresh_is_not_a_lookup_for_its_empty_values() {
    let mut talk = Talk::new();
    talk.get_peers(0, A, b"1", id(7));
    talk.give(30, A, b"1", id(8), &[]);
    let node = node(&talk);
    assert_eq!(node["lookups"], json!([]));
    assert_eq!(node["maintenance"]["get_peers_refresh"], 1);
}

/// libtorrent sends neither ping nor find_node: it bootstraps and refreshes
/// with get_peers for made-up targets, at first with `bs`.
#[test]
fn get_peers_as_maintenance() {
    let mut talk = Talk::new();
    talk.payload(
        0,
        NODE,
        A,
        b"d1:ad2:bsi1e2:id20:aaaaaaaaaaaaaaaaaaaa9:info_hash20:bbbbbbbbbbbbbbbbbbbbe1:q9:get_peers1:t1:01:y1:qe",
    );
    talk.respond(20, A, b"0", id(8));
    for i in 1..=20_u8 {
        talk.get_peers(1000 * u64::from(i), A, &[i], id(100 + i));
        talk.respond(1000 * u64::from(i) + 20, A, &[i], id(8));
    }
    talk.get_peers(30_000, A, b"x", id(7));
    talk.give(30_100, A, b"x", id(8), &["1.2.3.4:5"]);
    let node = node(&talk);
    assert_eq!(node["maintenance"]["total"], 0);
    assert_eq!(node["maintenance"]["get_peers_refresh"], 21);
    assert_eq!(node["lookups"].as_array().unwrap().len(), 1);
    assert_eq!(node["lookup_queries"]["sent"], 1);
    assert_eq!(node["lookup_latency_ms"]["p50"], 100.0);
    assert_eq!(node["all_queries"]["sent"], 22);
}

/// mainline looks for tokens with `get`, then announces.
#[test]
fn get_before_an_announce() {
    let mut talk = Talk::new();
    let get = |target| Query {
        target: Some(target),
        ..Query::new(Method::Get, id(1))
    };
    talk.ask(0, A, b"1", get(id(7)));
    talk.ask(1, B, b"2", get(id(7)));
    talk.respond(40, A, b"1", id(8));
    talk.respond(50, B, b"2", id(6));
    talk.ask(60, B, b"3", Query::announce_peer(id(1), id(7), 9, b"token"));
    talk.respond(90, B, b"3", id(6));
    // another, for an item that is there
    talk.ask(200, A, b"4", get(id(9)));
    let item = Response {
        item: mdht_krpc::ItemFields::immutable(b"5:hello"),
        ..Response::new(id(8))
    };
    talk.message(230, A, NODE, &Message::new(b"4", Body::Response(item)));
    let node = node(&talk);
    let got = &node["get_lookups"];
    assert_eq!((&got["count"], &got["announced"]), (&json!(2), &json!(1)));
    assert_eq!(got["with_item"], 1);
    assert_eq!(got["latency_ms"]["p50"], 30.0);
    assert_eq!(
        got["queries"],
        json!({"sent": 3, "answered": 3, "answered_late": 0, "answered_pct": 100.0})
    );
    // 7 ^ 6 is less than 7 ^ 8
    assert_eq!(got["closest_ms"]["p50"], 40.0); // of 50 and 30
    assert_eq!(node["lookups"], json!([]));
    assert_eq!(node["lookup_queries"]["sent"], 0);
    assert_eq!(node["maintenance"]["get_peers_refresh"], 0);
}

/// bittorrent-dht answers with its whole table: 131 nodes in 3.4 kB.
#[test]
fn replies_with_a_whole_table() {
    let mut talk = Talk::new();
    talk.get_peers(0, A, b"1", id(7));
    let nodes = contacts(131);
    let reply = Message::new(b"1", Body::Response(with_nodes(&nodes)));
    assert!(reply.encode().len() > 3400);
    talk.message(50, A, NODE, &reply);
    talk.get_peers(60, "10.1.0.130:6881", b"2", id(7));
    talk.give(100, "10.1.0.130:6881", b"2", id(6), &["1.2.3.4:5"]);
    let profile = profile_json(&talk.pcap.bytes, profiling::options());
    assert_eq!(profile["captures"][0]["krpc_messages"], 4);
    let lookup = &profile["nodes"][0]["lookups"][0];
    assert_eq!((&lookup["hops"], &lookup["cost"]), (&json!(1), &json!(2)));
    let bytes_in = profile["nodes"][0]["all_queries"]["bytes_in"].as_u64();
    assert!(bytes_in > Some(3400));
}

/// Beyond loopback such a reply comes in three pieces; the node paid for the
/// headers of each.
#[test]
fn replies_with_a_whole_table_in_pieces() {
    let mut talk = Talk::new();
    talk.get_peers(0, A, b"1", id(7));
    let nodes = contacts(131);
    let reply = Message::new(b"1", Body::Response(with_nodes(&nodes))).encode();
    let pieces = inputs::fragments(&udp(A, NODE, &reply), 1480);
    assert_eq!(pieces.len(), 3);
    for (at, piece) in (50..).zip(&pieces) {
        talk.pcap.packet(at * 1_000_000, piece);
    }
    talk.get_peers(60, "10.1.0.130:6881", b"2", id(7));
    let profile = profile_json(&talk.pcap.bytes, profiling::options());
    let capture = &profile["captures"][0];
    assert_eq!(
        (&capture["krpc_messages"], &capture["reassembled"]),
        (&json!(3), &json!(1))
    );
    let node = &profile["nodes"][0];
    // answered when the last piece had come
    assert_eq!(node["rtt_ms"]["p50"], 52.0);
    assert_eq!(node["all_queries"]["bytes_in"], 3 * 20 + 8 + reply.len());
}

/// mainline returns up to 20 nodes where BEP 5 has 8.
#[test]
fn replies_with_more_nodes_than_k() {
    let mut talk = Talk::new();
    talk.get_peers(0, A, b"1", id(7));
    let nodes = contacts(20);
    let reply = Message::new(b"1", Body::Response(with_nodes(&nodes)));
    talk.message(50, A, NODE, &reply);
    // the twentieth
    talk.get_peers(60, "10.1.0.19:6881", b"2", id(7));
    talk.give(100, "10.1.0.19:6881", b"2", id(6), &["1.2.3.4:5"]);
    let node = node(&talk);
    assert_eq!(node["lookups"][0]["hops"], 1);
    assert_eq!(node["protocol_violations"]["violating"], 0);
}

/// librqbit has a name for an ID, and asks for contacts of both families.
#[test]
fn want_and_an_id_of_letters() {
    let mut talk = Talk::new();
    let query = b"d1:ad2:id20:-rQ9100-abcdefghijkl9:info_hash20:bbbbbbbbbbbbbbbbbbbb4:wantl2:n42:n6ee1:q9:get_peers1:t1:01:y1:qe";
    talk.payload(0, NODE, A, query);
    talk.respond(30, A, b"0", id(8));
    talk.payload(50, A, NODE, query);
    let node = node(&talk);
    assert_eq!(node["lookup_queries"]["sent"], 0);
    assert_eq!(node["maintenance"]["get_peers_refresh"], 1);
    assert_eq!(node["rtt_ms"]["count"], 1);
    assert_eq!(node["received"]["get_peers"], 1);
    assert_eq!(node["protocol_violations"]["violating"], 0);
}

/// mainline always sends `ro`, 0 as a server; RS is its code.
#[test]
fn ro_of_zero() {
    let mut talk = Talk::new();
    let ping = |ro: u8| {
        format!("d1:ad2:id20:aaaaaaaaaaaaaaaaaaaae1:q4:ping2:roi{ro}e1:t1:01:v4:RS\0\x051:y1:qe")
    };
    let (server, client) = (ping(0), ping(1));
    for (payload, read_only) in [(&server, false), (&client, true)] {
        let message = Message::scan(payload.as_bytes()).unwrap();
        assert_eq!(message.read_only, read_only);
        assert!(message.oddities.is_empty());
    }
    talk.payload(0, A, NODE, server.as_bytes());
    talk.payload(5, B, NODE, client.as_bytes());
    let node = node(&talk);
    assert_eq!(node["received"]["ping"], 2);
    assert_eq!(node["protocol_violations"]["violating"], 0);
    assert_eq!(
        node["clients"],
        json!([{"code": "RS", "name": "mainline (Rust)", "nodes": 2, "pct": 100.0}])
    );
}

/// Transmission 3, librqbit and bittorrent-dht send no `v`.
#[test]
fn no_version() {
    let mut talk = Talk::new();
    for (i, to) in [A, B, "10.0.0.4:1"].into_iter().enumerate() {
        talk.ping(10 * i as u64, to, &[u8::try_from(i).unwrap()]);
    }
    talk.respond(100, A, &[0], id(2));
    let mut versioned = Message::new(&[1], Body::Response(Response::new(id(3))));
    versioned.version = Some(b"lt\x0d\x80");
    talk.message(110, B, NODE, &versioned);
    let node = node(&talk);
    assert_eq!(
        node["clients"],
        json!([
            {"code": null, "name": null, "nodes": 1, "pct": 50.0},
            {"code": "lt", "name": "libTorrent (rTorrent)", "nodes": 1, "pct": 50.0},
        ])
    );
    // who never sent anything is no client without a version
    let answers = &node["client_responses"];
    assert_eq!(answers["clients"][0]["code"], Value::Null);
    assert_eq!(answers["clients"][0]["queries"], 1);
    assert_eq!(
        answers["never_heard"],
        json!({"addresses": 1, "queries": 1})
    );
}

/// aria2 was seen to send 10,000 get_peers queries a second for one infohash
/// to two nodes that both returned values.
#[test]
fn a_query_storm() {
    let mut talk = Talk::new();
    let tid = |i: u32| i.to_be_bytes();
    for i in 0..10_000_u32 {
        let (to, peer) = if i % 2 == 0 {
            (A, "1.2.3.4:5")
        } else {
            (B, "1.2.3.4:6")
        };
        let ms = u64::from(i / 10);
        talk.get_peers(ms, to, &tid(i), id(7));
        talk.give(ms, to, &tid(i), id(8), &[peer]);
    }
    let node = node(&talk);
    let lookup = &node["lookups"][0];
    assert_eq!(node["lookups"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&lookup["queries"], &lookup["cost"]),
        (&json!(10_000), &json!(1))
    );
    assert_eq!(
        (&lookup["replicas"], &lookup["peers"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(node["query_rate"]["peak_sent_per_s"], 10_000);
    assert_eq!(node["needless_queries"]["doubled"], 9_998);
}

/// Compact info of `count` nodes on 10.1.0.0, 10.1.0.1 and so on.
fn contacts(count: u8) -> Vec<u8> {
    let mut nodes = Vec::new();
    for i in 0..count {
        let addr = format!("10.1.0.{i}:6881").parse().unwrap();
        Nodes::write(&Contact::new(Id::new([i; 20]), addr), &mut nodes);
    }
    nodes
}

/// A response without values that names `nodes`.
fn with_nodes(nodes: &[u8]) -> Response<'_> {
    Response {
        nodes: Some(Nodes::new(Family::V4, nodes)),
        token: Some(b"token"),
        ..Response::new(id(8))
    }
}
