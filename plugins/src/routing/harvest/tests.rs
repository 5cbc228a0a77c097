mod full_store;

use mdht_krpc::{Contact, Id, id_fits_addr, secure_prefix};

use crate::routing::testing::{Harness, millis, secs};
use crate::routing::{Origin, Purpose, Standing};

const SMALL: &str = "harvest:contacts=32";

#[test]
fn what_others_name_is_remembered_but_not_named_to_others() {
    let mut harness = Harness::new("harvest");
    let (responder, named) = (harness.stranger(0), harness.stranger(1));
    harness.answer_with(responder, 50, &[named], Origin::Lookup);
    assert_eq!(harness.standing(&named), Some(Standing::Waiting));
    assert_eq!(harness.closest(Purpose::Serve, 8), [responder]);
    assert_eq!(harness.closest(Purpose::Lookup, 8).len(), 2);
}

#[test]
fn one_that_failed_is_not_tried_anew_when_named_again() {
    let mut harness = Harness::new("harvest");
    let (responder, named) = (harness.stranger(0), harness.stranger(1));
    harness.answer_with(responder, 50, &[named], Origin::Lookup);
    harness.fail(named);
    harness.answer_with(responder, 50, &[named], Origin::Lookup);
    assert_eq!(harness.standing(&named), None);
    let known = harness.module.known(&named, harness.now).unwrap();
    assert!(known.answer_chance.unwrap() < 0.1);
}

#[test]
fn one_that_answered_may_fail_once() {
    let mut harness = Harness::new("harvest");
    let contact = harness.stranger(0);
    harness.answer(contact, 50);
    harness.fail(contact);
    assert_eq!(harness.standing(&contact), Some(Standing::Questionable));
    assert!(harness.closest(Purpose::Serve, 8).is_empty());
    harness.fail(contact);
    assert_eq!(harness.standing(&contact), None);
}

#[test]
fn in_a_full_cell_the_slow_and_unlikely_make_room() {
    let mut harness = Harness::new(SMALL);
    let contacts = harness.strangers(3, 100);
    for (contact, rtt_ms) in contacts.iter().zip(1..) {
        harness.answer(*contact, rtt_ms);
    }
    let held = harness.in_table(None);
    assert!(held.len() <= 32, "{}", held.len());
    assert!(contacts[..10].iter().all(|fast| held.contains(fast)));
    assert!(contacts[40..].iter().all(|slow| !held.contains(slow)));
}

/// BEP 42. Those that failed leave before them all the same.
#[test]
fn in_a_full_cell_ids_that_do_not_fit_make_way_where_others_are_preferred() {
    let contact = |harness: &mut Harness, n: u8, fits: bool| {
        let ip = std::net::Ipv4Addr::new(60, n, 1, 1);
        let mut bytes = *harness.stranger(0).id.as_bytes();
        if fits {
            let prefix = secure_prefix(ip.into(), bytes[19]).to_be_bytes();
            bytes[..3].copy_from_slice(&prefix[..3]);
        }
        let contact = Contact::new(Id::new(bytes), (ip, 6881).into());
        assert_eq!(id_fits_addr(&contact.id, ip.into()), fits);
        contact
    };
    for (mode, fitting) in [("off", 0), ("prefer", 20)] {
        let mut harness = Harness::new(&format!("harvest:contacts=31,bep42={mode}"));
        let mut all: Vec<_> = (0..36).map(|n| contact(&mut harness, n, false)).collect();
        all.extend((40..60).map(|n| contact(&mut harness, n, true)));
        for (contact, rtt_ms) in all.iter().zip((10..38).chain(200..)) {
            harness.answer(*contact, rtt_ms);
        }
        let held = harness.in_table(None);
        let fit = held.iter().filter(|c| id_fits_addr(&c.id, c.addr.ip()));
        assert_eq!((held.len(), fit.count()), (31, fitting), "{mode}");
    }
}

#[test]
fn a_host_has_one_place_in_a_cell() {
    let mut harness = Harness::new("harvest:contacts=16");
    let contact = harness.stranger(0);
    harness.answer(contact, 50);
    for _ in 0..10 {
        let mut other = harness.stranger(0);
        other.addr.set_ip(contact.addr.ip());
        harness.query(other);
        harness.answer(other, 1);
    }
    assert_eq!(harness.in_table(None), [contact]);
}

#[test]
fn maintenance_keeps_to_its_pace_and_asks_the_near_first() {
    let mut harness = Harness::new("harvest:contacts=1000,learn=0,refresh=10s");
    let near = harness.strangers(0, 5);
    for contact in &near {
        harness.answer(*contact, 1);
    }
    let others = harness.strangers(1, 20);
    harness.answer_with(near[0], 1, &others, Origin::Lookup);
    harness.advance(secs(1));
    harness.take_queries();
    harness.advance(secs(100));
    let asked = harness.take_queries();
    assert!((9..=11).contains(&asked.len()), "{}", asked.len());
    assert!(asked.iter().all(|query| others.contains(&query.contact)));
}

