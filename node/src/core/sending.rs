//! Sending: queries with a transaction, answers without.

use std::net::SocketAddr;
use std::time::Duration;

use mdht_krpc::{Body, Contact, Family, Id, Message, Query};

use super::postponed::Sent;
use super::timers::Timer;
use super::transactions::{Purpose, Transaction, TransactionId};
use super::{Core, SocketId, Transmit};

/// Where a query goes, why, and how long its answer is waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Destination {
    pub(crate) to: SocketAddr,
    pub(crate) expected_id: Option<Id>,
    pub(crate) purpose: Purpose,
    pub(crate) soft: Option<Duration>,
    pub(crate) hard: Duration,
}

impl Destination {
    /// Whom the query is for, as far as it is known.
    pub(crate) fn contact(&self) -> Contact {
        Contact::new(self.expected_id.unwrap_or_default(), self.to)
    }
}

impl Core {
    /// Sends a query by the main socket of the destination's family, if there
    /// is one, now or when the node's budget allows.
    pub(crate) fn send_query(&mut self, destination: &Destination, query: Query<'_>) -> Sent {
        let socket = self.main_socket(Family::of(&destination.to));
        match socket {
            Some(socket) => self.send_query_by(socket, destination, query),
            None => {
                self.stats.dropped += 1;
                Sent::Not
            }
        }
    }

    pub(crate) fn send_query_by(
        &mut self,
        socket: SocketId,
        destination: &Destination,
        mut query: Query<'_>,
    ) -> Sent {
        if self.transactions.is_full() {
            self.stats.dropped += 1;
            return self.give_up(destination);
        }
        query.id = self.id_at(socket, Family::of(&destination.to));
        let id = self.transactions.fresh_id(&mut self.rng);
        let method = query.method;
        let message = Message {
            version: self.config.version.as_ref().map(<[u8; 4]>::as_slice),
            read_only: self.is_read_only(Family::of(&destination.to)),
            ..Message::new(&id, Body::Query(query))
        };
        let mut payload = self.spare.payload();
        message.encode_into(&mut payload);
        if let Err(until) = self.may_query(destination, payload.len()) {
            return self.postpone((id, socket), destination, payload, until);
        }
        self.open_transaction_as(id, socket, destination);
        self.stats.queries_sent.count(&method);
        self.transmit(socket, destination.to, payload);
        Sent::Now
    }

    /// A transaction and its timers, without a datagram.
    pub(crate) fn open_transaction(
        &mut self,
        socket: SocketId,
        destination: &Destination,
    ) -> Option<TransactionId> {
        if self.transactions.is_full() {
            self.stats.dropped += 1;
            return None;
        }
        let id = self.transactions.fresh_id(&mut self.rng);
        self.open_transaction_as(id, socket, destination);
        Some(id)
    }

    pub(crate) fn open_transaction_as(
        &mut self,
        id: TransactionId,
        socket: SocketId,
        destination: &Destination,
    ) {
        let Destination {
            to,
            expected_id,
            purpose,
            soft,
            hard,
        } = *destination;
        let soft = soft.filter(|soft| *soft < hard);
        let soft = soft.map(|soft| self.timers.set(self.now + soft, Timer::Soft(id)));
        let hard = self.timers.set(self.now + hard, Timer::Hard(id));
        let sent = self.now;
        let transaction = Transaction {
            socket,
            to,
            expected_id,
            sent,
            purpose,
            soft,
            hard,
        };
        self.transactions.insert(id, transaction);
    }

    /// Sends an answer by the socket that the query came in by, as far as limits
    /// allow: see [`amplification`](super::amplification).
    pub(crate) fn send_answer(&mut self, socket: SocketId, to: SocketAddr, message: &Message<'_>) {
        let Some(payload) = self.fit_answer(to, message) else {
            return;
        };
        if !self.may_answer(to, payload.len()) {
            self.stats.answers_unsent += 1;
            return;
        }
        match message.body {
            Body::Error(_) => self.stats.errors_sent += 1,
            _ => self.stats.responses_sent += 1,
        }
        self.transmit(socket, to, payload);
    }

    pub(crate) fn main_socket(&self, family: Family) -> Option<SocketId> {
        self.overlay_ref(family).map(|overlay| overlay.sockets[0])
    }

    pub(crate) fn transmit(&mut self, socket: SocketId, to: SocketAddr, payload: Vec<u8>) {
        if self.transmits.len() >= Self::MOST_WAITING {
            self.stats.dropped += 1;
            return;
        }
        self.stats.bytes_sent += payload.len() as u64;
        self.note_sent(to);
        self.transmits.push_back(Transmit {
            socket,
            to,
            payload,
        });
    }
}
