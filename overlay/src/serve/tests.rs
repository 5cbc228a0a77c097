//! Clients that are a few lines of test, on the front without sockets.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mdht_krpc::{Method, Query};

use super::*;
use crate::parameters::{Class, Parameters};
use crate::population::Access;

const PORT: u16 = 10_000;

fn front(nodes: u32, change: impl FnOnce(&mut Parameters)) -> RealTime {
    let mut parameters = Parameters {
        nodes,
        ..Parameters::default()
    };
    parameters.links.loss = 0.0;
    change(&mut parameters);
    let plan = Plan {
        range: Range::PRIVATE,
        port: PORT,
        pool: 16,
        seed: 1,
    };
    RealTime::new(Arc::new(World::new(parameters).unwrap()), plan).unwrap()
}

fn client(last: u8) -> SocketAddrV4 {
    SocketAddrV4::new([10, 0, 0, last].into(), 6881)
}

fn query(method: Method<'_>, key: Id) -> Vec<u8> {
    let query = match method {
        Method::GetPeers => Query::get_peers(Id::new([7; 20]), key),
        Method::FindNode => Query::find_node(Id::new([7; 20]), key),
        method => Query::new(method, Id::new([7; 20])),
    };
    Message::new(b"tt", Body::Query(query)).encode()
}

/// Everything that comes out up to `until`, handled to the microsecond.
fn drain(front: &mut RealTime, until: Instant) -> Vec<Transmit> {
    let mut all = Vec::new();
    loop {
        while let Some(transmit) = front.poll_transmit() {
            all.push(transmit);
        }
        match front.poll_timeout().filter(|due| *due <= until) {
            Some(due) => front.handle_timeout(due),
            None => return all,
        }
    }
}

fn seconds(count: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(count)
}

fn contacts(payload: &[u8]) -> Vec<SocketAddrV4> {
    let message = Message::scan(payload).unwrap();
    let Body::Response(response) = message.body else {
        return Vec::new();
    };
    let nodes = response.nodes.iter().flat_map(|nodes| nodes.iter());
    let v4 = nodes.filter_map(|node| match node.addr {
        std::net::SocketAddr::V4(addr) => Some(addr),
        std::net::SocketAddr::V6(_) => None,
    });
    v4.collect()
}

/// Asks node after node, beginning at a bootstrap node.
fn crawl(front: &mut RealTime, me: SocketAddrV4, key: Id, rounds: u64) -> Vec<Transmit> {
    let mut to_ask: BTreeSet<_> = front.bootstrap().collect();
    let (mut asked, mut all) = (BTreeSet::new(), Vec::new());
    for round in 0..rounds {
        for to in std::mem::take(&mut to_ask) {
            if asked.insert(to) {
                let get_peers = query(Method::GetPeers, key);
                front.handle_datagram(seconds(4 * round), me, to, &get_peers);
            }
        }
        let answers = drain(front, seconds(4 * round + 4));
        let found = answers.iter().flat_map(|answer| contacts(&answer.payload));
        to_ask.extend(found);
        all.extend(answers);
    }
    all
}

#[test]
fn a_client_sees_local_addresses_only_and_finds_a_swarms_peers() {
    let mut front = front(20_000, |_| {});
    let key = front.world().swarms().top_infohash(0);
    let answers = crawl(&mut front, client(1), key, 6);
    assert!(answers.len() > 50, "{}", answers.len());
    let (mut peers, local) = (0, |ip: &Ipv4Addr| ip.octets()[0] == 10);
    for answer in &answers {
        assert_eq!(answer.to, client(1));
        assert!(local(answer.from.ip()) && answer.from.port() >= PORT);
        for contact in contacts(&answer.payload) {
            assert!(local(contact.ip()), "{contact}");
            assert_eq!(contact.port(), PORT);
        }
        let message = Message::scan(&answer.payload).unwrap();
        if let Body::Response(response) = message.body
            && let Some(values) = response.values
        {
            for peer in values.iter() {
                assert!(peer.to_string().starts_with("10."), "{peer}");
                peers += 1;
            }
        }
    }
    assert!(peers > 0);
    assert_eq!(front.front_counters().clients, 1);
    assert_eq!(front.front_counters().sent, answers.len() as u64);
}

#[test]
fn an_answer_comes_after_the_round_trip_from_the_address_that_was_asked() {
    let mut front = front(20_000, |parameters| parameters.links.jitter = 0.0);
    let answers = crawl(&mut front, client(1), Id::new([9; 20]), 4);
    let mut asked = 0;
    let with_contacts = answers.iter().filter(|a| !contacts(&a.payload).is_empty());
    for (answer, number) in with_contacts.zip(0..) {
        let contact = answer.from;
        let now = seconds(100 + 10 * number);
        drain(&mut front, now);
        front.handle_datagram(now, client(2), contact, &query(Method::Ping, Id::default()));
        let found = drain(&mut front, now + Duration::from_secs(9));
        let is_answer = |transmit: &&Transmit| {
            let message = Message::scan(&transmit.payload).unwrap();
            transmit.from == contact && message.transaction_id == b"tt"
        };
        let Some(answer) = found.iter().find(is_answer) else {
            continue;
        };
        asked += 1;
        let world = front
            .to_world(front.by_local[&client(2)], contact, now)
            .unwrap();
        let me = front.simulation.addr(front.by_local[&client(2)]);
        let places = front.world().population();
        let ends = [(*me.ip(), Access::Laboratory), (*world.ip(), Access::Home)];
        let rtt = places.rtt(ends[0], ends[1]);
        let took = answer.at.since(now);
        assert!(
            took.abs_diff(rtt) <= Duration::from_micros(2),
            "{took:?} {rtt:?}"
        );
    }
    assert!(asked > 10, "{asked}");
}

