//! One core and raw datagrams: what must not get in, and what is answered.

#![allow(clippy::unwrap_used)] // a panic fails the test

mod answers;
mod anything;
mod queries;
#[path = "../world/mod.rs"]
mod world;

use std::net::SocketAddr;
use std::time::Duration;

use mdht_krpc::{
    Body, Contact, Family, Id, Instant, Message, Method, Nodes, Query, Response, Rng, error_code,
};
use mdht_node::core::{AnnouncePort, Config, Core, Event, SocketId, Transmit};
use mdht_plugins::lookup::Goal;
use proptest::prelude::*;
use world::{addr, config};

const SOCKET: SocketId = SocketId(0);
const KEY: Id = Id::new([0x55; 20]);

fn id(n: u8) -> Id {
    Id::new([n; 20])
}

/// A node, the time, and what it says.
struct Bench {
    core: Core,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        Self::with(config(0, "bep5", "standard"))
    }

    fn with(config: Config) -> Self {
        Self {
            core: Core::new(config, [1; 32], Instant::ZERO),
            now: Instant::ZERO,
        }
    }

    fn later(&mut self, time: Duration) {
        self.now += time;
        self.core.handle_timeout(self.now);
    }

    fn receive(&mut self, from: SocketAddr, bytes: &[u8]) -> Vec<Transmit> {
        self.core.handle_datagram(self.now, SOCKET, from, bytes);
        self.sent()
    }

    fn sent(&mut self) -> Vec<Transmit> {
        std::iter::from_fn(|| self.core.poll_transmit()).collect()
    }

    fn query(&mut self, from: SocketAddr, query: Query<'_>) -> Vec<Transmit> {
        let bytes = Message::new(b"aa", Body::Query(query)).encode();
        let sent = self.receive(from, &bytes);
        sent.into_iter()
            .filter(|transmit| is_answer(&transmit.payload))
            .collect()
    }

    /// The token that `from` is given for the key.
    fn token(&mut self, from: SocketAddr) -> Vec<u8> {
        let answer = self
            .query(from, Query::get_peers(id(9), KEY))
            .remove(0)
            .payload;
        response(&answer).token.unwrap().to_vec()
    }

    fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.core.poll_event()).collect()
    }

    /// Joins by one node and returns the address and what is asked of it next.
    fn join(&mut self) -> (SocketAddr, Vec<Transmit>) {
        let peer = addr(1);
        self.core.add_bootstrap(self.now, &[peer]);
        let asked = self.sent().remove(0);
        self.answer(&asked, id(1), &Response::default());
        let next = self.sent();
        (peer, next)
    }

    /// Answers a query as the node with this ID.
    fn answer(&mut self, asked: &Transmit, own: Id, response: &Response<'_>) {
        let question = Message::scan(&asked.payload).unwrap();
        let response = Response {
            id: Some(own),
            ..response.clone()
        };
        let bytes = Message::new(question.transaction_id, Body::Response(response)).encode();
        self.core
            .handle_datagram(self.now, SOCKET, asked.to, &bytes);
    }
}

fn is_answer(payload: &[u8]) -> bool {
    !matches!(Message::scan(payload).unwrap().body, Body::Query(_))
}

fn response(payload: &[u8]) -> Response<'_> {
    match Message::decode_strict(payload).unwrap().body {
        Body::Response(response) => response,
        other => panic!("{other:?}"),
    }
}

fn error_of(sent: &[Transmit]) -> i64 {
    match Message::decode_strict(&sent[0].payload).unwrap().body {
        Body::Error(error) => error.code,
        other => panic!("{other:?}"),
    }
}
