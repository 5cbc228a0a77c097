//! Start-up: the lookup for our own ID, then the filling lookups, then none.

use super::*;
use crate::routing::RoutingAction;

#[test]
fn nothing_is_looked_up_before_somebody_has_answered() {
    let mut harness = Harness::new("nice");
    let querier = harness.stranger(0);
    harness.query(querier);
    harness.advance(secs(100));
    assert!(harness.take_lookups().is_empty());
}

#[test]
fn first_our_own_id_then_buckets_with_room_a_tick_apart() {
    for (name, filling) in [("nice", 8), ("nrtt", 8), ("nr64", 16), ("nr128", 32)] {
        let mut harness = Harness::new(name);
        for bucket in (0..5).chain(0..5) {
            let contact = harness.stranger(bucket);
            harness.answer(contact, 50);
        }
        harness.actions.clear();
        harness.advance(secs(100));
        let times: Vec<_> = harness.actions.iter().map(|(time, _)| *time).collect();
        assert!(
            times
                .windows(2)
                .all(|pair| pair[1].since(pair[0]) == secs(1))
        );
        let targets = harness.take_lookups();
        assert_eq!(targets.len(), 1 + filling, "{name}");
        assert_eq!(targets[0], harness.own_id);
        let buckets = targets[1..]
            .iter()
            .map(|id| id.common_prefix(&harness.own_id));
        assert!(
            buckets.eq((0..filling).map(|lookup| lookup % 5)),
            "{name}: spread"
        );
        harness.advance(secs(100_000));
        assert!(harness.take_lookups().is_empty(), "{name}");
    }
}

#[test]
fn full_buckets_are_not_filled() {
    let mut harness = Harness::new("nice:quarantine_scope=queriers,startup_refresh=10s");
    let (full, room) = (harness.strangers(0, 8), harness.strangers(1, 3));
    full.iter()
        .chain(&room)
        .for_each(|contact| harness.answer(*contact, 50));
    harness.advance(secs(200));
    let targets = harness.take_lookups();
    assert_eq!(targets.len(), 9);
    assert!(
        targets[1..]
            .iter()
            .all(|id| id.common_prefix(&harness.own_id) == 1)
    );
}

#[test]
fn start_up_begins_anew_if_the_first_answer_comes_after_it() {
    let mut harness = Harness::new("nice");
    harness.advance(secs(3000));
    assert!(harness.actions.is_empty());
    let contact = harness.stranger(0);
    harness.answer(contact, 50);
    harness.advance(secs(30));
    assert_eq!(harness.take_lookups().len(), 9);
}

#[test]
fn after_start_up_ticks_slow_down_and_missed_ones_are_not_caught_up_with() {
    let mut harness = Harness::new("nice");
    assert_eq!(harness.next_call().unwrap().since(harness.now), secs(1));
    harness.advance(secs(600));
    assert_eq!(harness.next_call().unwrap().since(harness.now), secs(6));
    harness.now += secs(3600);
    harness.maintain();
    assert_eq!(harness.next_call().unwrap().since(harness.now), secs(6));
}

#[test]
fn lookups_are_repeated_ever_more_rarely_while_hardly_anybody_answers() {
    let mut harness = Harness::new("nice");
    let first = harness.strangers(0, 7);
    first
        .iter()
        .for_each(|contact| harness.answer(*contact, 50));
    harness.actions.clear();
    harness.advance(secs(3600));
    let own = RoutingAction::Lookup {
        target: harness.own_id,
    };
    let rounds = harness.actions.iter().filter(|(_, action)| *action == own);
    let times: Vec<u128> = rounds
        .map(|(time, _)| u128::from(time.as_micros()) / 1_000_000)
        .collect();
    assert_eq!(times[..5], [1, 31, 91, 211, 451]);
    assert!((6..=12).contains(&times.len()), "{times:?}");
    assert!(
        times
            .windows(2)
            .skip(4)
            .all(|pair| pair[1] - pair[0] >= 480)
    );

    let eighth = harness.stranger(1);
    harness.answer(eighth, 50);
    harness.advance(secs(100));
    harness.actions.clear();
    harness.advance(secs(3600));
    assert!(harness.take_lookups().is_empty());
}
