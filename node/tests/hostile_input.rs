//! One core and raw datagrams: what must not get in, and what is answered.

#![allow(clippy::unwrap_used)] // a panic fails the test

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

#[test]
fn every_query_of_bep5_is_answered() {
    let mut bench = Bench::new();
    let own = bench.core.id(Family::V4);
    let from = addr(7);
    let ping = bench.query(from, Query::new(Method::Ping, id(9)));
    assert_eq!((ping[0].to, ping[0].socket), (from, SOCKET));
    assert_eq!(
        response(&ping[0].payload),
        Response {
            id: own,
            ..Response::default()
        }
    );
    let message = Message::scan(&ping[0].payload).unwrap();
    assert_eq!(
        (message.transaction_id, message.external_addr),
        (&b"aa"[..], Some(from))
    );
    let found = bench.query(from, Query::find_node(id(9), KEY));
    // the asker itself entered the table, as BEP 5 has it
    let nodes: Vec<_> = response(&found[0].payload).nodes.unwrap().iter().collect();
    assert_eq!(nodes, [Contact::new(id(9), from)]);
    let token = bench.token(from);
    let announced = bench.query(from, Query::announce_peer(id(9), KEY, 1234, &token));
    assert_eq!(response(&announced[0].payload).id, own);
    let peers = bench
        .query(addr(8), Query::get_peers(id(8), KEY))
        .remove(0)
        .payload;
    let peers: Vec<_> = response(&peers).values.unwrap().iter().collect();
    assert_eq!(peers, [SocketAddr::new(from.ip(), 1234)]);
    let implied = Query {
        implied_port: true,
        ..Query::announce_peer(id(9), KEY, 1, &token)
    };
    bench.query(from, implied);
    assert_eq!(bench.core.stored_peers(), (1, 2));
}

#[test]
fn unknown_methods_are_find_node_if_they_name_a_target() {
    let mut bench = Bench::new();
    let mut vote = Query::new(Method::Unknown(b"vote"), id(9));
    assert_eq!(
        error_of(&bench.query(addr(7), vote.clone())),
        error_code::METHOD_UNKNOWN
    );
    vote.target = Some(KEY);
    assert!(
        response(&bench.query(addr(7), vote)[0].payload)
            .nodes
            .is_some()
    );
}

#[test]
fn queries_without_their_arguments_are_errors() {
    let mut bench = Bench::new();
    for method in [Method::FindNode, Method::GetPeers, Method::AnnouncePeer] {
        let sent = bench.query(addr(7), Query::new(method, id(9)));
        assert_eq!(error_of(&sent), error_code::PROTOCOL, "{method:?}");
    }
    let nameless = Query {
        id: None,
        ..Query::new(Method::Ping, id(9))
    };
    assert_eq!(
        error_of(&bench.query(addr(7), nameless)),
        error_code::PROTOCOL
    );
    // an ID of the wrong length counts as none, and no error is answered
    let short_id = b"d1:ad2:id19:aaaaaaaaaaaaaaaaaaae1:q4:ping1:t2:aa1:y1:qe";
    assert_eq!(
        error_of(&bench.receive(addr(7), short_id)),
        error_code::PROTOCOL
    );
    assert!(
        bench
            .receive(addr(7), b"d1:eli201e5:Ouche1:t2:aa1:y1:ee")
            .is_empty()
    );
}

#[test]
fn tokens_are_bound_to_address_infohash_and_time() {
    let mut bench = Bench::new();
    let from = addr(7);
    let token = bench.token(from);
    let announce = |bench: &mut Bench, from, key, token: &[u8]| {
        let sent = bench.query(from, Query::announce_peer(id(9), key, 1, token));
        matches!(
            Message::scan(&sent[0].payload).unwrap().body,
            Body::Response(_)
        )
    };
    assert!(
        !announce(&mut bench, addr(8), KEY, &token),
        "another address"
    );
    assert!(
        !announce(&mut bench, from, id(3), &token),
        "another infohash"
    );
    assert!(!announce(&mut bench, from, KEY, b""), "no token");
    bench.later(Duration::from_secs(299));
    assert!(
        announce(&mut bench, from, KEY, &token),
        "five minutes at least"
    );
    bench.later(Duration::from_secs(2));
    assert!(
        announce(&mut bench, from, KEY, &token),
        "and beyond a change of secrets"
    );
    bench.later(Duration::from_secs(300));
    assert!(
        !announce(&mut bench, from, KEY, &token),
        "ten minutes at most"
    );
    let token = bench.token(from);
    bench.later(Duration::from_secs(3600));
    assert!(!announce(&mut bench, from, KEY, &token), "nor over a sleep");
    assert_eq!(bench.core.stats().bad_tokens, 5);
}

