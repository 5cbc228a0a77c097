//! The checker against nodes that are made up, in virtual time.

use std::collections::BTreeMap;
use std::time::Duration;

use mdht_krpc::{Method, Query, Response};

use super::*;
use crate::{Cause, Letter, SearchLimits, Timing, Vantage};

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn secs(s: u64) -> Duration {
    Duration::from_secs(s)
}

fn id(n: u8) -> Id {
    Id::new([n; 20])
}

fn config() -> Config {
    let identity = |n: u16| Identity {
        id: Id::new([0; 20]),
        own: SocketAddr::new([5, 5, 5, 5].into(), 1000 + 2 * n),
        local: SocketAddr::new([5, 5, 5, 5].into(), 1001 + 2 * n),
    };
    Config {
        remote: Some(addr("6.6.6.6:1000")),
        survey: true,
        ..Config::new(vec![identity(0), identity(1)])
    }
}

/// A checker among nodes that answer what `answers` lets in.
struct Bed {
    checker: Checker,
    now: Instant,
    sent: Vec<(Instant, Transmit)>,
    events: Vec<Event>,
}

impl Bed {
    fn new(config: Config) -> Self {
        Self {
            checker: Checker::new(config, Rng::from_u64(1)).unwrap(),
            now: Instant::ZERO,
            sent: Vec::new(),
            events: Vec::new(),
        }
    }

    fn query(&mut self, port: Port, from: SocketAddr, id: Id) -> Incoming {
        let message = Message::new(b"aa", Body::Query(Query::new(Method::Ping, id)));
        let datagram = message.encode();
        self.checker
            .handle_datagram(self.now, port, from, &datagram)
    }

    /// Answers a probe as the node `id` at `from`.
    fn answer(&mut self, probe: &Transmit, port: Port, from: SocketAddr, id: Id) -> Incoming {
        let response = Response {
            id: Some(id),
            ..Response::default()
        };
        let transaction = probe.transaction.bytes();
        let datagram = Message::new(&transaction, Body::Response(response)).encode();
        self.checker
            .handle_datagram(self.now, port, from, &datagram)
    }

    /// Everything until `end`; `answers` says whether a probe is answered, at
    /// once, and by which ID.
    fn run(&mut self, end: Duration, mut answers: impl FnMut(Instant, &Transmit) -> Option<Id>) {
        let end = Instant::ZERO + end;
        loop {
            while let Some(probe) = self.checker.poll_transmit() {
                self.sent.push((self.now, probe));
                if let Some(id) = answers(self.now, &probe) {
                    let taken = self.answer(&probe, probe.port, probe.to, id);
                    assert_eq!(taken, Incoming::Answer);
                }
            }
            while let Some(event) = self.checker.poll_event() {
                self.events.push(event);
            }
            match self.checker.poll_timeout() {
                Some(next) if next <= end => {
                    self.now = self.now.max(next);
                    self.checker.handle_timeout(self.now);
                }
                _ => break,
            }
        }
        self.now = end;
    }

    fn reports(&self) -> Vec<&Report> {
        let finished = self.events.iter().filter_map(|event| match event {
            Event::Finished(report) => Some(&**report),
            _ => None,
        });
        finished.collect()
    }
}

const NODE: &str = "8.8.8.8:7";

#[test]
fn a_querier_is_probed_from_three_sockets_and_reported() {
    let mut bed = Bed::new(config());
    assert_eq!(
        bed.query(Port::Own(1), addr(NODE), id(9)),
        Incoming::Other,
        "the instrumented node answers it"
    );
    bed.run(secs(400), |now, probe| {
        let own = probe.port == Port::Own(1);
        (own && now < Instant::ZERO + secs(100)).then(|| id(9))
    });
    let ports: Vec<_> = bed.sent[..3].iter().map(|(_, probe)| probe.port).collect();
    assert_eq!(ports, [Port::Own(1), Port::Local(1), Port::Remote]);
    assert!(bed.sent.iter().all(|(_, probe)| probe.to == addr(NODE)));
    let reports = bed.reports();
    let [report] = reports[..] else {
        panic!("{reports:?}")
    };
    assert_eq!(report.pattern.to_string(), "RUU-UUU");
    assert_eq!(
        report.likely().only(),
        Some(Cause::PortRestrictedOrSymmetric)
    );
    assert_eq!((report.id, report.identity), (Some(id(9)), 1));
    assert_eq!(bed.checker.open(), 0);
    assert_eq!(bed.checker.poll_timeout(), None, "nothing is left armed");
}

