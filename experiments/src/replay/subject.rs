//! One routing module inside the real node core, fed from the capture.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use mdht_krpc::{Body, Family, Id, Instant, Message, Method, Response};
use mdht_node::core::{Config, Core, Event, SocketId, Stats};
use mdht_plugins::routing::TableEntry;

use super::evidence::{ANSWER_WITHIN, Evidence, Verdict};
use super::report::Decided;
use super::transcript::Happening;
use super::{Answers, Unknown};

/// Round-trip time of an answer of which the capture shows none to measure:
/// the median of [thesis 8.VI, Fig. 2].
const TYPICAL_RTT: Duration = Duration::from_micros(175_200);

/// The socket of the captured node, the only one.
const SOCKET: SocketId = SocketId(0);

/// A module under replay.
pub(super) struct Subject {
    core: Core,
    family: Family,
    unknown: Unknown,
    answers: Answers,
    /// Our transaction ID of each exchange of the captured node.
    asked: BTreeMap<u64, Vec<u8>>,
    /// Answers on their way, by the time they arrive.
    coming: BTreeMap<(Instant, u64), Coming>,
    sent: u64,
    decided: Decided,
}

/// An answer that the capture decides.
struct Coming {
    from: SocketAddr,
    payload: Vec<u8>,
}

impl Subject {
    /// Most exchanges of the captured node that are open at once; the oldest
    /// are over long before.
    const MOST_ASKED: usize = 1 << 14;

    pub(super) fn new(
        config: Config,
        seed: [u8; 32],
        family: Family,
        unknown: Unknown,
        answers: Answers,
    ) -> Self {
        Self {
            core: Core::new(config, seed, Instant::ZERO),
            family,
            unknown,
            answers,
            asked: BTreeMap::new(),
            coming: BTreeMap::new(),
            sent: 0,
            decided: Decided::default(),
        }
    }

    /// Lets time pass up to `to`: timers run, answers arrive.
    pub(super) fn advance(&mut self, to: Instant, evidence: &Evidence) {
        loop {
            let answer = self.coming.first_key_value().map(|(key, _)| key.0);
            let timer = self.core.poll_timeout();
            // an answer at the moment of a timeout is in time
            match (answer, timer) {
                (Some(at), timer) if at <= to && timer.is_none_or(|timer| at <= timer) => {
                    if let Some((_, coming)) = self.coming.pop_first() {
                        let Coming { from, payload } = coming;
                        self.core.handle_datagram(at, SOCKET, from, &payload);
                        self.drain(at, evidence);
                    }
                }
                (_, Some(at)) if at <= to => {
                    self.core.handle_timeout(at);
                    self.drain(at, evidence);
                }
                _ => return,
            }
        }
    }

    /// Lets something of the capture happen.
    pub(super) fn take(&mut self, at: Instant, happening: &Happening, evidence: &Evidence) {
        self.advance(at, evidence);
        match happening {
            Happening::Queried { from, query } => {
                self.core.handle_datagram(at, SOCKET, *from, query);
            }
            Happening::Asked {
                to,
                exchange,
                is_upkeep,
            } => {
                let is_fed = match self.answers {
                    Answers::All => true,
                    Answers::Lookups => !is_upkeep,
                };
                if is_fed {
                    self.ask(at, *to, *exchange);
                }
            }
            Happening::Answered {
                from,
                exchange,
                answer,
            } => self.answer(at, *from, *exchange, answer),
        }
        self.drain(at, evidence);
    }

    /// Opens the captured node's exchange here too, so that its end reaches
    /// the module. A ping stands for it whatever was asked: no module is told.
    fn ask(&mut self, at: Instant, to: SocketAddr, exchange: u64) {
        self.core.ping(at, to, ANSWER_WITHIN);
        let Some(transmit) = self.core.poll_transmit() else {
            return;
        };
        if let Ok(message) = Message::scan(&transmit.payload) {
            let id = message.transaction_id.to_vec();
            self.asked.insert(exchange, id);
            if self.asked.len() > Self::MOST_ASKED {
                self.asked.pop_first();
            }
        }
    }

    fn answer(&mut self, at: Instant, from: SocketAddr, exchange: u64, answer: &[u8]) {
        if let Some(id) = self.asked.remove(&exchange)
            && let Ok(mut message) = Message::scan(answer)
        {
            message.transaction_id = &id;
            let payload = message.encode();
            self.core.handle_datagram(at, SOCKET, from, &payload);
        }
    }

    /// Takes what the core sends: its queries are decided, its answers lost.
    fn drain(&mut self, now: Instant, evidence: &Evidence) {
        while let Some(transmit) = self.core.poll_transmit() {
            if let Ok(message) = Message::scan(&transmit.payload)
                && let Body::Query(query) = &message.body
            {
                match query.method {
                    Method::Ping => self.decided.ping += 1,
                    _ => self.decided.find_node += 1,
                }
                self.decide(now, transmit.to, message.transaction_id, evidence);
            }
        }
        while let Some(event) = self.core.poll_event() {
            if matches!(event, Event::Offline { .. }) {
                self.decided.offline += 1;
            }
        }
    }

    /// Lets the capture say what becomes of a query sent to `to`.
    fn decide(&mut self, now: Instant, to: SocketAddr, transaction: &[u8], evidence: &Evidence) {
        let last_id = evidence.id_of(&to);
        let (id, rtt) = match evidence.judge(&to, now) {
            Verdict::Answers { id, rtt } => {
                self.decided.answering += 1;
                (id.or(last_id), rtt)
            }
            Verdict::Silent => {
                self.decided.silent += 1;
                return;
            }
            Verdict::Heard => {
                self.decided.heard += 1;
                (last_id, TYPICAL_RTT)
            }
            Verdict::Unknown => {
                self.decided.unknown += 1;
                match self.unknown {
                    Unknown::Silent => return,
                    Unknown::Alive => (last_id, TYPICAL_RTT),
                }
            }
        };
        if let Some(id) = id {
            self.let_answer(now + rtt, to, transaction, id);
        }
    }

    /// An answer that names nobody: whom the contact would have named, the
    /// capture cannot say.
    fn let_answer(&mut self, at: Instant, from: SocketAddr, transaction: &[u8], id: Id) {
        let payload = Message::new(transaction, Body::Response(Response::new(id))).encode();
        self.sent += 1;
        self.coming
            .insert((at, self.sent), Coming { from, payload });
    }

    /// Every contact in the table or waiting.
    pub(super) fn table(&self) -> Vec<TableEntry> {
        self.core.table(self.family)
    }

    pub(super) const fn stats(&self) -> &Stats {
        self.core.stats()
    }

    pub(super) const fn decided(&self) -> Decided {
        self.decided
    }
}
