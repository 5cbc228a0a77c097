//! `mdht check` against real nodes on loopback addresses.

#![allow(clippy::unwrap_used)] // a panic fails the test

mod support;

use std::net::UdpSocket;
use std::time::Duration;

use serde_json::Value;

use support::{TemporaryDir, builder, local, mdht, mdht_beside, start};

/// A check that takes seconds in place of minutes.
const QUICK: &str = "--interval 100ms --timeout 600ms --second-burst 1200ms";

/// The documents of a file of JSON lines.
fn lines(path: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_node_and_a_silent_one_get_their_patterns() {
    let node = builder("127.80.0.1:0").build().await.unwrap();
    let addr = local(&node).await;
    // bound, so that nobody else answers there
    let silent = UdpSocket::bind("127.80.0.2:0").unwrap();
    let silent_addr = silent.local_addr().unwrap();
    let done = mdht_beside(format!(
        "check node {addr} {silent_addr} {addr} --bind 127.80.0.3 --remote-bind 127.80.0.4 \
         --survival 2s --format json {QUICK}"
    ))
    .await;
    assert_eq!(done.code, Some(0), "{}", done.err);
    assert!(done.err.contains("named twice"), "{}", done.err);
    let documents = done.documents();
    let of = |node: String| documents.iter().find(|d| d["node"] == *node).unwrap();
    let open = of(addr.to_string());
    assert_eq!(open["pattern"], "RRR-RRR");
    assert_eq!(open["likely"], "open");
    for property in ["reciprocity", "transitivity", "persistence"] {
        assert_eq!(open[property], true, "{property}");
    }
    assert_eq!(open["id"].as_str().unwrap().len(), 40);
    assert!(open["rtt_ms"].as_f64().unwrap() > 0.0);
    assert_eq!(open["sent"], serde_json::json!([1, 1, 1, 1, 1, 1]));
    let dark = of(silent_addr.to_string());
    assert_eq!(dark["pattern"], "UUU-UUU");
    assert_eq!(dark["likely"], "firewall");
    assert_eq!(dark["id"], Value::Null);
    assert_eq!(dark["sent"], serde_json::json!([5, 5, 5, 5, 5, 5]));
    assert_eq!(dark["survival"][0]["reachable"], false);
    assert_eq!(documents.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_second_address_remote_letters_are_unknown_and_it_says_so() {
    let node = builder("127.81.0.1:0").build().await.unwrap();
    let addr = local(&node).await;
    let args = format!("check node {addr} --bind 127.81.0.2 {QUICK}");
    let done = mdht_beside(args).await;
    assert_eq!(done.code, Some(0), "{}", done.err);
    assert!(done.out.contains("RR?-RR?"), "{}", done.out);
    assert!(done.err.contains("4.6 %"), "{}", done.err);
}

#[test]
fn addresses_that_cannot_be_are_refused_before_anything_is_sent() {
    for (nodes, says) in [
        ("192.0.2.1:0", "port"),
        ("192.0.2.1", "HOST:PORT"),
        ("nonsense", "HOST:PORT"),
        ("224.0.0.1:6881", "one host"),
        ("255.255.255.255:6881", "one host"),
        ("127.82.0.1:6881 [::1]:6881", "family"),
    ] {
        let done = mdht(&format!("check node {nodes} --bind 127.82.0.9 {QUICK}"));
        assert_eq!(done.code, Some(2), "{nodes}: {}", done.err);
        assert!(done.err.contains(says), "{nodes}: {}", done.err);
        assert_eq!(done.out, "");
    }
    let free = UdpSocket::bind("127.82.0.3:0").unwrap();
    let own = free.local_addr().unwrap();
    drop(free);
    let done = mdht(&format!("check node {own} --bind {own} {QUICK}"));
    assert_eq!(done.code, Some(2), "{}", done.err);
    assert!(done.err.contains("our own address"), "{}", done.err);
}

#[test]
fn a_remote_bind_that_is_not_ours_or_not_another_is_an_error_with_a_remedy() {
    let check = |rest: &str| mdht(&format!("check node 127.83.0.1:6881 {QUICK} {rest}"));
    let foreign = check("--bind 127.83.0.2 --remote-bind 192.0.2.77");
    assert_eq!(foreign.code, Some(1));
    assert!(
        foreign.err.contains("does not have that address"),
        "{}",
        foreign.err
    );
    for same in [
        "--bind 127.83.0.2 --remote-bind 127.83.0.2",
        "--remote-bind 127.0.0.1",
    ] {
        let done = check(same);
        assert_eq!(done.code, Some(2), "{same}: {}", done.err);
        assert!(done.err.contains("--bind"), "{same}: {}", done.err);
    }
    let timings = check("--bind 127.83.0.2 --pings 9");
    assert_eq!(timings.code, Some(2));
    assert!(timings.err.contains("do not fit"), "{}", timings.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_await_query_nothing_is_sent_before_the_node_queries() {
    let free = UdpSocket::bind("127.84.0.1:0").unwrap();
    let own = free.local_addr().unwrap();
    drop(free);
    let mut check = start(&format!(
        "check node 127.84.0.2 --bind {own} --remote-bind 127.84.0.3 --await-query 15s \
         --format json {QUICK}"
    ));
    check.wait_for("remotechecker");
    let capture = TemporaryDir::new();
    let node = builder("127.84.0.2:0")
        .bootstrap(own.to_string())
        .capture(capture.file("node.pcap"))
        .build()
        .await
        .unwrap();
    let addr = local(&node).await;
    let done = tokio::task::spawn_blocking(|| check.finish())
        .await
        .unwrap();
    assert_eq!(done.code, Some(0), "{}", done.err);
    let document = &done.documents()[0];
    assert_eq!(document["node"], addr.to_string());
    assert_eq!(document["pattern"], "RRR-RRR");
    let nobody = mdht_beside("check node 127.84.0.9 --bind 127.84.0.1 --await-query 300ms".into());
    let nobody = nobody.await;
    assert_eq!(nobody.code, Some(1));
    assert!(
        nobody.err.contains("no query came from 127.84.0.9"),
        "{}",
        nobody.err
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_survey_checks_who_queries_and_goes_on_where_it_was() {
    let dir = TemporaryDir::new();
    let out = dir.file("survey");
    let command = |rest: &str| {
        format!(
            "check survey --out {out} --bind 127.85.0.1 --remote-bind 127.85.0.2 --identities 2 \
             --no-default-bootstrap {QUICK} {rest}"
        )
    };
    let mut survey = start(&command("--duration 4s"));
    let told = survey.wait_for("instrumented node 1");
    let (_, instrumented) = told.rsplit_once(' ').unwrap();
    let mut nodes = Vec::new();
    for host in 3..6 {
        let node = builder(&format!("127.85.0.{host}:0")).bootstrap(instrumented);
        nodes.push(node.build().await.unwrap());
    }
    let done = tokio::task::spawn_blocking(|| survey.finish())
        .await
        .unwrap();
    assert_eq!(done.code, Some(0), "{}", done.err);
    let row = done.out.lines().find(|line| line.starts_with("RRR-RRR"));
    assert!(
        row.unwrap().contains("35.5"),
        "published beside: {}",
        done.out
    );
    let records = lines(&format!("{out}/nodes.jsonl"));
    let mut checked: Vec<_> = records
        .iter()
        .map(|r| r["node"].as_str().unwrap())
        .collect();
    checked.sort_unstable();
    let mut expected = Vec::new();
    for node in &nodes {
        expected.push(local(node).await.to_string());
    }
    expected.sort_unstable();
    assert_eq!(checked, expected, "each once, and our own nodes not");
    assert!(
        records
            .iter()
            .all(|r| r["pattern"] == "RRR-RRR" && r["identity"].is_u64())
    );
    let sums = lines(&format!("{out}/survey.json")).remove(0);
    assert_eq!(sums["nodes"], 3);
    for name in ["figure5.svg", "figure5.png", "nodes.parquet"] {
        let file = std::fs::read(format!("{out}/{name}")).unwrap();
        assert!(file.len() > 500, "{name}");
    }
    assert_eq!(sums["counters"]["finished"], 3);

    let again = mdht_beside(command("--duration 100ms")).await;
    assert_eq!(again.code, Some(2));
    assert!(again.err.contains("--resume"), "{}", again.err);
    let mut resumed = start(&command("--duration 10m --resume"));
    resumed.wait_for("3 nodes");
    let told = resumed.wait_for("instrumented node 0");
    let (_, instrumented) = told.rsplit_once(' ').unwrap();
    // a node that was checked, and a new one
    nodes[0]
        .ping(instrumented.parse().unwrap(), Duration::from_secs(5))
        .await
        .unwrap();
    let newcomer = builder("127.85.0.9:0").bootstrap(instrumented);
    let newcomer = newcomer.build().await.unwrap();
    let file = format!("{out}/nodes.jsonl");
    support::eventually("the new node is recorded", async || lines(&file).len() == 4).await;
    resumed.signal("TERM");
    let done = tokio::task::spawn_blocking(|| resumed.finish())
        .await
        .unwrap();
    assert_eq!(done.code, Some(0), "{}", done.err);
    let records = lines(&file);
    assert_eq!(records[3]["node"], local(&newcomer).await.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn self_tells_an_open_socket_from_outside() {
    let nodes = support::overlay(86, 3).await;
    let first = local(&nodes[0]).await;
    let done = mdht_beside(format!(
        "check self --bind 127.86.1.1 --remote-bind 127.86.2.1 --bootstrap {first} \
         --no-default-bootstrap --timeout 500ms --voters 3 --format json"
    ))
    .await;
    assert_eq!(done.code, Some(0), "{}", done.err);
    let document = &done.documents()[0];
    assert_eq!(document["external_ip"], "127.86.1.1");
    assert_eq!(document["behind_nat"], false);
    assert_eq!(document["mapping"], "endpoint-independent");
    assert_eq!(document["filtering"], "endpoint-independent");
    assert_eq!(document["port_preservation"], true);
    assert_eq!(document["unsolicited"], true);
    let alone = mdht_beside(format!(
        "check self --bind 127.86.1.1 --bootstrap {first} --no-default-bootstrap --timeout 500ms"
    ))
    .await;
    assert_eq!(alone.code, Some(0), "{}", alone.err);
    let row = |name: &str| {
        alone
            .out
            .lines()
            .find(|line| line.starts_with(name))
            .unwrap()
    };
    assert!(row("reached unasked").ends_with("unknown"), "{}", alone.out);
    assert!(row("filtering").ends_with("unknown"), "{}", alone.out);
}

#[test]
fn self_says_what_to_do_when_nobody_answers() {
    let silent = UdpSocket::bind("127.87.0.1:0").unwrap();
    let done = mdht(&format!(
        "check self --bind 127.87.0.2 --bootstrap {} --no-default-bootstrap --timeout 200ms",
        silent.local_addr().unwrap()
    ));
    assert_eq!(done.code, Some(1));
    assert!(done.err.contains("--bootstrap"), "{}", done.err);
}