#[test]
fn start_up_asks_those_never_measured_and_ends_when_there_are_none() {
    let mut harness = Harness::new("harvest:startup_refresh=1s,refresh=1m");
    let responder = harness.stranger(0);
    let others = harness.strangers(1, 20);
    harness.answer_with(responder, 50, &others, Origin::Lookup);
    // one a second, found at once in a store that is nearly empty
    let asked = |harness: &mut Harness, time| {
        let mut asked = Vec::new();
        for _ in 0..time {
            harness.advance(secs(1));
            for query in harness.take_queries() {
                harness.answer(query.contact, 50);
                asked.push(query.contact);
            }
        }
        asked
    };
    let first = asked(&mut harness, 40);
    assert!(
        others.iter().all(|other| first.contains(other)),
        "{first:?}"
    );
    assert!(first.len() <= others.len() + 1, "{}", first.len());
    assert!(asked(&mut harness, 600).len() <= 11);
}

#[test]
fn start_up_ends_where_nobody_answers() {
    let mut harness = Harness::new("harvest:startup_refresh=1s,refresh=1m,learn=10");
    let responder = harness.stranger(0);
    for _ in 0..10 {
        let others = harness.strangers(1, 20);
        harness.answer_with(responder, 50, &others, Origin::Lookup);
    }
    harness.advance(secs(600));
    let asked = harness.take_queries().len();
    assert!((20..=30).contains(&asked), "{asked}");
}

#[test]
fn who_queried_us_is_asked_after_quarantine_only() {
    let mut harness = Harness::new("harvest:learn=0,refresh=1s");
    let (responder, querier) = (harness.stranger(0), harness.stranger(1));
    harness.answer(responder, 1);
    harness.advance(secs(1));
    harness.query(querier);
    harness.take_queries();
    harness.advance(secs(178));
    let asked = harness.take_queries();
    assert!(asked.iter().all(|query| query.contact != querier));
    harness.advance(secs(600));
    let asked = harness.take_queries();
    assert!(asked.iter().any(|query| query.contact == querier));
}

#[test]
fn chances_follow_what_happened() {
    let mut harness = Harness::new("harvest");
    let chance = |harness: &mut Harness| {
        let (responder, named) = (harness.stranger(0), harness.stranger(1));
        harness.answer_with(responder, 50, &[named], Origin::Lookup);
        harness.now += millis(1);
        let known = harness.module.known(&named, harness.now);
        known.unwrap().answer_chance.unwrap()
    };
    let before = chance(&mut harness);
    for _ in 0..100 {
        let (responder, named) = (harness.stranger(0), harness.stranger(1));
        harness.answer_with(responder, 50, &[named], Origin::Lookup);
        harness.fail(named);
    }
    assert!(chance(&mut harness) < before / 2.0);
}

#[test]
fn round_trip_times_survive_a_restart() {
    let mut first = Harness::new("harvest");
    let contact = first.stranger(0);
    first.answer(contact, 7);
    let saved = first.module.save(first.now);
    let mut second = Harness::before_start("harvest", 2);
    second.call(|module, cx| module.restore(cx, &saved));
    let known = second.module.known(&contact, second.now).unwrap();
    assert_eq!(known.rtt, Some(millis(7)));
    assert_eq!(second.standing(&contact), Some(Standing::Questionable));
}

#[test]
fn lookups_are_given_those_farther_away_when_the_near_have_long_left() {
    let mut harness = Harness::new("harvest:learn=0,refresh=1h");
    let near = harness.strangers(8, 20);
    let (responder, far) = (harness.stranger(1), harness.stranger(0));
    harness.answer_with(responder, 50, &near, Origin::Lookup);
    harness.advance(secs(4 * 3600));
    // whoever was named so long ago is gone
    for _ in 0..200 {
        let named = harness.stranger(5);
        harness.answer_with(responder, 50, &[named], Origin::Lookup);
        harness.advance(secs(4 * 3600));
        harness.fail(named);
    }
    harness.answer_with(responder, 50, &[far], Origin::Lookup);
    let given = harness.closest(Purpose::Lookup, 8);
    assert!(given.contains(&far) && given.contains(&responder));
    assert!(near.iter().all(|gone| !given.contains(gone)));
}

#[test]
fn who_does_not_answer_is_not_asked_again_and_again_while_we_seem_offline() {
    let mut harness = Harness::new("harvest:startup_refresh=1s,refresh=10s");
    let responder = harness.stranger(0);
    let others = harness.strangers(1, 5);
    harness.answer_with(responder, 50, &others, Origin::Lookup);
    harness.advance(secs(5));
    harness.take_queries();
    let mut asked = Vec::new();
    for second in 0..600 {
        harness.online = second % 20 > 10;
        harness.advance(secs(1));
        for query in harness.take_queries() {
            asked.push(query.contact);
            harness.fail(query.contact);
        }
    }
    for other in others {
        let times = asked.iter().filter(|contact| **contact == other).count();
        assert!(times <= 1, "{times}");
    }
}

#[test]
fn after_several_queries_in_vain_somebody_sure_is_asked() {
    let mut harness = Harness::new("harvest:startup_refresh=1s,refresh=10s");
    let responder = harness.stranger(0);
    let others = harness.strangers(1, 40);
    harness.answer_with(responder, 50, &others, Origin::Lookup);
    harness.advance(secs(2));
    harness.take_queries();
    let (mut in_vain, mut most) = (0, 0);
    for _ in 0..60 {
        harness.advance(secs(1));
        for query in harness.take_queries() {
            if query.contact == responder {
                harness.answer(responder, 50);
                in_vain = 0;
            } else {
                harness.fail(query.contact);
                in_vain += 1;
            }
            most = most.max(in_vain);
        }
    }
    assert!((4..=6).contains(&most), "{most}");
}
