//! UTorrent's bursts as the thesis saw them [8.VII.C].

use super::*;
use crate::routing::testing::{Harness, secs};

#[test]
fn a_burst_of_600_queries_every_15_minutes() {
    let mut harness = Harness::new("ut22");
    harness.advance(secs(30));
    assert!(harness.actions.is_empty(), "nobody to ask");
    let contacts: Vec<_> = (0..10).map(|bucket| harness.stranger(bucket)).collect();
    for contact in &contacts {
        harness.answer(*contact, 50);
    }
    harness.take_lookups();
    harness.advance(secs(92));
    let burst = harness.take_queries();
    assert_eq!(burst.len(), 600);
    let pings = burst.iter().filter(|query| query.ask == Ask::Ping).count();
    assert_eq!(pings, 300);
    for contact in &contacts {
        assert_eq!(
            burst
                .iter()
                .filter(|query| query.contact == *contact)
                .count(),
            60
        );
    }

    harness.advance(secs(800));
    assert!(
        harness.actions.is_empty(),
        "silence between bursts, no refresh lookups"
    );
    harness.advance(secs(20));
    assert!(!harness.take_queries().is_empty());
}

#[test]
fn a_burst_is_spread_evenly() {
    let mut harness = Harness::new("ut22:burst=100,over=50s,every=1m");
    let contact = harness.stranger(0);
    harness.answer(contact, 50);
    harness.take_queries();
    for _ in 0..10 {
        harness.advance(secs(5));
        let sent = harness.take_queries().len();
        assert!((9..=11).contains(&sent), "{sent}");
    }
}
