//! Whole nodes with real modules, in virtual time.

#![allow(clippy::unwrap_used)] // a panic fails the test

mod world;

use std::time::Duration;

use mdht_krpc::{Family, Id, Rng};
use mdht_node::core::{AnnouncePort, Event, LookupReport};
use mdht_plugins::lookup::Goal;
use world::{World, addr, config};

const MINUTE: Duration = Duration::from_secs(60);

fn reports(world: &World, n: usize) -> Vec<LookupReport> {
    world.events_of(n, |event| match event {
        Event::LookupDone { report, .. } => Some(report.clone()),
        _ => None,
    })
}

fn peers(world: &World, n: usize) -> Vec<std::net::SocketAddr> {
    world.events_of(n, |event| match event {
        Event::Peer { peer, .. } => Some(*peer),
        _ => None,
    })
}

#[test]
fn two_nodes_join_announce_and_look_up() {
    let mut world = World::joined(1, 2, "bep5", MINUTE);
    let key = Id::new([7; 20]);
    for (n, port) in [
        (0, AnnouncePort::Explicit(1000)),
        (1, AnnouncePort::Implied),
    ] {
        world.with(n, |node, now| node.announce(now, key, port));
        world.run_for(MINUTE);
        let report = reports(&world, n).pop().unwrap();
        assert_eq!((report.announces, report.announced), (1, 1), "node {n}");
    }
    for n in [0, 1] {
        world.with(n, |node, now| node.get_peers(now, key, Goal::Closest));
    }
    world.run_for(MINUTE);
    // each asks the only other, which holds what the first announced
    let explicit = std::net::SocketAddr::new(addr(0).ip(), 1000);
    assert_eq!(
        (peers(&world, 0), peers(&world, 1)),
        (vec![explicit], vec![addr(1)])
    );
    let report = reports(&world, 1).pop().unwrap();
    assert_eq!(
        (report.queries, report.responses, report.cost),
        (1, 1, Some(1))
    );
    assert!(report.latency.unwrap() >= Duration::from_millis(20));
    assert_eq!(report.latency, report.closest_time);
}

#[test]
fn all_eight_combinations_find_peers_announce_and_are_found() {
    let mut world = World::joined(2, 60, "nice", 20 * MINUTE);
    let mut rng = Rng::from_u64(3);
    let keys: Vec<_> = (0..10).map(|_| Id::random(&mut rng)).collect();
    for routing in ["bep5", "nice", "nrtt", "nr128", "nr64", "ut22"] {
        for lookup in ["standard", "aggressive"] {
            // again each time: an announce counts for half an hour
            for (n, key) in keys.iter().enumerate() {
                world.with(n, |node, now| {
                    node.announce(now, *key, AnnouncePort::Explicit(4000))
                });
            }
            world.run_for(MINUTE);
            let nut = world.add(config(world.nodes.len(), routing, lookup));
            world.with(nut, |node, now| node.add_bootstrap(now, &[addr(0)]));
            let mut found = 0;
            for (n, key) in keys.iter().enumerate() {
                world.with(nut, |node, now| node.get_peers(now, *key, Goal::Closest));
                world.run_for(Duration::from_secs(15));
                let expected = std::net::SocketAddr::new(addr(n).ip(), 4000);
                found += usize::from(peers(&world, nut).contains(&expected));
            }
            // three replicas each: now and then a lookup ends beside them
            assert!(found >= 9, "{routing} {lookup} finds {found} of 10");
            let own = Id::random(&mut rng);
            world.with(nut, |node, now| {
                node.announce(now, own, AnnouncePort::Implied)
            });
            world.run_for(Duration::from_secs(15));
            world.with(5, |node, now| node.get_peers(now, own, Goal::Closest));
            world.run_for(Duration::from_secs(15));
            assert!(
                peers(&world, 5).contains(&addr(nut)),
                "{routing} {lookup} is not found"
            );
            let done = reports(&world, nut);
            assert_eq!(done.len(), 11, "{routing} {lookup}");
            assert!(
                done.iter()
                    .all(|report| report.joined && report.closest_time.is_some())
            );
        }
    }
}

