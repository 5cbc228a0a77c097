use std::time::Duration;

use mdht_krpc::{Contact, Id, Instant};

use crate::lookup::testing::{Driven, unknown};
use crate::lookup::{Goal, QueryOutcome, Timeout};
use crate::routing::Candidate;

/// A contact that shares so many bits with the target, the all-zero ID.
fn contact(bits: usize, host: u8) -> Contact {
    let mut id = [0; 20];
    id[bits / 8] = 0x80 >> (bits % 8);
    id[19] = host;
    Contact::new(Id::new(id), ([9, 1, 1, host], 6881).into())
}

fn measured(contact: Contact, rtt_ms: u64) -> Candidate {
    Candidate {
        rtt: Some(Duration::from_millis(rtt_ms)),
        answer_chance: Some(0.9),
        ..unknown(contact)
    }
}

fn started(spec: &str, near: Vec<Candidate>) -> Driven {
    let mut driven = Driven::made(spec, near);
    driven.start(Goal::Closest);
    driven
}

fn answer(driven: &mut Driven, from: Contact, nodes: &[Contact], has_values: bool) {
    driven.respond_with(from, nodes, has_values, usize::from(has_values));
}

#[test]
fn of_two_equally_near_the_faster_is_asked() {
    let (slow, fast) = (contact(4, 1), contact(4, 2));
    let near = vec![measured(slow, 300), measured(fast, 10)];
    let mut driven = started("hedged:alpha=1", near);
    assert_eq!(driven.take_queried(), [fast]);
}

#[test]
fn one_that_hardly_ever_answers_comes_last_and_a_bad_one_never() {
    let (unlikely, bad, likely) = (contact(4, 1), contact(4, 2), contact(4, 3));
    let with_chance = |contact, chance| Candidate {
        answer_chance: Some(chance),
        ..measured(contact, 50)
    };
    let near = vec![
        with_chance(unlikely, 0.2),
        with_chance(bad, 0.05),
        with_chance(likely, 0.9),
    ];
    let mut driven = started("hedged:alpha=3", near);
    assert_eq!(driven.take_queried(), [likely, unlikely]);
}

#[test]
fn the_next_goes_out_when_an_answer_is_overdue_not_when_it_is_lost() {
    let near = (1..5).map(|i| measured(contact(4, i), 100)).collect();
    let mut driven = started("hedged:alpha=1,beta=1,after=1", near);
    let (first, overdue) = driven.queried[0];
    assert_eq!(overdue, Duration::from_millis(160));
    driven.take_queried();
    driven.time_out(first, Timeout::Soft);
    assert_eq!(driven.take_queried().len(), 1);
    // its late answer counts
    answer(&mut driven, first, &[], true);
    assert!(driven.take_queried().is_empty() && !driven.finished);
}

#[test]
fn who_was_never_measured_is_waited_for_as_long_as_others_take() {
    let mut driven = Driven::made("hedged:alpha=1", vec![unknown(contact(4, 1))]);
    for host in 0..=255 {
        let contact = Contact::new(Id::default(), ([60, host, 1, 1], 1).into());
        driven.module.on_outcome(&QueryOutcome {
            contact,
            rtt: Some(Duration::from_millis(20)),
            now: Instant::ZERO,
        });
    }
    driven.start(Goal::Closest);
    let (_, overdue) = driven.queried[0];
    assert!(overdue < Duration::from_millis(30), "{overdue:?}");
}

#[test]
fn before_the_first_value_many_are_in_flight_and_after_it_few() {
    let near: Vec<_> = (1..20).map(|i| measured(contact(4, i), 100)).collect();
    let mut driven = started("hedged:alpha=8,beta=4,after=1,price=0s", near);
    let first = driven.take_queried();
    assert_eq!(first.len(), 8);
    answer(&mut driven, first[0], &[], true);
    assert!(driven.take_queried().is_empty());
    for contact in &first[1..] {
        driven.time_out(*contact, Timeout::Hard);
    }
    // the nearest that is left, alone
    assert_eq!(driven.take_queried().len(), 1);
}

#[test]
fn what_others_name_is_asked_unless_known_to_be_bad() {
    let (responder, good, bad) = (contact(4, 1), contact(9, 2), contact(9, 3));
    let mut driven = started("hedged", vec![measured(responder, 10)]);
    let known = Candidate {
        answer_chance: Some(0.01),
        ..unknown(bad)
    };
    driven.table.others.insert(bad.id, known);
    driven.take_queried();
    answer(&mut driven, responder, &[bad, good], false);
    assert_eq!(driven.take_queried(), [good]);
}

#[test]
fn it_ends_with_the_goal_or_at_the_nearest_and_announces_to_them() {
    let near: Vec<_> = (0..8)
        .map(|i| measured(contact(4 + usize::from(i), i + 1), 10))
        .collect();
    let mut driven = Driven::made("hedged:alpha=8", near);
    driven.start(Goal::FirstValue);
    let asked = driven.take_queried();
    answer(&mut driven, asked[0], &[], true);
    assert!(driven.finished);

    driven.announced.clear();
    driven.start(Goal::Closest);
    for _ in 0..8 {
        for contact in driven.take_queried() {
            if !driven.finished {
                answer(&mut driven, contact, &[], false);
            }
        }
    }
    assert!(driven.finished);
    let nearest = [contact(11, 8), contact(10, 7), contact(9, 6)];
    assert_eq!(driven.announced, nearest);
}

#[test]
fn so_many_are_asked_as_are_worth_their_price() {
    let asked = |spec| {
        let near = (1..9).map(|i| measured(contact(4, i), 50)).collect();
        started(spec, near).take_queried().len()
    };
    let (free, dear, dearest) = (
        asked("hedged:alpha=8,price=0s"),
        asked("hedged:alpha=8,price=2ms"),
        asked("hedged:alpha=8,price=1s"),
    );
    assert_eq!((free, dearest), (8, 1));
    assert!((2..8).contains(&dear), "{dear}");
}

#[test]
fn an_empty_table_ends_it_at_once() {
    assert!(started("hedged", Vec::new()).finished);
}

#[test]
fn a_flood_of_names_is_bounded_and_one_host_is_asked_once() {
    let first = contact(1, 1);
    let mut driven = started("hedged:parallel=1000,beta=64", vec![measured(first, 10)]);
    driven.take_queried();
    let same_host: Vec<_> = (0..100)
        .map(|port| {
            let mut named = contact(9, 2);
            named.addr.set_port(1000 + port);
            named
        })
        .collect();
    answer(&mut driven, first, &same_host, false);
    assert_eq!(driven.take_queried().len(), 1);
}

#[test]
fn nearness_that_paid_before_is_sought() {
    // those that share 12 bits hold values; an hour of lookups has shown it
    let (near, far) = (contact(12, 1), contact(2, 2));
    let mut driven = Driven::made(
        "hedged:alpha=2",
        vec![measured(near, 90), measured(far, 60)],
    );
    for _ in 0..50 {
        driven.start(Goal::Closest);
        for asked in driven.take_queried() {
            if !driven.finished {
                answer(&mut driven, asked, &[], asked == near);
            }
        }
    }
    driven.start(Goal::FirstValue);
    assert_eq!(driven.take_queried()[0], near);
}
