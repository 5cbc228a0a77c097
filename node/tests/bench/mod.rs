//! One core and raw datagrams from anywhere.

#![allow(dead_code, unreachable_pub)] // each test file uses its part
#![allow(clippy::unwrap_used)] // a panic fails the test

use std::net::SocketAddr;
use std::time::Duration;

use mdht_krpc::{Body, Id, Instant, Message, Query, Response};
use mdht_node::core::{Config, Core, Event, SocketId, Transmit};
use mdht_plugins::Registry;

pub fn id(n: u8) -> Id {
    Id::new([n; 20])
}

/// A node that is bound to these addresses.
pub fn config(sockets: &[&str]) -> Config {
    let registry = Registry::builtin();
    let sockets = sockets.iter().map(|addr| addr.parse().unwrap()).collect();
    let routing = registry.routing("bep5").unwrap();
    Config {
        rate_limit: None,
        ..Config::new(sockets, routing, registry.lookup("standard").unwrap())
    }
}

pub struct Bench {
    pub core: Core,
    pub now: Instant,
}

impl Bench {
    pub fn new(config: Config) -> Self {
        Self {
            core: Core::new(config, [1; 32], Instant::ZERO),
            now: Instant::ZERO,
        }
    }

    pub fn later(&mut self, time: Duration) {
        self.now += time;
        self.core.handle_timeout(self.now);
    }

    pub fn sent(&mut self) -> Vec<Transmit> {
        std::iter::from_fn(|| self.core.poll_transmit()).collect()
    }

    pub fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.core.poll_event()).collect()
    }

    /// Hands a query in and returns what is answered to it, bytes as sent.
    pub fn ask(&mut self, socket: usize, from: &str, query: Query<'_>) -> Vec<u8> {
        let from: SocketAddr = from.parse().unwrap();
        let bytes = Message::new(b"aa", Body::Query(query)).encode();
        let socket = SocketId(socket);
        self.core.handle_datagram(self.now, socket, from, &bytes);
        let sent = self.sent();
        let mut answers = sent
            .into_iter()
            .filter(|sent| sent.payload.ends_with(b"1:t2:aa1:v4:MD\x00\x011:y1:re"));
        let answer = answers.next().unwrap();
        assert_eq!((answer.to, answer.socket), (from, socket));
        answer.payload
    }

    /// Announces a peer; the token is asked for before.
    pub fn announce(&mut self, from: &str, info_hash: Id, port: u16, seed: bool) {
        let bytes = self.ask(0, from, Query::get_peers(id(9), info_hash));
        let token = response(&bytes).token.unwrap().to_vec();
        let query = Query {
            seed,
            ..Query::announce_peer(id(9), info_hash, port, &token)
        };
        self.ask(0, from, query);
    }
}

/// The response in a datagram, which must be canonical.
pub fn response(payload: &[u8]) -> Response<'_> {
    match Message::decode_strict(payload).unwrap().body {
        Body::Response(response) => response,
        other => panic!("{other:?}"),
    }
}

/// The query in a datagram.
pub fn query(payload: &[u8]) -> Query<'_> {
    match Message::decode_strict(payload).unwrap().body {
        Body::Query(query) => query,
        other => panic!("{other:?}"),
    }
}