#[test]
fn lookups_survive_loss() {
    let mut world = World::joined(4, 60, "nr128", 20 * MINUTE);
    world.loss = 0.05;
    let mut rng = Rng::from_u64(5);
    let mut found = 0;
    for n in 0..20 {
        let key = Id::random(&mut rng);
        world.with(n, |node, now| {
            node.announce(now, key, AnnouncePort::Implied)
        });
        world.run_for(MINUTE);
        world.with(n + 20, |node, now| {
            node.get_peers(now, key, Goal::FirstValue)
        });
        world.run_for(MINUTE);
        found += usize::from(peers(&world, n + 20).contains(&addr(n)));
    }
    assert!(found >= 18, "{found} of 20");
}

#[test]
fn a_lookup_that_nobody_answered_is_begun_anew_but_not_for_ever() {
    let key = Id::new([7; 20]);
    let mut world = World::joined(1, 2, "bep5", MINUTE);
    // the only packet of the only contact is lost
    world.loss = 1.0;
    world.with(1, |node, now| node.get_peers(now, key, Goal::Closest));
    world.run_for(Duration::from_secs(1));
    world.loss = 0.0;
    world.run_for(MINUTE);
    let report = reports(&world, 1).pop().unwrap();
    assert_eq!((report.queries, report.responses), (2, 1));
    // and where nobody ever answers it ends
    world.loss = 1.0;
    world.with(1, |node, now| node.get_peers(now, key, Goal::Closest));
    world.run_for(10 * MINUTE);
    let report = reports(&world, 1).pop().unwrap();
    assert_eq!((report.queries, report.responses), (3, 0));
    assert_eq!(reports(&world, 1).len(), 2);
}

#[test]
fn same_seed_same_bytes() {
    let run = |seed| {
        let mut world = World::joined(seed, 20, "nr128", 10 * MINUTE);
        world.with(3, |node, now| {
            node.announce(now, Id::new([9; 20]), AnnouncePort::Implied)
        });
        world.run_for(MINUTE);
        (world.sent, world.events)
    };
    let (sent, events) = run(1);
    assert!(sent.len() > 1000 && !events.is_empty());
    assert_eq!((&sent, &events), (&run(1).0, &run(1).1));
    assert_ne!(sent, run(2).0);
}

#[test]
fn nothing_is_expelled_while_nobody_answers_and_the_node_comes_back() {
    for routing in ["bep5", "nice", "nrtt", "nr128", "nr64"] {
        let mut world = World::joined(6, 40, routing, 20 * MINUTE);
        let nut = 7;
        let contacts = |world: &World| {
            let table = world.nodes[nut].table(Family::V4);
            let mut contacts: Vec<_> = table
                .iter()
                .filter(|entry| entry.standing != mdht_plugins::routing::Standing::Waiting)
                .map(|entry| entry.contact)
                .collect();
            contacts.sort();
            contacts
        };
        let before = contacts(&world);
        assert!(before.len() > 15, "{routing}: {}", before.len());
        world.cut.insert(nut);
        // a user goes on looking things up all the while
        for _ in 0..60 {
            world.with(nut, |node, now| {
                node.get_peers(now, Id::new([3; 20]), Goal::Closest)
            });
            world.run_for(MINUTE);
        }
        let gone: Vec<_> = before
            .iter()
            .filter(|c| !contacts(&world).contains(c))
            .collect();
        assert!(
            gone.is_empty(),
            "{routing} dropped {} of {}",
            gone.len(),
            before.len()
        );
        let told = |world: &World, wanted: &Event| {
            world
                .events_of(nut, |event| (event == wanted).then_some(()))
                .len()
        };
        let (offline, online) = (
            Event::Offline { family: Family::V4 },
            Event::Online { family: Family::V4 },
        );
        assert_eq!(told(&world, &offline), 1, "{routing}");
        assert!(!world.nodes[nut].is_joined(Family::V4));
        world.cut.clear();
        // the back-off is five minutes at most
        world.run_for(6 * MINUTE);
        assert_eq!(told(&world, &online), 1, "{routing}");
        assert!(world.nodes[nut].is_joined(Family::V4));
        world.with(nut, |node, now| node.find_node(now, Id::new([3; 20])));
        world.run_for(MINUTE);
        let report = reports(&world, nut).pop().unwrap();
        assert!(report.responses >= 3, "{routing}: {report:?}");
    }
}

