//! The reachability checker against its target: 100,000 open checks in under
//! 200 MB and under half a core, in virtual time.
//!
//! ```text
//! cargo bench --bench connectivity
//! ```

#![allow(clippy::unwrap_used)] // a panic ends the bench

use std::net::SocketAddr;
use std::time::Duration;

use mdht_connectivity::{Checker, Config, Identity, Limits, Pattern, Port, TABLE_1, Timing};
use mdht_krpc::{Body, Id, Instant, Message, Method, Query, Response, Rng};

#[path = "overlay/process.rs"]
mod process;

/// Checks to be open at once.
const OPEN: usize = 100_000;
/// Virtual time until the number of open checks is steady.
const WARM_UP: Duration = Duration::from_secs(400);
/// Virtual time that is measured.
const MEASURED: Duration = Duration::from_secs(600);
/// Instrumented nodes, as in thesis 7.4.
const IDENTITIES: u16 = 16;
/// A check is open for 300 s, and 60 s more if somebody does not answer; with
/// the shares of Table 1 that is 332 s in the mean.
const NODES_PER_SECOND: u64 = 310;

fn main() {
    let empty = process::resident();
    let mut survey = Survey::new();
    survey.run(WARM_UP);
    let (mut least, mut most) = (usize::MAX, 0);
    let before = *survey.checker.stats();
    let ((), seconds) = process::seconds(|| {
        for _ in 0..MEASURED.as_secs() {
            survey.run(Duration::from_secs(1));
            least = least.min(survey.checker.open());
            most = most.max(survey.checker.open());
        }
    });
    let memory = process::mib(process::resident().saturating_sub(empty));
    let after = *survey.checker.stats();
    let per = |count: u64| count as f64 / MEASURED.as_secs_f64();
    let share = 100.0 * seconds / MEASURED.as_secs_f64();
    report("checks open, least", &least.to_string(), &format!("{OPEN}"));
    report("checks open, most", &most.to_string(), "");
    report("memory, MiB", &format!("{memory:.1}"), "below 190 (200 MB)");
    report("processor, % of a core", &format!("{share:.2}"), "below 50");
    let probes = per(after.probes - before.probes);
    report("probes a virtual second", &format!("{probes:.0}"), "");
    let nodes = per(after.finished - before.finished);
    report("nodes done a virtual second", &format!("{nodes:.1}"), "");
    report("checks dropped", &after.dropped.to_string(), "0");
    assert!(least >= OPEN && after.dropped == 0);
}

fn report(what: &str, figure: &str, target: &str) {
    println!("{what:<40}{figure:>14}   {target}");
}

/// A checker among nodes that have the patterns of Table 1.
struct Survey {
    checker: Checker,
    rng: Rng,
    now: Instant,
    next_query: Instant,
    nodes: u64,
    buffer: Vec<u8>,
}

impl Survey {
    fn new() -> Self {
        let identity = |n: u16| Identity {
            id: Id::new([n.to_be_bytes()[1] << 4; 20]),
            own: SocketAddr::new([5, 5, 5, 5].into(), 1000 + 2 * n),
            local: SocketAddr::new([5, 5, 5, 5].into(), 1001 + 2 * n),
        };
        let config = Config {
            remote: Some(SocketAddr::new([6, 6, 6, 6].into(), 1000)),
            survey: true,
            own_answers: true,
            limits: Limits {
                open: 2 * OPEN,
                probes_per_second: 20_000,
                ..Limits::default()
            },
            ..Config::new((0..IDENTITIES).map(identity).collect())
        };
        Self {
            checker: Checker::new(config, Rng::from_u64(1)).unwrap(),
            rng: Rng::from_u64(2),
            now: Instant::ZERO,
            next_query: Instant::ZERO,
            nodes: 0,
            buffer: Vec::new(),
        }
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            while let Some(probe) = self.checker.poll_transmit() {
                self.buffer.clear();
                probe.encode_into(&mut self.buffer);
                self.answer(probe.port, probe.to);
            }
            while self.checker.poll_event().is_some() {}
            let timer = self.checker.poll_timeout();
            let next = timer.map_or(self.next_query, |timer| timer.min(self.next_query));
            if next > end {
                self.now = end;
                return;
            }
            self.now = self.now.max(next);
            if next == self.next_query {
                self.query();
            } else {
                self.checker.handle_timeout(self.now);
            }
        }
    }

    /// The next node queries one of ours.
    fn query(&mut self) {
        self.nodes += 1;
        self.next_query = asked_at(self.nodes + 1);
        let id = Id::random(&mut self.rng);
        let query = Message::new(b"aa", Body::Query(Query::new(Method::Ping, id)));
        self.buffer.clear();
        query.encode_into(&mut self.buffer);
        let identity = u16::try_from(self.nodes % u64::from(IDENTITIES)).unwrap();
        let from = addr(self.nodes);
        let port = Port::Own(identity);
        let _ = self
            .checker
            .handle_datagram(self.now, port, from, &self.buffer);
    }

    /// Answers the probe in the buffer, if the node's pattern lets it in.
    fn answer(&mut self, port: Port, node: SocketAddr) {
        let probe = Message::scan(&self.buffer).unwrap();
        let transaction: [u8; 4] = probe.transaction_id.try_into().unwrap();
        // by the time since the node queried us
        let age = self.now.since(asked_at(number(node)));
        let burst = usize::from(age >= Timing::default().second_burst);
        let letter = pattern(node).letter(burst, port.vantage());
        if letter.known() != Some(true) {
            return;
        }
        let response = Response {
            id: Some(Id::default()),
            ..Response::default()
        };
        let response = Message::new(&transaction, Body::Response(response));
        self.buffer.clear();
        response.encode_into(&mut self.buffer);
        let _ = self
            .checker
            .handle_datagram(self.now, port, node, &self.buffer);
    }
}

/// The address of a node by its number.
fn addr(number: u64) -> SocketAddr {
    let [.., a, b, c] = number.to_be_bytes();
    SocketAddr::new([20, a, b, c].into(), 6881)
}

/// The number of the node at an address.
fn number(node: SocketAddr) -> u64 {
    let SocketAddr::V4(node) = node else {
        panic!("{node}")
    };
    u64::from(node.ip().to_bits() & 0x00ff_ffff)
}

/// When a node queries us.
fn asked_at(number: u64) -> Instant {
    let interval = Duration::from_secs(1) / u32::try_from(NODES_PER_SECOND).unwrap();
    Instant::ZERO + interval * u32::try_from(number - 1).unwrap()
}

/// A node's pattern: the rows of Table 1 by their shares.
fn pattern(node: SocketAddr) -> Pattern {
    let SocketAddr::V4(node) = node else {
        return Pattern::default();
    };
    let number = u32::from(*node.ip());
    let mut percent =
        f64::from(number.wrapping_mul(2_654_435_761) >> 8) / f64::from(1 << 24) * 95.0;
    for row in &TABLE_1 {
        if percent < row.percent {
            return row.pattern.parse().unwrap();
        }
        percent -= row.percent;
    }
    Pattern::default()
}
