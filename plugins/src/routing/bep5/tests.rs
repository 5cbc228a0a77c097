//! BEP5 as the thesis describes it [8.V.A].

use super::*;
use crate::routing::testing::{Harness, millis, secs};
use crate::routing::{Ask, MaintenanceQuery};

/// A full bucket 0: eight contacts that answered one second after the other.
fn full_bucket(harness: &mut Harness) -> Vec<Contact> {
    let contacts = harness.strangers(0, 8);
    for contact in &contacts {
        harness.answer(*contact, 50);
        harness.advance(secs(1));
    }
    assert_eq!(harness.in_table(Some(0)).len(), 8);
    contacts
}

fn pinged(queries: &[MaintenanceQuery]) -> Vec<Contact> {
    assert!(queries.iter().all(|query| query.ask == Ask::Ping));
    queries.iter().map(|query| query.contact).collect()
}

const CHECK: Origin = Origin::Routing(0);

#[test]
fn queriers_and_responders_enter_a_bucket_with_room() {
    let mut harness = Harness::new("bep5");
    let (querier, responder) = (harness.stranger(0), harness.stranger(0));
    harness.query(querier);
    harness.answer(responder, 50);
    assert_eq!(harness.standing(&querier), Some(Standing::Good));
    assert_eq!(harness.standing(&responder), Some(Standing::Good));
}

#[test]
fn good_as_in_the_thesis_is_heard_from_within_15_minutes() {
    let mut harness = Harness::new("bep5:good=thesis");
    let contact = harness.stranger(0);
    harness.query(contact);
    harness.advance(secs(899));
    assert_eq!(harness.standing(&contact), Some(Standing::Good));
    harness.advance(secs(2));
    assert_eq!(harness.standing(&contact), Some(Standing::Questionable));
    harness.query(contact);
    assert_eq!(harness.standing(&contact), Some(Standing::Good));
}

#[test]
fn good_as_in_bep_5_is_to_have_answered_ever_and_be_heard_from() {
    let mut harness = Harness::new("bep5:good=bep5");
    let contact = harness.stranger(0);
    harness.query(contact);
    assert_eq!(harness.standing(&contact), Some(Standing::Questionable));
    harness.answer(contact, 50);
    assert_eq!(harness.standing(&contact), Some(Standing::Good));
    harness.advance(secs(901));
    assert_eq!(harness.standing(&contact), Some(Standing::Questionable));
    harness.query(contact);
    assert_eq!(
        harness.standing(&contact),
        Some(Standing::Good),
        "it has answered once"
    );
}

#[test]
fn two_failures_in_a_row_are_bad_and_only_an_answer_mends_them() {
    for good in ["thesis", "bep5"] {
        let mut harness = Harness::new(&format!("bep5:good={good}"));
        let contact = harness.stranger(0);
        harness.answer(contact, 50);
        harness.fail(contact);
        harness.answer(contact, 50);
        harness.fail(contact);
        assert_eq!(
            harness.standing(&contact),
            Some(Standing::Good),
            "not in a row"
        );
        harness.fail(contact);
        assert_eq!(harness.standing(&contact), Some(Standing::Bad));
        harness.query(contact);
        assert_eq!(
            harness.standing(&contact),
            Some(Standing::Bad),
            "it cannot be reached"
        );
        harness.error(contact);
        assert_eq!(
            harness.standing(&contact),
            Some(Standing::Good),
            "an error is an answer"
        );
    }
}

#[test]
fn a_bucket_full_of_good_contacts_drops_the_newcomer() {
    let mut harness = Harness::new("bep5");
    let contacts = full_bucket(&mut harness);
    harness.take_queries();
    let newcomer = harness.stranger(0);
    harness.answer(newcomer, 1);
    assert_eq!(harness.standing(&newcomer), None);
    assert_eq!(harness.in_table(Some(0)), contacts);
    assert!(harness.actions.is_empty());
}

