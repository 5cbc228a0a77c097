//! A node's whole core led by arbitrary bytes: operations of its user, hostile
//! datagrams, a clock that jumps and repeats. Shared by the property test and
//! the fuzz target `node_core`.

use std::net::SocketAddr;
use std::time::Duration;

use mdht_krpc::{Body, Contact, Family, Id, Instant, Message, Nodes, Query, Response, Values};
use mdht_node::core::{
    AnnouncePort, Budget, Config, Core, ItemQuery, LookupId, MOST_ANSWER, ReachabilityWatch,
    SocketId, Transmit,
};
use mdht_node::item::{Item, Value};
use mdht_plugins::Registry;
use mdht_plugins::lookup::Goal;

/// Most operations of one run: longer inputs teach nothing more.
const MOST_STEPS: usize = 400;
/// Datagrams of the node that answers are made up for.
const MOST_ASKED: usize = 64;

/// Takes choices from the input; zeros when it is used up.
struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    fn pick<'b, T>(&mut self, all: &'b [T]) -> &'b T {
        &all[usize::from(self.byte()) % all.len()]
    }

    fn bytes(&mut self) -> &'a [u8] {
        let len = usize::from(self.byte()).min(self.0.len());
        let (taken, rest) = self.0.split_at(len);
        self.0 = rest;
        taken
    }

    /// One of a few, so that they meet again.
    fn id(&mut self) -> Id {
        let mut bytes = [0x55; 20];
        bytes[0] = self.byte();
        bytes[19] = self.byte() & 3;
        Id::new(bytes)
    }

    /// An address that a user names: one that can be asked.
    fn named_addr(&mut self) -> SocketAddr {
        let mut addr = self.addr();
        addr.set_port(6881);
        addr
    }

    fn addr(&mut self) -> SocketAddr {
        let host = self.byte();
        match self.byte() % 8 {
            0 => ([127, 0, 0, host], 6881).into(),
            1 => ([10, 0, 0, host], 6881).into(),
            2 => ([0x2a00, 0, 0, host.into(), 0, 0, 0, 1], 6881).into(),
            3 => ([0, 0, 0, 0, 0, 0xffff, 0x0808, host.into()], 6881).into(),
            4 => ([8, host, 8, 8], 0).into(),
            n => ([8, n, host, 8], 6881).into(),
        }
    }
}

/// Runs what the bytes say; panics where a law is broken.
pub(crate) fn run(input: &[u8]) {
    let mut choices = Choices(input);
    let mut node = Driven::new(&mut choices);
    for _ in 0..MOST_STEPS {
        if choices.0.is_empty() {
            break;
        }
        node.step(&mut choices);
        node.drain();
    }
}

struct Driven {
    core: Core,
    now: Instant,
    /// Queries of the node, the newest last.
    asked: Vec<Transmit>,
    lookups: Vec<LookupId>,
}

impl Driven {
    fn new(choices: &mut Choices<'_>) -> Self {
        let registry = Registry::builtin().live();
        let routing = choices.pick(&["bep5", "nr128", "harvest", "lt", "ut22", "checked"]);
        let lookup = choices.pick(&[
            "standard",
            "aggressive",
            "hedged",
            "lt",
            "standard:paths=3",
            "ml",
        ]);
        let sockets = ["0.0.0.0:6881", "[::]:6881", "0.0.0.0:6882"];
        let sockets = sockets.iter().map(|text| text.parse().unwrap()).collect();
        let (routing, lookup) = (registry.routing(routing), registry.lookup(lookup));
        let mut config = Config::new(sockets, routing.unwrap(), lookup.unwrap());
        let options = choices.byte();
        config.follow_address = options & 1 != 0;
        config.id_per_socket = options & 2 != 0;
        config.allow_private = options & 4 != 0;
        config.read_only = options & 8 != 0;
        if options & 16 != 0 {
            config.read_only_if_unreachable = Some(ReachabilityWatch::default());
        }
        if options & 32 != 0 {
            config.rate_limit = None;
        }
        if options & 64 != 0 {
            config.budget = Budget {
                packets_per_second: Some(5),
                bytes_per_day: Some(Budget::LEAST_BYTES),
                remotes_per_minute: Some(3),
            };
        }
        let mut core = Core::new(config, [7; 32], Instant::ZERO);
        core.join(Instant::ZERO);
        Self {
            core,
            now: Instant::ZERO,
            asked: Vec::new(),
            lookups: Vec::new(),
        }
    }

