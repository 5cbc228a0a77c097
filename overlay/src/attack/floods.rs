//! What is sent by rate: forged sources, guesses, announces.

use std::net::SocketAddrV4;
use std::time::Duration;

use mdht_krpc::{Body, Family, Id, Instant, Message, Nodes, Query, Response, Values};

use mdht_node::item::{MutableItem, SecretKey, Value};

use super::Kind;
use super::adversary::{Adversary, Sent};
use super::hosts::Persona;
use crate::population::prefix_of;
use crate::world::World;

/// The adversary acts so often.
const STEP: Duration = Duration::from_millis(100);
/// Announces, or items, in all.
const MOST_ANNOUNCES: u64 = 1_000_000;
/// Subtree around a key whose nodes a lookup of it may ask: about so many.
const NEAR_KEY: u32 = 64;
/// Swarms that are asked for under a forged source.
const KNOWN_SWARMS: usize = 8;

/// An item of the largest size, under a key that follows from its number.
fn item(number: u32) -> Option<MutableItem> {
    let mut seed = [0; 32];
    seed[..4].copy_from_slice(&number.to_be_bytes());
    let value = Value::from_bytes(&[b'!'; 996]).ok()?;
    MutableItem::sign(&SecretKey::from_seed(&seed), b"", 1, value).ok()
}

impl Adversary {
    /// Sends as many datagrams as are due.
    pub(super) fn flood(&mut self, now: Instant, world: &World, out: &mut Vec<Sent>) {
        self.next = now + STEP;
        self.owed += self.attack.strength * STEP.as_secs_f64();
        while self.owed >= 1.0 {
            self.owed -= 1.0;
            let sent = match self.attack.kind {
                Kind::ForgedIds => Some(self.forged_query()),
                Kind::Spoof => self.guess(now, world),
                Kind::Replay => self.replay(),
                Kind::Reflect => self.reflected(),
                Kind::Announces if self.sent < 2 * MOST_ANNOUNCES => Some(self.ask_for_token()),
                Kind::Items if self.sent < 2 * MOST_ANNOUNCES => self.ask_to_put(),
                _ => None,
            };
            out.extend(sent);
        }
    }

    /// A query by an ID of its own, from a source where nobody is.
    fn forged_query(&mut self) -> Sent {
        let number = self.sent;
        let (from, own) = (self.hosts.forged(number), self.hosts.forged_id(number));
        let target = Id::random(&mut self.rng);
        self.query(from, Query::find_node(own, target))
    }

    /// An answer that the node may be waiting for, if its transaction ID were
    /// right: from a node near the key that is being looked up. It tries IDs as
    /// long as real clients' and as long as ours.
    fn guess(&mut self, now: Instant, world: &World) -> Option<Sent> {
        let key = *self.keys.get(self.looked_up)?;
        self.sent += 1;
        let from = self.someone_near(&key, now, world);
        let peers: Vec<_> = self.false_peers().collect();
        let own = self.hosts.id_near(&key, self.sent);
        let response = Response {
            token: Some(b"hostile"),
            values: Some(Values::from_peers(&peers)),
            ..Response::new(own)
        };
        let guess = self.rng.next_u64().to_be_bytes();
        let length = if self.sent.is_multiple_of(2) { 2 } else { 4 };
        let message = Message::new(&guess[..length], Body::Response(response));
        Some(Sent {
            from,
            to: self.victim,
            payload: message.encode(),
            after: Duration::ZERO,
        })
    }

    fn someone_near(&mut self, key: &Id, now: Instant, world: &World) -> SocketAddrV4 {
        let population = world.population();
        let depth = population.depth_of(NEAR_KEY);
        let ranks = population.subtree(prefix_of(key), depth);
        let place = self.rng.below(ranks.len().max(1));
        let rank = ranks.start + u32::try_from(place).unwrap_or(0);
        let rank = rank.min(population.len().saturating_sub(1));
        population.contact(population.at(rank, now)).0
    }

    /// Asks for a token under an own address, or shows one that it has been
    /// given under a forged one.
    fn replay(&mut self) -> Option<Sent> {
        let Some((_, key, token)) = self.tokens.pop_front() else {
            return Some(self.ask_for_token());
        };
        let number = self.sent;
        let own = self.hosts.forged_id(number);
        let announce = Query::announce_peer(own, key, 6881, &token);
        let from = self.hosts.forged(number);
        Some(self.query(from, announce))
    }

    /// A get_peers query from the one source that all of these bear.
    fn reflected(&mut self) -> Option<Sent> {
        let swarms = self.keys.len().min(KNOWN_SWARMS);
        let key = *self.keys.get(self.rng.below(swarms.max(1)))?;
        let from = self.hosts.forged(0);
        let own = self.hosts.forged_id(0);
        let mut asked = self.query(from, Query::get_peers(own, key));
        // as short as it can be: the shorter, the more is gained
        let Ok(message) = Message::scan(&asked.payload) else {
            return None;
        };
        let shortest = Message {
            transaction_id: b"a",
            ..message
        };
        asked.payload = shortest.encode();
        Some(asked)
    }

    /// A get_peers query from an own address, for an infohash of its own.
    fn ask_for_token(&mut self) -> Sent {
        let number = self.sent;
        let persona = Persona {
            #[allow(clippy::cast_possible_truncation)] // below the number of hosts
            host: (number % u64::from(self.hosts.len().max(1))) as u32,
            key: None,
        };
        let own = self.hosts.id(persona, &self.keys);
        let key = self.hosts.forged_id(number);
        let from = self.hosts.addr(persona);
        self.query(from, Query::get_peers(own, key))
    }

    pub(super) fn announce(&mut self, persona: Persona, key: Id, token: &[u8]) -> Sent {
        let own = self.hosts.id(persona, &self.keys);
        let from = self.hosts.addr(persona);
        self.query(from, Query::announce_peer(own, key, 6666, token))
    }

    /// A get query from an own address, for an item of its own that nobody has.
    fn ask_to_put(&mut self) -> Option<Sent> {
        #[allow(clippy::cast_possible_truncation)] // below the number of hosts
        let host = (self.sent % u64::from(self.hosts.len().max(1))) as u32;
        let persona = Persona { host, key: None };
        let own = self.hosts.id(persona, &self.keys);
        let from = self.hosts.addr(persona);
        #[allow(clippy::cast_possible_truncation)] // as its transaction ID
        let item = item(self.sent as u32)?;
        Some(self.query(from, Query::get(own, item.target())))
    }

    /// The item that was asked about in the query of this number.
    pub(super) fn put(&mut self, persona: Persona, number: u32, token: &[u8]) -> Option<Sent> {
        let item = item(number)?;
        let own = self.hosts.id(persona, &self.keys);
        let from = self.hosts.addr(persona);
        Some(self.query(from, Query::put(own, item.fields(), token)))
    }

    /// A response that names nodes and peers.
    pub(super) fn response(
        own: Id,
        transaction_id: &[u8],
        nodes: &[u8],
        peers: Option<&[std::net::SocketAddr]>,
    ) -> Vec<u8> {
        let response = Response {
            token: peers.map(|_| b"hostile".as_slice()),
            nodes: Some(Nodes::new(Family::V4, nodes)),
            values: peers
                .filter(|peers| !peers.is_empty())
                .map(Values::from_peers),
            ..Response::new(own)
        };
        Message::new(transaction_id, Body::Response(response)).encode()
    }
}
