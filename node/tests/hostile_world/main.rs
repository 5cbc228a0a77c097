//! Datagrams that lie about who sent them, tables that are to be flooded,
//! stores that are to be filled: one row each.

#![allow(clippy::unwrap_used)] // a panic fails the test

mod senders;
mod stores;
mod tables;

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use mdht_krpc::{
    Body, Contact, ErrorReply, Family, Id, Instant, Message, Method, Nodes, Query, Response, Rng,
    Values,
};
use mdht_node::core::{Config, Core, Event, SocketId, Transmit};
use mdht_plugins::Registry;
use mdht_plugins::lookup::Goal;
use mdht_plugins::routing::Standing;

const KEY: Id = Id::new([0x55; 20]);

/// A node on public addresses of both families, with the defaults of one that
/// runs on the Internet, but no rate limit: floods come through.
struct Public {
    core: Core,
    now: Instant,
}

impl Public {
    fn new(routing: &str) -> Self {
        let registry = Registry::builtin().live();
        let (routing, lookup) = (registry.routing(routing), registry.lookup("standard"));
        let sockets = ["0.0.0.0:6881", "[::]:6881"].map(|addr| addr.parse().unwrap());
        let mut config = Config::new(sockets.to_vec(), routing.unwrap(), lookup.unwrap());
        config.rate_limit = None;
        Self {
            core: Core::new(config, [1; 32], Instant::ZERO),
            now: Instant::ZERO,
        }
    }

    fn receive(&mut self, from: SocketAddr, bytes: &[u8]) -> Vec<Transmit> {
        let socket = SocketId(usize::from(from.is_ipv6()));
        self.core.handle_datagram(self.now, socket, from, bytes);
        self.sent()
    }

    fn sent(&mut self) -> Vec<Transmit> {
        std::iter::from_fn(|| self.core.poll_transmit()).collect()
    }

    fn query(&mut self, from: SocketAddr, id: Id) -> Vec<Transmit> {
        let query = Query::new(Method::Ping, id);
        self.receive(from, &Message::new(b"aa", Body::Query(query)).encode())
    }

    /// Answers a query as the node with this ID.
    fn answer(&mut self, asked: &Transmit, id: Id, response: &Response<'_>) -> Vec<Transmit> {
        let question = Message::scan(&asked.payload).unwrap();
        let response = Response {
            id: Some(id),
            ..response.clone()
        };
        let bytes = Message::new(question.transaction_id, Body::Response(response)).encode();
        self.receive(asked.to, &bytes)
    }

    fn later(&mut self, time: Duration) -> Vec<Transmit> {
        let mut sent = Vec::new();
        let end = self.now + time;
        while let Some(at) = self.core.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.core.handle_timeout(self.now);
            sent.extend(self.sent());
        }
        self.now = end;
        sent
    }

    /// Lives for so long among nodes that answer whatever they are asked.
    fn live_among(&mut self, nodes: &[Contact], mut asked: Vec<Transmit>, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            let mut next = Vec::new();
            for asked in asked {
                let message = Message::scan(&asked.payload).unwrap();
                let is_query = matches!(message.body, Body::Query(_));
                let node = nodes.iter().find(|node| node.addr == asked.to && is_query);
                if let Some(node) = node {
                    next.extend(self.answer(&asked, node.id, &Response::default()));
                }
            }
            next.extend(self.later(Duration::from_millis(500)));
            asked = next;
        }
    }

    /// Contacts that are in the table and not merely waiting.
    fn held(&self) -> Vec<Contact> {
        let entries = Family::ALL.into_iter().flat_map(|f| self.core.table(f));
        let held = entries.filter(|entry| entry.standing != Standing::Waiting);
        held.map(|entry| entry.contact).collect()
    }

    /// Joins by one node, and gives back what asks for a key.
    fn look_up(&mut self) -> Transmit {
        let peer: SocketAddr = "8.8.8.8:6881".parse().unwrap();
        self.core.add_bootstrap(self.now, &[peer]);
        let asked = self.sent().remove(0);
        self.answer(&asked, Id::new([1; 20]), &Response::default());
        self.core.get_peers(self.now, KEY, Goal::Closest);
        let sent = self.sent();
        let get_peers = sent.into_iter().find(|transmit| {
            let message = Message::scan(&transmit.payload).unwrap();
            matches!(&message.body, Body::Query(q) if q.method == Method::GetPeers)
        });
        get_peers.unwrap()
    }
}

fn stranger(n: u32) -> SocketAddr {
    // one of each /24, all of them public
    let ip = Ipv4Addr::from(0x2000_0000_u32 + (n << 8) + 1);
    (ip, 6881).into()
}
