use mdht_krpc::{Contact, Instant, Rng};

use super::*;
use crate::routing::{Candidate, ClosestRequest, ContactSource};

/// A network of which everybody is known.
struct Everybody(Vec<Id>);

impl ContactSource for Everybody {
    fn closest(&self, request: &ClosestRequest, out: &mut Vec<Candidate>) {
        let mut ids = self.0.clone();
        ids.sort_unstable_by_key(|id| request.target.distance(id));
        out.extend(ids.into_iter().take(request.count).map(|id| Candidate {
            contact: Contact::new(id, ([9, 9, 9, 9], 1).into()),
            rtt: None,
            last_seen: None,
            answer_chance: None,
        }));
    }
}

fn network(nodes: usize, rng: &mut Rng) -> Everybody {
    Everybody((0..nodes).map(|_| Id::random(rng)).collect())
}

fn around(own_id: &Id, all: &Everybody, power: usize) -> Option<Density> {
    let cx = LookupCx {
        now: Instant::ZERO,
        rng: &mut Rng::from_u64(1),
        own_id,
        contacts: all,
        actions: &mut Vec::new(),
    };
    Density::around(&cx, power)
}

#[test]
fn binomial_tails_are_those_of_the_tables() {
    // of ten throws of a coin at least so many heads
    for (some, expected) in [
        (1, 0.999_023),
        (5, 0.623_047),
        (8, 0.054_688),
        (10, 0.000_977),
    ] {
        assert!((at_least(some, 10, 0.5) - expected).abs() < 1e-6);
    }
    // far out in the tail, where a difference from 1 would be nothing
    let tail = at_least(3, 18, 1e-9);
    assert!((tail / (816.0 * 1e-27) - 1.0).abs() < 1e-6, "{tail}");
    assert!((at_least(1, 16, 1.0 - 1e-12) - 1.0).abs() < 1e-9);
}

/// Honest sets are taken for too near as often as was asked for.
#[test]
fn false_alarms_are_as_rare_as_stated() {
    let mut rng = Rng::from_u64(3);
    let sets = 4000;
    let mut alarms = [0; 3];
    for _ in 0..sets {
        let (own, target) = (Id::random(&mut rng), Id::random(&mut rng));
        let all = network(400, &mut rng);
        let density = around(&own, &all, 2).unwrap();
        let mut ids = all.0;
        ids.sort_unstable_by_key(|id| target.distance(id));
        for (alarm, nth) in alarms.iter_mut().zip([1, 3, 8]) {
            *alarm += u32::from(!density.allows(nth, &target, &ids[nth - 1]));
        }
    }
    // 1 % of 4,000 is 40, give or take three deviations of 6.3
    assert!(
        alarms.iter().all(|alarms| (20..=60).contains(alarms)),
        "{alarms:?}"
    );
}

#[test]
fn sybils_are_too_near_whoever_crowds_around_us() {
    let mut rng = Rng::from_u64(4);
    let own = Id::random(&mut rng);
    let mut all = network(2000, &mut rng);
    let target = Id::random(&mut rng);
    let near = |bits: usize, rng: &mut Rng| target.random_in_bucket(bits, rng);
    let density = around(&own, &all, 4).unwrap();
    assert!(!density.allows(1, &target, &near(48, &mut rng)));
    assert!(!density.allows(3, &target, &near(16, &mut rng)));
    assert!(density.allows(3, &target, &near(9, &mut rng)));
    // a thousand around our own ID: the network seems larger, but not endless
    all.0
        .extend((0..1000).map(|_| own.random_in_bucket(60, &mut rng)));
    let crowded = around(&own, &all, 4).unwrap();
    assert!(!crowded.allows(1, &target, &near(48, &mut rng)));
    assert!(crowded.allows(3, &target, &near(16, &mut rng)));
}

#[test]
fn with_few_contacts_or_none_asked_for_there_is_no_test() {
    let mut rng = Rng::from_u64(5);
    let own = Id::random(&mut rng);
    let few = network(15, &mut rng);
    assert_eq!(around(&own, &few, 4), None);
    assert_eq!(around(&own, &network(16, &mut rng), 0), None);
    assert!(around(&own, &network(16, &mut rng), 4).is_some());
}
