//! Nodes under test beside nodes of ours, on loopback addresses.

use std::future::pending;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use mdht_krpc::Id;
use mdht_node::Dht;
use mdht_plugins::Registry;

use super::{AnnouncePort, Error, Live, LiveNode, run};

fn addr(host: u8) -> SocketAddr {
    SocketAddr::from(([127, 91, 0, host], 0))
}

/// A DHT of nodes that hold a peer of `swarm`; with the address of the first.
async fn company(swarm: Id) -> (Vec<Dht>, String) {
    let registry = Registry::builtin();
    let mut nodes: Vec<Dht> = Vec::new();
    let mut first = None;
    for host in 1..=8 {
        let routing = registry.routing("bep5").unwrap();
        let mut node = Dht::builder().bind(addr(host)).no_default_bootstrap();
        node = node.routing(routing);
        if let Some(first) = &first {
            node = node.bootstrap(first);
        }
        let node = node.build().await.unwrap();
        let local = node.status().await.unwrap().local[0].to_string();
        first.get_or_insert(local);
        nodes.push(node);
    }
    let port = AnnouncePort::Explicit(7777);
    let announced = nodes[7].announce(swarm, port).await.unwrap();
    announced.report().await.unwrap();
    (nodes, first.unwrap())
}

fn node(label: &str, host: u8, swarm: Id) -> LiveNode {
    let registry = Registry::builtin();
    let name = format!("mdht-live-{}-{label}.pcap", std::process::id());
    LiveNode {
        label: label.to_owned(),
        routing: registry.routing("nr128").unwrap(),
        lookup: registry.lookup("aggressive").unwrap(),
        bind: addr(host),
        capture: std::env::temp_dir().join(name),
        lookups: vec![(Duration::from_millis(1500), swarm)],
    }
}

fn live(nodes: Vec<LiveNode>, bootstrap: String) -> Live {
    Live {
        nodes,
        bootstrap: vec![bootstrap],
        length: Duration::from_secs(4),
        announce: true,
        profile: super::Options::default(),
    }
}

fn remove(captures: impl IntoIterator<Item = PathBuf>) {
    captures
        .into_iter()
        .for_each(|path| std::fs::remove_file(path).unwrap());
}

#[tokio::test]
async fn each_node_finds_the_swarm_and_its_capture_says_so() {
    let swarm = Id::new([7; Id::LEN]);
    let (company, bootstrap) = company(swarm).await;
    let live = live(
        vec![node("one", 101, swarm), node("two", 102, swarm)],
        bootstrap,
    );
    let outcomes = run(&live, pending()).await.unwrap();
    let labels: Vec<_> = outcomes.iter().map(|o| o.label.as_str()).collect();
    assert_eq!(labels, ["one", "two"]);
    for outcome in &outcomes {
        let profile = outcome.profile.as_ref().unwrap();
        assert_eq!(profile.node.label.as_deref(), Some(outcome.label.as_str()));
        let latency = profile.section("lookup_latency_ms").unwrap();
        assert_eq!(
            (&latency["count"], &latency["no_value"]),
            (&1.into(), &0.into())
        );
        assert!(profile.section("all_queries").unwrap()["sent"].as_u64() > Some(1));
    }
    remove(live.nodes.into_iter().map(|node| node.capture));
    drop(company);
}

#[tokio::test]
async fn a_run_that_is_stopped_is_profiled_up_to_there() {
    let swarm = Id::new([9; Id::LEN]);
    let (company, bootstrap) = company(swarm).await;
    let mut live = live(vec![node("stopped", 103, swarm)], bootstrap);
    live.length = Duration::from_secs(3600);
    let stop = tokio::time::sleep(Duration::from_secs(1));
    let outcomes = run(&live, stop).await.unwrap();
    let profile = outcomes[0].profile.as_ref().unwrap();
    let latency = profile.section("lookup_latency_ms").unwrap();
    assert_eq!(latency["count"], 0, "the lookup's time had not come");
    remove(live.nodes.into_iter().map(|node| node.capture));
    drop(company);
}

#[tokio::test]
async fn a_node_that_cannot_start_is_named() {
    let swarm = Id::new([1; Id::LEN]);
    let mut bad = node("nowhere", 104, swarm);
    bad.capture = "/nowhere/at/all.pcap".into();
    let error = run(&live(vec![bad], "127.0.0.1:1".into()), pending()).await;
    let error = error.unwrap_err();
    assert!(matches!(error, Error::Start { .. }));
    let told = error.to_string();
    assert!(
        told.contains("nowhere does not start") && told.contains("all.pcap"),
        "{told}"
    );
}
