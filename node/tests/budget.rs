//! A node with a budget: what it sends stays within, what its user wants goes
//! first, and nobody is blamed for what was not sent.

#![allow(clippy::unwrap_used)] // a panic fails the test

mod world;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use mdht_krpc::{Body, Family, Id, Instant, Message, Method, Query, Response};
use mdht_node::core::{
    Budget, BudgetLimit, Config, Core, Event, LookupReport, QueryOutcome, SocketId, Transmit,
};
use mdht_plugins::lookup::Goal;
use world::{World, addr, config};

const SECOND: Duration = Duration::from_secs(1);

/// Sixty nodes, and one with this budget that has lived among them for ten
/// minutes and looked something up in each.
fn lived(budget: Budget, routing: &str) -> (World, usize, Vec<LookupReport>) {
    let mut world = World::joined(1, 60, "bep5", 60 * SECOND);
    let config = Config {
        budget,
        ..config(60, routing, "standard")
    };
    let node = world.add(config);
    world.with(node, |core, now| core.add_bootstrap(now, &[addr(0)]));
    for minute in 0..10_u8 {
        world.run_for(60 * SECOND);
        let key = Id::new([minute; 20]);
        world.with(node, |core, now| core.get_peers(now, key, Goal::Closest));
        // the others ask it at the same time
        for other in 0..20 {
            world.with(other, |core, now| core.ping(now, addr(60), SECOND));
        }
    }
    world.run_for(60 * SECOND);
    let reports = world.events_of(node, |event| match event {
        Event::LookupDone { report, .. } => Some(report.clone()),
        _ => None,
    });
    (world, node, reports)
}

#[test]
fn what_is_sent_stays_within_and_nobody_is_dropped_for_it() {
    let budgets = [
        Budget {
            remotes_per_minute: Some(12),
            ..Budget::default()
        },
        Budget {
            packets_per_second: Some(1),
            ..Budget::default()
        },
        Budget {
            bytes_per_day: Some(1_000_000),
            ..Budget::default()
        },
    ];
    for routing in ["bep5", "nr128", "harvest:contacts=512"] {
        for budget in budgets {
            let (world, node, reports) = lived(budget, routing);
            let told = format!("{routing} {budget:?} {:?}", world.nodes[node].stats());
            let own = world.sent_to.iter().filter(|(_, n, _)| *n == node);
            let own: Vec<(Instant, SocketAddr)> = own.map(|(at, _, to)| (*at, *to)).collect();
            for (n, (start, _)) in own.iter().enumerate() {
                let until = |time| {
                    own[n..]
                        .iter()
                        .take_while(move |(at, _)| at.since(*start) < time)
                };
                let remotes: BTreeSet<_> = until(60 * SECOND).map(|(_, to)| to).collect();
                let most = budget.remotes_per_minute.map_or(usize::MAX, |n| n as usize);
                assert!(remotes.len() <= most, "{told}");
                let packets = until(60 * SECOND).count();
                // a minute's, and what may go at once
                let most = budget
                    .packets_per_second
                    .map_or(usize::MAX, |n| 60 * n as usize + 8);
                assert!(packets <= most, "{told}");
            }
            let bytes = world.nodes[node].stats().bytes_sent + 28 * own.len() as u64;
            // an eighth, and the rest as the day goes on
            let most = budget
                .bytes_per_day
                .map_or(u64::MAX, |n| n / 8 + n * 7 / 8 * 720 / 86_400);
            assert!(bytes <= most, "{bytes} of {most}: {told}");
            assert_eq!(reports.len(), 10, "every lookup ends: {told}");
            let answered: u32 = reports.iter().map(|report| report.responses).sum();
            assert!(answered > 20, "{answered} {told}");
            // all others are there all the time
            let stats = world.nodes[node].stats();
            assert_eq!((stats.table.evicted, stats.timeouts), (0, 0), "{told}");
        }
    }
}

/// One node without a world.
struct Alone {
    core: Core,
    now: Instant,
}