#[test]
fn clients_meet_each_other_and_what_they_announce_is_found_under_their_local_address() {
    let mut front = front(5000, |_| {});
    let (a, b) = (client(1), client(2));
    let key = Id::new([0x55; 20]);
    // both make themselves known
    let tokens: Vec<_> = crawl(&mut front, a, key, 5)
        .into_iter()
        .filter_map(
            |answer| match Message::scan(&answer.payload).unwrap().body {
                Body::Response(response) => Some((answer.from, response.token?.to_vec())),
                _ => None,
            },
        )
        .collect();
    assert!(tokens.len() > 10);
    for (to, token) in &tokens {
        let announce = Query::announce_peer(Id::new([7; 20]), key, 7777, token);
        let payload = Message::new(b"an", Body::Query(announce)).encode();
        front.handle_datagram(seconds(30), a, *to, &payload);
    }
    drain(&mut front, seconds(40));
    let (to, _) = tokens[0];
    front.handle_datagram(seconds(40), b, to, &query(Method::GetPeers, key));
    front.handle_datagram(
        seconds(40),
        b,
        a,
        b"d1:ad2:id20:bbbbbbbbbbbbbbbbbbbbe1:q4:ping1:t2:xx1:y1:qe",
    );
    let found = drain(&mut front, seconds(50));
    let values = |transmit: &Transmit| match Message::scan(&transmit.payload).unwrap().body {
        Body::Response(response) => response.values.map(|values| values.iter().collect()),
        _ => None::<Vec<_>>,
    };
    let peers = found.iter().filter(|t| t.to == b).find_map(values).unwrap();
    assert!(
        peers.contains(&SocketAddrV4::new(*a.ip(), 7777).into()),
        "{peers:?}"
    );
    assert!(found.iter().any(|t| t.from == b && t.to == a), "no ping");
}

#[test]
fn symmetric_nats_show_ports_of_the_pool_that_lead_back() {
    let mut front = front(3000, |parameters| {
        parameters.acquaintances.admission = 1.0;
        parameters.acquaintances.query_min = 1.0;
    });
    let me = client(1);
    crawl(&mut front, me, Id::new([7; 20]), 6);
    let mut queries = BTreeMap::new();
    for transmit in drain(&mut front, seconds(900)) {
        if let Body::Query(_) = Message::scan(&transmit.payload).unwrap().body {
            queries.insert(transmit.from, transmit.at);
        }
    }
    let classes: Vec<_> = queries
        .iter()
        .filter(|(from, at)| from.port() != PORT && at.since(seconds(880)) > Duration::ZERO)
        .map(|(from, at)| {
            let population = front.world().population();
            let identity = front.places.node(population, *from.ip(), *at).unwrap();
            population.connectivity(identity).class
        })
        .collect();
    assert!(!classes.is_empty());
    assert!(classes.iter().all(|class| *class == Class::Symmetric));
    let shown = queries.keys().filter(|from| from.port() != PORT);
    let shown: Vec<_> = shown.copied().collect();
    let now = seconds(900);
    for from in &shown {
        front.handle_datagram(now, me, *from, &query(Method::Ping, Id::default()));
    }
    let back = drain(&mut front, now + Duration::from_secs(9));
    let answered = shown
        .iter()
        .filter(|from| back.iter().any(|t| t.from == **from));
    assert!(answered.count() > 0);
    assert_eq!(front.front_counters().to_nobody, 0);
}

#[test]
fn what_is_no_message_or_goes_nowhere_is_counted() {
    let mut front = front(100, |_| {});
    let node = SocketAddrV4::new([10, 200, 1, 1].into(), PORT);
    let ping = query(Method::Ping, Id::default());
    front.handle_datagram(seconds(1), client(1), node, b"\x00\x01uTP");
    front.handle_datagram(seconds(1), node, client(1), &ping);
    front.handle_datagram(
        seconds(1),
        client(1),
        SocketAddrV4::new([11, 0, 0, 1].into(), 5),
        &ping,
    );
    let counters = front.front_counters();
    assert_eq!(counters.received, 3);
    assert_eq!(
        (counters.not_krpc, counters.turned_away, counters.to_nobody),
        (1, 1, 1)
    );
    assert!(front.poll_transmit().is_none());
}

/// A martian stays one under whatever range the world is served, and a node
/// that does not exist has the port at which the world is silent.
#[test]
fn turned_nodes_lie_to_clients_too() {
    for (kind, is_martian) in [("martians:1", true), ("thousands:1", false)] {
        let mut front = front(2000, |_| ());
        front.turn(kind.parse().unwrap()).unwrap();
        let (me, key) = (client(1), Id::new([0x42; 20]));
        let answers = crawl(&mut front, me, key, 3);
        let named: Vec<_> = answers
            .iter()
            .flat_map(|sent| contacts(&sent.payload))
            .collect();
        let martians = named.iter().filter(|addr| addr.ip().is_loopback()).count();
        assert_eq!(martians > 0, is_martian, "{named:?}");
        if !is_martian {
            assert!(named.len() > 2000);
            assert!(named.iter().all(|addr| addr.port() == PORT));
        }
    }
    let mut front = front(2000, |_| ());
    assert!(front.turn("sybil:8".parse().unwrap()).is_err());
}
