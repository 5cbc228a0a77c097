//! What attacks do to lookups.

use super::*;

/// Median time to a true value, ms.
fn median(damage: &Damage) -> f64 {
    let mut all = damage.latencies_ms();
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

fn false_peers(damage: &Damage) -> u32 {
    damage.lookups.iter().map(|looked| looked.false_peers).sum()
}

fn hostile_closest(damage: &Damage) -> u32 {
    damage
        .lookups
        .iter()
        .map(|looked| looked.hostile_closest)
        .sum()
}

#[test]
fn without_attack_lookups_succeed_and_nobody_is_hostile() {
    let plain = unattacked();
    assert_eq!(plain.lookups.len(), 30);
    assert!(plain.successes() >= 29, "{}", plain.successes());
    assert_eq!(false_peers(&plain) + hostile_closest(&plain), 0);
    assert_eq!(
        (plain.store.hostile_contacts, plain.traffic.received),
        (0, 0)
    );
    assert_eq!((plain.answered, plain.kept), (plain.planted, plain.planted));
}

/// Who floods has no place in a table, and who only watches has none either.
#[test]
fn floods_do_nothing_to_lookups() {
    for modules in [("bep5", "standard"), ("harvest", "hedged")] {
        let plain = siege(Kind::None, 0.0, modules).run();
        for (kind, rate) in [(Kind::Reflect, 100.0), (Kind::Announces, 20.0)] {
            let damage = siege(kind, rate, modules).run();
            assert_eq!(hostile_closest(&damage), 0, "{kind:?} {modules:?}");
            assert_eq!(damage.store.hostile_contacts, 0, "{kind:?} {modules:?}");
            assert!(damage.successes() + 1 >= plain.successes());
        }
    }
}

#[test]
fn the_same_siege_is_lived_through_twice() {
    for kind in [Kind::Garbage, Kind::Silent] {
        let both = [0, 1].map(|_| damage(kind, 0.3));
        assert_eq!(both[0].lookups, both[1].lookups);
        assert_eq!(both[0].stats, both[1].stats);
    }
}

/// Turned nodes take time and queries, but a tenth of all does not keep a node
/// from what it looks for.
#[test]
fn a_tenth_of_turned_nodes_does_not_stop_lookups() {
    let plain = unattacked();
    for kind in [
        Kind::Silent,
        Kind::Slow,
        Kind::Garbage,
        Kind::Mirrors,
        Kind::Asker,
        Kind::Thousands,
        Kind::Martians,
        Kind::Liars,
    ] {
        let damage = damage(kind, 0.1);
        assert!(
            damage.successes() + 2 >= plain.successes(),
            "{kind:?} {}",
            damage.successes()
        );
        assert!(median(&damage) < 3.0 * median(&plain), "{kind:?}");
    }
}

#[test]
fn nobody_is_asked_at_an_address_that_cannot_be() {
    let martians = damage(Kind::Martians, 0.5);
    let peers = martians.lookups.iter().map(|looked| looked.true_peers);
    assert!(peers.sum::<u32>() > 0);
    // a siege has nodes at public addresses only: whatever else was sent there
    // would be lost, and counted as unanswered
    let plain = unattacked();
    let sent = |damage: &Damage| damage.stats.queries_sent.total();
    assert!(sent(&martians) < 2 * sent(&plain));
}

#[test]
fn names_of_thousands_of_nodes_are_bounded() {
    let plain = unattacked();
    let thousands = damage(Kind::Thousands, 0.3);
    let most = |damage: &Damage| {
        damage
            .lookups
            .iter()
            .map(|looked| looked.queries)
            .max()
            .unwrap()
    };
    assert!(most(&thousands) < 40 * most(&plain), "{}", most(&thousands));
    assert!(thousands.store.most_in_flight < 1000);
}

/// With the doubts of a node on the Internet, and those of the thesis: without
/// an attack there is no difference, and among Sybils announces arrive.
#[test]
fn doubts_save_the_announces_and_cost_the_honest_nothing() {
    for (routing, lookup) in [("bep5", "standard"), ("harvest", "hedged")] {
        let run = |kind, strength, doubts: &str| {
            let lookup = format!("{lookup}:{doubts}");
            siege(kind, strength, (routing, &lookup)).run()
        };
        let doubts = "density=4,per_responder=4,useless=pass";
        let lost = |damage: &Damage| {
            let lookups = damage.lookups.iter();
            lookups.filter(|looked| looked.near_announces == 0).count()
        };
        for sybils in [8.0, 64.0] {
            let before = run(Kind::Sybil, sybils, "density=0");
            let after = run(Kind::Sybil, sybils, doubts);
            assert!(lost(&before) > 10, "{routing} {}", lost(&before));
            assert!(lost(&after) <= 3, "{routing} {}", lost(&after));
            assert!(after.successes() >= before.successes(), "{routing}");
        }
        let honest = [
            run(Kind::None, 0.0, "density=0"),
            run(Kind::None, 0.0, doubts),
        ];
        let announces = honest.each_ref().map(|damage| {
            damage
                .lookups
                .iter()
                .map(|looked| looked.announces)
                .sum::<u32>()
        });
        assert_eq!(announces[0], announces[1], "{routing}: false alarms");
        let queries = honest.each_ref().map(|damage| {
            damage
                .lookups
                .iter()
                .map(|looked| looked.queries)
                .sum::<u32>()
        });
        assert!(
            queries[1] < queries[0] + queries[0] / 8,
            "{routing} {queries:?}"
        );
    }
}

/// Names of nodes that do not exist, all too near, cost fewer queries where
/// lookups doubt.
#[test]
fn names_of_nodes_that_do_not_exist_are_asked_less() {
    for (routing, lookup) in [("bep5", "standard"), ("harvest", "hedged")] {
        let asked = |doubts: &str| {
            let lookup = format!("{lookup}:{doubts}");
            let damage = siege(Kind::Phantoms, 0.3, (routing, &lookup)).run();
            let queries: u32 = damage.lookups.iter().map(|looked| looked.queries).sum();
            (queries, damage.successes())
        };
        let (before, after) = (
            asked("density=0"),
            asked("density=4,per_responder=4,useless=pass"),
        );
        assert!(after.0 < before.0, "{routing} {before:?} {after:?}");
        assert!(after.1 + 2 >= before.1, "{routing} {before:?} {after:?}");
    }
}

/// Peers at addresses that cannot be are no values: the lookup goes on.
#[test]
fn impossible_peers_do_not_slow_a_lookup_down() {
    let martians = siege(Kind::Martians, 0.5, ("harvest", "hedged")).run();
    let plain = siege(Kind::None, 0.0, ("harvest", "hedged")).run();
    assert!(martians.successes() + 1 >= plain.successes());
}

/// A thousand Sybils take the place of the nodes that are announced to; eight
/// take part of it. How much is lost is a figure, not a promise.
#[test]
fn sybils_near_a_key_take_the_announces() {
    let few = damage(Kind::Sybil, 1.0);
    let many = damage(Kind::Sybil, 1000.0);
    assert!(hostile_closest(&few) < hostile_closest(&many));
    assert!(hostile_closest(&many) > 60, "{}", hostile_closest(&many));
    let poisoned = damage(Kind::Poison, 100.0);
    assert!(false_peers(&poisoned) > 0);
}
