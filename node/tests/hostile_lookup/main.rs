//! A node whose lookups meet liars of every kind: each lookup ends, in bounded
//! time and with a bounded number of queries, and what is honest is found.

#![allow(clippy::unwrap_used)] // a panic fails the test

mod liars;
mod neighbours;
mod net;
#[path = "../world/mod.rs"]
mod world;

use std::time::Duration;

use liars::{ALL, DRAW_ON, silent};
use mdht_krpc::{Id, Instant, Rng};
use net::Net;

const TARGET: Id = Id::new([0; 20]);
/// Honest nodes, at addresses 1 to this.
const HONEST: usize = 40;
/// The first of the liars' addresses.
const LIARS: usize = 1000;
const PEER: &str = "10.200.0.1:7000";

const LOOKUPS: [&str; 4] = ["standard", "aggressive", "hedged", "standard:paths=4"];

#[test]
fn every_liar_is_survived_and_the_honest_are_found() {
    for (name, liar) in ALL.into_iter().filter(|(name, _)| !DRAW_ON.contains(name)) {
        for lookup in LOOKUPS {
            let mut net = Net::new(lookup, liar, (11, 2));
            let report = net.look_up();
            let told = format!("{name}, {lookup}: {report:?}");
            assert!(net.peers.contains(&PEER.parse().unwrap()), "{told}");
            assert!(report.queries < 700 && net.most_in_flight < 700, "{told}");
            assert!(net.now < Instant::ZERO + Duration::from_secs(120), "{told}");
        }
    }
}

/// A lookup drawn on ends all the same; with several paths, the others find
/// what is honest meanwhile.
#[test]
fn those_that_draw_a_lookup_on_do_so_for_a_bounded_time() {
    for (name, liar) in ALL.into_iter().filter(|(name, _)| DRAW_ON.contains(name)) {
        for lookup in LOOKUPS {
            let mut net = Net::new(lookup, liar, (11, 2));
            let report = net.look_up();
            let told = format!("{name}, {lookup}, {:?}: {report:?}", net.now);
            assert!(report.queries <= 1024, "{told}");
            assert!(net.most_in_flight <= 1500, "{told}");
            assert!(net.now < Instant::ZERO + Duration::from_secs(400), "{told}");
            let found = net.peers.contains(&PEER.parse().unwrap());
            assert!(found || !lookup.contains("paths"), "{told}");
        }
    }
}

#[test]
fn only_dead_contacts_end_in_a_report() {
    for lookup in LOOKUPS {
        let mut net = Net::new(lookup, silent, (0, 5));
        let report = net.look_up();
        assert_eq!((report.peers, report.responses), (0, 0), "{lookup}");
    }
}

/// Half of all answers lost, a third seen twice, and all out of order.
#[test]
fn loss_duplication_and_reordering() {
    for lookup in LOOKUPS {
        let mut found = 0;
        for seed in 0..20 {
            let mut net = Net::new(lookup, silent, (11, 2));
            net.fresh.rng = Rng::from_u64(seed);
            (net.loss, net.twice) = (0.5, 0.3);
            let report = net.look_up();
            assert!(report.responses <= report.queries, "{lookup}: {report:?}");
            found += usize::from(net.peers.contains(&PEER.parse().unwrap()));
            let once = net.peers.len();
            net.peers.dedup();
            assert_eq!(net.peers.len(), once, "{lookup}: a peer told twice");
        }
        assert!(found >= 10, "{lookup}: {found} of 20");
    }
}
