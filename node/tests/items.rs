//! Items among nodes in virtual time: put, found, kept, replaced [B44].

#![allow(clippy::unwrap_used)] // a panic fails the test

mod world;

use std::time::Duration;

use mdht_krpc::{Family, Method};
use mdht_node::core::{Event, ItemQuery, ItemReport};
use mdht_node::item::{Item, MutableItem, SecretKey, Value};
use world::{World, addr, config};

const MINUTE: Duration = Duration::from_secs(60);

fn text(text: &str) -> Value {
    Value::from_text(text).unwrap()
}

fn key(n: u8) -> SecretKey {
    SecretKey::from_seed(&[n; 32])
}

fn signed(sequence: i64, says: &str) -> MutableItem {
    MutableItem::sign(&key(1), b"news", sequence, text(says)).unwrap()
}

fn asked(newer_than: Option<i64>) -> ItemQuery {
    ItemQuery::Mutable {
        public_key: key(1).public_key(),
        salt: b"news".to_vec(),
        newer_than,
    }
}

/// The report of the last lookup of an item that a node has done.
fn last_report(world: &World, n: usize) -> ItemReport {
    let done = world.events_of(n, |event| match event {
        Event::ItemDone { report, .. } => Some((**report).clone()),
        _ => None,
    });
    done.last().expect("a lookup has ended").clone()
}

fn put(world: &mut World, n: usize, item: impl Into<Item>, cas: Option<i64>) -> ItemReport {
    let item = item.into();
    world.with(n, |node, now| node.put_item(now, item, cas));
    world.run_for(MINUTE);
    last_report(world, n)
}

fn get(world: &mut World, n: usize, query: ItemQuery) -> ItemReport {
    world.with(n, |node, now| node.get_item(now, query));
    world.run_for(MINUTE);
    last_report(world, n)
}

/// Nodes that hold any item.
fn holders(world: &World) -> usize {
    let held = world.nodes.iter().map(|node| node.stored_items().0);
    held.filter(|items| *items > 0).count()
}

#[test]
fn what_one_puts_another_gets() {
    for (seed, lookup) in [(1, "standard"), (2, "aggressive"), (3, "hedged"), (4, "lt")] {
        let mut world = World::joined(seed, 40, "nr128", 20 * MINUTE);
        let guest = world.add(config(40, "nr128", lookup));
        world.with(guest, |node, now| node.add_bootstrap(now, &[addr(0)]));
        world.run_for(10 * MINUTE);
        let report = put(&mut world, guest, text("Hello World!"), None);
        assert!(
            report.lookup.joined && report.stored() >= 3,
            "{lookup}: {report:?}"
        );
        assert_eq!(report.lookup.announces, report.stored(), "{lookup}");
        assert!(report.found.is_none() && report.errors.is_empty());
        assert_eq!(holders(&world), report.stored() as usize, "{lookup}");

        let target = text("Hello World!").target();
        let found = get(&mut world, 7, ItemQuery::Immutable(target));
        assert_eq!(found.value(), Some(&text("Hello World!")), "{lookup}");
        assert!(found.copies >= 1 && found.lookup.cost.is_some());

        let item = signed(1, "first");
        assert!(
            put(&mut world, guest, item.clone(), None).stored() >= 3,
            "{lookup}"
        );
        let found = get(&mut world, 8, asked(None));
        assert_eq!(found.found, Some(item.into()), "{lookup}");
        assert!(found.copies >= 2, "{lookup}: {found:?}");
        assert_eq!(found.lookup.nodes_with_values, found.copies);
    }
}

#[test]
fn a_lookup_of_an_immutable_item_ends_when_it_is_found() {
    let mut world = World::joined(5, 40, "nr128", 20 * MINUTE);
    assert!(put(&mut world, 3, text("here"), None).stored() >= 3);
    let found = get(&mut world, 20, ItemQuery::Immutable(text("here").target()));
    let nothing = get(
        &mut world,
        20,
        ItemQuery::Immutable(text("nowhere").target()),
    );
    assert!(found.found.is_some() && nothing.found.is_none());
    assert_eq!(
        found.lookup.cost,
        Some(found.lookup.queries),
        "none after the first"
    );
    assert!(found.lookup.queries < nothing.lookup.queries);
    assert_eq!(nothing.lookup.latency, None);
}

#[test]
fn the_newest_wins_and_what_is_older_is_not_put() {
    let mut world = World::joined(6, 30, "nr128", 20 * MINUTE);
    assert!(put(&mut world, 3, signed(1, "one"), None).stored() >= 3);
    assert!(put(&mut world, 4, signed(5, "five"), None).stored() >= 3);
    let found = get(&mut world, 9, asked(None)).found;
    assert_eq!(found, Some(signed(5, "five").into()));
    // older, and as new but different: nothing is sent
    for item in [signed(4, "four"), signed(5, "other")] {
        let report = put(&mut world, 3, item, None);
        assert_eq!((report.conflict, report.lookup.announces), (Some(5), 0));
        assert_eq!(report.found, Some(signed(5, "five").into()));
    }
    // the same again is fine
    let again = put(&mut world, 3, signed(5, "five"), None);
    assert!(again.conflict.is_none() && again.stored() >= 3);
}

