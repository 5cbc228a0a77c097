//! Datagrams that lie about who sent them, tables that are to be flooded,
//! stores that are to be filled: one row each.

#![allow(clippy::unwrap_used)] // a panic fails the test

mod world;

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

const ODD_ADDRESSES: [&str; 24] = [
    "0.0.0.0:1",
    "0.1.2.3:1",
    "10.0.0.9:1",
    "100.64.0.1:1",
    "127.0.0.1:1",
    "169.254.1.1:1",
    "172.16.0.1:1",
    "192.0.2.1:1",
    "192.168.1.1:1",
    "198.18.0.1:1",
    "203.0.113.1:1",
    "224.0.0.1:1",
    "240.0.0.1:1",
    "255.255.255.255:1",
    "9.9.9.9:0",
    "[::]:1",
    "[::1]:1",
    "[::ffff:9.9.9.9]:1",
    "[fe80::1]:1",
    "[fc00::1]:1",
    "[ff02::1]:1",
    "[2001::1]:1",
    "[2002:909:909::1]:1",
    "[2001:db8::1]:1",
];

#[test]
fn addresses_that_cannot_be_are_neither_asked_nor_told_nor_answered() {
    for text in ODD_ADDRESSES {
        let odd: SocketAddr = text.parse().unwrap();
        let mut public = Public::new("nr128");
        let asked = public.look_up();
        let mut nodes = Vec::new();
        Nodes::write(&Contact::new(Id::new([0x54; 20]), odd), &mut nodes);
        let family = Family::of(&odd);
        let list = Nodes::new(family, &nodes);
        let response = Response {
            nodes: (family == Family::V4).then_some(list),
            nodes6: (family == Family::V6).then_some(list),
            values: Some(Values::from_peers(std::slice::from_ref(&odd))),
            ..Response::default()
        };
        let sent = public.answer(&asked, Id::new([1; 20]), &response);
        assert!(sent.iter().all(|transmit| transmit.to != odd), "{text}");
        let later = public.later(Duration::from_secs(600));
        assert!(later.iter().all(|transmit| transmit.to != odd), "{text}");
        let events = std::iter::from_fn(|| public.core.poll_event());
        let told = events.filter(|event| matches!(event, Event::Peer { .. }));
        assert_eq!(told.count(), 0, "{text}");
        assert!(public.query(odd, Id::new([9; 20])).is_empty(), "{text}");
        assert!(public.held().iter().all(|c| c.addr != odd), "{text}");
    }
}

/// A reflector, or somebody who took our ID: neither answered nor remembered.
#[test]
fn a_query_under_our_own_id_is_left_alone() {
    for routing in ["nr128", "bep5", "harvest:contacts=512"] {
        let mut public = Public::new(routing);
        let own = public.core.id(Family::V4).unwrap();
        assert!(public.query(stranger(1), own).is_empty(), "{routing}");
        assert!(public.core.table(Family::V4).is_empty(), "{routing}");
    }
}

#[test]
fn all_short_transaction_ids_are_guessed_in_vain() {
    let mut public = Public::new("nr128");
    public.core.add_bootstrap(public.now, &[stranger(1)]);
    let asked = public.sent().remove(0);
    let response = Response::new(Id::new([1; 20]));
    for guess in 0..=u16::MAX {
        let id = guess.to_be_bytes();
        let bytes = Message::new(&id, Body::Response(response.clone())).encode();
        public.receive(asked.to, &bytes);
    }
    assert_eq!(public.core.stats().unmatched, 65_536);
    assert!(!public.core.is_joined(Family::V4));
}

#[test]
fn a_hundred_thousand_spoofed_queries_put_nobody_into_the_table() {
    for routing in ["nr128", "nice", "checked"] {
        let mut public = Public::new(routing);
        let mut rng = Rng::from_u64(1);
        let mut asked = 0;
        for n in 0..100_000 {
            public.query(stranger(n), Id::random(&mut rng));
            if n % 1000 == 0 {
                asked += public.later(Duration::from_secs(6)).len();
            }
        }
        asked += public.later(Duration::from_secs(600)).len();
        assert_eq!(public.held(), [], "{routing}");
        // 20 minutes: nor is the node made to send by it
        assert!(asked < 1200, "{routing}: {asked} queries");
        assert!(public.core.table(Family::V4).len() < 2000, "{routing}");
    }
}