#[test]
fn answers_count_only_from_the_asked_address_socket_and_once() {
    let second = SocketAddr::new(addr(0).ip(), 7000);
    let mut settings = config(0, "bep5", "standard");
    settings.sockets.push(second);
    let mut bench = Bench::with(settings);
    bench.core.add_bootstrap(bench.now, &[addr(1)]);
    let asked = bench.sent().remove(0);
    let question = Message::scan(&asked.payload).unwrap();
    assert!(
        question.transaction_id.len() >= 4,
        "long enough not to be guessed"
    );
    let answer = |tid| Message::new(tid, Body::Response(Response::new(id(1)))).encode();
    let right = answer(question.transaction_id);
    let other_port = SocketAddr::new(addr(1).ip(), 6882);
    for from in [addr(2), other_port] {
        bench.receive(from, &right);
    }
    bench.receive(addr(1), &answer(&question.transaction_id[..2]));
    bench.receive(addr(1), &answer(b""));
    bench
        .core
        .handle_datagram(bench.now, SocketId(1), addr(1), &right);
    assert_eq!(bench.core.stats().unmatched, 5);
    assert!(!bench.core.is_joined(Family::V4));
    bench.receive(addr(1), &right);
    assert!(bench.core.is_joined(Family::V4));
    bench.receive(addr(1), &right);
    assert_eq!(bench.core.stats().unmatched, 6, "a replayed answer");
}

#[test]
fn a_reflector_and_a_nameless_node_do_not_let_us_join() {
    let mut bench = Bench::new();
    let own = bench.core.id(Family::V4).unwrap();
    bench.core.add_bootstrap(bench.now, &[addr(1)]);
    let asked = bench.sent().remove(0);
    bench.answer(&asked, own, &Response::default());
    assert_eq!(bench.core.stats().refused_responses, 1);
    assert!(!bench.core.is_joined(Family::V4));
    assert!(bench.core.table(Family::V4).is_empty());
}

#[test]
fn a_response_with_impossible_contacts_and_peers_yields_none_of_them() {
    let mut bench = Bench::new();
    let (_, _) = bench.join();
    bench.core.get_peers(bench.now, KEY, Goal::Closest);
    let asked: Vec<_> = bench.sent();
    let get_peers = asked.iter().find(|transmit| {
        matches!(&Message::scan(&transmit.payload).unwrap().body, Body::Query(q) if q.method == Method::GetPeers)
    });
    let get_peers = get_peers.unwrap().clone();
    let own = bench.core.id(Family::V4).unwrap();
    let bad = [
        "10.0.0.9:0",
        "0.0.0.0:1",
        "224.0.0.1:1",
        "255.255.255.255:1",
    ];
    let mut nodes = Vec::new();
    for text in bad {
        Nodes::write(&Contact::new(id(40), text.parse().unwrap()), &mut nodes);
    }
    Nodes::write(&Contact::new(own, addr(30)), &mut nodes);
    Nodes::write(&Contact::new(id(41), addr(0)), &mut nodes);
    let values: Vec<SocketAddr> = bad.iter().map(|text| text.parse().unwrap()).collect();
    let hostile = Response {
        nodes: Some(Nodes::new(Family::V4, &nodes)),
        values: Some(mdht_krpc::Values::from_peers(&values)),
        ..Response::default()
    };
    bench.answer(&get_peers, id(1), &hostile);
    assert!(
        !bench
            .events()
            .iter()
            .any(|event| matches!(event, Event::Peer { .. }))
    );
    let after: Vec<_> = bench.sent();
    assert!(after.is_empty(), "nobody new is asked: {after:?}");
}

#[test]
fn private_addresses_are_refused_in_a_public_world() {
    let mut settings = config(0, "bep5", "standard");
    settings.sockets = vec!["0.0.0.0:6881".parse().unwrap()];
    let mut bench = Bench::with(settings);
    let ping = || Query::new(Method::Ping, id(9));
    for from in [
        "10.0.0.1:6881",
        "127.0.0.1:6881",
        "192.168.1.1:6881",
        "8.8.8.8:0",
    ] {
        assert!(
            bench.query(from.parse().unwrap(), ping()).is_empty(),
            "{from}"
        );
    }
    assert_eq!(bench.core.stats().bad_source, 4);
    assert_eq!(
        bench.query("8.8.8.8:6881".parse().unwrap(), ping()).len(),
        1
    );
    // a private bootstrap node that the user names makes the world private
    bench.core.add_bootstrap(bench.now, &[addr(1)]);
    assert_eq!(bench.query(addr(5), ping()).len(), 1);
}

