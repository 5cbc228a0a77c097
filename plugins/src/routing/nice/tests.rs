//! NICE and its kin as the thesis describes them [7.6.1, 8.V.B to 8.V.D].

mod localchecker;
mod population;
mod replacement;
mod startup;

use super::*;
use crate::routing::testing::{Harness, millis, secs};
use crate::routing::{Ask, Origin};
use mdht_krpc::Contact;

/// Holds everybody, and sends nothing by itself that would disturb a test.
const QUIET: &str = "refresh=1h,startup=0s";

fn quiet(name: &str, more: &str) -> Harness {
    let mut harness = Harness::new(&format!("{name}:{QUIET},{more}"));
    harness.actions.clear();
    harness
}

/// Lets a contact in: it answers, waits, and answers again.
fn admit(harness: &mut Harness, contacts: &[Contact], rtt_ms: u64) {
    for contact in contacts {
        harness.answer(*contact, rtt_ms);
    }
    harness.advance(secs(181));
    for contact in contacts {
        harness.answer(*contact, rtt_ms);
    }
}

#[test]
fn quarantine_holds_each_kind_of_newcomer_until_it_answers_after_three_minutes() {
    let mut harness = quiet("nice", "quarantine_scope=all");
    let [responder, querier, found, teller] = [0; 4].map(|_| harness.stranger(0));
    harness.answer(responder, 50);
    harness.query(querier);
    harness.answer_with(teller, 50, &[found], Origin::Lookup);
    let newcomers = [responder, querier, found];
    for newcomer in &newcomers {
        assert_eq!(harness.changes_of(newcomer), [TableChange::Quarantined]);
    }
    harness.advance(secs(179));
    for newcomer in &newcomers {
        harness.answer(*newcomer, 50);
        assert_eq!(
            harness.standing(newcomer),
            Some(Standing::Waiting),
            "answered too early"
        );
    }
    harness.advance(secs(2));
    for newcomer in &newcomers {
        assert_eq!(
            harness.standing(newcomer),
            Some(Standing::Waiting),
            "time alone is not enough"
        );
        harness.query(*newcomer);
        assert_eq!(
            harness.standing(newcomer),
            Some(Standing::Waiting),
            "nor is a query"
        );
        harness.answer(*newcomer, 50);
        assert_eq!(harness.standing(newcomer), Some(Standing::Good));
        let changes = [TableChange::Quarantined, TableChange::Admitted];
        assert_eq!(harness.changes_of(newcomer), changes);
    }
}

#[test]
fn quarantine_of_queriers_only_lets_responders_in_at_once() {
    let mut harness = quiet("nice", "quarantine_scope=queriers");
    let [responder, querier, found] = [0; 3].map(|_| harness.stranger(0));
    harness.query(querier);
    harness.answer_with(responder, 50, &[found], Origin::Lookup);
    assert_eq!(harness.standing(&responder), Some(Standing::Good));
    assert_eq!(
        harness.standing(&found),
        Some(Standing::Waiting),
        "until it is verified"
    );
    harness.answer(found, 50);
    assert_eq!(harness.standing(&found), Some(Standing::Good));

    harness.advance(secs(179));
    harness.answer(querier, 50);
    assert_eq!(
        harness.standing(&querier),
        Some(Standing::Waiting),
        "answered too early"
    );
    harness.advance(secs(2));
    harness.answer(querier, 50);
    assert_eq!(harness.standing(&querier), Some(Standing::Good));
}

#[test]
fn the_module_itself_asks_whose_quarantine_is_over() {
    let mut harness = Harness::new("nice");
    let [querier, found, teller] = [0; 3].map(|_| harness.stranger(0));
    harness.query(querier);
    harness.answer_with(teller, 50, &[found], Origin::Lookup);
    harness.advance(secs(180));
    let early = harness.take_queries();
    assert!(early.is_empty(), "{early:?}");
    let mut asked = Vec::new();
    for _ in 0..4 {
        harness.advance(secs(1));
        for query in harness.take_queries() {
            asked.push(query.contact);
            harness.fail_to(query.contact, Origin::Routing(query.tag));
        }
    }
    assert_eq!(asked.len(), 3, "{asked:?}");
    for contact in [querier, found, teller] {
        assert!(asked.contains(&contact), "{asked:?}");
        assert_eq!(
            harness.standing(&contact),
            None,
            "a waiting contact that fails is forgotten"
        );
    }
}

