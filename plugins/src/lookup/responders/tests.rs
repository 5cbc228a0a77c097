//! Who counts in whole lookups, of both kinds.

use std::net::Ipv4Addr;

use mdht_krpc::{Contact, Id, Rng};

use crate::lookup::Timeout;
use crate::lookup::testing::{Driven, OWN_ID, contact, contacts, unknown};

const BOTH: [&str; 2] = ["standard:", "hedged:"];

/// A network of so many nodes, each at an address of its own.
fn network(nodes: u32) -> Vec<Contact> {
    let mut rng = Rng::from_u64(u64::from(nodes));
    let node = |number: u32| {
        let addr = (Ipv4Addr::from(0x0900_0000 + number), 1);
        Contact::new(Id::random(&mut rng), addr.into())
    };
    (0..nodes).map(node).collect()
}

/// Nearer to the target, the all-zero ID, than any honest node.
fn sybil(host: u8) -> Contact {
    let mut id = [0; 20];
    id[10] = host + 1;
    Contact::new(Id::new(id), (Ipv4Addr::new(60, host, 1, 1), 1).into())
}

fn is_sybil(contact: &Contact) -> bool {
    contact.id.as_bytes()[..8] == [0; 8]
}

/// A table as such a node has it: its own neighbourhood, and a few from
/// everywhere.
fn table(all: &[Contact]) -> Vec<Contact> {
    let mut near: Vec<_> = all.to_vec();
    near.sort_by_key(|contact| OWN_ID.distance(&contact.id));
    near.truncate(20);
    near.extend(all.iter().step_by(all.len() / 20));
    near.sort();
    near.dedup();
    near
}

/// The eight nearest to the target whom an honest node names: of those that
/// share a bit more with it than itself.
fn honest_answer(all: &[Contact], from: &Contact) -> Vec<Contact> {
    let bits = Id::default().common_prefix(&from.id);
    let mut named: Vec<_> = all
        .iter()
        .filter(|c| c.id.as_bytes()[0] != 0 || bits > 2)
        .collect();
    named.retain(|c| Id::default().common_prefix(&c.id) > bits);
    named.sort_by_key(|c| c.addr);
    named.truncate(8);
    named.into_iter().copied().collect()
}

/// Lives through a lookup in which honest nodes name all Sybils beside others,
/// and Sybils each other; returns it and how many were asked.
fn among_sybils(spec: &str, sybils: u8) -> (Driven, usize) {
    let all = network(4000);
    let mut driven = Driven::new(spec, table(&all));
    let false_ones: Vec<_> = (0..sybils).map(sybil).collect();
    let mut asked = 0;
    while let Some(next) = driven.in_flight.first().copied() {
        asked += 1;
        let mut named = false_ones.clone();
        if !is_sybil(&next) {
            named.extend(honest_answer(&all, &next));
        }
        driven.respond(next, &named);
    }
    assert!(driven.finished, "{spec}");
    (driven, asked)
}

#[test]
fn a_closest_set_that_is_too_near_does_not_count_alone() {
    for spec in BOTH {
        for sybils in [3, 16, 64] {
            let honest = |spec: &str| {
                let (driven, asked) = among_sybils(spec, sybils);
                let honest = driven.announced.iter().filter(|c| !is_sybil(c)).count();
                (honest, driven.announced.len(), asked)
            };
            let (before, all, asked) = honest(spec);
            assert_eq!((before, all), (0, 3), "{spec}");
            let (after, all, more) = honest(&format!("{spec}density=4"));
            assert_eq!((after, all), (8, 11), "{spec}");
            assert!(more <= asked + 60, "{spec} {more} {asked}");
        }
    }
}

#[test]
fn an_honest_set_is_announced_to_as_ever() {
    for spec in BOTH {
        let plain = among_sybils(spec, 0);
        let tested = among_sybils(&format!("{spec}density=4"), 0);
        assert_eq!(plain.0.announced, tested.0.announced, "{spec}");
        assert_eq!(plain.1, tested.1, "{spec}");
    }
}

