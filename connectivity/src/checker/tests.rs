//! The checker against nodes that are made up, in virtual time.

use std::collections::BTreeMap;
use std::time::Duration;

use mdht_krpc::{Method, Query, Response};

use super::*;
use crate::{Cause, Letter, SearchLimits, Timing, Vantage};

mod answers;
mod bounds;
mod configurations;
mod long_watch;
mod who_is_checked;

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn secs(s: u64) -> Duration {
    Duration::from_secs(s)
}

fn id(n: u8) -> Id {
    Id::new([n; 20])
}

fn config() -> Config {
    let identity = |n: u16| Identity {
        id: Id::new([0; 20]),
        own: SocketAddr::new([5, 5, 5, 5].into(), 1000 + 2 * n),
        local: SocketAddr::new([5, 5, 5, 5].into(), 1001 + 2 * n),
    };
    Config {
        remote: Some(addr("6.6.6.6:1000")),
        survey: true,
        ..Config::new(vec![identity(0), identity(1)])
    }
}

/// A checker among nodes that answer what `answers` lets in.
struct Bed {
    checker: Checker,
    now: Instant,
    sent: Vec<(Instant, Transmit)>,
    events: Vec<Event>,
}

impl Bed {
    fn new(config: Config) -> Self {
        Self {
            checker: Checker::new(config, Rng::from_u64(1)).unwrap(),
            now: Instant::ZERO,
            sent: Vec::new(),
            events: Vec::new(),
        }
    }

    fn query(&mut self, port: Port, from: SocketAddr, id: Id) -> Incoming {
        let message = Message::new(b"aa", Body::Query(Query::new(Method::Ping, id)));
        let datagram = message.encode();
        self.checker
            .handle_datagram(self.now, port, from, &datagram)
    }

    /// Queries from so many hosts, each under an ID of its own.
    fn queries_of_hosts(&mut self, count: u8) {
        for n in 1..=count {
            let from = SocketAddr::new([8, 8, 8, n].into(), 7);
            self.query(Port::Own(0), from, id(n));
        }
    }

    /// Answers a probe as the node `id` at `from`.
    fn answer(&mut self, probe: &Transmit, port: Port, from: SocketAddr, id: Id) -> Incoming {
        let response = Response {
            id: Some(id),
            ..Response::default()
        };
        let datagram = Message::new(&probe.transaction, Body::Response(response)).encode();
        self.checker
            .handle_datagram(self.now, port, from, &datagram)
    }

    /// Everything until `end`; `answers` says whether a probe is answered, at
    /// once, and by which ID.
    fn run(&mut self, end: Duration, mut answers: impl FnMut(Instant, &Transmit) -> Option<Id>) {
        let end = Instant::ZERO + end;
        loop {
            while let Some(probe) = self.checker.poll_transmit() {
                self.sent.push((self.now, probe));
                if let Some(id) = answers(self.now, &probe) {
                    let taken = self.answer(&probe, probe.port, probe.to, id);
                    assert_eq!(taken, Incoming::Answer);
                }
            }
            while let Some(event) = self.checker.poll_event() {
                self.events.push(event);
            }
            match self.checker.poll_timeout() {
                Some(next) if next <= end => {
                    self.now = self.now.max(next);
                    self.checker.handle_timeout(self.now);
                }
                _ => break,
            }
        }
        self.now = end;
    }

    fn reports(&self) -> Vec<&Report> {
        let finished = self.events.iter().filter_map(|event| match event {
            Event::Finished(report) => Some(&**report),
            _ => None,
        });
        finished.collect()
    }
}

const NODE: &str = "8.8.8.8:7";
