//! The table against slow and obvious versions of itself.

use std::net::Ipv4Addr;

use mdht_krpc::{Contact, Rng};
use proptest::prelude::*;

use super::*;

const SHAPE: Shape = Shape {
    k: 8,
    first: 128,
    per_ip: 0,
    per_subnet: PerSubnet {
        table: 0,
        bucket: 0,
    },
};

fn contact(id: Id, host: u32) -> Contact {
    Contact::new(id, (Ipv4Addr::from(0x0a00_0000 + host), 6881).into())
}

/// A table with `count` contacts, a third of them waiting, in buckets 0 to `deepest`.
fn filled(own_id: Id, count: u32, deepest: usize, rng: &mut Rng) -> Table {
    let mut table = Table::new(own_id, SHAPE);
    for host in 0..count {
        let bucket = rng.below(deepest + 1);
        let id = own_id.random_in_bucket(bucket, rng);
        let entry = Entry::new(&contact(id, host), Claim::Found, Moment::of(Instant::ZERO));
        let lists = table.bucket_mut(bucket, Instant::ZERO);
        if host % 3 == 0 {
            lists.waiting.push(entry);
        } else {
            lists.main.push(entry);
        }
    }
    table
}

/// The same with contacts that crowd around a target: most of one bucket.
fn crowded(own_id: Id, count: u32, target: &Id, rng: &mut Rng) -> Table {
    let mut table = Table::new(own_id, SHAPE);
    for host in 0..count {
        let id = target.random_in_bucket(rng.below(ID_BITS), rng);
        let Some(bucket) = table.bucket_of(&id) else {
            continue;
        };
        let entry = Entry::new(&contact(id, host), Claim::Found, Moment::of(Instant::ZERO));
        let lists = table.bucket_mut(bucket, Instant::ZERO);
        lists.main.push(entry);
    }
    table
}

proptest! {
    #[test]
    fn closest_agrees_with_sorting_everything(
        seed in any::<u64>(),
        size in 0..400_u32,
        deepest in 0..=20_usize,
        count in 0..40_usize,
        near in 0..=ID_BITS,
        with_waiting in any::<bool>(),
        is_crowded in any::<bool>(),
    ) {
        let mut rng = Rng::from_u64(seed);
        let own_id = Id::random(&mut rng);
        let target = own_id.random_in_bucket(near, &mut rng);
        let table = match is_crowded {
            true => crowded(own_id, size, &target, &mut rng),
            false => filled(own_id, size, deepest, &mut rng),
        };
        // one in eight is never wanted
        let include = |list: List, entry: &Entry| {
            (with_waiting || list == List::Main) && entry.id.as_bytes()[19] > 31
        };

        let mut expected: Vec<Id> = table
            .entries()
            .filter(|(slot, entry)| include(slot.list, entry))
            .map(|(_, entry)| entry.id)
            .collect();
        expected.sort_by_key(|id| id.distance(&target));
        expected.truncate(count);

        let mut out = Vec::new();
        table.closest(&target, count, include, &mut out);
        let got: Vec<Id> = out.iter().map(|candidate| candidate.contact.id).collect();
        prop_assert_eq!(got, expected);
    }
}

#[test]
fn capacities_halve_down_to_k() {
    let table = Table::new(Id::default(), SHAPE);
    let capacities: Vec<usize> = (0..6).map(|bucket| table.capacity(bucket)).collect();
    assert_eq!(capacities, [128, 64, 32, 16, 8, 8]);
    assert_eq!(table.capacity(159), 8);
}

#[test]
fn entries_are_found_by_id_and_by_address() {
    let mut rng = Rng::from_u64(1);
    let mut table = filled(Id::random(&mut rng), 100, 12, &mut rng);
    let all: Vec<Contact> = table.entries().map(|(_, entry)| entry.contact()).collect();
    for contact in &all {
        let slot = table.locate(&contact.id).unwrap();
        assert_eq!(table.entry(slot).contact(), *contact);
        let slot = table.locate_at(&contact.addr, None).unwrap();
        assert_eq!(table.entry(slot).contact(), *contact);
        let elsewhere = "9.9.9.9:9".parse().unwrap();
        assert!(table.locate_at(&elsewhere, Some(&contact.id)).is_none());
    }
    for contact in &all {
        let slot = table.locate(&contact.id).unwrap();
        assert_eq!(table.take(slot).contact(), *contact);
        assert!(table.locate(&contact.id).is_none());
    }
    assert_eq!(table.len(), 0);
}

#[test]
fn own_id_belongs_to_no_bucket() {
    let table = Table::new(Id::default(), SHAPE);
    assert_eq!(table.bucket_of(&Id::default()), None);
    assert!(table.locate(&Id::default()).is_none());
}

#[test]
fn an_ip_address_has_so_many_places() {
    let mut table = Table::new(Id::default(), Shape { per_ip: 2, ..SHAPE });
    let ip = contact(Id::default(), 1).addr.ip();
    let mut rng = Rng::from_u64(2);
    let mut add = |claim, list, table: &mut Table| {
        let id = Id::default().random_in_bucket(0, &mut rng);
        let entry = Entry::new(&contact(id, 1), claim, Moment::of(Instant::ZERO));
        let bucket = table.bucket_mut(0, Instant::ZERO);
        match list {
            List::Main => bucket.main.push(entry),
            List::Waiting => bucket.waiting.push(entry),
        }
    };
    add(Claim::Replacement, List::Waiting, &mut table);
    add(Claim::Responder, List::Main, &mut table);
    assert!(table.ip_may_wait(ip));
    add(Claim::Found, List::Waiting, &mut table);
    assert!(table.ip_may_enter(ip) && !table.ip_may_wait(ip));
    add(Claim::Responder, List::Main, &mut table);
    assert!(!table.ip_may_enter(ip));
    assert!(table.ip_may_enter(contact(Id::default(), 2).addr.ip()));
}

#[test]
fn the_best_are_saved_first() {
    let mut rng = Rng::from_u64(3);
    let own_id = Id::random(&mut rng);
    let mut table = filled(own_id, 600, 30, &mut rng);
    let late = Instant::from_micros(60_000_000);
    let held: Vec<Id> = table
        .buckets()
        .iter()
        .flat_map(|b| &b.main)
        .map(|e| e.id)
        .collect();
    let mut heard = |id: &Id, at: u64, answer: bool| {
        let slot = table.locate(id).unwrap();
        let (entry, at) = (table.entry_mut(slot), Instant::from_micros(at * 1_000_000));
        if answer {
            entry.answered(at, std::time::Duration::from_millis(5));
        } else {
            entry.sighted(at);
        }
    };
    heard(&held[0], 50, false);
    heard(&held[1], 10, true);
    heard(&held[2], 20, true);
    let saved = table.saved(late).contacts;
    assert_eq!(saved.len(), MAX_SAVED);
    let first: Vec<Id> = saved.iter().take(3).map(|s| s.contact.id).collect();
    assert_eq!(first, [held[2], held[1], held[0]]);
    assert!((40..41).contains(&saved[0].idle.as_secs()));
    assert_eq!(saved[3].idle.as_secs(), 24 * 60 * 60);
}