#[test]
fn probes_of_checkers_say_that_they_answer_nobody() {
    let mut bed = Bed::new(Config {
        own_answers: true,
        ..config()
    });
    bed.query(Port::Own(0), addr(NODE), id(9));
    bed.run(secs(1), |_, _| None);
    let read_only = bed.sent.iter().map(|(_, probe)| {
        let mut datagram = Vec::new();
        probe.encode_into(&mut datagram);
        let message = Message::decode_strict(&datagram).unwrap();
        assert!(matches!(&message.body, Body::Query(q) if q.method == Method::Ping));
        message.read_only
    });
    assert_eq!(read_only.collect::<Vec<_>>(), [false, true, true]);
}

#[test]
fn who_says_that_it_answers_nobody_is_counted_and_not_checked() {
    let mut bed = Bed::new(config());
    let mut message = Message::new(b"aa", Body::Query(Query::new(Method::Ping, id(9))));
    message.read_only = true;
    let own = Port::Own(0);
    bed.checker
        .handle_datagram(bed.now, own, addr(NODE), &message.encode());
    bed.run(secs(400), |_, _| None);
    assert!(bed.sent.is_empty());
    let stats = bed.checker.stats();
    assert_eq!((stats.read_only, stats.started), (1, 0));
    bed.query(own, addr(NODE), id(9));
    assert_eq!(bed.checker.stats().started, 1, "it has become a full node");
}

#[test]
fn a_node_is_checked_once_by_ip_and_id() {
    let mut bed = Bed::new(config());
    for (from, name) in [
        ("8.8.8.8:7", 9),
        ("8.8.8.8:8", 9),
        ("8.8.8.8:7", 10),
        ("8.8.4.4:7", 9),
    ] {
        bed.query(Port::Own(0), addr(from), id(name));
    }
    bed.run(secs(1000), |_, _| None);
    bed.query(Port::Own(1), addr(NODE), id(9));
    let stats = bed.checker.stats();
    assert_eq!((stats.started, stats.repeats), (3, 2));
    let shared: BTreeMap<_, _> = bed
        .reports()
        .iter()
        .map(|report| {
            (
                (report.node, report.id),
                (report.ids_at_ip, report.ips_of_id),
            )
        })
        .collect();
    assert_eq!(shared[&(addr("8.8.8.8:7"), Some(id(9)))], (2, 2));
    assert_eq!(shared[&(addr("8.8.8.8:7"), Some(id(10)))], (2, 1));
    assert_eq!(shared[&(addr("8.8.4.4:7"), Some(id(9)))], (1, 2));
}

#[test]
fn nobody_is_probed_who_did_not_ask_and_was_not_named() {
    let mut bed = Bed::new(Config {
        survey: false,
        ..config()
    });
    bed.query(Port::Own(0), addr(NODE), id(9));
    assert_eq!(bed.checker.stats().not_asked_for, 1);
    let mut survey = Bed::new(config());
    // the checkers' sockets take no orders
    survey.query(Port::Local(0), addr(NODE), id(9));
    survey.query(Port::Remote, addr(NODE), id(9));
    assert_eq!(survey.checker.stats().uninvited, 2);
    for from in ["224.0.0.1:7", "8.8.8.8:0", "5.5.5.5:1000", "10.0.0.1:7"] {
        survey.query(Port::Own(0), addr(from), id(9));
    }
    // one of our own nodes, at an address that we do not know to be ours
    survey.query(Port::Own(0), addr(NODE), Id::new([0; 20]));
    assert_eq!(survey.checker.stats().refused, 5);
    for bed in [&mut bed, &mut survey] {
        bed.run(secs(10), |_, _| None);
        assert!(bed.sent.is_empty());
    }
}

