//! Which answers count.

use super::*;

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
