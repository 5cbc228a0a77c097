//! A node whose lookups meet liars of every kind: each lookup ends, in bounded
//! time and with a bounded number of queries, and what is honest is found.

#![allow(clippy::unwrap_used)] // a panic fails the test

mod world;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use mdht_krpc::{Body, Contact, Family, Id, Instant, Message, Nodes, Query, Response, Rng, Values};
use mdht_node::core::{Core, Event, LookupReport, SocketId, Transmit};
use mdht_plugins::lookup::Goal;
use world::{addr, config};

const TARGET: Id = Id::new([0; 20]);
/// Honest nodes, at addresses 1 to this.
const HONEST: usize = 40;
/// The first of the liars' addresses.
const LIARS: usize = 1000;
const PEER: &str = "10.200.0.1:7000";

/// What a node answers, and after how long; nothing is silence.
type Answer = Option<(Duration, Vec<u8>)>;
/// How a liar behaves: the query, who was asked, and a source of fresh names.
type Liar = fn(&Message<'_>, usize, &mut Fresh) -> Answer;

/// Contacts that nobody has named before, ever closer to the target.
struct Fresh {
    next: usize,
    rng: Rng,
}

impl Fresh {
    fn closer(&mut self, count: usize) -> Vec<Contact> {
        let more = self.next..self.next + count;
        self.next += count;
        more.map(|n| {
            let mut id = [0; 20];
            let left = (u32::MAX - u32::try_from(n).unwrap()).to_be_bytes();
            id[4..8].copy_from_slice(&left);
            Contact::new(Id::new(id), addr(n))
        })
        .collect()
    }
}

fn honest_id(n: usize) -> Id {
    let mut id = [0x11; 20];
    id[0] = u8::try_from(n * 255 / HONEST).unwrap().max(1);
    Id::new(id)
}

fn honest_contact(n: usize) -> Contact {
    Contact::new(honest_id(n), addr(n))
}

fn liar_contact(n: usize) -> Contact {
    let mut id = [0x22; 20];
    id[0] = 0x80;
    id[1] = u8::try_from(n % 256).unwrap();
    Contact::new(Id::new(id), addr(LIARS + n))
}

fn response(message: &Message<'_>, id: Id, nodes: &[Contact], peers: &[SocketAddr]) -> Vec<u8> {
    let mut bytes = Vec::new();
    nodes.iter().for_each(|node| Nodes::write(node, &mut bytes));
    let response = Response {
        id: Some(id),
        nodes: Some(Nodes::new(Family::V4, &bytes)),
        values: (!peers.is_empty()).then(|| Values::from_peers(peers)),
        token: Some(b"t"),
        ..Response::default()
    };
    Message::new(message.transaction_id, Body::Response(response)).encode()
}

/// The three honest nodes closest to the target hold a peer; each names its
/// eight neighbours toward the target.
fn honest(message: &Message<'_>, n: usize) -> Answer {
    let nodes: Vec<_> = (n.saturating_sub(8).max(1)..n)
        .map(honest_contact)
        .collect();
    let peers = [PEER.parse().unwrap()];
    let peers = if n <= 3 { &peers[..] } else { &[] };
    let bytes = response(message, honest_id(n), &nodes, peers);
    Some((Duration::from_millis(50), bytes))
}

fn liar_id(n: usize) -> Id {
    liar_contact(n.saturating_sub(LIARS)).id
}

const FAST: Duration = Duration::from_millis(5);

const fn silent(_: &Message<'_>, _: usize, _: &mut Fresh) -> Answer {
    None
}

/// Each answer at the last moment, naming others that do the same.
fn slow_loris(message: &Message<'_>, n: usize, fresh: &mut Fresh) -> Answer {
    let nodes = fresh.closer(8);
    let bytes = response(message, liar_id(n), &nodes, &[]);
    Some((Duration::from_millis(1999), bytes))
}

/// Names ever closer nodes that are not there.
fn tarpit(message: &Message<'_>, n: usize, fresh: &mut Fresh) -> Answer {
    if n >= LIARS + 100 {
        return None;
    }
    Some((FAST, response(message, liar_id(n), &fresh.closer(8), &[])))
}

/// As the tarpit, and those it names answer alike, without end.
fn endless(message: &Message<'_>, n: usize, fresh: &mut Fresh) -> Answer {
    Some((FAST, response(message, liar_id(n), &fresh.closer(8), &[])))
}

fn a_thousand_nodes(message: &Message<'_>, n: usize, fresh: &mut Fresh) -> Answer {
    if n >= LIARS + 100 {
        return None;
    }
    Some((
        FAST,
        response(message, liar_id(n), &fresh.closer(1000), &[]),
    ))
}

/// A names B, B names A.
fn loops(message: &Message<'_>, n: usize, _: &mut Fresh) -> Answer {
    let other = liar_contact((n - LIARS) ^ 1);
    Some((FAST, response(message, liar_id(n), &[other], &[])))
}

fn itself(message: &Message<'_>, n: usize, _: &mut Fresh) -> Answer {
    let own = [liar_contact(n - LIARS); 8];
    Some((FAST, response(message, liar_id(n), &own, &[])))
}

/// Names the node that asks, at many addresses, and addresses that cannot be.
fn us_and_martians(message: &Message<'_>, n: usize, _: &mut Fresh) -> Answer {
    let Body::Query(Query {
        id: Some(asker), ..
    }) = &message.body
    else {
        return None;
    };
    let martians = [
        "0.0.0.0:1",
        "224.0.0.1:1",
        "255.255.255.255:1",
        "10.0.0.9:0",
    ];
    let mut nodes = vec![Contact::new(*asker, addr(7)), Contact::new(TARGET, addr(0))];
    nodes.extend(martians.map(|addr| Contact::new(TARGET, addr.parse().unwrap())));
    Some((FAST, response(message, liar_id(n), &nodes, &[])))
}

fn after_the_timeout(message: &Message<'_>, n: usize, fresh: &mut Fresh) -> Answer {
    let bytes = response(message, liar_id(n), &fresh.closer(8), &[]);
    Some((Duration::from_millis(2001), bytes))
}

fn garbage(message: &Message<'_>, n: usize, fresh: &mut Fresh) -> Answer {
    let mut bytes = response(message, liar_id(n), &fresh.closer(8), &[]);
    let at = fresh.rng.below(bytes.len());
    bytes.truncate(at);
    fresh.rng.fill(&mut bytes[at / 2..]);
    Some((FAST, bytes))
}

fn errors(message: &Message<'_>, _: usize, _: &mut Fresh) -> Answer {
    let error = mdht_krpc::ErrorReply {
        code: 202,
        message: b"no",
    };
    let bytes = Message::new(message.transaction_id, Body::Error(error)).encode();
    Some((FAST, bytes))
}

/// Another ID in each answer.
fn another_id_each_time(message: &Message<'_>, _: usize, fresh: &mut Fresh) -> Answer {
    let id = Id::random(&mut fresh.rng);
    Some((FAST, response(message, id, &fresh.closer(8), &[])))
}

/// Peers, and with them names of the dead close to the target.
fn values_and_poison(message: &Message<'_>, n: usize, fresh: &mut Fresh) -> Answer {
    if n >= LIARS + 100 {
        return None;
    }
    let peers: Vec<SocketAddr> = (1..60).map(|n| ([10, 99, 0, n], 1).into()).collect();
    Some((
        FAST,
        response(message, liar_id(n), &fresh.closer(8), &peers),
    ))
}

/// A node, the nodes around it, and what is under way between them.
struct Net {
    core: Core,
    now: Instant,
    liar: Liar,
    fresh: Fresh,
    loss: f64,
    twice: f64,
    under_way: BTreeMap<(Instant, u64), (SocketAddr, Vec<u8>)>,
    number: u64,
    queries: usize,
    most_in_flight: usize,
    reports: Vec<LookupReport>,
    peers: Vec<SocketAddr>,
}

impl Net {
    fn new(lookup: &str, liar: Liar, (honest, liars): (usize, usize)) -> Self {
        let mut net = Self {
            core: Core::new(config(0, "bep5", lookup), [1; 32], Instant::ZERO),
            now: Instant::ZERO,
            liar,
            fresh: Fresh {
                next: LIARS + 100,
                rng: Rng::from_u64(1),
            },
            loss: 0.0,
            twice: 0.0,
            under_way: BTreeMap::new(),
            number: 0,
            queries: 0,
            most_in_flight: 0,
            reports: Vec::new(),
            peers: Vec::new(),
        };
        // known from the start: the honest ones farther from the target than
        // any liar
        let honest = (HONEST + 1 - honest..=HONEST).map(honest_contact);
        let known: Vec<_> = honest.chain((0..liars).map(liar_contact)).collect();
        for contact in &known {
            let ping = Query::new(mdht_krpc::Method::Ping, contact.id);
            let bytes = Message::new(b"aa", Body::Query(ping)).encode();
            net.core
                .handle_datagram(net.now, SocketId(0), contact.addr, &bytes);
        }
        while net.core.poll_transmit().is_some() {}
        let first = known[0].addr;
        net.core.add_bootstrap(net.now, &[first]);
        net.drain();
        net
    }

    /// Sends off what waits; each query is answered by whom it goes to.
    fn drain(&mut self) {
        while let Some(Transmit { to, payload, .. }) = self.core.poll_transmit() {
            let message = Message::scan(&payload).unwrap();
            if !matches!(message.body, Body::Query(_)) {
                continue;
            }
            self.queries += 1;
            let SocketAddr::V4(v4) = to else { continue };
            let [_, _, high, low] = v4.ip().octets();
            let n = usize::from(u16::from_be_bytes([high, low])) - 1;
            let answer = match n {
                1..=HONEST => honest(&message, n),
                LIARS.. => (self.liar)(&message, n, &mut self.fresh),
                _ => None,
            };
            let Some((delay, bytes)) = answer else {
                continue;
            };
            let copies = 1 + usize::from(self.fresh.rng.unit() < self.twice);
            for _ in 0..copies {
                if self.fresh.rng.unit() >= self.loss {
                    self.number += 1;
                    // each copy by a way of its own: they overtake each other
                    let way = Duration::from_micros(self.fresh.rng.next_u64() % 500);
                    let key = (self.now + delay + way, self.number);
                    self.under_way.insert(key, (to, bytes.clone()));
                }
            }
        }
        self.most_in_flight = self.most_in_flight.max(self.core.in_flight());
        while let Some(event) = self.core.poll_event() {
            match event {
                Event::LookupDone { report, .. } => self.reports.push(report),
                Event::Peer { peer, .. } => self.peers.push(peer),
                _ => {}
            }
        }
    }

    /// Runs until the lookup is over, or for so long.
    fn run(&mut self, longest: Duration) {
        let end = self.now + longest;
        while self.reports.is_empty() {
            let arrival = self.under_way.keys().next().map(|(at, _)| *at);
            let next = arrival.into_iter().chain(self.core.poll_timeout()).min();
            let Some(next) = next.filter(|next| *next <= end) else {
                return;
            };
            self.now = self.now.max(next);
            while let Some(entry) = self.under_way.first_entry()
                && entry.key().0 <= self.now
            {
                let (from, bytes) = entry.remove();
                self.core
                    .handle_datagram(self.now, SocketId(0), from, &bytes);
                self.drain();
            }
            self.core.handle_timeout(self.now);
            self.drain();
        }
    }

    fn look_up(&mut self) -> LookupReport {
        self.core.get_peers(self.now, TARGET, Goal::Closest);
        self.drain();
        // virtual time: more than any lookup may take
        self.run(Duration::from_secs(600));
        assert_eq!(self.reports.len(), 1, "the lookup does not end");
        self.reports.remove(0)
    }
}

const LOOKUPS: [&str; 4] = ["standard", "aggressive", "hedged", "standard:paths=4"];

const ALL: [(&str, Liar); 13] = [
    ("dead", silent),
    ("slow loris", slow_loris),
    ("tarpit", tarpit),
    ("endless", endless),
    ("a thousand nodes", a_thousand_nodes),
    ("A names B names A", loops),
    ("names itself", itself),
    ("names us and martians", us_and_martians),
    ("after the timeout", after_the_timeout),
    ("garbage", garbage),
    ("errors", errors),
    ("another ID each time", another_id_each_time),
    ("values and poison", values_and_poison),
];

/// Those that draw a lookup on for as long as they like: by names that lead
/// ever closer to the target, which answer.
const DRAW_ON: [&str; 3] = ["slow loris", "endless", "another ID each time"];

#[test]
fn every_liar_is_survived_and_the_honest_are_found() {
    for (name, liar) in ALL.into_iter().filter(|(name, _)| !DRAW_ON.contains(name)) {
        for lookup in LOOKUPS {
            let mut net = Net::new(lookup, liar, (11, 2));
            let report = net.look_up();
            let told = format!("{name}, {lookup}: {report:?}");
            assert!(net.peers.contains(&PEER.parse().unwrap()), "{told}");
            assert!(report.queries < 700 && net.most_in_flight < 700, "{told}");
            assert!(net.now < Instant::ZERO + Duration::from_secs(120), "{told}");
        }
    }
}

/// A lookup drawn on ends all the same; with several paths, the others find
/// what is honest meanwhile.
#[test]
fn those_that_draw_a_lookup_on_do_so_for_a_bounded_time() {
    for (name, liar) in ALL.into_iter().filter(|(name, _)| DRAW_ON.contains(name)) {
        for lookup in LOOKUPS {
            let mut net = Net::new(lookup, liar, (11, 2));
            let report = net.look_up();
            let told = format!("{name}, {lookup}, {:?}: {report:?}", net.now);
            assert!(report.queries <= 1024, "{told}");
            assert!(net.most_in_flight <= 1500, "{told}");
            assert!(net.now < Instant::ZERO + Duration::from_secs(400), "{told}");
            let found = net.peers.contains(&PEER.parse().unwrap());
            assert!(found || !lookup.contains("paths"), "{told}");
        }
    }
}

#[test]
fn only_dead_contacts_end_in_a_report() {
    for lookup in LOOKUPS {
        let mut net = Net::new(lookup, silent, (0, 5));
        let report = net.look_up();
        assert_eq!((report.peers, report.responses), (0, 0), "{lookup}");
    }
}

/// Half of all answers lost, a third seen twice, and all out of order.
#[test]
fn loss_duplication_and_reordering() {
    for lookup in LOOKUPS {
        let mut found = 0;
        for seed in 0..20 {
            let mut net = Net::new(lookup, silent, (11, 2));
            net.fresh.rng = Rng::from_u64(seed);
            (net.loss, net.twice) = (0.5, 0.3);
            let report = net.look_up();
            assert!(report.responses <= report.queries, "{lookup}: {report:?}");
            found += usize::from(net.peers.contains(&PEER.parse().unwrap()));
            let once = net.peers.len();
            net.peers.dedup();
            assert_eq!(net.peers.len(), once, "{lookup}: a peer told twice");
        }
        assert!(found >= 10, "{lookup}: {found} of 20");
    }
}
