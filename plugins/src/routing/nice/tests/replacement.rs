//! Low-RTT bias, the age rule and large buckets [thesis 8.V.C, 8.V.D].

use super::*;

/// A full bucket 3 of eight contacts with RTTs of 100, 110, ... 170 ms.
fn full_bucket(harness: &mut Harness) -> Vec<Contact> {
    let contacts = harness.strangers(5, 8);
    let rtts = (100..).step_by(10);
    for (contact, rtt_ms) in contacts.iter().zip(rtts.clone()) {
        harness.answer(*contact, rtt_ms);
    }
    harness.advance(secs(181));
    for (contact, rtt_ms) in contacts.iter().zip(rtts) {
        harness.answer(*contact, rtt_ms);
    }
    assert_eq!(harness.in_table(Some(5)).len(), 8);
    contacts
}

fn newcomer(harness: &mut Harness, rtt_ms: u64) -> Contact {
    let contact = harness.stranger(5);
    admit(harness, &[contact], rtt_ms);
    contact
}

#[test]
fn nrtt_replaces_the_slowest_contact_for_a_lower_rtt_only() {
    let mut harness = quiet("nrtt", "");
    let contacts = full_bucket(&mut harness);
    let slower = newcomer(&mut harness, 171);
    assert!(!harness.is_in_table(&slower));
    let as_slow = newcomer(&mut harness, 170);
    assert!(!harness.is_in_table(&as_slow));
    let faster = newcomer(&mut harness, 169);
    assert!(harness.is_in_table(&faster));
    assert!(!harness.is_in_table(&contacts[7]));
    assert_eq!(
        harness.changes_of(&contacts[7]).last(),
        Some(&TableChange::Replaced)
    );
    assert!(
        contacts[..7]
            .iter()
            .all(|contact| harness.is_in_table(contact))
    );
}

#[test]
fn nice_replaces_nobody_that_answers() {
    let mut harness = quiet("nice", "");
    let contacts = full_bucket(&mut harness);
    let faster = newcomer(&mut harness, 1);
    assert!(!harness.is_in_table(&faster));
    assert!(contacts.iter().all(|contact| harness.is_in_table(contact)));
}

#[test]
fn a_replacement_takes_the_place_of_a_contact_that_fails() {
    for scope in ["all", "queriers"] {
        let spec = format!("nice:k=4,startup=0s,quarantine_scope={scope}");
        let mut harness = Harness::new(&spec);
        let contacts = harness.strangers(5, 6);
        admit(&mut harness, &contacts, 50);
        let waiting = &contacts[4..];
        assert!(
            waiting
                .iter()
                .all(|contact| harness.standing(contact) == Some(Standing::Waiting))
        );

        harness.fail(contacts[0]);
        harness.actions.clear();
        harness.advance(secs(12));
        let asked = harness.take_queries();
        let asked = asked
            .iter()
            .find(|query| waiting.contains(&query.contact))
            .unwrap();
        harness.answer_with(asked.contact, 50, &[], Origin::Routing(asked.tag));
        assert!(harness.is_in_table(&asked.contact), "{scope}");
    }
}

#[test]
fn a_bucket_has_k_replacements_and_those_that_failed_go_first() {
    let mut harness = quiet("nice", "k=2,quarantine_scope=queriers");
    let contacts = harness.strangers(5, 20);
    let waiting = |contact: &&Contact, harness: &Harness| {
        harness.standing(contact) == Some(Standing::Waiting)
    };
    contacts
        .iter()
        .for_each(|contact| harness.answer(*contact, 50));
    assert_eq!(contacts.iter().filter(|c| waiting(c, &harness)).count(), 2);
    harness.fail(contacts[0]);
    assert_eq!(harness.standing(&contacts[0]), None, "two better ones wait");
    let better = contacts[2..].iter().find(|c| waiting(c, &harness));
    harness.fail(*better.unwrap());
    harness.fail(contacts[1]);
    assert_eq!(harness.standing(&contacts[1]), Some(Standing::Waiting));
}

