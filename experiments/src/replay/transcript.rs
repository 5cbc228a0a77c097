//! Messages of the captured node, as what they mean to a replay.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use mdht_krpc::{Body, Id, Instant, Message, Method, Query, Response};
use mdht_profiler::{Direction, LATE_LIMIT, Observed};
use serde::Serialize;

use super::evidence::Evidence;

/// Something to be replayed.
#[derive(Clone, Debug)]
pub(super) enum Happening {
    /// The captured node received a query.
    Queried { from: SocketAddr, query: Vec<u8> },
    /// It sent one.
    Asked {
        to: SocketAddr,
        exchange: u64,
        /// ping or find_node: its own policy at work, not its user.
        is_upkeep: bool,
    },
    /// It received the answer, a response or an error.
    Answered {
        from: SocketAddr,
        exchange: u64,
        answer: Vec<u8>,
    },
}

/// What the captured node sent and received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Traffic {
    /// Queries it received.
    pub queries_received: u64,
    /// Queries it sent.
    pub queries_sent: u64,
    /// Those of them that were answered within a minute.
    pub answered: u64,
    /// Responses and errors it received that answer none of its queries, or
    /// one that was answered before: not replayed.
    pub strays: u64,
    /// Messages it sent under a node ID other than the first one seen.
    pub under_other_ids: u64,
}

/// Matches answers with queries, and takes note of what both show.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    open: BTreeMap<Key, u64>,
    /// Open exchanges, oldest first.
    order: VecDeque<(Instant, Key, u64)>,
    exchanges: u64,
    pub(super) own_id: Option<Id>,
    pub(super) traffic: Traffic,
}

/// Remote address and transaction ID.
type Key = (SocketAddr, Vec<u8>);

impl Transcript {
    /// What `observed`, of the moment `at`, is to a replay. What it shows of
    /// its sender goes into `evidence`.
    pub(super) fn take(
        &mut self,
        at: Instant,
        observed: &Observed<'_>,
        evidence: &mut Evidence,
    ) -> Option<Happening> {
        self.close_old(at);
        let (message, remote) = (observed.message, observed.remote);
        match (observed.direction, &message.body) {
            (Direction::Received, Body::Query(query)) => {
                self.traffic.queries_received += 1;
                evidence.queried(at, remote, query.id);
                let query = message.encode();
                Some(Happening::Queried {
                    from: remote,
                    query,
                })
            }
            (Direction::Sent, Body::Query(query)) => {
                self.note_own_id(query.id);
                Some(self.ask(at, observed, query, evidence))
            }
            (Direction::Sent, Body::Response(response)) => {
                self.note_own_id(response.id);
                None
            }
            (Direction::Received, Body::Response(response)) => {
                name_contacts(response, evidence);
                self.answer(at, remote, message, response.id, evidence)
            }
            (Direction::Received, Body::Error(_)) => {
                self.answer(at, remote, message, None, evidence)
            }
            (Direction::Sent, Body::Error(_)) => None,
        }
    }

    fn ask(
        &mut self,
        at: Instant,
        observed: &Observed<'_>,
        query: &Query<'_>,
        evidence: &mut Evidence,
    ) -> Happening {
        self.traffic.queries_sent += 1;
        self.exchanges += 1;
        let (to, exchange) = (observed.remote, self.exchanges);
        let key = (to, observed.message.transaction_id.to_vec());
        self.open.insert(key.clone(), exchange);
        self.order.push_back((at, key, exchange));
        evidence.asked(at, to, exchange);
        Happening::Asked {
            to,
            exchange,
            is_upkeep: matches!(query.method, Method::Ping | Method::FindNode),
        }
    }

    fn answer(
        &mut self,
        at: Instant,
        from: SocketAddr,
        message: &Message<'_>,
        id: Option<Id>,
        evidence: &mut Evidence,
    ) -> Option<Happening> {
        let key = (from, message.transaction_id.to_vec());
        let Some(exchange) = self.open.remove(&key) else {
            self.traffic.strays += 1;
            return None;
        };
        self.traffic.answered += 1;
        evidence.answered(at, from, exchange, id);
        let answer = message.encode();
        Some(Happening::Answered {
            from,
            exchange,
            answer,
        })
    }

    /// Gives up what is unanswered for longer than the profiler waits.
    fn close_old(&mut self, now: Instant) {
        while let Some((at, key, exchange)) = self.order.front()
            && now.since(*at) > LATE_LIMIT
        {
            if self.open.get(key) == Some(exchange) {
                self.open.remove(key);
            }
            self.order.pop_front();
        }
    }

    fn note_own_id(&mut self, id: Option<Id>) {
        match (self.own_id, id) {
            (None, seen) => self.own_id = seen,
            (Some(known), Some(seen)) if known != seen => self.traffic.under_other_ids += 1,
            _ => {}
        }
    }
}

fn name_contacts(response: &Response<'_>, evidence: &mut Evidence) {
    for nodes in [response.nodes, response.nodes6].into_iter().flatten() {
        for contact in nodes.iter() {
            evidence.name(contact.addr, Some(contact.id));
        }
    }
}
