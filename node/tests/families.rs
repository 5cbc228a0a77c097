//! Two families (BEP 32), several addresses (BEP 45) and read-only nodes
//! (BEP 43), as others see them.

#![allow(clippy::unwrap_used)] // a panic fails the test

mod bench;

use std::time::Duration;

use bench::{Bench, config, id, query, response};
use mdht_krpc::{Body, Contact, Family, Id, Message, Method, Nodes, Query, Response, Rng, Want};
use mdht_node::core::{Config, SocketId};

const KEY: Id = Id::new([0x55; 20]);

fn dual() -> Bench {
    Bench::new(config(&["0.0.0.0:6881", "[::]:6881"]))
}

/// Which of `nodes` and `nodes6` an answer holds.
fn held(bytes: &[u8]) -> (bool, bool) {
    let found = response(bytes);
    (found.nodes.is_some(), found.nodes6.is_some())
}

#[test]
fn answers_hold_the_families_wanted_or_that_of_the_query() {
    let mut bench = dual();
    let sources = [(0, "60.1.1.1:1"), (1, "[2a00::1]:1")];
    for (socket, from) in sources {
        for ask in [Query::find_node(id(9), KEY), Query::get_peers(id(9), KEY)] {
            let mut held_for = |v4, v6| {
                let want = Want { v4, v6 };
                held(&bench.ask(
                    socket,
                    from,
                    Query {
                        want,
                        ..ask.clone()
                    },
                ))
            };
            assert_eq!(held_for(false, false), (socket == 0, socket == 1));
            assert_eq!(held_for(true, false), (true, false));
            assert_eq!(held_for(false, true), (false, true));
            assert_eq!(held_for(true, true), (true, true));
        }
        let ping = Query {
            want: Want { v4: true, v6: true },
            ..Query::new(Method::Ping, id(9))
        };
        assert_eq!(held(&bench.ask(socket, from, ping)), (false, false));
    }
}

#[test]
fn peers_are_stored_and_told_within_their_family() {
    let mut bench = dual();
    bench.announce("60.1.1.1:1", KEY, 1000, false);
    let over_v6 = bench.ask(1, "[2a00::1]:1", Query::get_peers(id(9), KEY));
    assert!(response(&over_v6).values.is_none());
    let over_v4 = Query {
        want: Want { v4: true, v6: true },
        ..Query::get_peers(id(9), KEY)
    };
    let over_v4 = bench.ask(0, "60.1.1.2:1", over_v4);
    let peers: Vec<_> = response(&over_v4).values.unwrap().iter().collect();
    assert_eq!(peers, ["60.1.1.1:1000".parse().unwrap()]);
}

#[test]
fn each_family_has_an_id_and_a_table_of_its_own() {
    let mut bench = dual();
    let (v4, v6) = (bench.core.id(Family::V4), bench.core.id(Family::V6));
    assert_ne!(v4, v6);
    let over_v4 = bench.ask(0, "60.1.1.1:1", Query::new(Method::Ping, id(9)));
    let over_v6 = bench.ask(1, "[2a00::1]:1", Query::new(Method::Ping, id(8)));
    assert_eq!((response(&over_v4).id, response(&over_v6).id), (v4, v6));
    let table = |family| {
        let table = bench.core.table(family);
        table
            .iter()
            .map(|entry| entry.contact.id)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (table(Family::V4), table(Family::V6)),
        (vec![id(9)], vec![id(8)])
    );
}

/// A node of both families bootstraps over IPv4 alone: it wants both, and what
/// the answer leaks of IPv6 lets it in there.
#[test]
fn one_bootstrap_node_of_either_family_opens_both() {
    let mut bench = dual();
    let now = bench.now;
    bench
        .core
        .add_bootstrap(now, &["60.1.1.1:1".parse().unwrap()]);
    let asked = bench.sent().remove(0);
    assert_eq!(query(&asked.payload).want, Want { v4: true, v6: true });
    let mut nodes6 = Vec::new();
    Nodes::write(
        &Contact::new(id(6), "[2a00::1]:1".parse().unwrap()),
        &mut nodes6,
    );
    let leak = Response {
        nodes6: Some(Nodes::new(Family::V6, &nodes6)),
        ..Response::new(id(4))
    };
    let t = Message::scan(&asked.payload)
        .unwrap()
        .transaction_id
        .to_vec();
    let answer = Message::new(&t, Body::Response(leak)).encode();
    bench
        .core
        .handle_datagram(now, SocketId(0), asked.to, &answer);
    let next = bench.sent();
    let over_v6 = next.iter().find(|sent| sent.to.is_ipv6()).unwrap();
    assert_eq!(
        (over_v6.socket, over_v6.to),
        (SocketId(1), "[2a00::1]:1".parse().unwrap())
    );
    // once in, a query asks for its own family only
    let later: Vec<_> = next.iter().filter(|sent| sent.to.is_ipv4()).collect();
    assert!(
        later
            .iter()
            .all(|sent| query(&sent.payload).want.is_empty())
    );
}

