//! The node ID follows the address that others see (BEP 42).

#![allow(clippy::unwrap_used)] // a panic fails the test

mod bench;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bench::{Bench, config};
use mdht_krpc::{Body, Contact, Family, Id, Message, Nodes, Response, Rng, id_fits_addr};
use mdht_node::core::{Config, Event};

const HOME: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::new(81, 2, 69, 142)), 4000);
const LIE: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::new(89, 9, 9, 9)), 4000);
const MINUTE: Duration = Duration::from_secs(60);

/// Answers everything that a node asks, as one of 200 nodes in as many /16s
/// that all know each other.
struct Crowd {
    bench: Bench,
    rng: Rng,
    contacts: Vec<Contact>,
    events: Vec<Event>,
}

impl Crowd {
    fn new(config: Config) -> Self {
        let mut rng = Rng::from_u64(7);
        let contact = |n: u8| SocketAddr::from(([60, n, 3, 4], 6881));
        let contacts = (0..200)
            .map(|n| Contact::new(Id::random(&mut rng), contact(n)))
            .collect();
        Self {
            bench: Bench::new(config),
            rng,
            contacts,
            events: Vec::new(),
        }
    }

    fn follower() -> Self {
        Self::new(Config {
            follow_address: true,
            ..config(&["0.0.0.0:6881"])
        })
    }

    fn id(&self) -> Id {
        self.bench.core.id(Family::V4).unwrap()
    }

    fn changes(&self) -> usize {
        let changed = |event: &&Event| matches!(event, Event::IdChanged { .. });
        self.events.iter().filter(changed).count()
    }

    /// Looks something up every 20 s; `says` is the address that the node of
    /// this number sees.
    fn run(&mut self, time: Duration, says: impl Fn(usize) -> SocketAddr) {
        let end = self.bench.now + time;
        while self.bench.now < end {
            let first = self.contacts[0].addr;
            let now = self.bench.now;
            self.bench.core.add_bootstrap(now, &[first]);
            let target = Id::random(&mut self.rng);
            self.bench.core.find_node(now, target);
            for _ in 0..20 {
                self.answer(&says);
                self.bench.later(Duration::from_secs(1));
            }
        }
    }

    fn answer(&mut self, says: &impl Fn(usize) -> SocketAddr) {
        loop {
            let sent = self.bench.sent();
            self.events.extend(self.bench.events());
            if sent.is_empty() {
                return;
            }
            for asked in sent {
                let place = self.contacts.iter().position(|c| c.addr == asked.to);
                let place = place.unwrap();
                let mut nodes = Vec::new();
                for _ in 0..8 {
                    let which = self.rng.next_u64() % self.contacts.len() as u64;
                    Nodes::write(&self.contacts[usize::try_from(which).unwrap()], &mut nodes);
                }
                let response = Response {
                    nodes: Some(Nodes::new(Family::V4, &nodes)),
                    ..Response::new(self.contacts[place].id)
                };
                let question = Message::scan(&asked.payload).unwrap();
                let answer = Message {
                    external_addr: Some(says(place)),
                    ..Message::new(question.transaction_id, Body::Response(response))
                };
                let now = self.bench.now;
                let core = &mut self.bench.core;
                core.handle_datagram(now, asked.socket, asked.to, &answer.encode());
            }
        }
    }
}

#[test]
fn a_new_node_takes_an_id_that_fits_and_keeps_its_contacts() {
    let mut crowd = Crowd::follower();
    let before = crowd.id();
    crowd.run(2 * MINUTE, |_| HOME);
    let own = crowd.id();
    assert!(id_fits_addr(&own, HOME.ip()) && own != before);
    assert_eq!(crowd.changes(), 1);
    let expected = Event::IdChanged {
        family: Family::V4,
        old: before,
        new: own,
        ip: HOME.ip(),
    };
    assert!(crowd.events.contains(&expected));
    let table = crowd.bench.core.table(Family::V4);
    assert!(table.len() > 20, "{} contacts", table.len());
    for entry in table {
        assert_eq!(entry.bucket, own.common_prefix(&entry.contact.id));
    }
    // behind some NATs everybody sees another port
    crowd.run(10 * MINUTE, |n| {
        SocketAddr::new(HOME.ip(), u16::try_from(n).unwrap() + 1)
    });
    assert_eq!((crowd.id(), crowd.changes()), (own, 1));
}

#[test]
fn contacts_survive_a_change_of_the_id_whatever_the_module() {
    for routing in ["bep5", "nice", "nr128", "ut22", "harvest", "lt"] {
        keeps_contacts(routing);
    }
}

