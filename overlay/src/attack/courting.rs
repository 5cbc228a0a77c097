//! Attackers that want to be in the table: they query the node at a gentle
//! pace, and answer it.

use std::time::Duration;

use mdht_krpc::{Id, Instant, Method, Query};

use super::adversary::{Adversary, Sent};
use super::hosts::Persona;

/// Every attacker queries once in this time.
const EVERY: Duration = Duration::from_secs(60);
/// The adversary acts so often.
const STEP: Duration = Duration::from_secs(1);

impl Adversary {
    /// Those whose turn it is query the node.
    pub(super) fn court(&mut self, now: Instant, out: &mut Vec<Sent>) {
        self.next = now + STEP;
        let steps = EVERY.as_secs();
        let turn = now.as_micros() / 1_000_000 % steps;
        for host in (0..self.hosts.len()).filter(|host| u64::from(*host) % steps == turn) {
            let persona = Persona { host, key: None };
            let own = self.hosts.id(persona, &self.keys);
            let query = match self.rng.below(2) {
                0 => Query::new(Method::Ping, own),
                _ => Query::find_node(own, Id::random(&mut self.rng)),
            };
            let from = self.hosts.addr(persona);
            let query = self.query(from, query);
            out.push(query);
        }
    }
}