#[test]
fn a_read_only_node_says_so_and_answers_nobody() {
    let mut settings = config(0, "bep5", "standard");
    settings.read_only = true;
    let mut bench = Bench::with(settings);
    assert!(
        bench
            .query(addr(5), Query::new(Method::Ping, id(9)))
            .is_empty()
    );
    bench.core.add_bootstrap(bench.now, &[addr(1)]);
    assert!(Message::scan(&bench.sent()[0].payload).unwrap().read_only);
}

#[test]
fn a_flood_from_one_address_is_limited_and_counted() {
    let mut bench = Bench::new();
    let answered: usize = (0..1000)
        .map(|_| bench.query(addr(5), Query::new(Method::Ping, id(9))).len())
        .sum();
    assert_eq!(answered, 100);
    assert_eq!(bench.core.stats().rate_limited, 900);
    assert_eq!(
        bench.query(addr(6), Query::new(Method::Ping, id(8))).len(),
        1
    );
}

#[test]
fn an_answer_after_the_hard_timeout_counts_for_nothing() {
    let mut bench = Bench::new();
    bench.core.add_bootstrap(bench.now, &[addr(1)]);
    let asked = bench.sent().remove(0);
    bench.later(Duration::from_secs(2));
    assert_eq!(bench.core.stats().timeouts, 1);
    bench.answer(&asked, id(1), &Response::default());
    assert_eq!(bench.core.stats().unmatched, 1);
}

#[test]
fn early_repeated_and_backward_time_does_no_harm() {
    let mut bench = Bench::new();
    bench
        .core
        .add_bootstrap(Instant::from_micros(5_000_000), &[addr(1)]);
    let first = bench.sent().len();
    for micros in [0, 5_000_000, 4_999_999, 5_000_000] {
        bench.core.handle_timeout(Instant::from_micros(micros));
    }
    assert_eq!((first, bench.sent().len()), (1, 0));
    assert!(bench.core.poll_timeout() > Some(Instant::from_micros(5_000_000)));
}

#[test]
fn cancelling_a_lookup_ends_it_without_a_report() {
    let mut bench = Bench::new();
    bench.join();
    let lookup = bench.core.announce(bench.now, KEY, AnnouncePort::Implied);
    bench.core.cancel(bench.now, lookup);
    bench.later(Duration::from_secs(10));
    assert!(
        !bench
            .events()
            .iter()
            .any(|event| matches!(event, Event::LookupDone { .. }))
    );
}

#[test]
fn a_storm_of_garbage_leaves_nothing_behind() {
    let mut bench = Bench::new();
    let mut rng = Rng::from_u64(1);
    let valid = Message::new(b"aa", Body::Query(Query::get_peers(id(9), KEY))).encode();
    for n in 0..20_000_usize {
        let mut bytes = match n % 4 {
            0 => vec![0; rng.below(600)],
            1 => valid[..rng.below(valid.len())].to_vec(),
            2 => valid.clone(),
            _ => vec![b'd'; 65_507],
        };
        match n % 4 {
            0 => rng.fill(&mut bytes),
            2 => {
                let at = rng.below(bytes.len());
                bytes[at] ^= 1 << rng.below(8);
            }
            _ => {}
        }
        bench.receive(addr(rng.below(50_000)), &bytes);
    }
    let stats = bench.core.stats();
    assert!(stats.malformed > 10_000, "{stats:?}");
    assert!(bench.core.table(Family::V4).len() <= 160 * 8 * 2);
    assert!(bench.core.in_flight() < 2000);
    assert_eq!(bench.core.stored_peers().0, 0);
}

proptest! {
    /// Whatever arrives, from wherever and in whatever order of time.
    #[test]
    fn arbitrary_datagrams_never_panic(
        datagrams in prop::collection::vec(
            (0_u64..10_000_000, 0_usize..300, prop::collection::vec(any::<u8>(), 0..200)), 0..50,
        ),
        mutate in prop::collection::vec((0_usize..100, any::<u8>()), 0..50),
    ) {
        let mut bench = Bench::new();
        bench.join();
        bench.core.get_peers(bench.now, KEY, Goal::Closest);
        for ((micros, from, bytes), (at, byte)) in datagrams.iter().zip(mutate.iter().cycle()) {
            bench.core.handle_datagram(Instant::from_micros(*micros), SOCKET, addr(*from), bytes);
            let mut close = Message::new(b"aa", Body::Query(Query::get_peers(id(9), KEY))).encode();
            if let Some(target) = close.get_mut(*at) {
                *target = *byte;
            }
            bench.core.handle_datagram(Instant::from_micros(*micros), SOCKET, addr(*from), &close);
            bench.core.handle_timeout(Instant::from_micros(*micros));
        }
    }
}
