//! Honest nodes that name attackers.
//!
//! What a modelled node's table holds is derived, so nobody can enter it. In
//! its place stands this: an attacker is in an entry as often as any other node
//! of the entry's subtree. With s Sybils among the n honest nodes that are as
//! near to the key, each entry of the bucket is a Sybil with chance s / (n + s);
//! where a bucket has room for all, all are in it. Sybils that are online for
//! longer than honest nodes would be in more entries than that, and nodes that
//! check who enters would have fewer.

use std::collections::BTreeSet;

use mdht_krpc::{Body, Family, Id, Message, Nodes, Response};

use super::Kind;
use super::adversary::{Adversary, NAMED};
use super::hosts::Persona;
use crate::draws::{below, unit};
use crate::population::{Identity, prefix_of};
use crate::world::World;

impl Adversary {
    /// Whether honest nodes name attackers.
    pub(crate) fn is_named(&self) -> bool {
        matches!(self.attack.kind, Kind::Sybil | Kind::Poison)
    }

    /// Puts the Sybils of a key that an honest node knows into its answer.
    pub(crate) fn slip_in(&self, world: &World, by: Identity, key: &Id, reply: &mut Vec<u8>) {
        let Some(number) = self.number_of(key) else {
            return;
        };
        let known = self.known_to(world, by, key, number);
        let Ok(message) = Message::scan(reply) else {
            return;
        };
        let Body::Response(response) = &message.body else {
            return;
        };
        if known.is_empty() {
            return;
        }
        let sybils = known.into_iter().map(|host| Persona {
            host,
            key: Some(number),
        });
        let mut all: Vec<_> = sybils
            .map(|one| self.hosts.contact(one, &self.keys))
            .collect();
        all.extend(response.nodes.iter().flat_map(|nodes| nodes.iter()));
        all.sort_by_key(|contact| contact.id.distance(key));
        let mut nodes = Vec::new();
        for contact in all.iter().take(NAMED as usize) {
            Nodes::write(contact, &mut nodes);
        }
        let response = Response {
            nodes: Some(Nodes::new(Family::V4, &nodes)),
            ..response.clone()
        };
        let changed = Message {
            body: Body::Response(response),
            ..message.clone()
        };
        let changed = changed.encode();
        *reply = changed;
    }

    /// The Sybils around a key that an honest node has in its table.
    fn known_to(&self, world: &World, by: Identity, key: &Id, number: u16) -> BTreeSet<u32> {
        let population = world.population();
        let target = prefix_of(key);
        let bucket = (population.prefix(by.rank) ^ target)
            .leading_zeros()
            .min(62);
        let honest = population.subtree(target, bucket + 1).len();
        let sybils = self.hosts.len();
        let room = world.tables.bucket_size(population, by, bucket);
        if honest + sybils as usize <= usize::from(room) {
            return (0..sybils).collect();
        }
        #[allow(clippy::cast_precision_loss)] // at most 2²⁵
        let chance = f64::from(sybils) / (honest as f64 + f64::from(sybils));
        let draws = self.draws.of(by.number()).of(number.into());
        let is_theirs = |slot: &u64| unit(draws.draw(*slot, 0)) < chance;
        let slots = (0..u64::from(room)).filter(is_theirs);
        let host = slots.map(|slot| below(draws.draw(slot, 1), sybils.into()));
        host.filter_map(|host| u32::try_from(host).ok()).collect()
    }
}
