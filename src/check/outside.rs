//! Asking others where they see one of our sockets.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use mdht_krpc::{Body, Id, Instant, Message, Method, Query, Rng};
use mdht_node::{Clock, Socket};

use crate::output::Failure;

use super::station::bind_failure;

/// Largest UDP payload there is.
const MOST_PAYLOAD: usize = 65_536;

/// A socket that asks and listens.
pub(super) struct Voice {
    pub(super) socket: Socket,
    buffer: Vec<u8>,
    id: Id,
    rng: Rng,
}

/// What a node answered.
pub(super) struct Answer {
    pub(super) from: SocketAddr,
    /// Where it sees us, if it says.
    pub(super) sees: Option<SocketAddr>,
    /// Nodes that it knows.
    pub(super) nodes: Vec<SocketAddr>,
}

impl Voice {
    pub(super) fn bind(addr: SocketAddr, rng: &mut Rng) -> Result<Self, Failure> {
        let socket = Socket::bind(addr).map_err(|error| bind_failure(addr, &error))?;
        Ok(Self {
            socket,
            buffer: vec![0; MOST_PAYLOAD],
            id: Id::random(rng),
            rng: rng.child(),
        })
    }

    /// Asks all of `nodes` at once; the answers that come within `patience`.
    pub(super) async fn ask(
        &mut self,
        clock: &Clock,
        nodes: &[SocketAddr],
        patience: Duration,
    ) -> Vec<Answer> {
        let mut pending = BTreeMap::new();
        for node in nodes {
            let transaction = self.transaction();
            let query = Query::find_node(self.id, Id::random(&mut self.rng));
            // nobody need keep us: we are gone in a minute
            let message = Message {
                read_only: true,
                ..Message::new(&transaction, Body::Query(query))
            };
            if self.socket.send(&message.encode(), *node).await.is_ok() {
                pending.insert(transaction, *node);
            }
        }
        let until = clock.now() + patience;
        let mut answers = Vec::new();
        while !pending.is_empty() {
            let Some((from, len)) = self.receive(clock, until).await else {
                break;
            };
            let Ok(message) = Message::scan(&self.buffer[..len]) else {
                continue;
            };
            let Body::Response(response) = &message.body else {
                continue;
            };
            let Ok(transaction) = message.transaction_id.try_into() else {
                continue;
            };
            if pending.get::<[u8; 4]>(&transaction) != Some(&from) {
                continue;
            }
            pending.remove(&transaction);
            let v4 = response.nodes.iter().flat_map(|nodes| nodes.iter());
            let v6 = response.nodes6.iter().flat_map(|nodes| nodes.iter());
            answers.push(Answer {
                from,
                sees: message.external_addr,
                nodes: v4.chain(v6).map(|contact| contact.addr).collect(),
            });
        }
        answers
    }

    /// Sends something that [`Voice::hears`] knows again.
    pub(super) async fn call(&mut self, to: SocketAddr) -> io::Result<Vec<u8>> {
        let transaction = self.transaction();
        let query = Query::new(Method::Ping, self.id);
        let message = Message {
            read_only: true,
            ..Message::new(&transaction, Body::Query(query))
        };
        let call = message.encode();
        self.socket.send(&call, to).await?;
        Ok(call)
    }

    /// Of four bytes: the crate `mainline` answers no other.
    fn transaction(&mut self) -> [u8; 4] {
        let mut drawn = [0; 4];
        self.rng.fill(&mut drawn);
        drawn
    }

    /// Waits for a call; from where it came.
    pub(super) async fn hears(
        &mut self,
        clock: &Clock,
        call: &[u8],
        patience: Duration,
    ) -> Option<SocketAddr> {
        let until = clock.now() + patience;
        loop {
            let (from, len) = self.receive(clock, until).await?;
            if &self.buffer[..len] == call {
                return Some(from);
            }
        }
    }

    /// The next datagram, by its source and length; `None` at `until`.
    async fn receive(&mut self, clock: &Clock, until: Instant) -> Option<(SocketAddr, usize)> {
        loop {
            let left = until.since(clock.now());
            if left.is_zero() {
                return None;
            }
            match self.socket.try_receive(&mut self.buffer) {
                Ok(received) => return Some((received.from, received.len)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let readable = poll_fn(|cx| self.socket.poll_readable(cx));
                    // the end of waiting is looked at above
                    let _ = tokio::time::timeout(left, readable).await;
                }
                // an ICMP error for an earlier datagram: silence will tell
                Err(_) => {}
            }
        }
    }
}

/// Calls from one of our sockets to the other, up to three times: one packet
/// may be lost. From where the call was heard to come.
pub(super) async fn calls_through(
    clock: &Clock,
    (caller, to): (&mut Voice, SocketAddr),
    listener: &mut Voice,
    patience: Duration,
) -> Option<SocketAddr> {
    for _ in 0..3 {
        let call = caller.call(to).await.ok()?;
        if let Some(from) = listener.hears(clock, &call, patience).await {
            return Some(from);
        }
    }
    None
}
