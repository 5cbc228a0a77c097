use std::time::Duration;

use mdht_krpc::Instant;

use crate::lookup::testing::{Driven, contact, contacts, unknown};
use crate::lookup::{Goal, QueryOutcome, Timeout};

#[test]
fn alpha_queries_at_the_start_closest_first() {
    for spec in ["standard", "aggressive"] {
        let driven = Driven::new(spec, contacts(100..120));
        assert_eq!(driven.in_flight, contacts(100..104), "{spec}");
    }
    assert_eq!(
        Driven::new("standard:alpha=7", contacts(1..20))
            .in_flight
            .len(),
        7
    );
}

#[test]
fn standard_sends_one_query_on_a_response_and_keeps_four_in_flight() {
    let mut driven = Driven::new("standard", contacts(100..120));
    assert_eq!(
        driven.respond(contact(100), &contacts(50..58)),
        [contact(50)]
    );
    assert_eq!(driven.in_flight.len(), 4);
    assert_eq!(driven.time_out(contact(101), Timeout::Hard), [contact(51)]);
    assert_eq!(driven.in_flight.len(), 4);
}

#[test]
fn aggressive_sends_up_to_three_on_a_response_without_bound() {
    let mut driven = Driven::new("aggressive", contacts(100..120));
    assert_eq!(
        driven.respond(contact(100), &contacts(50..58)),
        contacts(50..53)
    );
    assert_eq!(
        driven.respond(contact(101), &contacts(40..42)),
        [contact(40), contact(41), contact(53)]
    );
    assert_eq!(
        driven.time_out(contact(102), Timeout::Hard),
        contacts(54..57)
    );
    assert_eq!(driven.in_flight.len(), 10);
}

#[test]
fn only_contacts_closer_than_the_mark_are_queried() {
    let mut driven = Driven::new("aggressive", contacts(100..104));
    driven.respond(contact(100), &[]);
    driven.respond(contact(101), &[]);
    // the third-closest responder is 102: nothing beyond it is asked any more
    assert_eq!(driven.respond(contact(102), &contacts(103..110)), []);
    assert_eq!(
        driven.respond(contact(103), &[contact(90), contact(105)]),
        [contact(90)]
    );
    let mut textbook = Driven::new("aggressive:mark=8", contacts(100..104));
    for rank in 100..102 {
        textbook.respond(contact(rank), &[]);
    }
    assert_eq!(
        textbook.respond(contact(102), &contacts(104..110)),
        contacts(104..107)
    );
}

#[test]
fn ends_when_nothing_closer_is_left_and_none_is_in_flight() {
    let mut driven = Driven::new("standard", contacts(100..110));
    for rank in 100..103 {
        driven.respond(contact(rank), &[]);
    }
    assert!(!driven.finished, "103 and later ones are still in flight");
    for waiting in driven.in_flight.clone() {
        assert!(!driven.finished);
        driven.time_out(waiting, Timeout::Hard);
    }
    assert!(driven.finished);
    assert_eq!(driven.announced, contacts(100..103));
}

#[test]
fn an_empty_table_ends_the_lookup_at_once() {
    assert!(Driven::new("aggressive", Vec::new()).finished);
}

#[test]
fn an_answer_after_the_soft_timeout_still_counts() {
    let mut driven = Driven::new("standard:soft=1s", contacts(100..104));
    assert_eq!(
        driven.time_out(contact(100), Timeout::Soft),
        [],
        "nobody left to ask"
    );
    assert_eq!(driven.respond(contact(100), &[contact(7)]), [contact(7)]);
    // a soft timeout frees its place in the bound, and the hard one frees none again
    let mut bounded = Driven::new("standard:soft=1s", contacts(100..120));
    assert_eq!(
        bounded.time_out(contact(100), Timeout::Soft),
        [contact(104)]
    );
    assert_eq!(bounded.time_out(contact(100), Timeout::Hard), []);
}

#[test]
fn libtorrent_asks_five_nearest_whatever_is_in_flight_farther_away() {
    let mut driven = Driven::new("lt", contacts(100..120));
    assert_eq!(driven.in_flight, contacts(100..105));
    // five nearer ones are at the top now, and four farther ones in flight
    assert_eq!(
        driven.respond(contact(100), &contacts(50..58)),
        contacts(50..55)
    );
    assert_eq!(driven.in_flight.len(), 9);
    assert_eq!(driven.respond(contact(101), &[]), []);
    assert_eq!(driven.respond(contact(50), &[]), [contact(55)]);
    let mut all = Driven::new("lt:counted=all", contacts(100..120));
    assert_eq!(all.respond(contact(100), &contacts(50..58)), [contact(50)]);
}

#[test]
fn m3_a4_slows_down_with_the_first_values_or_timeout() {
    let fast = || Driven::new("m3_a4", contacts(100..120));
    let mut driven = fast();
    assert_eq!(driven.respond(contact(100), &[]).len(), 3);
    assert_eq!(driven.in_flight.len(), 6);
    assert_eq!(driven.time_out(contact(101), Timeout::Hard), []);
    let mut driven = fast();
    assert_eq!(driven.respond_with(contact(100), &[], true, 1).len(), 1);
    assert_eq!(driven.respond(contact(101), &[]).len(), 1);
}

#[test]
fn mldht_asks_another_when_an_answer_is_later_than_most() {
    let mut driven = Driven::made("ml", contacts(100..120).into_iter().map(unknown).collect());
    let mut soft = |rtt_ms: u64| {
        for _ in 0..500 {
            driven.module.on_outcome(&QueryOutcome {
                contact: contact(1),
                rtt: Some(Duration::from_millis(rtt_ms)),
                now: Instant::ZERO,
            });
        }
        driven.queried.clear();
        driven.start(Goal::Closest);
        assert_eq!(driven.queried.len(), 10);
        driven.queried[0].1
    };
    assert_eq!(soft(20), Duration::from_millis(150));
    assert!(soft(1020) > Duration::from_secs(1));
}

#[test]
fn goals_end_a_lookup_early() {
    let mut first = Driven::with_goal("standard", contacts(100..110), Goal::FirstValue);
    first.respond(contact(100), &[]);
    assert!(!first.finished);
    first.respond_with(contact(101), &[], true, 1);
    assert!(first.finished);
    let mut peers = Driven::with_goal("standard", contacts(100..110), Goal::Peers(50));
    peers.respond_with(contact(100), &[], true, 49);
    assert!(!peers.finished);
    peers.respond_with(contact(101), &[], true, 50);
    assert!(peers.finished);
}

#[test]
fn announces_to_the_closest_responders() {
    let mut driven = Driven::new("standard:announce=8,mark=8", contacts(1..5));
    for rank in 1..5 {
        driven.respond(contact(rank), &[]);
    }
    assert!(driven.finished);
    assert_eq!(driven.announced, contacts(1..5));
}

mod limits;
