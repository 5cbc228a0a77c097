//! Cores joined by a made-up network in virtual time.

#![allow(dead_code, unreachable_pub)] // each test file uses its part
#![allow(clippy::unwrap_used)] // a panic fails the test

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use mdht_krpc::{Instant, Rng};
use mdht_node::core::{Config, Core, Event, SocketId, Transmit};
use mdht_plugins::Registry;

/// The address of the `n`th node.
pub fn addr(n: usize) -> SocketAddr {
    let [_, _, high, low] = u32::try_from(n + 1).unwrap().to_be_bytes();
    (Ipv4Addr::new(10, 0, high, low), 6881).into()
}

pub fn config(n: usize, routing: &str, lookup: &str) -> Config {
    let registry = Registry::builtin();
    let (routing, lookup) = (registry.routing(routing), registry.lookup(lookup));
    Config::new(vec![addr(n)], routing.unwrap(), lookup.unwrap())
}

/// A datagram under way.
struct Flying {
    to: usize,
    from: SocketAddr,
    payload: Vec<u8>,
}

pub struct World {
    pub now: Instant,
    pub nodes: Vec<Core>,
    pub events: Vec<(usize, Instant, Event)>,
    /// Nodes that nobody reaches and that reach nobody.
    pub cut: BTreeSet<usize>,
    /// Share of datagrams lost.
    pub loss: f64,
    /// Every payload sent, for comparing runs: its time, sender and bytes.
    pub sent: Vec<(Instant, usize, Vec<u8>)>,
    /// The same, with where each went.
    pub sent_to: Vec<(Instant, usize, SocketAddr)>,
    flying: BTreeMap<(Instant, u64), Flying>,
    next: u64,
    rng: Rng,
}

impl World {
    pub fn new(seed: u64) -> Self {
        Self {
            now: Instant::ZERO,
            nodes: Vec::new(),
            events: Vec::new(),
            cut: BTreeSet::new(),
            loss: 0.0,
            sent: Vec::new(),
            sent_to: Vec::new(),
            flying: BTreeMap::new(),
            next: 0,
            rng: Rng::from_u64(seed),
        }
    }

    /// `n` nodes of which each but the first knows the first, joined for `time`.
    pub fn joined(seed: u64, n: usize, routing: &str, time: Duration) -> Self {
        let mut world = Self::new(seed);
        for index in 0..n {
            world.add(config(index, routing, "standard"));
            if index > 0 {
                world.with(index, |node, now| node.add_bootstrap(now, &[addr(0)]));
            }
        }
        world.run_for(time);
        world
    }

    pub fn add(&mut self, config: Config) -> usize {
        let mut seed = [0; 32];
        self.rng.fill(&mut seed);
        self.nodes.push(Core::new(config, seed, self.now));
        self.nodes.len() - 1
    }

    /// Gives a command to a node and sends off what comes of it.
    pub fn with<R>(&mut self, n: usize, command: impl FnOnce(&mut Core, Instant) -> R) -> R {
        let result = command(&mut self.nodes[n], self.now);
        self.drain(n);
        result
    }

    pub fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.next_moment().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.step();
        }
        self.now = end;
    }

    /// The events of a node that `pick` picks.
    pub fn events_of<T>(&self, n: usize, pick: impl Fn(&Event) -> Option<T>) -> Vec<T> {
        let own = self.events.iter().filter(|(node, ..)| *node == n);
        own.filter_map(|(_, _, event)| pick(event)).collect()
    }

    fn next_moment(&self) -> Option<Instant> {
        let arrival = self.flying.keys().next().map(|(at, _)| *at);
        let deadlines = self.nodes.iter().filter_map(Core::poll_timeout);
        arrival.into_iter().chain(deadlines).min()
    }

    fn step(&mut self) {
        while let Some(entry) = self
            .flying
            .first_entry()
            .filter(|entry| entry.key().0 <= self.now)
        {
            let Flying { to, from, payload } = entry.remove();
            if !self.cut.contains(&to) {
                self.nodes[to].handle_datagram(self.now, SocketId(0), from, &payload);
                self.drain(to);
            }
        }
        for n in 0..self.nodes.len() {
            if self.nodes[n]
                .poll_timeout()
                .is_some_and(|at| at <= self.now)
            {
                self.nodes[n].handle_timeout(self.now);
                self.drain(n);
            }
        }
    }

    fn drain(&mut self, n: usize) {
        while let Some(Transmit { to, payload, .. }) = self.nodes[n].poll_transmit() {
            self.sent.push((self.now, n, payload.clone()));
            self.sent_to.push((self.now, n, to));
            let SocketAddr::V4(to) = to else { continue };
            let [_, _, high, low] = to.ip().octets();
            let index = usize::from(u16::from_be_bytes([high, low])).wrapping_sub(1);
            let known = index < self.nodes.len() && to.port() == 6881;
            let lost = self.rng.unit() < self.loss || self.cut.contains(&n);
            if known && !lost {
                self.next += 1;
                // 10 to 60 ms one way
                let delay = Duration::from_micros(10_000 + self.rng.next_u64() % 50_000);
                let flying = Flying {
                    to: index,
                    from: addr(n),
                    payload,
                };
                self.flying.insert((self.now + delay, self.next), flying);
            }
        }
        while let Some(event) = self.nodes[n].poll_event() {
            self.events.push((n, self.now, event));
        }
    }
}