#[test]
fn a_bad_contact_is_replaced_by_the_newcomer() {
    let mut harness = Harness::new("bep5");
    let contacts = full_bucket(&mut harness);
    harness.fail(contacts[3]);
    harness.fail(contacts[3]);
    assert!(
        harness.is_in_table(&contacts[3]),
        "until somebody wants its place"
    );
    let newcomer = harness.stranger(0);
    harness.query(newcomer);
    assert!(harness.is_in_table(&newcomer));
    assert_eq!(
        harness.changes_of(&contacts[3]).last(),
        Some(&TableChange::Evicted)
    );
}

#[test]
fn questionable_contacts_are_pinged_twice_oldest_first_and_then_replaced() {
    let mut harness = Harness::new("bep5:full_bucket_ping=questionable");
    let contacts = full_bucket(&mut harness);
    harness.advance(secs(900));
    harness.take_queries();
    let (newcomer, late) = (harness.stranger(0), harness.stranger(0));
    harness.answer(newcomer, 50);
    harness.answer(late, 50);
    assert_eq!(pinged(&harness.take_queries()), [contacts[0]]);
    assert_eq!(harness.standing(&newcomer), Some(Standing::Waiting));
    assert_eq!(harness.standing(&late), None, "one newcomer waits");

    harness.answer_with(contacts[0], 50, &[], CHECK);
    assert_eq!(pinged(&harness.take_queries()), [contacts[1]]);
    harness.fail_to(contacts[1], CHECK);
    assert_eq!(
        pinged(&harness.take_queries()),
        [contacts[1]],
        "one more attempt"
    );
    harness.fail_to(contacts[1], CHECK);
    assert_eq!(harness.changes_of(&contacts[1]), [TableChange::Evicted]);
    assert_eq!(harness.changes_of(&newcomer), [TableChange::Admitted]);
    assert!(harness.take_queries().is_empty(), "nobody waits any more");
    assert_eq!(harness.standing(&contacts[2]), Some(Standing::Questionable));
}

#[test]
fn the_newcomer_is_dropped_when_all_questionable_contacts_answer() {
    let mut harness = Harness::new("bep5");
    let contacts = full_bucket(&mut harness);
    harness.advance(secs(900));
    let newcomer = harness.stranger(0);
    harness.take_queries();
    harness.query(newcomer);
    for contact in &contacts {
        assert_eq!(pinged(&harness.take_queries()), [*contact]);
        harness.answer_with(*contact, 50, &[], CHECK);
    }
    assert_eq!(harness.changes_of(&newcomer), [TableChange::Refused]);
    assert_eq!(harness.in_table(Some(0)), contacts);
}

#[test]
fn a_lost_ping_does_not_block_the_bucket() {
    let mut harness = Harness::new("bep5");
    let contacts = full_bucket(&mut harness);
    harness.advance(secs(900));
    let (first, second) = (harness.stranger(0), harness.stranger(0));
    harness.query(first);
    harness.advance(secs(10));
    harness.take_queries();
    harness.query(second);
    assert_eq!(pinged(&harness.take_queries()), [contacts[0]]);
    assert_eq!(harness.standing(&first), None);
    assert_eq!(harness.standing(&second), Some(Standing::Waiting));
}

#[test]
fn full_bucket_ping_newcomer_pings_the_newcomer_and_replaces_nobody() {
    let mut harness = Harness::new("bep5:full_bucket_ping=newcomer");
    let contacts = full_bucket(&mut harness);
    harness.advance(secs(895));
    harness.take_queries();
    let questionable = contacts
        .iter()
        .filter(|c| harness.standing(c) == Some(Standing::Questionable));
    let questionable = questionable.count();
    assert_eq!(questionable, 4);
    let newcomer = harness.stranger(0);
    harness.query(newcomer);
    let queries = harness.take_queries();
    assert_eq!(pinged(&queries), vec![newcomer; questionable]);
    for query in queries {
        harness.answer_with(newcomer, 50, &[], Origin::Routing(query.tag));
    }
    assert!(
        harness.take_queries().is_empty(),
        "its answers set off nothing more"
    );
    assert_eq!(harness.in_table(Some(0)), contacts);
}

