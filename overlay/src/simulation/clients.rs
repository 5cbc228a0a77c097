//! Clients outside: full nodes that something else than the simulation drives.

use std::net::SocketAddrV4;

use mdht_krpc::{Id, Instant};
use mdht_node::core::SocketId;

use super::inhabitant::Inhabitant;
use super::{FullNode, NodeIndex, Occurrence, Simulation};

/// A datagram that has reached a client outside.
#[derive(Debug)]
pub(crate) struct Received {
    /// When.
    pub(crate) at: Instant,
    pub(crate) client: NodeIndex,
    pub(crate) from: SocketAddrV4,
    pub(crate) payload: Vec<u8>,
}

impl Simulation {
    /// Adds a client outside, open and in a laboratory, as nodes under test
    /// are.
    pub(crate) fn add_client(&mut self, addr: SocketAddrV4) -> NodeIndex {
        let index = self.next_index();
        let node = FullNode::client(addr, self.links.draws_of(index.0.into()));
        self.by_addr.insert(addr, index);
        self.nodes.push(node);
        self.wheel
            .push(self.now, Occurrence::Stranger(index, false));
        index
    }

    /// A client sends a datagram, in which it gave this as its ID.
    pub(crate) fn client_sends(
        &mut self,
        client: NodeIndex,
        id: Option<Id>,
        to: SocketAddrV4,
        payload: &[u8],
    ) {
        let known = &mut self.nodes[client.place()].core;
        if let (Inhabitant::Client(known), Some(_)) = (known, id) {
            *known = id;
        }
        self.inject(client, SocketId(0), to, payload);
    }

    /// The next datagram that has reached a client; `give_back` its payload.
    pub(crate) fn take_received(&mut self) -> Option<Received> {
        self.received.pop_front()
    }

    /// Takes back the memory of a payload.
    pub(crate) fn give_back(&mut self, payload: Vec<u8>) {
        self.keep_spare(payload);
    }

    /// When something happens next.
    pub(crate) fn next_due(&mut self) -> Option<Instant> {
        self.wheel.peek()
    }

    /// Hands a datagram to a client; gives it back if it is for a core.
    pub(super) fn hand_over(
        &mut self,
        node: NodeIndex,
        from: SocketAddrV4,
        payload: Vec<u8>,
    ) -> Option<Vec<u8>> {
        if self.nodes[node.place()].core.as_core().is_some() {
            return Some(payload);
        }
        self.received.push_back(Received {
            at: self.now,
            client: node,
            from,
            payload,
        });
        None
    }
}