#[test]
fn under_the_age_rule_old_contacts_are_harder_to_replace() {
    let mut harness = quiet("nrtt", "age_rule=on");
    let contacts = full_bucket(&mut harness);
    // An hour later the slowest one's 170 ms count as 85.
    harness.advance(secs(3600 - 181));
    let too_slow = newcomer(&mut harness, 90);
    assert!(!harness.is_in_table(&too_slow));
    let fast_enough = newcomer(&mut harness, 70);
    assert!(harness.is_in_table(&fast_enough));
    assert!(!harness.is_in_table(&contacts[7]));

    harness.advance(secs(7200));
    let fast = newcomer(&mut harness, 1);
    assert!(
        !harness.is_in_table(&fast),
        "nobody older than two hours is replaced"
    );
}

#[test]
fn without_the_age_rule_age_does_not_matter() {
    let mut harness = quiet("nrtt", "age_rule=off");
    full_bucket(&mut harness);
    harness.advance(secs(100_000));
    let faster = newcomer(&mut harness, 169);
    assert!(harness.is_in_table(&faster));
}

/// How full the first buckets get when far more contacts come than they hold.
fn flooded(name: &str) -> Vec<usize> {
    let mut harness = quiet(name, "");
    for bucket in 0..7 {
        for _ in 0..3 {
            let contacts = harness.strangers(bucket, 200);
            admit(&mut harness, &contacts, 50);
        }
    }
    (0..7)
        .map(|bucket| harness.in_table(Some(bucket)).len())
        .collect()
}

#[test]
fn the_first_buckets_are_as_large_as_the_thesis_says() {
    assert_eq!(flooded("nice"), [8; 7]);
    assert_eq!(flooded("nrtt"), [8; 7]);
    assert_eq!(flooded("nr64"), [64, 32, 16, 8, 8, 8, 8]);
    assert_eq!(flooded("nr128"), [128, 64, 32, 16, 8, 8, 8]);
}

#[test]
fn waiting_lists_are_bounded_and_responders_go_first() {
    let mut harness = quiet("nice", "");
    let queriers = harness.strangers(0, 100);
    queriers.iter().for_each(|contact| harness.query(*contact));
    let waiting = |harness: &Harness| harness.module.entries(harness.now).len();
    assert_eq!(waiting(&harness), 8);
    let responders = harness.strangers(0, 100);
    responders
        .iter()
        .for_each(|contact| harness.answer(*contact, 50));
    assert_eq!(waiting(&harness), 8);
    assert!(
        queriers
            .iter()
            .all(|contact| harness.standing(contact).is_none())
    );
    let refused = queriers
        .iter()
        .filter(|c| harness.changes_of(c).last() == Some(&TableChange::Refused));
    assert_eq!(refused.count(), 8);
}

#[test]
fn under_rtt_bias_the_fastest_responders_wait() {
    let mut harness = quiet("nrtt", "");
    let slow = harness.strangers(0, 8);
    slow.iter()
        .for_each(|contact| harness.answer(*contact, 200));
    let fast = harness.strangers(0, 8);
    fast.iter().for_each(|contact| harness.answer(*contact, 20));
    assert!(
        fast.iter()
            .all(|contact| harness.standing(contact).is_some())
    );
    assert!(
        slow.iter()
            .all(|contact| harness.standing(contact).is_none())
    );
}

#[test]
fn those_that_never_answered_wait_only_while_there_is_room() {
    let mut harness = quiet("nice", "");
    let members = harness.strangers(0, 7);
    admit(&mut harness, &members, 50);
    let queriers = harness.strangers(0, 5);
    queriers.iter().for_each(|contact| harness.query(*contact));
    let waiting = queriers
        .iter()
        .filter(|contact| harness.standing(contact).is_some());
    assert_eq!(waiting.count(), 2, "two for one place");
}