impl Alone {
    fn new(budget: Budget) -> Self {
        let mut settings = config(0, "bep5", "standard");
        settings.budget = budget;
        settings.rate_limit = None;
        Self {
            core: Core::new(settings, [1; 32], Instant::ZERO),
            now: Instant::ZERO,
        }
    }

    fn sent(&mut self) -> Vec<Transmit> {
        std::iter::from_fn(|| self.core.poll_transmit()).collect()
    }

    fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.core.poll_event()).collect()
    }

    /// Is queried; whether it answers.
    fn is_answered(&mut self, from: SocketAddr) -> bool {
        let ping = Query::new(Method::Ping, Id::new([9; 20]));
        let bytes = Message::new(b"aa", Body::Query(ping)).encode();
        self.core
            .handle_datagram(self.now, SocketId(0), from, &bytes);
        let sent = self.sent();
        sent.iter().any(|transmit| {
            let message = Message::scan(&transmit.payload).unwrap();
            matches!(message.body, Body::Response(_))
        })
    }

    fn later(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.core.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.core.handle_timeout(self.now);
        }
        self.now = end;
    }
}

#[test]
fn a_flood_of_queries_leaves_the_user_his_half() {
    let mut alone = Alone::new(Budget {
        packets_per_second: Some(20),
        ..Budget::default()
    });
    let answered = (1..1000).filter(|n| alone.is_answered(addr(*n))).count();
    // half of what may go at once, of which joining has its part
    assert!((15..=20).contains(&answered), "{answered}");
    assert_eq!(alone.core.stats().answers_unsent, 999 - answered as u64);
    let spent = Event::BudgetSpent {
        limit: BudgetLimit::Packets,
    };
    assert_eq!(alone.events().iter().filter(|e| **e == spent).count(), 1);
    // at the same moment
    alone.core.ping(alone.now, addr(2000), SECOND);
    let sent = alone.sent();
    assert!(sent.iter().any(|transmit| transmit.to == addr(2000)));
    // while the flood goes on nothing is said, and once when it is over
    for _ in 0..90 {
        alone.later(SECOND);
        (1..100).for_each(|n| _ = alone.is_answered(addr(n)));
    }
    let told = |alone: &mut Alone| {
        let events = alone.events();
        let budget = |e: &&Event| matches!(e, Event::BudgetFree | Event::BudgetSpent { .. });
        events.iter().filter(budget).cloned().collect::<Vec<_>>()
    };
    assert_eq!(told(&mut alone), []);
    alone.later(150 * SECOND);
    assert_eq!(told(&mut alone), [Event::BudgetFree]);
    assert!(alone.is_answered(addr(1)));
}

#[test]
fn a_query_that_waited_too_long_is_given_up_and_was_never_sent() {
    let mut alone = Alone::new(Budget {
        remotes_per_minute: Some(1),
        ..Budget::default()
    });
    alone.core.ping(alone.now, addr(1), SECOND);
    let first = alone.sent().remove(0);
    let second = alone.core.ping(alone.now, addr(2), SECOND);
    assert!(alone.sent().is_empty());
    let question = Message::scan(&first.payload).unwrap();
    let response = Body::Response(Response::new(Id::new([1; 20])));
    let answer = Message::new(question.transaction_id, response).encode();
    alone
        .core
        .handle_datagram(alone.now, SocketId(0), addr(1), &answer);
    alone.sent();
    alone.events();
    alone.later(11 * SECOND);
    let done = alone.events().into_iter().find_map(|event| match event {
        Event::QueryDone { query, outcome, .. } => Some((query, outcome)),
        _ => None,
    });
    assert_eq!(done, Some((second, QueryOutcome::NoAnswer)));
    let stats = alone.core.stats();
    assert!(
        stats.queries_unsent >= 1 && stats.queries_sent.ping == 1,
        "{stats:?}"
    );
    assert_eq!(stats.timeouts, 0);
    // a minute later there is room for another
    alone.later(60 * SECOND);
    alone.sent();
    alone.later(61 * SECOND);
    alone.core.ping(alone.now, addr(2), SECOND);
    alone.later(11 * SECOND);
    assert!(
        alone
            .core
            .table(Family::V4)
            .iter()
            .all(|e| e.contact.addr != addr(2))
    );
}