/// Each packet from one address under another ID.
#[test]
fn a_node_that_changes_its_id_in_each_packet_is_one_node() {
    let mut public = Public::new("nr128");
    let mut rng = Rng::from_u64(1);
    for _ in 0..10_000 {
        public.query(stranger(1), Id::random(&mut rng));
    }
    assert_eq!(public.core.table(Family::V4).len(), 1);
}

/// A node that knows twenty contacts, each of which has answered.
fn acquainted(routing: &str) -> (Public, Vec<Contact>) {
    let mut public = Public::new(routing);
    let mut rng = Rng::from_u64(5);
    let all: Vec<_> = (1..=20)
        .map(|n| Contact::new(Id::random(&mut rng), stranger(n)))
        .collect();
    for contact in &all {
        public
            .core
            .ping(public.now, contact.addr, Duration::from_secs(2));
    }
    let asked = public.sent();
    public.live_among(&all, asked, Duration::from_secs(600));
    assert!(
        public.held().len() > 10,
        "{routing}: {}",
        public.held().len()
    );
    (public, all)
}

#[test]
fn errors_and_answers_that_nobody_asked_for_flush_nothing() {
    for routing in ["nr128", "bep5", "harvest:contacts=512"] {
        let (mut public, all) = acquainted(routing);
        let before: BTreeSet<_> = public.held().into_iter().collect();
        for n in 0..1000_u16 {
            for contact in &all {
                let error = ErrorReply {
                    code: 202,
                    message: b"go away",
                };
                let tid = n.to_be_bytes();
                public.receive(
                    contact.addr,
                    &Message::new(&tid, Body::Error(error)).encode(),
                );
                // and under another ID
                let other = Response::new(Id::new([n.to_be_bytes()[1]; 20]));
                let bytes = Message::new(&tid, Body::Response(other)).encode();
                public.receive(contact.addr, &bytes);
            }
        }
        let after: BTreeSet<_> = public.held().into_iter().collect();
        assert_eq!(after, before, "{routing}");
    }
}

/// 8 to 256 nodes with IDs next to ours, that query, are named and answer: they
/// get the deepest buckets, and the contacts that were there stay.
#[test]
fn an_eclipse_from_many_networks_takes_no_contact_and_from_one_few_places() {
    for routing in ["nr128", "bep5"] {
        for count in [8_u32, 64, 256] {
            for one_network in [false, true] {
                let (mut public, all) = acquainted(routing);
                let before: BTreeSet<_> = public.held().into_iter().collect();
                let own = public.core.id(Family::V4).unwrap();
                let mut rng = Rng::from_u64(2);
                let liars: Vec<_> = (0..count)
                    .map(|n| {
                        let id = own.random_in_bucket(30 + (n % 60) as usize, &mut rng);
                        let addr = match one_network {
                            true => ([7, 7, 7, n.to_be_bytes()[3]], 6881).into(),
                            false => stranger(10_000 + n),
                        };
                        Contact::new(id, addr)
                    })
                    .collect();
                let everybody: Vec<_> = all.iter().chain(&liars).copied().collect();
                for _ in 0..5 {
                    let mut asked = Vec::new();
                    for liar in &liars {
                        asked.extend(public.query(liar.addr, liar.id));
                        public
                            .core
                            .ping(public.now, liar.addr, Duration::from_secs(2));
                        asked.extend(public.sent());
                    }
                    public.live_among(&everybody, asked, Duration::from_secs(120));
                }
                let after: BTreeSet<_> = public.held().into_iter().collect();
                let told = format!("{routing}, {count}, one network: {one_network}");
                assert!(before.is_subset(&after), "{told}");
                if one_network {
                    assert!(after.len() <= before.len() + 4, "{told}: {}", after.len());
                }
            }
        }
    }
}