#[test]
fn a_failure_moves_a_contact_to_the_replacements_and_gives_it_one_more_chance() {
    let mut harness = quiet("nice", "");
    let contact = harness.stranger(0);
    admit(&mut harness, &[contact], 50);
    harness.fail(contact);
    assert_eq!(harness.standing(&contact), Some(Standing::Waiting));
    assert_eq!(
        harness.changes_of(&contact).last(),
        Some(&TableChange::Evicted)
    );
    harness.answer(contact, 50);
    assert_eq!(harness.standing(&contact), Some(Standing::Good));
    harness.fail(contact);
    harness.fail(contact);
    assert_eq!(harness.standing(&contact), None);
}

#[test]
fn bad_after_is_how_many_failures_in_a_row_cost_the_place() {
    let mut harness = quiet("nice", "bad_after=3");
    let contact = harness.stranger(0);
    admit(&mut harness, &[contact], 50);
    harness.fail(contact);
    harness.fail(contact);
    harness.error(contact);
    harness.fail(contact);
    harness.fail(contact);
    assert!(harness.is_in_table(&contact));
    harness.fail(contact);
    assert!(!harness.is_in_table(&contact));
}

#[test]
fn the_stalest_contact_of_each_bucket_in_turn_is_refreshed() {
    let mut harness = Harness::new("nice:startup=0s");
    let contacts: Vec<Contact> = [0, 0, 1, 1, 5]
        .map(|bucket| harness.stranger(bucket))
        .to_vec();
    admit(&mut harness, &contacts, 50);
    // The second of each bucket is heard from later, by its query.
    harness.advance(secs(30));
    harness.query(contacts[1]);
    harness.query(contacts[3]);
    harness.actions.clear();
    harness.advance(secs(149));
    let early = harness.take_queries();
    assert!(
        early.is_empty(),
        "heard from less than 3 minutes ago: {early:?}"
    );
    let mut asked = Vec::new();
    for _ in 0..3 {
        harness.advance(secs(6));
        for query in harness.take_queries() {
            assert_eq!(query.ask, Ask::Ping);
            harness.answer_with(query.contact, 50, &[], Origin::Routing(query.tag));
            asked.push(query.contact);
        }
    }
    asked.sort_unstable();
    let mut expected = vec![contacts[0], contacts[2], contacts[4]];
    expected.sort_unstable();
    assert_eq!(asked, expected);
}

#[test]
fn buckets_are_refreshed_round_robin() {
    let mut harness = Harness::new("nice:startup=0s");
    let contacts: Vec<Contact> = [0, 0, 1, 1, 5]
        .map(|bucket| harness.stranger(bucket))
        .to_vec();
    admit(&mut harness, &contacts, 50);
    harness.advance(secs(180));
    harness.take_queries();
    let mut buckets = Vec::new();
    for _ in 0..5 {
        harness.advance(secs(6));
        for query in harness.take_queries() {
            harness.answer_with(query.contact, 50, &[], Origin::Routing(query.tag));
            buckets.push(query.contact.id.common_prefix(&harness.own_id));
        }
    }
    let turns: Vec<&[usize]> = vec![&[0, 1, 5, 0, 1], &[1, 5, 0, 1, 0], &[5, 0, 1, 0, 1]];
    assert!(turns.contains(&buckets.as_slice()), "{buckets:?}");
}

#[test]
fn nobody_is_asked_again_before_the_answer_must_have_come() {
    let mut harness = Harness::new("nice:startup=0s,refresh=100ms,timeout=2s");
    let [member, evicted, waiting] = [0; 3].map(|_| harness.stranger(0));
    admit(&mut harness, &[member, evicted], 50);
    harness.answer(waiting, 50);
    harness.fail(evicted);
    harness.advance(secs(185));
    harness.take_queries();
    harness.advance(millis(1900));
    let mut asked: Vec<Contact> = harness
        .take_queries()
        .iter()
        .map(|query| query.contact)
        .collect();
    let all = asked.len();
    asked.sort_unstable();
    asked.dedup();
    assert_eq!(asked.len(), all);
    assert!(all >= 2);
}