#[test]
fn the_first_contact_sets_off_a_lookup_for_our_own_id() {
    let mut harness = Harness::new("bep5");
    for bucket in 0..3 {
        let contact = harness.stranger(bucket);
        harness.query(contact);
    }
    assert_eq!(harness.take_lookups(), [harness.own_id]);
}

#[test]
fn a_bucket_untouched_for_15_minutes_is_looked_up() {
    let mut harness = Harness::new("bep5");
    let (far, near) = (harness.stranger(0), harness.stranger(3));
    harness.answer(far, 50);
    harness.answer(near, 50);
    let left = harness.stranger(6);
    harness.answer(left, 50);
    let moved = harness.own_id.random_in_bucket(3, &mut harness.rng);
    let moved = Contact::new(moved, left.addr);
    harness.answer_under(left.id, moved, 50, (&[], Origin::Lookup));
    harness.advance(secs(600));
    harness.answer(far, 50);
    harness.take_lookups();
    harness.advance(secs(305));
    let buckets: Vec<usize> = harness
        .take_lookups()
        .iter()
        .map(|id| id.common_prefix(&harness.own_id))
        .collect();
    assert_eq!(buckets, [1, 2, 3], "0 was touched; deeper ones hold nobody");
    harness.advance(secs(600));
    let buckets: Vec<usize> = harness
        .take_lookups()
        .iter()
        .map(|id| id.common_prefix(&harness.own_id))
        .collect();
    assert_eq!(buckets, [0]);
}

#[test]
fn refreshes_are_two_seconds_apart_and_wait_until_we_are_online() {
    let mut harness = Harness::new("bep5");
    let near = harness.stranger(20);
    harness.answer(near, 50);
    harness.actions.clear();
    harness.online = false;
    harness.advance(secs(2000));
    assert!(harness.actions.is_empty());
    harness.online = true;
    harness.advance(secs(120));
    let times: Vec<Instant> = harness.actions.iter().map(|(time, _)| *time).collect();
    assert_eq!(times.len(), 21);
    assert!(
        times
            .windows(2)
            .all(|pair| pair[1].since(pair[0]) >= secs(2))
    );
}

#[test]
fn others_are_handed_good_contacts_only() {
    let mut harness = Harness::new("bep5");
    let contacts = full_bucket(&mut harness);
    harness.fail(contacts[7]);
    harness.fail(contacts[7]);
    harness.advance(secs(895));
    assert_eq!(harness.closest(Purpose::Serve, 8).len(), 3);
    assert_eq!(
        harness.closest(Purpose::Lookup, 8).len(),
        7,
        "questionable ones will do"
    );
}

#[test]
fn per_ip_limits_the_contacts_of_one_address() {
    let mut harness = Harness::new("bep5:per_ip=2");
    let ip = harness.stranger(0).addr.ip();
    for port in 1..=5 {
        let id = harness.own_id.random_in_bucket(0, &mut harness.rng);
        harness.query(Contact::new(id, (ip, port).into()));
    }
    assert_eq!(harness.in_table(None).len(), 2);
}

#[test]
fn a_timeout_parameter_reaches_the_query() {
    let mut harness = Harness::new("bep5:timeout=700ms,fresh=10s");
    full_bucket(&mut harness);
    harness.advance(secs(20));
    harness.take_queries();
    let newcomer = harness.stranger(0);
    harness.query(newcomer);
    assert_eq!(harness.take_queries()[0].timeout, millis(700));
}

#[test]
fn some_look_up_their_own_id_and_random_ones_by_the_clock() {
    let spec = "bep5:own_lookup=30m,random_lookup=10m,fresh=24h";
    let mut harness = Harness::new(spec);
    harness.advance(secs(3600));
    assert!(harness.take_lookups().is_empty(), "nobody to ask");
    let contact = harness.stranger(0);
    harness.answer(contact, 50);
    harness.take_lookups();
    harness.advance(secs(3600));
    let targets = harness.take_lookups();
    let own = targets.iter().filter(|target| **target == harness.own_id);
    assert_eq!((own.count(), targets.len()), (2, 8));
}