    fn step(&mut self, choices: &mut Choices<'_>) {
        let now = self.now;
        match choices.byte() % 16 {
            0 | 1 => self.receive(choices, |choices| choices.bytes().to_vec()),
            2 | 3 => self.receive(choices, query),
            4..=7 => self.answer(choices),
            8 => self.pass(Duration::from_millis(choices.byte().into())),
            9 => self.pass(Duration::from_secs(u64::from(choices.byte()) * 60)),
            10 => match choices.byte() % 3 {
                // a clock that stands, goes back, or jumps
                0 => self.core.handle_timeout(now),
                1 => self.core.handle_timeout(Instant::ZERO),
                _ => self.pass(Duration::from_secs(86_400)),
            },
            11 => self.look_up(choices),
            12 => {
                let addrs = [choices.named_addr(), choices.named_addr()];
                self.core.add_bootstrap(now, &addrs);
            }
            13 => {
                if let Some(lookup) = self.lookups.pop() {
                    self.core.cancel(now, lookup);
                }
            }
            14 => {
                let addr = choices.named_addr();
                self.core.ping(now, addr, Duration::from_secs(1));
                self.core
                    .sample_infohashes(now, addr, choices.id(), Duration::from_secs(1));
            }
            _ => {
                let saved = self.core.save();
                assert!(saved.overlays.len() <= 2);
            }
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.core.handle_timeout(self.now);
    }

    fn look_up(&mut self, choices: &mut Choices<'_>) {
        let (now, key) = (self.now, choices.id());
        let lookup = match choices.byte() % 6 {
            0 => self.core.get_peers(now, key, Goal::Closest),
            1 => self.core.get_peers(now, key, Goal::FirstValue),
            2 => self.core.announce(now, key, AnnouncePort::Implied),
            3 => self.core.scrape(now, key),
            4 => self.core.get_item(now, ItemQuery::Immutable(key)),
            _ => {
                let value = Value::from_bytes(choices.bytes()).unwrap();
                self.core.put_item(now, Item::Immutable(value), None)
            }
        };
        self.lookups.push(lookup);
        self.lookups.truncate(32);
    }

    fn receive(&mut self, choices: &mut Choices<'_>, make: impl Fn(&mut Choices<'_>) -> Vec<u8>) {
        let from = choices.addr();
        let socket = SocketId(usize::from(choices.byte() % 3));
        let payload = make(choices);
        self.core.handle_datagram(self.now, socket, from, &payload);
    }

    /// Answers one of the node's queries, well or badly.
    fn answer(&mut self, choices: &mut Choices<'_>) {
        if self.asked.is_empty() {
            return;
        }
        let asked = choices.pick(&self.asked).clone();
        let Ok(question) = Message::scan(&asked.payload) else {
            panic!("the node sent what cannot be read");
        };
        let contacts: Vec<_> = (0..choices.byte() % 24)
            .map(|_| Contact::new(choices.id(), choices.addr()))
            .collect();
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for contact in &contacts {
            match Family::of(&contact.addr) {
                Family::V4 => Nodes::write(contact, &mut v4),
                Family::V6 => Nodes::write(contact, &mut v6),
            }
        }
        let peers: Vec<_> = (0..choices.byte() % 8).map(|_| choices.addr()).collect();
        let token = choices.bytes();
        let response = Response {
            id: Some(choices.id()),
            nodes: Some(Nodes::new(Family::V4, &v4)),
            nodes6: Some(Nodes::new(Family::V6, &v6)),
            token: Some(token),
            values: (!peers.is_empty()).then(|| Values::from_peers(&peers)),
            ..Response::default()
        };
        let message = Message {
            external_addr: Some(choices.addr()),
            ..Message::new(question.transaction_id, Body::Response(response))
        };
        let mut payload = message.encode();
        // one byte of it may be another
        if let (0, place) = (choices.byte() % 4, usize::from(choices.byte())) {
            let place = place % payload.len();
            payload[place] ^= 1 << (choices.byte() % 8);
        }
        let from = match choices.byte() % 8 {
            0 => choices.addr(),
            _ => asked.to,
        };
        self.core
            .handle_datagram(self.now, asked.socket, from, &payload);
    }

    /// What must hold after whatever has happened.
    fn drain(&mut self) {
        let mut sent = 0;
        while let Some(transmit) = self.core.poll_transmit() {
            sent += 1;
            assert!(sent <= 100_000, "it never stops sending");
            assert_ne!(transmit.to.port(), 0, "nobody is at port 0");
            let message = Message::scan(&transmit.payload).unwrap();
            assert!(message.oddities.is_empty(), "{message:?}");
            match &message.body {
                Body::Query(_) => self.asked.push(transmit),
                _ => assert!(transmit.payload.len() <= MOST_ANSWER),
            }
        }
        let surplus = self.asked.len().saturating_sub(MOST_ASKED);
        self.asked.drain(..surplus);
        while self.core.poll_event().is_some() {}
        assert!(self.core.in_flight() <= 8192);
        let (swarms, peers) = self.core.stored_peers();
        assert!(swarms <= 2000 && peers <= 1_000_000);
        assert!(self.core.stored_items().0 <= 1024);
        let stats = self.core.stats();
        let answered = stats.responses_sent + stats.errors_sent;
        assert!(answered <= stats.queries_received.total());
        self.core.handle_timeout(self.now);
    }
}

/// A query that may be one.
fn query(choices: &mut Choices<'_>) -> Vec<u8> {
    let (id, key) = (choices.id(), choices.id());
    let token = choices.bytes();
    let mut query = match choices.byte() % 6 {
        0 => Query::find_node(id, key),
        1 => Query::get_peers(id, key),
        2 => Query::announce_peer(id, key, choices.byte().into(), token),
        3 => Query::get(id, key),
        4 => Query::sample_infohashes(id, key),
        _ => Query::new(mdht_krpc::Method::Ping, id),
    };
    let flags = choices.byte();
    query.scrape = flags & 1 != 0;
    query.seed = flags & 2 != 0;
    query.implied_port = flags & 4 != 0;
    query.want.v4 = flags & 8 != 0;
    query.want.v6 = flags & 16 != 0;
    let transaction = choices.bytes();
    let message = Message {
        read_only: flags & 32 != 0,
        ..Message::new(transaction, Body::Query(query))
    };
    message.encode()
}
