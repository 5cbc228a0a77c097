//! The nodes around, and how honest ones answer.

use std::net::SocketAddr;
use std::time::Duration;

use mdht_krpc::{Body, Contact, Family, Id, Message, Nodes, Response, Rng, Values};

use super::world::addr;
use super::{HONEST, LIARS, PEER};

/// What a node answers, and after how long; nothing is silence.
pub(super) type Answer = Option<(Duration, Vec<u8>)>;
/// Contacts that nobody has named before, ever closer to the target.
pub(super) struct Fresh {
    pub(super) next: usize,
    pub(super) rng: Rng,
}

impl Fresh {
    pub(super) fn closer(&mut self, count: usize) -> Vec<Contact> {
        let more = self.next..self.next + count;
        self.next += count;
        more.map(|n| {
            let mut id = [0; 20];
            let left = (u32::MAX - u32::try_from(n).unwrap()).to_be_bytes();
            id[4..8].copy_from_slice(&left);
            Contact::new(Id::new(id), addr(n))
        })
        .collect()
    }
}

fn honest_id(n: usize) -> Id {
    let mut id = [0x11; 20];
    id[0] = u8::try_from(n * 255 / HONEST).unwrap().max(1);
    Id::new(id)
}

pub(super) fn honest_contact(n: usize) -> Contact {
    Contact::new(honest_id(n), addr(n))
}

pub(super) fn liar_contact(n: usize) -> Contact {
    let mut id = [0x22; 20];
    id[0] = 0x80;
    id[1] = u8::try_from(n % 256).unwrap();
    Contact::new(Id::new(id), addr(LIARS + n))
}

pub(super) fn response(
    message: &Message<'_>,
    id: Id,
    nodes: &[Contact],
    peers: &[SocketAddr],
) -> Vec<u8> {
    let mut bytes = Vec::new();
    nodes.iter().for_each(|node| Nodes::write(node, &mut bytes));
    let response = Response {
        id: Some(id),
        nodes: Some(Nodes::new(Family::V4, &bytes)),
        values: (!peers.is_empty()).then(|| Values::from_peers(peers)),
        token: Some(b"t"),
        ..Response::default()
    };
    Message::new(message.transaction_id, Body::Response(response)).encode()
}

/// The three honest nodes closest to the target hold a peer; each names its
/// eight neighbours toward the target.
pub(super) fn honest(message: &Message<'_>, n: usize) -> Answer {
    let nodes: Vec<_> = (n.saturating_sub(8).max(1)..n)
        .map(honest_contact)
        .collect();
    let peers = [PEER.parse().unwrap()];
    let peers = if n <= 3 { &peers[..] } else { &[] };
    let bytes = response(message, honest_id(n), &nodes, peers);
    Some((Duration::from_millis(50), bytes))
}
