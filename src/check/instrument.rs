//! What answers on the own sockets: nothing, a stub, or real nodes.

use std::collections::VecDeque;
use std::net::SocketAddr;

use mdht_krpc::{Id, Instant};

use super::responder;

/// The instrumented nodes of a station.
pub(super) enum Instrument {
    /// Nobody answers: only whom the user named is asked.
    Silent,
    /// Each query is answered with "here I am, and know nobody".
    Stub(Stub),
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
        _now: Instant,
        _identity: u16,
        from: SocketAddr,
        payload: &[u8],
    ) {
        match self {
            Self::Silent => {}
            Self::Stub(stub) => stub.handle_datagram(from, payload),
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
        }
    }

    pub(super) fn handle_timeout(&mut self, _now: Instant) {}

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}
