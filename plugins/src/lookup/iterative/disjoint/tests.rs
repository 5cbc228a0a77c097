use std::collections::BTreeMap;

use mdht_krpc::{Id, Rng};

use super::*;
use crate::lookup::Goal;
use crate::lookup::testing::{Driven, contact, contacts};

/// Everybody who was queried, in a lookup in which each contact names what
/// `named` says of it.
fn run(spec: &str, table: Vec<Contact>, named: impl Fn(&Contact) -> Vec<Contact>) -> Driven {
    let mut driven = Driven::new(spec, table);
    for _ in 0..10_000 {
        let Some(next) = driven.in_flight.first().copied() else {
            break;
        };
        driven.respond(next, &named(&next));
    }
    assert!(driven.finished, "not over");
    driven
}

/// Honest contacts: each names the eight that are closest to half its distance.
fn honest(from: &Contact) -> Vec<Contact> {
    let rank = u32::from_be_bytes([0, 1, 2, 3].map(|i| from.id.as_bytes()[i]));
    let half = rank / 2;
    contacts(half.saturating_sub(4).max(1)..half.max(1) + 4)
}

#[test]
fn no_contact_is_asked_by_two_paths_nor_twice() {
    let table = contacts(1000..1064);
    for paths in [2, 4] {
        let spec = format!("standard:paths={paths}");
        let mut driven = Driven::new(&spec, table.clone());
        let mut asked: Vec<Contact> = driven.in_flight.clone();
        assert_eq!(asked.len(), 4, "alpha, divided among the paths");
        while let Some(next) = driven.in_flight.first().copied() {
            asked.extend(driven.respond(next, &honest(&next)));
        }
        assert!(driven.finished);
        let all = asked.len();
        asked.sort_unstable();
        asked.dedup();
        assert_eq!(asked.len(), all, "{paths} paths");
        assert_eq!(driven.announced, contacts(1..4), "{paths} paths");
    }
}

/// A liar names only fellows of its own, ever closer to the target than
/// anybody honest.
#[test]
fn a_liar_at_the_start_captures_one_path_and_no_more() {
    let liar = contact(1000);
    let fellow = |n: u8| {
        let mut id = [0; 20];
        id[19] = n;
        Contact::new(Id::new(id), (std::net::Ipv4Addr::new(9, n, 1, 1), 1).into())
    };
    let is_liar = |contact: &Contact| contact.id.as_bytes()[..4] == [0; 4] || *contact == liar;
    let named = |from: &Contact| match is_liar(from) {
        true => (1..9).map(fellow).collect(),
        false => honest(from),
    };
    let reached = |spec: &str| {
        let mut driven = Driven::new(spec, contacts(1000..1064));
        let mut honest_closest = u32::MAX;
        // the liar is fast, the honest come after
        while let Some(next) = {
            let mut open = driven.in_flight.clone();
            open.sort_by_key(|contact| !is_liar(contact));
            open.first().copied()
        } {
            if !is_liar(&next) {
                let rank = u32::from_be_bytes([0, 1, 2, 3].map(|i| next.id.as_bytes()[i]));
                honest_closest = honest_closest.min(rank);
            }
            driven.respond(next, &named(&next));
        }
        assert!(driven.finished);
        honest_closest
    };
    assert!(reached("standard") >= 1000, "one path is lost to it");
    assert_eq!(reached("standard:paths=2"), 1);
    assert_eq!(reached("standard:paths=4"), 1);
}

#[test]
fn fewer_contacts_than_paths_and_none_at_all() {
    assert!(Driven::new("standard:paths=4", Vec::new()).finished);
    let driven = run("aggressive:paths=16", contacts(100..103), honest);
    assert_eq!(driven.announced, contacts(1..4));
}

#[test]
fn a_goal_reached_on_one_path_ends_all() {
    let mut driven = Driven::with_goal("standard:paths=4", contacts(100..140), Goal::FirstValue);
    let first = driven.in_flight[2];
    driven.respond_with(first, &[], true, 1);
    assert!(driven.finished);
}

/// Silence, errors and floods: every lookup ends, and nobody is asked twice.
#[test]
fn every_lookup_ends() {
    for (seed, spec) in (0..40).zip(
        [
            "standard:paths=2",
            "aggressive:paths=4,per_ip=0",
            "lt:paths=3",
        ]
        .iter()
        .cycle(),
    ) {
        let mut rng = Rng::from_u64(seed);
        let mut driven = Driven::new(spec, contacts(500..540));
        let mut asked: BTreeMap<Contact, u32> = BTreeMap::new();
        let mut fresh = driven.in_flight.clone();
        for _ in 0..100_000 {
            fresh
                .iter()
                .for_each(|c| *asked.entry(*c).or_default() += 1);
            if driven.finished {
                break;
            }
            let next = driven.in_flight[rng.below(driven.in_flight.len())];
            fresh = match rng.below(4) {
                0 => driven.time_out(next, Timeout::Hard),
                1 => driven.time_out(next, Timeout::Soft),
                _ => {
                    let near = u32::try_from(rng.below(500)).unwrap() + 1;
                    driven.respond(next, &contacts(near..near + 100))
                }
            };
        }
        assert!(driven.finished, "{spec}");
        assert!(asked.values().all(|times| *times == 1), "{spec}");
    }
}