#[test]
fn a_node_that_slept_notices_and_joins_anew() {
    let mut world = World::joined(8, 20, "nr128", 20 * MINUTE);
    let nut = 3;
    let before = world.nodes[nut].table(Family::V4).len();
    // the machine sleeps for eight hours with a lookup in flight
    world.with(nut, |node, now| {
        node.get_peers(now, Id::new([3; 20]), Goal::Closest)
    });
    world.cut.insert(nut);
    let asleep = world.nodes.remove(nut);
    world.nodes.insert(
        nut,
        mdht_node::core::Core::new(config(nut, "bep5", "standard"), [0; 32], world.now),
    );
    world.run_for(Duration::from_secs(8 * 3600));
    world.nodes[nut] = asleep;
    world.cut.clear();
    world.run_for(MINUTE);
    let resumed = world.events_of(nut, |event| match event {
        Event::Resumed { gap } => Some(*gap),
        _ => None,
    });
    assert_eq!(resumed.len(), 1, "{resumed:?}");
    assert!(resumed[0] > Duration::from_secs(7 * 3600));
    assert!(world.nodes[nut].is_joined(Family::V4));
    assert!(world.nodes[nut].table(Family::V4).len() >= before);
    assert_eq!(
        reports(&world, nut).len(),
        1,
        "the lookup in flight has ended"
    );
}

#[test]
fn a_restarted_node_joins_by_its_saved_contacts_alone() {
    let mut world = World::joined(9, 30, "nr128", 20 * MINUTE);
    let saved = world.nodes[4].save();
    let id = world.nodes[4].id(Family::V4);
    world.nodes[4] =
        mdht_node::core::Core::new(config(4, "nr128", "aggressive"), [5; 32], world.now);
    world.with(4, |node, now| node.restore(now, &saved));
    world.run_for(Duration::from_secs(10));
    assert_eq!(world.nodes[4].id(Family::V4), id);
    assert!(world.nodes[4].is_joined(Family::V4));
    world.with(4, |node, now| node.find_node(now, Id::new([3; 20])));
    world.run_for(MINUTE);
    assert!(reports(&world, 4).pop().unwrap().responses >= 3);
}

#[test]
fn a_node_that_knows_nobody_asks_for_addresses_ever_more_rarely() {
    let mut world = World::new(11);
    world.add(config(0, "nr128", "aggressive"));
    world.with(0, |node, now| node.join(now));
    let asked = |world: &World| {
        world
            .events_of(0, |event| (*event == Event::NeedBootstrap).then_some(()))
            .len()
    };
    world.run_for(10 * MINUTE);
    let early = asked(&world);
    assert!((7..=10).contains(&early), "{early} in ten minutes");
    // the same addresses again and again do not make it hurry
    for _ in 0..60 {
        world.with(0, |node, now| node.add_bootstrap(now, &[addr(50)]));
        world.run_for(MINUTE);
    }
    let late = asked(&world) - early;
    assert!((10..=22).contains(&late), "{late} in an hour");
    // and when somebody is there at last, it joins by itself
    world.add(config(1, "nr128", "aggressive"));
    world.with(0, |node, now| node.add_bootstrap(now, &[addr(1)]));
    world.run_for(Duration::from_secs(1));
    assert!(world.nodes[0].is_joined(Family::V4));
}

#[test]
fn an_unreachable_network_ends_in_a_report_not_in_a_hang() {
    let mut world = World::new(10);
    world.add(config(0, "nr128", "aggressive"));
    world.with(0, |node, now| {
        node.add_bootstrap(now, &[addr(50), addr(51)]);
    });
    world.with(0, |node, now| {
        node.get_peers(now, Id::new([1; 20]), Goal::Closest)
    });
    world.run_for(2 * MINUTE);
    let report = reports(&world, 0).pop().unwrap();
    assert!(!report.joined && report.queries == 0);
    let tried = world.events_of(0, |event| match event {
        Event::JoinFailed { tried, .. } => Some(tried.clone()),
        _ => None,
    });
    assert!(tried.len() >= 3, "it keeps trying");
    assert_eq!(tried[0], [addr(50), addr(51)]);
    let resolve = world.events_of(0, |event| (*event == Event::NeedBootstrap).then_some(()));
    assert!(!resolve.is_empty());
}