#[test]
fn named_nodes_are_checked_and_their_id_learned() {
    let mut bed = Bed::new(Config {
        survey: false,
        remote: None,
        ..config()
    });
    let named = bed.checker.check_node(bed.now, 0, addr(NODE));
    assert_eq!(named, Ok(()));
    let again = bed.checker.check_node(bed.now, 0, addr(NODE));
    assert_eq!(again, Err(Refusal::Known));
    for (bad, refusal) in [
        ("8.8.8.8:0", Refusal::PortZero),
        ("224.0.0.1:7", Refusal::NotAHost),
        ("5.5.5.5:1001", Refusal::Own),
        ("[2a00::1]:7", Refusal::OtherFamily),
    ] {
        let named = bed.checker.check_node(bed.now, 0, addr(bad));
        assert_eq!(named, Err(refusal), "{bad}");
    }
    bed.run(secs(400), |_, _| Some(id(9)));
    let report = bed.reports()[0].clone();
    assert_eq!(report.pattern.to_string(), "RR?-RR?");
    assert_eq!((report.id, report.origin), (Some(id(9)), Origin::Named));
    assert_eq!(bed.sent.len(), 4);
}

#[test]
fn a_node_that_changes_its_id_is_noted() {
    let mut bed = Bed::new(config());
    bed.query(Port::Own(0), addr(NODE), id(9));
    bed.run(secs(400), |now, _| {
        Some(id(if now < Instant::ZERO + secs(100) {
            9
        } else {
            10
        }))
    });
    let report = bed.reports()[0];
    assert_eq!((report.id, report.changed_id), (Some(id(9)), Some(id(10))));
    assert_eq!(report.pattern.to_string(), "RRR-RRR", "it is there");
    assert_eq!(bed.checker.stats().changed_ids, 1);
}

#[test]
fn answers_from_elsewhere_to_elsewhere_or_made_up_do_not_count() {
    let mut bed = Bed::new(config());
    bed.query(Port::Own(0), addr(NODE), id(9));
    let probe = bed.checker.poll_transmit().unwrap();
    bed.answer(&probe, Port::Own(0), addr("8.8.8.8:8"), id(9));
    bed.answer(&probe, Port::Own(0), addr("9.9.9.9:7"), id(9));
    bed.answer(&probe, Port::Own(1), addr(NODE), id(9));
    let mut made_up = probe;
    made_up.transaction.nonce ^= 1;
    bed.answer(&made_up, Port::Own(0), addr(NODE), id(9));
    let mut not_sent = probe;
    not_sent.transaction.ping = 3;
    bed.answer(&not_sent, Port::Own(0), addr(NODE), id(9));
    not_sent.transaction.ping = 200;
    bed.answer(&not_sent, Port::Own(0), addr(NODE), id(9));
    bed.checker
        .handle_datagram(bed.now, Port::Own(0), addr(NODE), b"d1:y1:");
    bed.run(secs(400), |_, _| None);
    let stats = *bed.checker.stats();
    assert_eq!((stats.wrong_source, stats.wrong_socket), (2, 1));
    assert_eq!((stats.late, stats.answers, stats.malformed), (3, 0, 1));
    let report = bed.reports()[0];
    assert_eq!(report.pattern.to_string(), "UUU-UUU");
    assert_eq!(report.strays, 2);
}

#[test]
fn a_flood_of_ids_from_one_address_is_bounded_and_counted() {
    let mut bed = Bed::new(config());
    for n in 1..=200 {
        bed.query(Port::Own(0), addr(NODE), id(n));
    }
    let stats = bed.checker.stats();
    assert_eq!((stats.started, stats.flooding), (16, 184));
    bed.run(secs(400), |_, _| None);
    assert_eq!(bed.sent.len(), 16 * 30);
}

#[test]
fn the_oldest_check_is_dropped_when_there_are_too_many() {
    let mut limited = config();
    limited.limits.open = 10;
    let mut bed = Bed::new(limited);
    for n in 1..=15 {
        let from = SocketAddr::new([8, 8, 8, n].into(), 7);
        bed.query(Port::Own(0), from, id(n));
    }
    assert_eq!(bed.checker.open(), 10);
    bed.run(secs(400), |_, _| None);
    let dropped = bed.events.iter().filter_map(|event| match event {
        Event::Dropped { node } => Some(node.to_string()),
        _ => None,
    });
    let expected: Vec<_> = (1..=5).map(|n| format!("8.8.8.{n}:7")).collect();
    assert_eq!(dropped.collect::<Vec<_>>(), expected);
    let stats = bed.checker.stats();
    assert_eq!((stats.dropped, stats.finished), (5, 10));
}