#[test]
fn one_ip_address_has_one_contact() {
    let mut harness = quiet("nice", "");
    let contacts = harness.strangers(0, 3);
    let double = |contact: &Contact, harness: &mut Harness| {
        let id = harness.own_id.random_in_bucket(1, &mut harness.rng);
        Contact::new(id, (contact.addr.ip(), 1).into())
    };
    harness.answer(contacts[0], 50);
    let second = double(&contacts[0], &mut harness);
    harness.answer(second, 50);
    assert_eq!(harness.standing(&second), None, "another one waits");
    admit(&mut harness, &contacts, 50);
    harness.query(second);
    assert_eq!(
        harness.standing(&second),
        None,
        "another one is in the table"
    );

    let mut harness = quiet("nice", "quarantine_scope=queriers");
    harness.answer(contacts[0], 50);
    let second = double(&contacts[0], &mut harness);
    harness.answer(second, 50);
    assert_eq!(harness.in_table(None), [contacts[0]]);

    let mut harness = quiet("nice", "per_ip=0");
    let second = double(&contacts[0], &mut harness);
    admit(&mut harness, &[contacts[0], second], 50);
    assert_eq!(harness.in_table(None).len(), 2);
}

#[test]
fn an_error_lets_nobody_in() {
    let mut harness = quiet("nice", "");
    let contact = harness.stranger(0);
    harness.answer(contact, 50);
    harness.advance(secs(181));
    harness.error(contact);
    assert_eq!(harness.standing(&contact), None);
}

#[test]
fn lookups_may_start_from_waiting_contacts_while_the_table_is_small() {
    let mut harness = quiet("nice", "");
    let [answered, silent] = [0; 2].map(|_| harness.stranger(0));
    harness.query(silent);
    harness.answer(answered, 50);
    assert_eq!(harness.closest(Purpose::Lookup, 8), [answered]);
    assert_eq!(
        harness.closest(Purpose::Serve, 8),
        [answered],
        "better than nothing"
    );
    let mut members = harness.strangers(0, 3);
    admit(&mut harness, &members, 50);
    assert_eq!(harness.closest(Purpose::Lookup, 8).len(), 4);
    assert_eq!(harness.closest(Purpose::Lookup, 3).len(), 3);
    let mut served = harness.closest(Purpose::Serve, 8);
    served.sort_unstable();
    members.sort_unstable();
    assert_eq!(served, members);
}

#[test]
fn restored_contacts_are_the_first_to_be_refreshed() {
    let mut first = quiet("nr128", "");
    let contacts = first.strangers(0, 20);
    admit(&mut first, &contacts, 50);
    let saved = first.module.save(first.now);

    let mut second = Harness::before_start("nr128", 1);
    second.call(|module, cx| module.restore(cx, &saved));
    let mut asked = Vec::new();
    for _ in 0..60 {
        second.advance(secs(1));
        for query in second.take_queries() {
            asked.push(query.contact);
            second.answer_with(query.contact, 50, &[], Origin::Routing(query.tag));
        }
    }
    asked.sort_unstable();
    asked.dedup();
    assert_eq!(asked.len(), contacts.len());
}

#[test]
fn find_node_probes_ask_for_our_own_id_or_into_a_bucket_with_room() {
    let mut harness = Harness::new("nice:probe=find_node,startup_refresh=3s");
    let contacts = harness.strangers(0, 6);
    for contact in &contacts {
        harness.answer(*contact, 50);
    }
    harness.advance(secs(400));
    let asks: Vec<Ask> = harness
        .take_queries()
        .iter()
        .map(|query| query.ask)
        .collect();
    let own = asks
        .iter()
        .filter(|ask| **ask == Ask::FindNode(harness.own_id))
        .count();
    let others = asks
        .iter()
        .filter(|ask| matches!(ask, Ask::FindNode(_)))
        .count()
        - own;
    assert!(
        own > 10 && others > 10,
        "{own} own, {others} others of {}",
        asks.len()
    );
}
