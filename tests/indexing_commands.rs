//! `mdht scrape`, `mdht sample` and `mdht announce --repeat` on loopback.

#![allow(clippy::unwrap_used)] // a panic fails the test

mod support;

use std::collections::BTreeSet;

use mdht_krpc::Id;
use mdht_node::{AnnouncePort, Dht};
use serde_json::Value;
use support::{LONGEST_WAIT, eventually, local, mdht, mdht_beside, overlay, start};

const SWARM: Id = Id::new([0x5a; 20]);

/// Twelve nodes, eight of them peers of one swarm, of which three are seeds.
async fn swarm(net: u8) -> (Vec<Dht>, String) {
    let nodes = overlay(net, 12).await;
    for (n, node) in nodes[..8].iter().enumerate() {
        let peers = match n {
            0..3 => node.announce_seed(SWARM, AnnouncePort::Implied).await,
            _ => node.announce(SWARM, AnnouncePort::Implied).await,
        };
        let report = peers.unwrap().report().await.unwrap();
        assert!(report.announced > 0, "{report:?}");
    }
    let bootstrap = local(&nodes[0]).await;
    (
        nodes,
        format!("--no-default-bootstrap --bootstrap {bootstrap}"),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scrape_counts_seeds_and_others() {
    let (_nodes, join) = swarm(91).await;
    let none = Id::new([0x77; 20]);
    let options = format!("{join} --bind 127.91.1.1:0");
    let json = mdht_beside(format!("scrape {SWARM} {none} {options} --format json")).await;
    assert_eq!(json.code, Some(0), "{}", json.err);
    let documents = json.documents();
    assert_eq!(documents[0]["infohash"], SWARM.to_string());
    // as many as are announced, but for chance in the filters
    let near = |key: &str, n: f64| (documents[0][key].as_f64().unwrap() - n).abs() < 0.5;
    assert!(near("seeds", 3.0) && near("peers", 5.0), "{}", documents[0]);
    assert!(documents[0]["nodes_with_filters"].as_u64().unwrap() >= 1);
    assert_eq!(documents[1]["seeds"], Value::Null);
    assert_eq!(documents[1]["peers"], Value::Null);
    let text = mdht_beside(format!("scrape {SWARM} {options}")).await;
    assert!(
        text.out.contains("about 3 seeds and about 5 other peers"),
        "{}",
        text.out
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_of_one_node_and_of_many() {
    let (nodes, join) = swarm(92).await;
    let node = local(&nodes[1]).await;
    let one = mdht_beside(format!(
        "sample {node} --bind 127.92.1.1:0 --no-default-bootstrap --format json"
    ))
    .await;
    assert_eq!(one.code, Some(0), "{}", one.err);
    let sample = &one.documents()[0];
    assert_eq!(sample["node"], node.to_string());
    assert!(sample["interval_s"].as_u64().unwrap() <= 21_600);
    let held = sample["num"].as_u64().unwrap();
    assert_eq!(sample["infohashes"].as_array().unwrap().len() as u64, held);

    let options = format!("--nodes 30 {join} --bind 127.92.1.2:0");
    let walk = mdht_beside(format!("sample {options} --format json")).await;
    let documents = walk.documents();
    let of = |name: &str| {
        documents
            .iter()
            .filter(move |d| d["event"] == name)
            .collect::<Vec<_>>()
    };
    let asked: BTreeSet<_> = of("sample").iter().map(|d| d["node"].to_string()).collect();
    assert_eq!(asked.len(), of("sample").len(), "nobody twice");
    let done = of("done")[0];
    assert_eq!(done["asked"].as_u64().unwrap(), asked.len() as u64);
    // some may still name the node that asked before
    assert_eq!(
        (&done["distinct"], &done["sampled"]),
        (&1.into(), &12.into())
    );
    let text = mdht_beside(format!("sample {options}")).await;
    assert_eq!(text.out.trim(), SWARM.to_string(), "told once");
    assert!(
        text.err.contains("1 infohashes from 12 nodes"),
        "{}",
        text.err
    );
}

#[test]
fn nodes_that_give_no_sample_are_a_failure() {
    let silent = std::net::UdpSocket::bind("127.93.0.1:0").unwrap();
    let addr = silent.local_addr().unwrap();
    let options = "--bind 127.93.1.1:0 --no-default-bootstrap --format json --timeout-ms 50";
    let finished = mdht(&format!("sample {addr} {options}"));
    assert_eq!(finished.code, Some(1));
    assert_eq!(finished.documents()[0]["infohashes"], Value::Null);
    assert!(
        finished.err.contains("1 of 1 nodes gave no sample"),
        "{}",
        finished.err
    );
    let both = mdht(&format!("sample {addr} --nodes 3 {options}"));
    assert_eq!(both.code, Some(2), "{}", both.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_announce_is_repeated_until_stopped() {
    let nodes = overlay(94, 6).await;
    let bootstrap = local(&nodes[0]).await;
    let command = format!(
        "announce {SWARM} --port 7000 --seed --repeat --every 1 --bind 127.94.1.1:0 \
         --no-default-bootstrap --bootstrap {bootstrap} --format json"
    );
    let running = start(&command);
    // the fourth begins when the third has been told
    eventually("the fourth round of announces", async || {
        let mut announced = 0;
        for node in &nodes {
            let stats = node.status().await.unwrap().stats;
            announced = announced.max(stats.queries_received.announce_peer);
        }
        announced >= 4
    })
    .await;
    running.signal("TERM");
    let finished = tokio::task::spawn_blocking(|| running.finish())
        .await
        .unwrap();
    assert_eq!(finished.code, Some(0), "{}", finished.err);
    let done = finished.documents();
    let done = done.iter().filter(|document| document["event"] == "done");
    assert!(done.count() >= 3, "within {LONGEST_WAIT:?}");
}
