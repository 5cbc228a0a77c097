//! Nodes on loopback through the library's API: what an application does.

#![allow(clippy::unwrap_used)] // a panic fails the test

mod support;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use mdht_krpc::{Family, Id};
use mdht_node::{AnnouncePort, BuildError, Dht, QueryOutcome, Stopped};
use mdht_plugins::Registry;
use mdht_plugins::lookup::Goal;
use support::{builder, eventually, local, overlay, quick, v4};

const SWARM: Id = Id::new([0x5a; 20]);
const SECOND: Duration = Duration::from_secs(1);

/// One more node, joined by the first of `nodes`.
async fn guest(nodes: &[Dht], bind: &str) -> Dht {
    let bootstrap = local(&nodes[0]).await.to_string();
    let node = builder(bind).routing(quick()).bootstrap(bootstrap);
    node.build().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_announces_another_finds_as_a_stream() {
    let nodes = overlay(31, 12).await;
    let announcers = [
        (3, AnnouncePort::Explicit(7000)),
        (4, AnnouncePort::Implied),
    ];
    let mut expected = BTreeSet::new();
    for (n, port) in announcers {
        let report = nodes[n].announce(SWARM, port).await.unwrap().report();
        let report = report.await.unwrap();
        assert!(report.joined && report.announced > 0, "{report:?}");
        assert!(report.announced <= report.announces);
        let addr = local(&nodes[n]).await;
        let explicit = SocketAddr::new(addr.ip(), 7000);
        expected.insert(if n == 3 { explicit } else { addr });
    }
    // a lookup asked for before the node has joined waits for that
    let node = guest(&nodes, "127.31.1.1:0").await;
    let mut peers = node.get_peers(SWARM).await.unwrap();
    let mut found = BTreeSet::new();
    let mut last = Duration::ZERO;
    while let Some(peer) = peers.next().await {
        assert!(found.insert(peer.peer), "{peer:?} twice");
        assert!(peer.elapsed >= last);
        last = peer.elapsed;
    }
    assert_eq!(found, expected);
    let report = peers.report().await.unwrap();
    assert_eq!((report.target, report.peers), (SWARM, 2));
    assert!(report.latency.unwrap() <= last && report.cost.unwrap() >= 1);
    assert!(report.nodes_with_values >= 1 && report.responses <= report.queries);
    let stored = nodes
        .iter()
        .map(async |n| n.status().await.unwrap().stored_peers);
    let mut copies = 0;
    for stored in stored {
        copies += stored.await;
    }
    assert!(copies >= 2);
    let enough = node.get_peers_until(SWARM, Goal::FirstValue).await.unwrap();
    assert!(enough.report().await.unwrap().peers >= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lookup_whose_stream_is_dropped_ends() {
    // this one never answers, so that the lookup cannot end by itself soon
    let silent = std::net::UdpSocket::bind("127.32.1.9:0").unwrap();
    let node = builder("127.32.1.1:0")
        .bootstrap(silent.local_addr().unwrap().to_string())
        .build()
        .await
        .unwrap();
    let peers = node.get_peers(SWARM).await.unwrap();
    let other = node.get_peers(SWARM).await.unwrap();
    assert_eq!(node.status().await.unwrap().lookups, 2);
    drop(peers);
    eventually("one lookup left", async || {
        node.status().await.unwrap().lookups == 1
    })
    .await;
    drop(other);
    eventually("no lookup left", async || {
        node.status().await.unwrap().lookups == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_its_stream_is_dropped_a_lookup_asks_nobody_else() {
    let nodes = overlay(32, 8).await;
    // one that asks many at once, and goes on doing so
    let aggressive = Registry::builtin().lookup("aggressive").unwrap();
    let node = builder("127.32.2.1:0")
        .lookup(aggressive)
        .bootstrap(local(&nodes[0]).await.to_string())
        .build()
        .await
        .unwrap();
    assert!(node.find_node(SWARM).await.unwrap().responses > 5);
    // everybody falls silent: the lookup would go on to others at each timeout
    let mut silent = Vec::new();
    for other in &nodes {
        let addr = local(other).await;
        other.shutdown().await;
        eventually("the port is free", async || {
            silent.extend(std::net::UdpSocket::bind(addr).ok());
            silent
                .last()
                .is_some_and(|s| s.local_addr().unwrap() == addr)
        })
        .await;
    }
    let peers = node.get_peers(SWARM).await.unwrap();
    let asked = async || node.status().await.unwrap().stats.queries_sent.get_peers;
    eventually("the first queries", async || asked().await > 0).await;
    drop(peers);
    eventually("no lookup", async || {
        node.status().await.unwrap().lookups == 0
    })
    .await;
    let before = asked().await;
    assert!(before <= 5, "{before} asked already");
    eventually("all given up", async || {
        node.status().await.unwrap().in_flight == 0
    })
    .await;
    assert_eq!(asked().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn find_node_returns_the_closest() {
    let nodes = overlay(33, 12).await;
    let node = guest(&nodes, "127.33.1.1:0").await;
    let report = node.find_node(SWARM).await.unwrap();
    let closest: Vec<_> = report.closest.iter().map(|c| c.id).collect();
    let mut expected = Vec::new();
    for other in &nodes {
        expected.push(v4(other).await.id);
    }
    expected.sort_by_key(|id| id.distance(&SWARM));
    // the lookup goes as far as its mark, the third closest; the rest is a bonus
    assert_eq!(closest[..3], expected[..3]);
    assert!(closest.is_sorted_by_key(|id| id.distance(&SWARM)));
}

#[tokio::test(flavor = "multi_thread")]
async fn ping_tells_answer_and_silence_apart() {
    let (one, other) = (
        builder("127.34.1.1:0").build(),
        builder("127.34.1.2:0").build(),
    );
    let (one, other) = (one.await.unwrap(), other.await.unwrap());
    let answer = one.ping(local(&other).await, SECOND).await.unwrap();
    let QueryOutcome::Response {
        id, rtt, version, ..
    } = answer
    else {
        panic!("{answer:?}");
    };
    assert_eq!(id, v4(&other).await.id);
    assert!(rtt < SECOND && version.is_some_and(|v| v.starts_with(b"MD")));
    let nobody = "127.34.1.9:9".parse().unwrap();
    let silence = one.ping(nobody, SECOND / 5).await.unwrap();
    assert_eq!(silence, QueryOutcome::NoAnswer);
    // no socket of that family: told at once, not after the timeout
    let other_family = "[::1]:9".parse().unwrap();
    let asked = one.ping(other_family, support::LONGEST_WAIT * 2);
    let outcome = tokio::time::timeout(SECOND, asked).await.unwrap();
    assert_eq!(outcome.unwrap(), QueryOutcome::NoAnswer);
}

#[tokio::test(flavor = "multi_thread")]
async fn ipv6_on_the_same_node() {
    let loopback = std::net::UdpSocket::bind("[::1]:0");
    assert!(loopback.is_ok(), "this test needs ::1: {loopback:?}");
    let both = |host: u8| builder(&format!("127.35.1.{host}:0")).bind("[::1]:0".parse().unwrap());
    let first = both(1).routing(quick()).build().await.unwrap();
    let [v4, v6] = first.status().await.unwrap().local[..] else {
        panic!("two sockets");
    };
    // joined by IPv4 alone, and by IPv6 alone
    for (host, bootstrap) in [(2, v4), (3, v6)] {
        let node = both(host).routing(quick()).bootstrap(bootstrap.to_string());
        let node = node.build().await.unwrap();
        let family = Family::of(&bootstrap);
        let joined = async || {
            let overlays = node.status().await.unwrap().overlays;
            assert_eq!(overlays.len(), 2);
            overlays.iter().any(|o| o.family == family && o.joined)
        };
        eventually("joined in the family of the bootstrap node", joined).await;
        let answer = node.ping(v6, SECOND).await.unwrap();
        assert!(
            matches!(answer, QueryOutcome::Response { .. }),
            "{answer:?}"
        );
    }
    // values travel over IPv6 too
    let only_v6 = builder("[::1]:0")
        .routing(quick())
        .bootstrap(v6.to_string());
    let only_v6 = only_v6.build().await.unwrap();
    let announced = only_v6.announce(SWARM, AnnouncePort::Explicit(7006)).await;
    assert!(announced.unwrap().report().await.unwrap().announced > 0);
    // all are one host, of which a lookup asks one node: the reader knows one
    let reader = builder("[::1]:0")
        .routing(quick())
        .bootstrap(v6.to_string());
    let reader = reader.build().await.unwrap();
    let mut peers = reader.get_peers(SWARM).await.unwrap();
    assert_eq!(
        peers.next().await.unwrap().peer,
        "[::1]:7006".parse().unwrap()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sockets_of_one_family_both_answer() {
    let second = "127.36.1.2:0".parse().unwrap();
    let node = builder("127.36.1.1:0").bind(second).build().await.unwrap();
    let sockets = node.status().await.unwrap().local;
    assert_eq!(sockets.len(), 2);
    let asker = builder("127.36.1.3:0").build().await.unwrap();
    for socket in sockets {
        let answer = asker.ping(socket, SECOND).await.unwrap();
        assert!(
            matches!(answer, QueryOutcome::Response { .. }),
            "{socket}: {answer:?}"
        );
    }
    assert_eq!(node.status().await.unwrap().overlays.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_node_asks_but_does_not_answer() {
    let nodes = overlay(37, 4).await;
    let bootstrap = local(&nodes[0]).await.to_string();
    let shy = builder("127.37.1.1:0").bootstrap(bootstrap).read_only(true);
    let shy = shy.build().await.unwrap();
    assert!(shy.find_node(SWARM).await.unwrap().responses > 0);
    let silence = nodes[1].ping(local(&shy).await, SECOND / 5).await.unwrap();
    assert_eq!(silence, QueryOutcome::NoAnswer);
    let id = v4(&shy).await.id;
    for node in &nodes {
        let table = v4(node).await.table;
        assert!(table.iter().all(|entry| entry.contact.id != id), "let in");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_an_error_that_says_so() {
    let node = builder("127.38.1.1:0").build().await.unwrap();
    let taken = local(&node).await;
    let error = builder(&taken.to_string()).build().await.unwrap_err();
    assert!(matches!(error, BuildError::Bind { addr, .. } if addr == taken));
    assert!(
        error.to_string().contains("another program has this port"),
        "{error}"
    );
    // and the port is free again after a shutdown
    node.shutdown().await;
    let again = async || builder(&taken.to_string()).build().await.is_ok();
    eventually("the port is free", again).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_shutdown_everything_says_stopped() {
    let node = builder("127.38.2.1:0").build().await.unwrap();
    let clone = node.clone();
    let waiting = node.get_peers(SWARM).await.unwrap();
    let last = node.shutdown().await.unwrap();
    assert_eq!(last.local.len(), 1);
    assert_eq!(waiting.report().await.unwrap_err(), Stopped);
    assert_eq!(clone.get_peers(SWARM).await.unwrap_err(), Stopped);
    assert_eq!(clone.status().await.unwrap_err(), Stopped);
    let nobody = "127.38.2.9:9".parse().unwrap();
    assert_eq!(clone.ping(nobody, SECOND).await.unwrap_err(), Stopped);
    assert!(clone.shutdown().await.is_none());
}
