//! A node among them, and what is under way between them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use mdht_krpc::{Body, Instant, Message, Method, Query, Rng};
use mdht_node::core::{Core, Event, LookupReport, SocketId, Transmit};
use mdht_plugins::lookup::Goal;

use super::liars::Liar;
use super::neighbours::{Fresh, honest, honest_contact, liar_contact};
use super::world::config;
use super::{HONEST, LIARS, TARGET};

/// A node, the nodes around it, and what is under way between them.
pub(super) struct Net {
    core: Core,
    pub(super) now: Instant,
    liar: Liar,
    pub(super) fresh: Fresh,
    pub(super) loss: f64,
    pub(super) twice: f64,
    under_way: BTreeMap<(Instant, u64), (SocketAddr, Vec<u8>)>,
    number: u64,
    queries: usize,
    pub(super) most_in_flight: usize,
    reports: Vec<LookupReport>,
    pub(super) peers: Vec<SocketAddr>,
}

impl Net {
    pub(super) fn new(lookup: &str, liar: Liar, (honest, liars): (usize, usize)) -> Self {
        let mut net = Self {
            core: Core::new(config(0, "bep5", lookup), [1; 32], Instant::ZERO),
            now: Instant::ZERO,
            liar,
            fresh: Fresh {
                next: LIARS + 100,
                rng: Rng::from_u64(1),
            },
            loss: 0.0,
            twice: 0.0,
            under_way: BTreeMap::new(),
            number: 0,
            queries: 0,
            most_in_flight: 0,
            reports: Vec::new(),
            peers: Vec::new(),
        };
        // known from the start: the honest ones farther from the target than
        // any liar
        let honest = (HONEST + 1 - honest..=HONEST).map(honest_contact);
        let known: Vec<_> = honest.chain((0..liars).map(liar_contact)).collect();
        for contact in &known {
            let ping = Query::new(Method::Ping, contact.id);
            let bytes = Message::new(b"aa", Body::Query(ping)).encode();
            net.core
                .handle_datagram(net.now, SocketId(0), contact.addr, &bytes);
        }
        while net.core.poll_transmit().is_some() {}
        let first = known[0].addr;
        net.core.add_bootstrap(net.now, &[first]);
        net.drain();
        net
    }

    /// Sends off what waits; each query is answered by whom it goes to.
    fn drain(&mut self) {
        while let Some(Transmit { to, payload, .. }) = self.core.poll_transmit() {
            let message = Message::scan(&payload).unwrap();
            if !matches!(message.body, Body::Query(_)) {
                continue;
            }
            self.queries += 1;
            let SocketAddr::V4(v4) = to else { continue };
            let [_, _, high, low] = v4.ip().octets();
            let n = usize::from(u16::from_be_bytes([high, low])) - 1;
            let answer = match n {
                1..=HONEST => honest(&message, n),
                LIARS.. => (self.liar)(&message, n, &mut self.fresh),
                _ => None,
            };
            let Some((delay, bytes)) = answer else {
                continue;
            };
            let copies = 1 + usize::from(self.fresh.rng.unit() < self.twice);
            for _ in 0..copies {
                if self.fresh.rng.unit() >= self.loss {
                    self.number += 1;
                    // each copy by a way of its own: they overtake each other
                    let way = Duration::from_micros(self.fresh.rng.next_u64() % 500);
                    let key = (self.now + delay + way, self.number);
                    self.under_way.insert(key, (to, bytes.clone()));
                }
            }
        }
        self.most_in_flight = self.most_in_flight.max(self.core.in_flight());
        while let Some(event) = self.core.poll_event() {
            match event {
                Event::LookupDone { report, .. } => self.reports.push(report),
                Event::Peer { peer, .. } => self.peers.push(peer),
                _ => {}
            }
        }
    }

    /// Runs until the lookup is over, or for so long.
    fn run(&mut self, longest: Duration) {
        let end = self.now + longest;
        while self.reports.is_empty() {
            let arrival = self.under_way.keys().next().map(|(at, _)| *at);
            let next = arrival.into_iter().chain(self.core.poll_timeout()).min();
            let Some(next) = next.filter(|next| *next <= end) else {
                return;
            };
            self.now = self.now.max(next);
            while let Some(entry) = self.under_way.first_entry()
                && entry.key().0 <= self.now
            {
                let (from, bytes) = entry.remove();
                self.core
                    .handle_datagram(self.now, SocketId(0), from, &bytes);
                self.drain();
            }
            self.core.handle_timeout(self.now);
            self.drain();
        }
    }

    pub(super) fn look_up(&mut self) -> LookupReport {
        self.core.get_peers(self.now, TARGET, Goal::Closest);
        self.drain();
        // virtual time: more than any lookup may take
        self.run(Duration::from_secs(600));
        assert_eq!(self.reports.len(), 1, "the lookup does not end");
        self.reports.remove(0)
    }
}