#[test]
fn probes_keep_to_the_rate_and_none_is_lost() {
    let mut limited = config();
    limited.limits.probes_per_second = 20;
    let mut bed = Bed::new(limited);
    for n in 1..=100 {
        let from = SocketAddr::new([8, 8, 8, n].into(), 7);
        bed.query(Port::Own(0), from, id(n));
    }
    bed.run(secs(1000), |_, _| Some(id(1)));
    let mut in_second = BTreeMap::<u64, u32>::new();
    for (at, _) in &bed.sent {
        *in_second.entry(at.as_micros() / 1_000_000).or_default() += 1;
    }
    assert!(in_second.values().all(|sent| *sent <= 26), "{in_second:?}");
    assert!(bed.checker.stats().delayed > 0);
    let reports = bed.reports();
    assert_eq!(reports.len(), 100);
    let open = |report: &&Report| report.pattern.to_string() == "RRR-RRR";
    assert!(reports.iter().all(open));
}

#[test]
fn longer_watching_tells_full_cone_from_churn() {
    let mut watched = config();
    watched.timing.survival = Timing::USUAL_SURVIVAL.to_vec();
    let mut bed = Bed::new(watched);
    let [cone, gone] = ["8.8.8.8:7", "9.9.9.9:7"].map(addr);
    bed.query(Port::Own(0), cone, id(8));
    bed.query(Port::Own(0), gone, id(9));
    let at_first = |now: Instant, probe: &Transmit| {
        let early = now < Instant::ZERO + secs(100);
        early.then(|| id(probe.to.ip().to_string()[..1].parse().unwrap()))
    };
    bed.run(secs(1000), at_first);
    bed.query(Port::Own(0), cone, id(8));
    bed.run(secs(4000), at_first);
    let likely: BTreeMap<_, _> = bed
        .reports()
        .iter()
        .map(|report| (report.node, report.likely().only()))
        .collect();
    assert_eq!(likely[&cone], Some(Cause::FullCone));
    assert_eq!(likely[&gone], Some(Cause::Churn));
    let letters = bed.reports()[0].survival.iter().map(|(_, letter)| *letter);
    let (r, u) = (Letter::Reachable, Letter::Unreachable);
    assert_eq!(letters.collect::<Vec<_>>(), [r, u, u, u]);
}

#[test]
fn the_lifetime_of_a_mapping_is_found_through_the_node_s_own_queries() {
    let mut searching = config();
    searching.mapping = Some(SearchLimits::default());
    let mut bed = Bed::new(searching);
    let lifetime = secs(100);
    let mut mapped_until = Instant::ZERO;
    // it queries us every 20 minutes, from behind a port-restricted cone
    for round in 0..12 {
        mapped_until = mapped_until.max(bed.now + lifetime);
        bed.query(Port::Own(0), addr(NODE), id(9));
        bed.run(secs(1200 * (round + 1)), |now, probe| {
            let let_in = probe.port.vantage() == Vantage::Own && now <= mapped_until;
            if let_in {
                mapped_until = now + lifetime;
            }
            let_in.then(|| id(9))
        });
    }
    let report = bed.reports()[0];
    assert_eq!(report.pattern.to_string(), "RUU-UUU");
    let found = report.mapping.unwrap();
    let under = found.under.unwrap();
    assert!(found.at_least <= lifetime && lifetime < under, "{found:?}");
    assert!(under - found.at_least <= secs(11), "{found:?}");
}

#[test]
fn configurations_that_contradict_themselves_are_refused() {
    let refused = |change: fn(&mut Config)| {
        let mut config = config();
        change(&mut config);
        Checker::new(config, Rng::from_u64(1)).unwrap_err()
    };
    let none = refused(|config| config.identities.clear());
    assert_eq!(none, ConfigError::Identities(0));
    for (remote, ours) in [
        ("5.5.5.5:9", true),
        ("0.0.0.0:9", true),
        ("[2a00::1]:9", false),
    ] {
        let mut config = config();
        config.remote = Some(addr(remote));
        let error = Checker::new(config, Rng::from_u64(1)).unwrap_err();
        assert_eq!(matches!(error, ConfigError::SameIp(_)), ours, "{error}");
    }
    let local = refused(|config| config.identities[0].local.set_port(1000));
    assert!(matches!(local, ConfigError::Local(..)));
}