#[test]
fn hybrid_lists_of_peers_are_read() {
    let mut bench = dual();
    let now = bench.now;
    bench
        .core
        .add_bootstrap(now, &["60.1.1.1:1".parse().unwrap()]);
    let answer = |bench: &mut Bench, response: Response<'_>| {
        for asked in bench.sent() {
            let t = Message::scan(&asked.payload)
                .unwrap()
                .transaction_id
                .to_vec();
            let bytes = Message::new(&t, Body::Response(response.clone())).encode();
            bench
                .core
                .handle_datagram(now, asked.socket, asked.to, &bytes);
        }
    };
    answer(&mut bench, Response::new(id(4)));
    answer(&mut bench, Response::new(id(4)));
    bench
        .core
        .get_peers(now, KEY, mdht_plugins::lookup::Goal::Closest);
    let peers = [
        "60.2.2.2:2".parse().unwrap(),
        "[2a00::2]:2".parse().unwrap(),
    ];
    let hybrid = Response {
        values: Some(mdht_krpc::Values::from_peers(&peers)),
        ..Response::new(id(4))
    };
    answer(&mut bench, hybrid);
    let found: Vec<_> = bench.events();
    for peer in peers {
        let is_found = |event: &mdht_node::core::Event| matches!(event, mdht_node::core::Event::Peer { peer: found, .. } if *found == peer);
        assert!(found.iter().any(is_found), "{peer}");
    }
}

fn several(id_per_socket: bool) -> Bench {
    Bench::new(Config {
        id_per_socket,
        follow_address: true,
        ..config(&["81.2.69.142:6881", "89.9.9.9:6881", "89.9.9.9:6882"])
    })
}

#[test]
fn each_socket_is_a_node_of_its_own() {
    let mut bench = several(true);
    let mut ids = Vec::new();
    for (socket, ip) in [(0, "81.2.69.142"), (1, "89.9.9.9"), (2, "89.9.9.9")] {
        let bytes = bench.ask(socket, "60.1.1.1:1", Query::new(Method::Ping, id(9)));
        let own = response(&bytes).id.unwrap();
        assert!(mdht_krpc::id_fits_addr(&own, ip.parse().unwrap()), "{ip}");
        assert_eq!(bench.core.id_at(SocketId(socket), Family::V4), Some(own));
        ids.push(own);
    }
    for (n, one) in ids.iter().enumerate() {
        for other in &ids[n + 1..] {
            assert!(one.common_prefix(other) < 8, "{one} and {other}");
        }
    }
    let mut shared = several(false);
    for socket in 0..3 {
        let bytes = shared.ask(socket, "60.1.1.1:1", Query::new(Method::Ping, id(9)));
        assert_eq!(response(&bytes).id, shared.core.id(Family::V4));
    }
}

#[test]
fn a_token_is_for_whom_it_was_given_whatever_the_socket() {
    let mut bench = several(true);
    let bytes = bench.ask(1, "60.1.1.1:1", Query::get_peers(id(9), KEY));
    let token = response(&bytes).token.unwrap().to_vec();
    bench.ask(1, "60.1.1.1:1", Query::announce_peer(id(9), KEY, 7, &token));
    // one store: asked elsewhere, the peer is there
    let bytes = bench.ask(0, "60.1.1.2:1", Query::get_peers(id(9), KEY));
    assert!(response(&bytes).has_values());
}

#[test]
fn read_only_queriers_are_served_and_not_remembered() {
    for routing in ["bep5", "nice", "nr128", "harvest", "lt", "ut", "ut22"] {
        let registry = mdht_plugins::Registry::builtin();
        let mut bench = Bench::new(Config {
            routing: registry.routing(routing).unwrap(),
            ..config(&["0.0.0.0:6881"])
        });
        let from = "60.1.1.1:1".parse().unwrap();
        let ask = |read_only| {
            let query = Query::find_node(id(9), KEY);
            Message {
                read_only,
                ..Message::new(b"aa", Body::Query(query))
            }
            .encode()
        };
        let now = bench.now;
        bench
            .core
            .handle_datagram(now, SocketId(0), from, &ask(true));
        let sent = bench.sent();
        assert_eq!(sent.len(), 1, "{routing}: served, and not asked back");
        assert_eq!(held(&sent[0].payload), (true, false));
        bench.later(Duration::from_secs(600));
        assert!(bench.sent().iter().all(|sent| sent.to != from), "{routing}");
        assert!(bench.core.table(Family::V4).is_empty(), "{routing}");
        bench
            .core
            .handle_datagram(bench.now, SocketId(0), from, &ask(false));
        assert_eq!(bench.core.table(Family::V4).len(), 1, "{routing}");
    }
}

#[test]
fn a_read_only_node_marks_every_query_and_answers_none() {
    let mut bench = Bench::new(Config {
        read_only: true,
        ..config(&["0.0.0.0:6881"])
    });
    let now = bench.now;
    bench
        .core
        .add_bootstrap(now, &["60.1.1.1:1".parse().unwrap()]);
    let mut rng = Rng::from_u64(1);
    let mut seen = 0;
    for _ in 0..20 {
        for asked in bench.sent() {
            let message = Message::decode_strict(&asked.payload).unwrap();
            assert!(message.read_only && asked.payload.windows(6).any(|w| w == b"2:roi1"));
            seen += 1;
            let response = Response {
                token: Some(b"token"),
                ..Response::new(id(4))
            };
            let answer = Message::new(message.transaction_id, Body::Response(response)).encode();
            bench
                .core
                .handle_datagram(bench.now, asked.socket, asked.to, &answer);
        }
        let (now, key) = (bench.now, Id::random(&mut rng));
        bench.core.scrape(now, key);
        bench
            .core
            .announce(now, key, mdht_node::AnnouncePort::Implied);
        bench.later(Duration::from_secs(5));
    }
    assert!(seen > 40, "{seen}");
    let own = Query::new(Method::Ping, id(9));
    let bytes = Message::new(b"aa", Body::Query(own)).encode();
    bench.core.handle_datagram(
        bench.now,
        SocketId(0),
        "60.1.1.9:1".parse().unwrap(),
        &bytes,
    );
    let answered = bench
        .sent()
        .iter()
        .any(|sent| sent.to.ip().to_string() == "60.1.1.9");
    assert!(!answered);
}