/// Those near the target name nobody, those farther away help.
#[test]
fn who_names_nobody_ends_no_lookup_where_it_is_passed() {
    let reached = |spec: &str| {
        let mut driven = Driven::new(spec, contacts(100..120));
        let mut useless = 0;
        while let Some(next) = driven.in_flight.first().copied() {
            let rank = u32::from_be_bytes([0, 1, 2, 3].map(|i| next.id.as_bytes()[i]));
            if useless < 6 && rank < 110 {
                useless += 1;
                driven.respond(next, &[next]);
            } else {
                let half = rank / 2;
                driven.respond(next, &contacts(half.max(1)..half + 4));
            }
        }
        assert!(driven.finished);
        driven.announced.first().map(|c| c.id) == Some(contact(1).id)
    };
    assert!(!reached("standard"), "six that name nobody are the end");
    for spec in [
        "standard:useless=pass",
        "hedged:useless=pass",
        "standard:useless=pass,paths=2",
    ] {
        assert!(reached(spec), "{spec}");
    }
}

/// Eight names nearer than all others, none of which exists: most of them are
/// asked after everybody else.
#[test]
fn the_names_of_one_responder_do_not_fill_a_lookup() {
    for spec in BOTH {
        let early = |per_responder: u32| {
            let spec = format!("{spec}per_responder={per_responder}");
            let mut driven = Driven::new(&spec, contacts(100..110));
            driven.respond(contact(100), &(0..8).map(sybil).collect::<Vec<_>>());
            while let Some(next) = driven.in_flight.first().copied() {
                if is_sybil(&next) {
                    driven.time_out(next, Timeout::Hard);
                } else {
                    driven.respond(next, &contacts(90..94));
                }
            }
            assert!(driven.finished, "{spec}");
            let asked = driven.take_queried();
            let last_honest = asked.iter().rposition(|contact| !is_sybil(contact));
            let before = asked.iter().take(last_honest.unwrap_or(0));
            before.filter(|contact| is_sybil(contact)).count()
        };
        assert!(early(0) > 2, "{spec} {}", early(0));
        assert!(early(2) <= 2, "{spec} {}", early(2));
    }
}

/// Where there is nobody else, they are asked after all.
#[test]
fn a_lookup_does_not_end_before_somebody_has_answered_for_a_bound() {
    for spec in BOTH {
        let mut driven = Driven::new(&format!("{spec}per_responder=1"), contacts(100..101));
        driven.respond(contact(100), &contacts(50..58));
        let mut asked = 1;
        while let Some(next) = driven.in_flight.first().copied() {
            asked += 1;
            driven.time_out(next, Timeout::Soft);
            driven.time_out(next, Timeout::Hard);
        }
        assert_eq!((asked, driven.finished), (9, true), "{spec}");
    }
}

#[test]
fn ids_that_do_not_fit_do_not_count_alone_where_others_are_preferred() {
    let misfits: Vec<_> = (0..3).map(sybil).collect();
    for spec in BOTH {
        let announced = |mode: &str| {
            let mut driven = Driven::made(
                &format!("{spec}bep42={mode}"),
                misfits
                    .iter()
                    .chain(&fitting())
                    .copied()
                    .map(unknown)
                    .collect(),
            );
            driven.start(crate::lookup::Goal::Closest);
            while let Some(next) = driven.in_flight.first().copied() {
                driven.respond(next, &fitting());
            }
            let mut announced = driven.announced;
            announced.sort();
            announced
        };
        let mut closest = fitting();
        closest.sort_by_key(|contact| contact.id);
        closest.truncate(3);
        closest.sort();
        let mut both: Vec<_> = misfits.iter().chain(&closest).copied().collect();
        both.sort();
        assert_eq!(announced("off"), misfits, "{spec}");
        assert_eq!(announced("prefer"), both, "{spec}");
        assert_eq!(announced("enforce"), closest, "{spec}");
    }
}

/// Four with IDs that fit their addresses.
fn fitting() -> Vec<Contact> {
    let node = |n: u8| {
        let ip = Ipv4Addr::new(80, n, 7, 9);
        let prefix = mdht_krpc::secure_prefix(ip.into(), 0).to_be_bytes();
        let mut bytes = [0; 20];
        bytes[..3].copy_from_slice(&prefix[..3]);
        Contact::new(Id::new(bytes), (ip, 6881).into())
    };
    (0..4).map(node).collect()
}
