//! Contacts whose ID fits their address are preferred where that is wanted
//! (BEP 42).

use std::net::Ipv4Addr;

use mdht_krpc::{id_fits_addr, secure_prefix};

use super::*;

/// The modules that can prefer such contacts, with buckets of four.
const MODULES: [&str; 4] = [
    "bep5:k=4",
    "nice:k=4,first=4,startup=0s",
    "nrtt:k=4,first=4,startup=0s",
    "nr128:k=4,first=4,startup=0s",
];

/// A contact in bucket 0 at a public address, with an ID that fits it or not.
fn contact(harness: &mut Harness, n: u32, fits: bool) -> Contact {
    for attempt in 0.. {
        let ip = Ipv4Addr::from(0x3c00_0000 + (n << 12) + attempt);
        let mut bytes = *harness
            .own_id
            .random_in_bucket(0, &mut harness.rng)
            .as_bytes();
        if fits {
            let prefix = secure_prefix(ip.into(), bytes[19]).to_be_bytes();
            bytes[..3].copy_from_slice(&prefix[..3]);
        }
        let id = Id::new(bytes);
        let in_bucket = harness.own_id.common_prefix(&id) == 0;
        if in_bucket && id_fits_addr(&id, ip.into()) == fits {
            return Contact::new(id, (ip, 6881).into());
        }
    }
    unreachable!("half of all addresses will do")
}

/// Answers until it is in, or is refused: twice, with a quarantine between.
fn admit(harness: &mut Harness, contact: Contact, rtt_ms: u64) {
    harness.answer(contact, rtt_ms);
    harness.advance(secs(181));
    harness.answer(contact, rtt_ms);
    harness.actions.clear();
}

/// A bucket of four, all of them fitting or not.
fn full(spec: &str, mode: &str, fits: bool) -> (Harness, Vec<Contact>) {
    let mut harness = Harness::new(&format!("{spec},bep42={mode}"));
    let held: Vec<_> = (0..4).map(|n| contact(&mut harness, n, fits)).collect();
    for held in &held {
        admit(&mut harness, *held, 100);
    }
    // all of them good, for whoever asks how long ago that was
    held.iter().for_each(|held| harness.answer(*held, 100));
    assert_eq!(harness.in_table(Some(0)).len(), 4, "{spec}");
    (harness, held)
}

#[test]
fn a_contact_that_does_not_fit_makes_way_for_one_that_does() {
    for spec in MODULES {
        for (mode, enters) in [("prefer", true), ("off", false)] {
            let (mut harness, held) = full(spec, mode, false);
            let newcomer = contact(&mut harness, 9, true);
            admit(&mut harness, newcomer, 200);
            assert_eq!(harness.is_in_table(&newcomer), enters, "{spec} {mode}");
            let left = held.iter().filter(|held| harness.is_in_table(held));
            assert_eq!(left.count(), if enters { 3 } else { 4 }, "{spec} {mode}");
        }
    }
}

#[test]
fn nobody_makes_way_for_one_that_does_not_fit() {
    for spec in MODULES {
        for (fits, newcomer_fits) in [(true, false), (true, true), (false, false)] {
            let (mut harness, held) = full(spec, "prefer", fits);
            let newcomer = contact(&mut harness, 9, newcomer_fits);
            admit(&mut harness, newcomer, 200);
            assert!(!harness.is_in_table(&newcomer), "{spec}");
            assert!(held.iter().all(|held| harness.is_in_table(held)), "{spec}");
        }
    }
}

#[test]
fn speed_does_not_help_one_that_does_not_fit() {
    for spec in &MODULES[2..] {
        for (mode, enters) in [("prefer", false), ("off", true)] {
            let (mut harness, _) = full(spec, mode, true);
            let newcomer = contact(&mut harness, 9, false);
            admit(&mut harness, newcomer, 10);
            assert_eq!(harness.is_in_table(&newcomer), enters, "{spec} {mode}");
        }
    }
}

#[test]
fn queries_alone_push_nobody_out() {
    for spec in MODULES {
        let (mut harness, held) = full(spec, "prefer", false);
        for n in 10..200 {
            let newcomer = contact(&mut harness, n, true);
            harness.query(newcomer);
        }
        harness.advance(secs(1));
        assert!(held.iter().all(|held| harness.is_in_table(held)), "{spec}");
    }
}
