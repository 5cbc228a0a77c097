//! Quarantine that ends at another socket [thesis 7.6.1].

use super::*;
use crate::routing::{MaintenanceQuery, RoutingAction, Vantage};

/// The query that goes to the contact next, within ten minutes.
fn next_query(harness: &mut Harness, contact: &Contact) -> MaintenanceQuery {
    for _ in 0..100 {
        let asked = harness
            .actions
            .drain(..)
            .find_map(|(_, action)| match action {
                RoutingAction::Query(query) if query.contact == *contact => Some(query),
                _ => None,
            });
        if let Some(query) = asked {
            return query;
        }
        harness.advance(secs(6));
    }
    panic!("it was never asked")
}

#[test]
fn a_newcomer_enters_with_an_answer_to_the_other_socket_only() {
    let mut harness = Harness::before_start("checked:startup=0s", 1);
    harness.sockets = 2;
    let newcomer = harness.stranger(0);
    harness.query(newcomer);
    harness.advance(secs(181));
    harness.answer(newcomer, 50);
    assert_eq!(harness.standing(&newcomer), Some(Standing::Waiting));
    let query = next_query(&mut harness, &newcomer);
    assert_eq!((query.ask, query.from), (Ask::Ping, Vantage::Other));
    harness.answer_with(newcomer, 50, &[], Origin::Routing(query.tag));
    assert_eq!(harness.standing(&newcomer), Some(Standing::Good));
    // from then on it is asked as everybody is
    assert_eq!(next_query(&mut harness, &newcomer).from, Vantage::Main);
}

#[test]
fn who_does_not_answer_the_other_socket_is_forgotten() {
    let mut harness = Harness::before_start("checked:startup=0s", 1);
    harness.sockets = 2;
    let guarded = harness.stranger(0);
    harness.answer(guarded, 50);
    let query = next_query(&mut harness, &guarded);
    assert_eq!(query.from, Vantage::Other);
    harness.fail_to(guarded, Origin::Routing(query.tag));
    assert_eq!(harness.standing(&guarded), None);
}

#[test]
fn without_a_second_socket_the_only_one_asks() {
    let mut harness = Harness::new("checked:startup=0s");
    let newcomer = harness.stranger(0);
    harness.query(newcomer);
    let query = next_query(&mut harness, &newcomer);
    assert_eq!(query.from, Vantage::Main);
    harness.answer_with(newcomer, 50, &[], Origin::Routing(query.tag));
    assert_eq!(harness.standing(&newcomer), Some(Standing::Good));
}

#[test]
fn other_kin_ask_from_the_main_socket() {
    for name in ["nice", "nrtt", "nr128"] {
        let mut harness = Harness::before_start(&format!("{name}:startup=0s"), 1);
        harness.sockets = 2;
        let newcomer = harness.stranger(0);
        harness.query(newcomer);
        assert_eq!(next_query(&mut harness, &newcomer).from, Vantage::Main);
    }
}
