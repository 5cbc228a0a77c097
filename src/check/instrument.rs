//! What answers on the own sockets: nothing, a stub, or real nodes.

use std::collections::VecDeque;
use std::net::SocketAddr;

use mdht_krpc::{Family, Id, Instant};
use mdht_node::core::{Core, Event, SocketId};

use super::responder;

/// The instrumented nodes of a station.
pub(super) enum Instrument {
    /// Nobody answers: only whom the user named is asked.
    Silent,
    /// Each query is answered with "here I am, and know nobody".
    Stub(Stub),
    /// Nodes of the DHT, one for each identity.
    Nodes(Vec<Core>),
}

/// Answers without a node behind them.
pub(super) struct Stub {
    id: Id,
    waiting: VecDeque<(SocketAddr, Vec<u8>)>,
}

impl Stub {
    /// Answers that may wait to be sent; more are dropped.
    const MOST_WAITING: usize = 256;

    pub(super) fn new(id: Id) -> Self {
        Self {
            id,
            waiting: VecDeque::new(),
        }
    }

    fn handle_datagram(&mut self, from: SocketAddr, payload: &[u8]) {
        let mut answer = Vec::new();
        if self.waiting.len() < Self::MOST_WAITING
            && responder::answer(self.id, &from, payload, &mut answer)
        {
            self.waiting.push_back((from, answer));
        }
    }
}

impl Instrument {
    /// Takes a datagram that came to the own socket of `identity` and was no
    /// answer to a probe.
    pub(super) fn handle_datagram(
        &mut self,
        now: Instant,
        identity: u16,
        from: SocketAddr,
        payload: &[u8],
    ) {
        match self {
            Self::Silent => {}
            Self::Stub(stub) => stub.handle_datagram(from, payload),
            Self::Nodes(nodes) => {
                if let Some(node) = nodes.get_mut(usize::from(identity)) {
                    node.handle_datagram(now, SocketId(0), from, payload);
                }
            }
        }
    }

    /// Puts the next datagram into `out`; whose it is and where it goes.
    pub(super) fn poll_transmit(&mut self, out: &mut Vec<u8>) -> Option<(u16, SocketAddr)> {
        match self {
            Self::Silent => None,
            Self::Stub(stub) => {
                let (to, payload) = stub.waiting.pop_front()?;
                *out = payload;
                Some((0, to))
            }
            Self::Nodes(nodes) => {
                let mut all = nodes.iter_mut().zip(0..);
                all.find_map(|(node, identity)| {
                    let transmit = node.poll_transmit()?;
                    *out = transmit.payload;
                    Some((identity, transmit.to))
                })
            }
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        for node in self.nodes() {
            node.handle_timeout(now);
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Nodes(nodes) => nodes.iter().filter_map(Core::poll_timeout).min(),
            _ => None,
        }
    }

    /// What the nodes have to tell; whether one asks for bootstrap addresses.
    pub(super) fn needs_bootstrap(&mut self) -> bool {
        let mut needs = false;
        for node in self.nodes() {
            while let Some(event) = node.poll_event() {
                needs |= matches!(event, Event::NeedBootstrap);
            }
        }
        needs
    }

    /// Hands bootstrap addresses to every node.
    pub(super) fn add_bootstrap(&mut self, now: Instant, addrs: &[SocketAddr]) {
        for node in self.nodes() {
            node.add_bootstrap(now, addrs);
        }
    }

    /// How many of how many nodes are part of the DHT.
    pub(super) fn joined(&self) -> (usize, usize) {
        match self {
            Self::Nodes(nodes) => {
                let joined = |node: &&Core| Family::ALL.iter().any(|f| node.is_joined(*f));
                (nodes.iter().filter(joined).count(), nodes.len())
            }
            _ => (0, 0),
        }
    }

    fn nodes(&mut self) -> &mut [Core] {
        match self {
            Self::Nodes(nodes) => nodes,
            _ => &mut [],
        }
    }
}
