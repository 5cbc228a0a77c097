//! What turned nodes of the world answer.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use mdht_krpc::{Body, Contact, Id, Message, Method, Nodes, Query};

use super::Kind;
use super::adversary::{Adversary, NAMED};
use crate::draws::unit;
use crate::population::Identity;
use crate::world::World;

/// How much later than others a slow node answers: mostly within the 2 s that
/// most clients wait.
const SLOWNESS: Duration = Duration::from_millis(1500);
/// Nodes in an answer that is far too long: 52 kB.
const THOUSANDS: u64 = 2000;

/// Addresses that nobody can be asked at, or must not be.
const MARTIANS: [(Ipv4Addr, u16); 8] = [
    (Ipv4Addr::new(10, 0, 0, 1), 6881),
    (Ipv4Addr::new(192, 168, 1, 1), 53),
    (Ipv4Addr::LOCALHOST, 6881),
    (Ipv4Addr::new(224, 0, 0, 1), 6881),
    (Ipv4Addr::BROADCAST, 6881),
    (Ipv4Addr::UNSPECIFIED, 6881),
    (Ipv4Addr::new(169, 254, 1, 1), 6881),
    (Ipv4Addr::new(8, 8, 8, 8), 0),
];

impl Adversary {
    /// Changes a modelled node's `reply`, if that is what the adversary makes
    /// of it; returns how much later it is sent, or `None` if not at all.
    pub(crate) fn tamper(
        &mut self,
        world: &World,
        by: Identity,
        from: SocketAddrV4,
        (transaction_id, query): (&[u8], &Query<'_>),
        reply: &mut Vec<u8>,
    ) -> Option<Duration> {
        if self.is_named() {
            if let Some(key) = query.key() {
                self.slip_in(world, by, &key, reply);
            }
            return Some(Duration::ZERO);
        }
        let is_turned = self.attack.is_by_turned_nodes()
            && unit(self.draws.draw(by.number(), 9)) < self.attack.strength;
        if !is_turned {
            return Some(Duration::ZERO);
        }
        match self.attack.kind {
            Kind::Silent => return None,
            Kind::Slow => return Some(SLOWNESS),
            Kind::Garbage => self.spoil(transaction_id, reply),
            _ => {
                let (addr, id) = world.population().contact(by);
                let own = Contact::new(id, addr.into());
                if let Some(changed) = self.misanswer(own, from, transaction_id, query, reply) {
                    *reply = changed;
                }
            }
        }
        Some(Duration::ZERO)
    }

    /// Another answer to a query that names nodes.
    fn misanswer(
        &mut self,
        own: Contact,
        from: SocketAddrV4,
        transaction_id: &[u8],
        query: &Query<'_>,
        honest: &[u8],
    ) -> Option<Vec<u8>> {
        let key = query.key()?;
        let asks_for_peers = query.method == Method::GetPeers;
        let mut nodes = Vec::new();
        let mut name = |id: Id, addr: SocketAddr| Nodes::write(&Contact::new(id, addr), &mut nodes);
        let mut peers = Vec::new();
        match self.attack.kind {
            Kind::Mirrors => (0..NAMED).for_each(|_| name(own.id, own.addr)),
            Kind::Asker => {
                name(query.id.unwrap_or_default(), from.into());
                (1..u64::from(NAMED)).for_each(|i| name(self.hosts.id_near(&key, i), from.into()));
            }
            Kind::Thousands | Kind::Phantoms => {
                let many = match self.attack.kind {
                    Kind::Thousands => THOUSANDS,
                    _ => NAMED.into(),
                };
                let first = self.rng.next_u64();
                for number in (0..many).map(|i| first.wrapping_add(i)) {
                    let addr = self.hosts.forged(number);
                    name(self.hosts.id_near(&key, number), addr.into());
                }
            }
            Kind::Martians => {
                let first = self.rng.next_u64();
                for (number, (ip, port)) in (0..).zip(MARTIANS) {
                    let addr = SocketAddr::from((ip, port));
                    name(self.hosts.id_near(&key, first.wrapping_add(number)), addr);
                    peers.push(addr);
                }
            }
            Kind::Liars if asks_for_peers => {
                peers.extend(self.false_peers());
                let message = Message::scan(honest).ok()?;
                let Body::Response(response) = message.body else {
                    return None;
                };
                let named = response.nodes.iter().flat_map(|nodes| nodes.iter());
                named.for_each(|contact| Nodes::write(&contact, &mut nodes));
            }
            _ => return None,
        }
        let peers = asks_for_peers.then_some(peers.as_slice());
        Some(Self::response(own.id, transaction_id, &nodes, peers))
    }

    /// Makes something else of an honest answer.
    fn spoil(&mut self, transaction_id: &[u8], reply: &mut Vec<u8>) {
        match self.rng.below(4) {
            0 => {
                reply.resize(1 + self.rng.below(400), 0);
                self.rng.fill(reply);
            }
            1 => reply.truncate(self.rng.below(reply.len().max(1))),
            2 => {
                // right in everything but the types of its arguments
                reply.clear();
                reply.extend_from_slice(b"d1:rd2:idi7e5:nodesl1:ae6:valuesd1:a1:bee1:t");
                reply.extend_from_slice(format!("{}:", transaction_id.len()).as_bytes());
                reply.extend_from_slice(transaction_id);
                reply.extend_from_slice(b"1:y1:re");
            }
            _ => {
                for _ in 0..1 + self.rng.below(8) {
                    let place = self.rng.below(reply.len().max(1));
                    if let Some(byte) = reply.get_mut(place) {
                        *byte ^= 1 << self.rng.below(8);
                    }
                }
            }
        }
    }
}