#[test]
fn a_million_infohashes_and_a_million_peers_take_bounded_room() {
    let mut public = Public::new("nr128");
    let popular = Id::new([1; 20]);
    for n in 0..1_000_000_u32 {
        let now = Instant::from_micros(n.into());
        let mut id = [2; 20];
        id[..4].copy_from_slice(&n.to_be_bytes());
        public
            .core
            .hold_peer(now, Id::new(id), stranger(n % 65_536));
        public.core.hold_peer(now, popular, stranger(n % 65_536));
        if n % 100_000 == 0 {
            let (swarms, peers) = public.core.stored_peers();
            assert!(swarms <= 2000 && peers <= 2000 + 500, "{swarms} {peers}");
        }
    }
    // the one that is announced to all the time is still there, with the latest
    let bytes = Query::get_peers(Id::new([9; 20]), popular);
    let bytes = Message::new(b"aa", Body::Query(bytes)).encode();
    let answer = public.receive(stranger(70_000), &bytes);
    let Body::Response(response) = Message::scan(&answer[0].payload).unwrap().body else {
        panic!("no response");
    };
    assert_eq!(response.values.unwrap().iter().count(), 50);
}

/// The address that announces is the one stored, whatever else it says.
#[test]
fn nobody_is_announced_by_another() {
    let mut public = Public::new("nr128");
    let (from, victim) = (stranger(1), stranger(2));
    let get = Message::new(b"aa", Body::Query(Query::get_peers(Id::new([9; 20]), KEY)));
    let answer = public.receive(from, &get.encode()).remove(0);
    let Body::Response(response) = Message::scan(&answer.payload).unwrap().body else {
        panic!("no response");
    };
    let token = response.token.unwrap();
    let announce = Query::announce_peer(Id::new([9; 20]), KEY, 1, token);
    let bytes = Message::new(b"aa", Body::Query(announce)).encode();
    public.receive(victim, &bytes);
    assert_eq!(public.core.stored_peers(), (0, 0), "another's token");
    // with `ip` of the victim's beside it
    let mut named = Message::scan(&bytes).unwrap();
    named.external_addr = Some(victim);
    public.receive(from, &named.encode());
    let answer = public.receive(stranger(3), &get.encode()).remove(0);
    let Body::Response(response) = Message::scan(&answer.payload).unwrap().body else {
        panic!("no response");
    };
    let peers: Vec<_> = response.values.unwrap().iter().collect();
    assert_eq!(peers, [SocketAddr::new(from.ip(), 1)]);
}

#[test]
fn a_clock_that_jumps_by_a_day_breaks_nothing() {
    const DAY: u64 = 86_400_000_000;
    let (mut public, all) = acquainted("nr128");
    let now = public.now.as_micros();
    let held = public.held().len();
    for at in [now + DAY, now, now + DAY, 0, now + 2 * DAY, now + DAY] {
        public.core.handle_timeout(Instant::from_micros(at));
        public.sent();
        let ping = Message::new(b"aa", Body::Query(Query::new(Method::Ping, all[0].id)));
        let at = Instant::from_micros(at);
        public
            .core
            .handle_datagram(at, SocketId(0), all[0].addr, &ping.encode());
        let answered = public.sent();
        assert!(answered.iter().any(|transmit| transmit.to == all[0].addr));
        assert!(public.core.poll_timeout().is_some());
    }
    // a sleep is nobody's fault
    assert_eq!(public.held().len(), held);
}

/// The same in the other family: a /64 is one host, and what is mapped is none.
#[test]
fn ipv6_hosts_of_one_64_are_limited_as_those_of_one_24() {
    let mut public = Public::new("bep5");
    let mut rng = Rng::from_u64(1);
    for n in 1..200_u16 {
        let ip = Ipv6Addr::new(0x2a00, 1, 2, 3, 0, 0, n, 1);
        public.query((ip, 6881).into(), Id::random(&mut rng));
    }
    assert!(public.held().len() <= 4, "{}", public.held().len());
    for n in 1..200_u16 {
        let ip = Ipv6Addr::new(0x2a00, 1, 2, n + 3, 0, 0, 0, 1);
        public.query((ip, 6881).into(), Id::random(&mut rng));
    }
    assert!(public.held().len() > 20, "{}", public.held().len());
}