#[test]
fn compare_and_swap() {
    let mut world = World::joined(7, 30, "nr128", 20 * MINUTE);
    // nothing there: cas is not sent, as BEP 44 has it
    assert!(put(&mut world, 3, signed(1, "one"), Some(0)).stored() >= 3);
    assert!(put(&mut world, 3, signed(2, "two"), Some(1)).stored() >= 3);
    let late = put(&mut world, 4, signed(3, "three"), Some(1));
    assert_eq!((late.conflict, late.stored()), (Some(2), 0));
    assert_eq!(
        get(&mut world, 9, asked(None)).found,
        Some(signed(2, "two").into())
    );
}

#[test]
fn only_what_is_newer_is_sent_to_who_asks_so() {
    let mut world = World::joined(8, 30, "nr128", 20 * MINUTE);
    assert!(put(&mut world, 3, signed(5, "five"), None).stored() >= 3);
    let same = get(&mut world, 9, asked(Some(5)));
    assert!(same.found.is_none() && same.copies >= 2, "{same:?}");
    let newer = get(&mut world, 9, asked(Some(4)));
    assert_eq!(newer.found, Some(signed(5, "five").into()));
}

#[test]
fn items_are_forgotten_after_two_hours_unless_kept() {
    let mut world = World::joined(9, 30, "nr128", 20 * MINUTE);
    assert!(put(&mut world, 3, text("short-lived"), None).stored() >= 3);
    let kept = world.with(4, |node, now| node.republish(now, signed(1, "kept").into()));
    world.run_for(100 * MINUTE);
    let short_lived = || ItemQuery::Immutable(text("short-lived").target());
    assert!(get(&mut world, 9, short_lived()).found.is_some());
    world.run_for(400 * MINUTE);
    assert!(get(&mut world, 9, short_lived()).found.is_none());
    assert!(get(&mut world, 9, asked(None)).found.is_some());
    let rounds = |world: &World| {
        world.events_of(4, |event| match event {
            Event::Republished {
                id,
                report,
                next_in,
            } => {
                assert_eq!(*id, kept);
                assert!(report.stored() >= 3);
                *next_in
            }
            _ => None,
        })
    };
    assert_eq!(
        rounds(&world),
        vec![60 * MINUTE; 9],
        "once an hour, and at the start"
    );
    // no longer asked to
    world.with(4, |node, now| node.stop_republishing(now, kept));
    world.run_for(200 * MINUTE);
    assert_eq!(rounds(&world).len(), 9);
    assert_eq!(holders(&world), 0);
    let expired: u64 = world
        .nodes
        .iter()
        .map(|node| node.item_counts().expired)
        .sum();
    assert!(expired >= 6, "{expired}");
}

#[test]
fn republishing_ends_where_a_newer_item_is_found() {
    let mut world = World::joined(10, 30, "nr128", 20 * MINUTE);
    let kept = world.with(4, |node, now| node.republish(now, signed(1, "one").into()));
    world.run_for(10 * MINUTE);
    assert!(put(&mut world, 3, signed(2, "two"), None).stored() >= 3);
    world.run_for(200 * MINUTE);
    let rounds = world.events_of(4, |event| match event {
        Event::Republished {
            id,
            report,
            next_in,
        } if *id == kept => Some((report.conflict, next_in.is_some())),
        _ => None,
    });
    assert_eq!(rounds, [(None, true), (Some(2), false)]);
}

#[test]
fn nobody_there_ends_in_a_report_and_another_attempt() {
    let mut world = World::new(11);
    world.add(config(0, "nr128", "standard"));
    let report = put(&mut world, 0, text("lost"), None);
    assert!(!report.lookup.joined && report.stored() == 0);
    let kept = world.with(0, |node, now| node.republish(now, text("lost").into()));
    world.run_for(12 * MINUTE);
    let rounds = world.events_of(0, |event| match event {
        Event::Republished { id, next_in, .. } if *id == kept => *next_in,
        _ => None,
    });
    assert_eq!(rounds, [5 * MINUTE; 3]);
    // cancelled in the middle of an attempt
    world.with(0, |node, now| node.stop_republishing(now, kept));
    world.run_for(60 * MINUTE);
    let all = world.events_of(0, |event| {
        matches!(event, Event::Republished { .. }).then_some(())
    });
    assert_eq!(all.len(), 3);
}

#[test]
fn gets_and_puts_are_counted_by_method() {
    let mut world = World::joined(12, 20, "nr128", 20 * MINUTE);
    let report = put(&mut world, 3, text("counted"), None);
    let sent = world.nodes[3].stats().queries_sent;
    assert_eq!(sent.get, u64::from(report.lookup.queries));
    assert_eq!(sent.put, u64::from(report.lookup.announces));
    let received: u64 = world
        .nodes
        .iter()
        .map(|n| n.stats().queries_received.put)
        .sum();
    assert_eq!(received, sent.put);
    assert!(world.nodes[3].id(Family::V4).is_some());
    assert_eq!(Method::from_name(b"put"), Method::Put);
}
