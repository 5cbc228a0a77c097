//! How queries are answered, and which are not.

use super::*;

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