fn keeps_contacts(routing: &str) {
    let registry = mdht_plugins::Registry::builtin();
    let mut crowd = Crowd::new(Config {
        follow_address: true,
        routing: registry.routing(routing).unwrap(),
        ..config(&["0.0.0.0:6881"])
    });
    crowd.run(30 * MINUTE, |_| HOME);
    let before = crowd.bench.core.table(Family::V4).len();
    // until the very answer that changes it
    while crowd.changes() == 1 {
        crowd.run(Duration::from_secs(20), |_| LIE);
    }
    let after = crowd.bench.core.table(Family::V4).len();
    assert!(
        2 * after > before,
        "{routing}: {after} of {before} contacts left"
    );
    let own = crowd.id();
    for entry in crowd.bench.core.table(Family::V4) {
        assert_eq!(
            entry.bucket,
            own.common_prefix(&entry.contact.id),
            "{routing}"
        );
    }
}

#[test]
fn a_new_address_changes_it_within_minutes_but_once_an_hour_at_most() {
    let mut crowd = Crowd::follower();
    crowd.run(10 * MINUTE, |_| HOME);
    crowd.run(10 * MINUTE, |_| LIE);
    assert!(id_fits_addr(&crowd.id(), LIE.ip()));
    assert_eq!(crowd.changes(), 2);
    crowd.run(40 * MINUTE, |_| HOME);
    assert!(id_fits_addr(&crowd.id(), LIE.ip()), "not within the hour");
    crowd.run(30 * MINUTE, |_| HOME);
    assert!(id_fits_addr(&crowd.id(), HOME.ip()));
    assert_eq!(crowd.changes(), 3);
}

#[test]
fn half_of_all_networks_lying_do_not_move_a_settled_node() {
    let mut crowd = Crowd::follower();
    crowd.run(10 * MINUTE, |_| HOME);
    let own = crowd.id();
    crowd.run(5 * 60 * MINUTE, |n| if n % 2 == 0 { LIE } else { HOME });
    assert_eq!((crowd.id(), crowd.changes()), (own, 1));
}

#[test]
fn an_id_that_was_given_stays_and_so_does_every_id_by_default() {
    let given = Id::new([3; 20]);
    let mut crowd = Crowd::new(Config {
        id: Some(given),
        follow_address: true,
        ..config(&["0.0.0.0:6881"])
    });
    crowd.run(10 * MINUTE, |_| HOME);
    assert_eq!((crowd.id(), crowd.changes()), (given, 0));
    let mut crowd = Crowd::new(config(&["0.0.0.0:6881"]));
    let own = crowd.id();
    crowd.run(10 * MINUTE, |_| HOME);
    assert_eq!((crowd.id(), crowd.changes()), (own, 0));
}

#[test]
fn a_restarted_node_keeps_its_id_unless_its_address_has_changed() {
    let mut crowd = Crowd::follower();
    crowd.run(5 * MINUTE, |_| HOME);
    let (own, saved) = (crowd.id(), crowd.bench.core.save());
    let restarted = || {
        let mut crowd = Crowd::follower();
        let now = crowd.bench.now;
        crowd.bench.core.restore(now, &saved);
        crowd
    };
    let mut at_home = restarted();
    assert_eq!(at_home.id(), own);
    at_home.run(5 * MINUTE, |_| HOME);
    assert_eq!((at_home.id(), at_home.changes()), (own, 0));
    let mut moved = restarted();
    moved.run(5 * MINUTE, |_| LIE);
    assert!(id_fits_addr(&moved.id(), LIE.ip()));
    assert_eq!(moved.changes(), 1);
}

#[test]
fn a_public_bind_address_is_known_from_the_start() {
    let bound = |addr: &str| Config {
        follow_address: true,
        ..config(&[addr])
    };
    let bench = Bench::new(bound("81.2.69.142:6881"));
    let own = bench.core.id(Family::V4).unwrap();
    assert!(id_fits_addr(&own, HOME.ip()));
    // a saved ID that does not fit it is not taken up
    let mut other = Bench::new(bound("89.9.9.9:6881"));
    other.core.restore(other.now, &bench.core.save());
    let other = other.core.id(Family::V4).unwrap();
    assert!(other != own && id_fits_addr(&other, LIE.ip()));
}

#[test]
fn local_addresses_need_no_other_id() {
    let mut crowd = Crowd::follower();
    let own = crowd.id();
    crowd.run(5 * MINUTE, |_| "192.168.1.7:6881".parse().unwrap());
    assert_eq!((crowd.id(), crowd.changes()), (own, 0));
}
