//! What is shown of a running node: its last lookups, query by query, its
//! rates, its notices.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use mdht_krpc::Id;
use mdht_node::core::LookupId;
use mdht_node::{FoundPeer, LookupMoment, LookupNews, LookupReport, LookupStep, Status};
use mdht_plugins::lookup::Timeout;

/// Lookups kept, the newest.
const MOST_LOOKUPS: usize = 12;
/// Queries kept of a lookup; later ones are only counted.
const MOST_QUERIES: usize = 256;
/// Seconds of rates kept.
const MOST_RATES: usize = 120;
/// Notices kept, the newest.
const MOST_NOTICES: usize = 8;

/// A node as it is shown.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) lookups: VecDeque<Lookup>,
    pub(super) rates: VecDeque<Rates>,
    pub(super) notices: VecDeque<String>,
    pub(super) status: Option<Status>,
}

/// A lookup as it is shown.
#[derive(Debug)]
pub(super) struct Lookup {
    id: LookupId,
    pub(super) target: Id,
    /// When it was asked for, since the node was started.
    pub(super) begun: Duration,
    pub(super) queries: Vec<Query>,
    /// Queries sent, those not kept included.
    pub(super) sent: usize,
    pub(super) peers: usize,
    /// Since it was asked for.
    pub(super) first_peer: Option<Duration>,
    pub(super) report: Option<LookupReport>,
    pub(super) given_up: bool,
}

/// A query of a lookup; times are since the lookup was asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Query {
    pub(super) to: SocketAddr,
    pub(super) id: Id,
    pub(super) sent: Duration,
    pub(super) ended: Option<Duration>,
    pub(super) end: End,
}

/// What came of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing yet.
    Open,
    /// It has taken long; an answer still counts.
    Slow,
    Answered,
    /// Answered with peers.
    Values,
    Failed,
    Silent,
}

impl End {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Slow => "slow",
            Self::Answered => "answered",
            Self::Values => "values",
            Self::Failed => "failed",
            Self::Silent => "silent",
        }
    }
}

/// What was sent and received in one second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Rates {
    pub(super) queries_sent: f64,
    pub(super) queries_received: f64,
    pub(super) bytes_sent: f64,
    pub(super) bytes_received: f64,
}

impl Model {
    pub(super) fn on_moment(&mut self, moment: &LookupMoment) {
        if let LookupNews::Begun = moment.what {
            push(&mut self.lookups, Lookup::new(moment), MOST_LOOKUPS);
        }
        let known = |lookup: &&mut Lookup| lookup.id == moment.lookup;
        let Some(lookup) = self.lookups.iter_mut().find(known) else {
            return;
        };
        let at = moment.at.saturating_sub(lookup.begun);
        match &moment.what {
            LookupNews::Step(step) => lookup.on_step(at, step),
            LookupNews::Peer(found) => lookup.on_peer(at, found),
            LookupNews::Done(report) => lookup.report = Some(LookupReport::clone(report)),
            LookupNews::GivenUp => lookup.given_up = true,
            _ => {}
        }
    }

    pub(super) fn on_notice(&mut self, notice: String) {
        push(&mut self.notices, notice, MOST_NOTICES);
    }

    /// Takes the node's state in, once a second or so.
    pub(super) fn on_status(&mut self, status: Status) {
        let rates = self
            .status
            .as_ref()
            .map(|last| Rates::between(last, &status));
        if let Some(rates) = rates {
            push(&mut self.rates, rates, MOST_RATES);
        }
        self.status = Some(status);
    }
}

fn push<T>(kept: &mut VecDeque<T>, new: T, most: usize) {
    if kept.len() >= most {
        kept.pop_front();
    }
    kept.push_back(new);
}

impl Lookup {
    const fn new(moment: &LookupMoment) -> Self {
        Self {
            id: moment.lookup,
            target: moment.target,
            begun: moment.at,
            queries: Vec::new(),
            sent: 0,
            peers: 0,
            first_peer: None,
            report: None,
            given_up: false,
        }
    }

    pub(super) const fn is_over(&self) -> bool {
        self.report.is_some() || self.given_up
    }

    /// Answers that came, with peers or without.
    pub(super) fn answered(&self) -> usize {
        let answered = |query: &&Query| matches!(query.end, End::Answered | End::Values);
        self.queries.iter().filter(answered).count()
    }

    fn on_step(&mut self, at: Duration, step: &LookupStep) {
        match *step {
            LookupStep::Queried { contact } => {
                self.sent += 1;
                if self.queries.len() < MOST_QUERIES {
                    let (to, id) = (contact.addr, contact.id);
                    let (ended, end) = (None, End::Open);
                    let sent = at;
                    self.queries.push(Query {
                        to,
                        id,
                        sent,
                        ended,
                        end,
                    });
                }
            }
            LookupStep::Answered {
                from, has_values, ..
            } if has_values => {
                self.end(from, at, End::Values);
            }
            LookupStep::Answered { from, .. } => self.end(from, at, End::Answered),
            LookupStep::Failed { from } => self.end(from, at, End::Failed),
            LookupStep::Silent {
                from,
                timeout: Timeout::Hard,
            } => self.end(from, at, End::Silent),
            LookupStep::Silent { from, .. } => {
                if let Some(query) = self.open(from) {
                    query.end = End::Slow;
                }
            }
            _ => {}
        }
    }

    fn end(&mut self, from: SocketAddr, at: Duration, end: End) {
        if let Some(query) = self.open(from) {
            (query.ended, query.end) = (Some(at), end);
        }
    }

    fn open(&mut self, to: SocketAddr) -> Option<&mut Query> {
        let mut queries = self.queries.iter_mut().rev();
        queries.find(|query| query.to == to && query.ended.is_none())
    }

    fn on_peer(&mut self, at: Duration, _: &FoundPeer) {
        self.peers += 1;
        self.first_peer.get_or_insert(at);
    }
}

impl Rates {
    #[allow(clippy::cast_precision_loss)] // of a second
    fn between(last: &Status, now: &Status) -> Self {
        let seconds = now
            .uptime
            .saturating_sub(last.uptime)
            .as_secs_f64()
            .max(1e-3);
        let rate = |last: u64, now: u64| now.saturating_sub(last) as f64 / seconds;
        let (a, b) = (&last.stats, &now.stats);
        Self {
            queries_sent: rate(a.queries_sent.total(), b.queries_sent.total()),
            queries_received: rate(a.queries_received.total(), b.queries_received.total()),
            bytes_sent: rate(a.bytes_sent, b.bytes_sent),
            bytes_received: rate(a.bytes_received, b.bytes_received),
        }
    }
}
