//! Sending: queries with a transaction, answers without.

use std::net::SocketAddr;
use std::time::Duration;

use mdht_krpc::{Body, Family, Id, Message, Query};

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

impl Core {
    /// Sends a query by the main socket of the destination's family. False,
    /// and counted, if there is no such socket or too much is in flight.
    pub(crate) fn send_query(&mut self, destination: &Destination, query: Query<'_>) -> bool {
        let socket = self.main_socket(Family::of(&destination.to));
        match socket {
            Some(socket) => self.send_query_by(socket, destination, query),
            None => {
                self.stats.dropped += 1;
                false
            }
        }
    }

    pub(crate) fn send_query_by(
        &mut self,
        socket: SocketId,
        destination: &Destination,
        mut query: Query<'_>,
    ) -> bool {
        query.id = self.id_at(socket, Family::of(&destination.to));
        let Some(id) = self.open_transaction(socket, destination) else {
            return false;
        };
        self.stats.queries_sent.count(&query.method);
        let message = Message {
            version: self.config.version.as_ref().map(<[u8; 4]>::as_slice),
            read_only: self.config.read_only,
            ..Message::new(&id, Body::Query(query))
        };
        self.transmit(socket, destination.to, message.encode());
        true
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
        let Destination {
            to,
            expected_id,
            purpose,
            soft,
            hard,
        } = *destination;
        let id = self.transactions.fresh_id(&mut self.rng);
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
        Some(id)
    }

    /// Sends an answer by the socket that the query came in by.
    pub(crate) fn send_answer(&mut self, socket: SocketId, to: SocketAddr, message: &Message<'_>) {
        match message.body {
            Body::Error(_) => self.stats.errors_sent += 1,
            _ => self.stats.responses_sent += 1,
        }
        self.transmit(socket, to, message.encode());
    }

    pub(crate) fn main_socket(&self, family: Family) -> Option<SocketId> {
        self.overlay_ref(family).map(|overlay| overlay.sockets[0])
    }

    fn transmit(&mut self, socket: SocketId, to: SocketAddr, payload: Vec<u8>) {
        if self.transmits.len() >= Self::MOST_WAITING {
            self.stats.dropped += 1;
            return;
        }
        self.stats.bytes_sent += payload.len() as u64;
        self.transmits.push_back(Transmit {
            socket,
            to,
            payload,
        });
    }
}
