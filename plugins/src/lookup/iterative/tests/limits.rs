//! What bounds a lookup, whoever answers.

use std::collections::BTreeSet;

use mdht_krpc::{Contact, Id, Rng, id_fits_addr, secure_prefix};

use crate::lookup::Timeout;
use crate::lookup::testing::{Driven, contact, contacts};

#[test]
fn one_query_per_ip_address() {
    let twin = Contact::new(contact(1).id, (contact(100).addr.ip(), 7000).into());
    let mut driven = Driven::new("aggressive", contacts(100..104));
    assert_eq!(driven.respond(contact(101), &[twin]), []);
    let mut two = Driven::new("aggressive:per_ip=2", contacts(100..104));
    assert_eq!(two.respond(contact(101), &[twin, twin]), [twin]);
}

#[test]
fn a_flood_of_nodes_is_bounded_and_every_lookup_ends() {
    for spec in [
        "standard",
        "aggressive",
        "aggressive:queue=4",
        "standard:mark=64,soft=1s",
        "lt",
        "ml",
        "m3_a4",
    ] {
        let mut rng = Rng::from_u64(9);
        let mut driven = Driven::new(spec, contacts(500_000..500_040));
        let mut seen: BTreeSet<Contact> = driven.in_flight.iter().copied().collect();
        let mut steps = 0;
        while !driven.finished {
            steps += 1;
            assert!(steps < 200_000, "{spec} does not end");
            let chosen = driven.in_flight[rng.below(driven.in_flight.len())];
            let queried = match rng.below(3) {
                0 => driven.time_out(chosen, Timeout::Hard),
                1 => driven.respond(chosen, &[]),
                _ => {
                    let flood: Vec<_> = (0..1000)
                        .map(|_| contact(1 + u32::try_from(rng.below(500_000)).unwrap()))
                        .collect();
                    driven.respond(chosen, &flood)
                }
            };
            for contact in queried {
                assert!(seen.insert(contact), "{spec} asks {contact:?} twice");
            }
        }
    }
}

#[test]
fn so_many_queries_per_subnet() {
    let neighbour = |rank: u32, host: u8| {
        let ip = std::net::Ipv4Addr::new(8, 8, 8, host);
        Contact::new(contact(rank).id, (ip, 6881).into())
    };
    let table = || -> Vec<Contact> { (1..60).map(|n| neighbour(n.into(), n)).collect() };
    let queried = |spec: &str| Driven::new(spec, table()).in_flight.len();
    assert_eq!(queried("standard"), 4);
    assert_eq!(queried("standard:per_subnet=2"), 2);
    // private networks are one subnet with everybody in it
    let private = Driven::new("standard:per_subnet=2", contacts(1..60));
    assert_eq!(private.in_flight.len(), 4);
    // whatever others name later, and on whichever path
    for spec in ["standard:per_subnet=2", "standard:per_subnet=2,paths=4"] {
        let mut driven = Driven::new(spec, contacts(1000..1064));
        let mut asked = BTreeSet::new();
        while let Some(next) = driven.in_flight.first().copied() {
            asked.insert(next);
            driven.respond(next, &table());
        }
        let of_it = asked
            .iter()
            .filter(|c| c.addr.ip().to_string().starts_with("8.8.8."));
        assert_eq!(of_it.count(), 2, "{spec}");
    }
}

#[test]
fn those_that_name_each_other_end_a_lookup_soon() {
    let (a, b) = (contact(1), contact(2));
    for spec in ["standard", "aggressive", "standard:paths=2"] {
        let mut driven = Driven::new(spec, vec![a]);
        let mut queries = 0;
        while let Some(next) = driven.in_flight.first().copied() {
            queries += 1;
            let other = if next == a { b } else { a };
            driven.respond(next, &[other, next, other]);
        }
        assert!(driven.finished && queries == 2, "{spec}: {queries}");
    }
}

/// BEP 42: who answers under an ID that does not fit does not end a lookup,
/// and is not announced to.
#[test]
fn responders_whose_id_does_not_fit_count_only_where_that_is_not_enforced() {
    let fitting = |n: u8| {
        // close to the target among those that fit: the best of many addresses
        let all = (0..60_000_u32).map(|m| {
            let ip = std::net::Ipv4Addr::from(0x5000_0000 + (u32::from(n) << 16) + m);
            let prefix = secure_prefix(ip.into(), 0).to_be_bytes();
            let mut bytes = [0; 20];
            bytes[..3].copy_from_slice(&prefix[..3]);
            Contact::new(Id::new(bytes), (ip, 6881).into())
        });
        all.min_by_key(|contact| contact.id).unwrap()
    };
    let misfit = |n: u8| {
        let mut bytes = [0; 20];
        bytes[10] = n + 1;
        Contact::new(Id::new(bytes), ([60, n, 1, 1], 6881).into())
    };
    let misfits: Vec<_> = (0..3).map(misfit).collect();
    let others: Vec<_> = (0..4).map(fitting).collect();
    assert!(misfits.iter().all(|c| !id_fits_addr(&c.id, c.addr.ip())));
    let mut closest = others.clone();
    closest.sort_by_key(|contact| contact.id);
    for (mode, expected) in [("off", &misfits[..]), ("enforce", &closest[..3])] {
        let table = misfits.iter().chain(&others).copied().collect();
        let mut driven = Driven::new(&format!("standard:bep42={mode}"), table);
        while !driven.finished {
            let asked = driven.in_flight[0];
            driven.respond(asked, &[]);
        }
        assert_eq!(driven.announced, expected, "{mode}");
    }
}
