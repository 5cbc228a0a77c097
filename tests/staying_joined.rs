//! A live node whose network is cut and restored: it says so, loses no
//! contact, and comes back by itself.

#![allow(clippy::unwrap_used)] // a panic fails the test

mod support;

use std::collections::BTreeSet;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use mdht_krpc::{Family, Id};
use mdht_node::core::Event;
use mdht_node::{AnnouncePort, Dht, Notice};
use mdht_plugins::{Registry, RoutingFactory};
use support::{LONGEST_WAIT, builder, eventually, local, overlay, quick, v4};
use tokio::sync::broadcast::Receiver;

const SWARM: Id = Id::new([0x5a; 20]);

/// Maintenance fast enough to notice an outage within two seconds.
fn watchful() -> RoutingFactory {
    let spec = "nice:quarantine=0s,startup_refresh=100ms,stale=0s,timeout=200ms";
    Registry::builtin().routing(spec).unwrap()
}

/// Waits for a notice; those before it are passed over.
async fn told(notices: &mut Receiver<Notice>, wanted: impl Fn(&Notice) -> bool) -> Notice {
    let all = async {
        loop {
            let notice = notices.recv().await.unwrap();
            if wanted(&notice) {
                return notice;
            }
        }
    };
    tokio::time::timeout(LONGEST_WAIT, all).await.expect("told")
}

fn is(event: Event) -> impl Fn(&Notice) -> bool {
    move |notice| *notice == Notice::Core(event.clone())
}

const JOINED: Event = Event::Joined { family: Family::V4 };
const OFFLINE: Event = Event::Offline { family: Family::V4 };
const ONLINE: Event = Event::Online { family: Family::V4 };

/// Everybody in the node's table, good or not.
async fn contacts(node: &Dht) -> BTreeSet<(Id, SocketAddr)> {
    let table = v4(node).await.table;
    let contacts = table.iter().map(|entry| entry.contact);
    contacts.map(|c| (c.id, c.addr)).collect()
}

/// Stops nodes; returns what it takes to start them again.
async fn cut(nodes: Vec<Dht>) -> Vec<(Id, SocketAddr)> {
    let mut stopped = Vec::new();
    for node in nodes {
        stopped.push((v4(&node).await.id, local(&node).await));
        node.shutdown().await;
    }
    stopped
}

/// Starts a node at an address that was in use until just now.
async fn restart((id, addr): (Id, SocketAddr), join_by: SocketAddr) -> Dht {
    let mut started = None;
    eventually("the port is free", async || {
        let node = builder(&addr.to_string()).id(id).routing(quick());
        started = node.bootstrap(join_by.to_string()).build().await.ok();
        started.is_some()
    })
    .await;
    started.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_costs_no_contact_and_the_node_comes_back_by_itself() {
    let nodes = overlay(41, 14).await;
    let bootstrap = local(&nodes[0]).await;
    let node = builder("127.41.1.1:0").routing(watchful());
    let node = node.bootstrap(bootstrap.to_string()).build().await.unwrap();
    let mut notices = node.notices();
    told(&mut notices, is(JOINED)).await;
    node.find_node(SWARM).await.unwrap();
    eventually("a table", async || contacts(&node).await.len() >= 8).await;

    let stopped = cut(nodes).await;
    told(&mut notices, is(OFFLINE)).await;
    assert!(!v4(&node).await.joined, "the status says so too");
    let before = contacts(&node).await;
    assert!(before.len() >= 8);
    // unanswered queries in plenty, none of which costs a contact its place
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(contacts(&node).await, before);

    let mut nodes = Vec::new();
    for one in stopped {
        nodes.push(restart(one, bootstrap).await);
    }
    told(&mut notices, is(ONLINE)).await;
    assert!(v4(&node).await.joined);
    assert!(contacts(&node).await.is_superset(&before));
    let announced = nodes[5].announce(SWARM, AnnouncePort::Explicit(7000)).await;
    assert!(announced.unwrap().report().await.unwrap().announced > 0);
    let mut peers = node.get_peers(SWARM).await.unwrap();
    assert_eq!(peers.next().await.unwrap().peer.port(), 7000);
}

#[tokio::test(flavor = "multi_thread")]
async fn offline_a_new_address_to_join_by_is_tried_at_once() {
    let nodes = overlay(42, 6).await;
    let bootstrap = local(&nodes[0]).await.to_string();
    let node = builder("127.42.1.1:0")
        .routing(watchful())
        .bootstrap(bootstrap);
    let node = node.build().await.unwrap();
    let mut notices = node.notices();
    node.find_node(SWARM).await.unwrap();
    cut(nodes).await;
    told(&mut notices, is(OFFLINE)).await;
    // everybody we knew is gone for good
    let elsewhere = builder("127.42.2.1:0").build().await.unwrap();
    node.add_bootstrap(vec![local(&elsewhere).await])
        .await
        .unwrap();
    let online = told(&mut notices, is(ONLINE));
    let soon = tokio::time::timeout(Duration::from_secs(1), online).await;
    soon.expect("not at the next attempt of the back-off but now");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_reaches_nobody_says_whom_it_tried_and_goes_on() {
    let reserved = UdpSocket::bind("127.43.1.2:0").unwrap();
    let bootstrap = reserved.local_addr().unwrap();
    let node = builder("127.43.1.1:0").bootstrap(bootstrap.to_string());
    let node = node.bootstrap("nobody.invalid:6881").build().await.unwrap();
    let mut notices = node.notices();
    // asked for now, and begun once there is somebody to ask
    let waiting = node.get_peers(SWARM).await.unwrap();
    let unresolved =
        |n: &Notice| matches!(n, Notice::CannotResolve { host, .. } if host.starts_with("nobody"));
    told(&mut notices, unresolved).await;
    let failed = |n: &Notice| matches!(n, Notice::Core(Event::JoinFailed { .. }));
    let failed = told(&mut notices, failed).await;
    // by its network: notices are logged
    assert!(failed.to_string().contains("127.43.1.x"), "{failed}");
    drop(reserved);
    let first = builder(&bootstrap.to_string()).build().await.unwrap();
    told(&mut notices, is(JOINED)).await;
    let report = waiting.report().await.unwrap();
    assert!(report.joined && report.responses == 1, "{report:?}");
    first.shutdown().await;
}
