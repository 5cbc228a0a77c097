//! The waterfalls of chosen lookups: the slowest, and those of named
//! infohashes.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use foldhash::{HashMap, HashMapExt};
use mdht_krpc::{Body, Id};

use crate::exchange::{Exchange, Outcome};
use crate::measurement::Span;
use crate::referrals::distance_bits;
use crate::timestamp::milliseconds;
use crate::{BarOutcome, Lookup, LookupId, LookupKind, Options, Timestamp, WaterfallBar};

/// Every query of a lookup over time.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Waterfall {
    /// What was looked up.
    pub infohash: Id,
    /// When the lookup started, in seconds since the first packet.
    pub start_s: f64,
    /// Lookup latency; `None` if it got no value. The same as
    /// `first_value_ms`, which a figure marks.
    pub latency_ms: Option<f64>,
    /// When the first response with values came, in milliseconds since the
    /// lookup's first query.
    pub first_value_ms: Option<f64>,
    /// Its queries in the order they were sent, at most
    /// [`Waterfall::MAX_BARS`].
    pub bars: Vec<WaterfallBar>,
    /// Queries beyond them.
    pub omitted: u64,
}

impl Waterfall {
    /// Most queries that are kept of a lookup.
    pub const MAX_BARS: usize = 500;
}

/// Gathers the bars of open lookups and keeps the waterfalls that are wanted.
#[derive(Clone, Debug)]
pub(crate) struct Waterfalls {
    timeout: Duration,
    most: usize,
    named: BTreeSet<Id>,
    open: HashMap<LookupId, Bars>,
    slowest: Vec<Closed>,
    of_named: Vec<Closed>,
    /// How many more bars all open lookups may hold.
    room: usize,
}

#[derive(Clone, Debug, Default)]
struct Bars {
    bars: Vec<Bar>,
    omitted: u64,
}

#[derive(Clone, Copy, Debug)]
struct Bar {
    remote: SocketAddr,
    start: Timestamp,
    end: Timestamp,
    outcome: BarOutcome,
    distance_bits: Option<u8>,
}

#[derive(Clone, Debug)]
struct Closed {
    lookup: Lookup,
    bars: Bars,
}

impl Closed {
    /// Slowest first: by latency; behind them the ones without a value, by
    /// the number of queries.
    fn slower(&self, other: &Self) -> Ordering {
        let latency = |closed: &Self| closed.lookup.first_value.map(|first| first.latency);
        let by_latency = latency(other).cmp(&latency(self));
        by_latency
            .then(other.lookup.queries.cmp(&self.lookup.queries))
            .then(self.lookup.id.cmp(&other.lookup.id))
    }
}

impl Waterfalls {
    /// `None` if no waterfall is wanted: then nothing need be gathered.
    pub(crate) fn new(options: &Options) -> Option<Self> {
        let wanted = options.waterfalls > 0 || !options.waterfall_infohashes.is_empty();
        wanted.then(|| Self {
            timeout: options.timeout,
            most: options.waterfalls.min(MAX_WATERFALLS),
            named: options.waterfall_infohashes.clone(),
            open: HashMap::new(),
            slowest: Vec::new(),
            of_named: Vec::new(),
            room: MAX_OPEN_BARS,
        })
    }

    /// Notes what became of a query. A response tells the distance of its
    /// node; of others, the referral did.
    pub(crate) fn on_exchange(&mut self, exchange: &Exchange<'_>) {
        let query = &exchange.query;
        let (Some(lookup), Some(key)) = (query.lookup, query.key) else {
            return;
        };
        let bars = self.open.entry(lookup).or_default();
        if bars.bars.len() >= Waterfall::MAX_BARS || self.room == 0 {
            bars.omitted += 1;
            return;
        }
        self.room -= 1;
        let answer = exchange.outcome.answer();
        let own_id = answer.and_then(|answer| match &answer.message.body {
            Body::Response(response) => response.id,
            _ => None,
        });
        let own_bits = own_id.map(|id| distance_bits(&id, &key));
        bars.bars.push(Bar {
            remote: query.remote,
            start: query.time,
            end: answer.map_or(query.time.after(self.timeout), |answer| answer.time),
            outcome: outcome(exchange),
            distance_bits: own_bits.or(query.distance_bits),
        });
    }

    /// Notes that a lookup is over. `as_lookup` is false for refresh, of which
    /// only named infohashes are kept.
    pub(crate) fn on_closed(&mut self, lookup: &Lookup, as_lookup: bool) {
        let Some(bars) = self.open.remove(&lookup.id) else {
            return;
        };
        self.room += bars.bars.len();
        let is_named = self.named.contains(&lookup.infohash);
        let is_candidate = as_lookup && lookup.kind == LookupKind::GetPeers;
        let lookup = lookup.clone();
        let closed = Closed { lookup, bars };
        if is_named && self.of_named.len() < MAX_WATERFALLS {
            self.of_named.push(closed);
        } else if is_candidate && !is_named && self.most > 0 {
            let at = self
                .slowest
                .partition_point(|kept| kept.slower(&closed).is_lt());
            self.slowest.insert(at, closed);
            self.slowest.truncate(self.most);
        }
    }

    /// Those of named infohashes in the order they started, then the slowest.
    pub(crate) fn finish(mut self, span: &Span) -> Vec<Waterfall> {
        self.of_named.sort_by_key(|closed| closed.lookup.id);
        let kept = self.of_named.into_iter().chain(self.slowest);
        kept.map(|closed| closed.into_waterfall(span)).collect()
    }
}

impl Closed {
    fn into_waterfall(mut self, span: &Span) -> Waterfall {
        let start = self.lookup.start;
        self.bars.bars.sort_by_key(|bar| bar.start);
        let first_value = self.lookup.first_value;
        let first_value_ms = first_value.map(|first| milliseconds(first.latency));
        Waterfall {
            infohash: self.lookup.infohash,
            start_s: span.seconds_to(start),
            latency_ms: first_value_ms,
            first_value_ms,
            bars: self.bars.bars.iter().map(|bar| bar.since(start)).collect(),
            omitted: self.bars.omitted,
        }
    }
}

impl Bar {
    fn since(&self, start: Timestamp) -> WaterfallBar {
        WaterfallBar {
            label: self.remote.to_string(),
            start_ms: milliseconds(self.start.since(start)),
            end_ms: milliseconds(self.end.since(start)),
            outcome: self.outcome,
            distance_bits: self.distance_bits.map(u32::from),
        }
    }
}

fn outcome(exchange: &Exchange<'_>) -> BarOutcome {
    match &exchange.outcome {
        Outcome::Unanswered => BarOutcome::Timeout,
        Outcome::AnsweredLate(_) => BarOutcome::Late,
        Outcome::Answered(answer) => match &answer.message.body {
            Body::Response(response) if response.has_values() || response.has_item() => {
                BarOutcome::Values
            }
            Body::Response(_) => BarOutcome::Nodes,
            _ => BarOutcome::Error,
        },
    }
}

/// Most lookups of each sort whose waterfalls are kept, about 40 MB.
const MAX_WATERFALLS: usize = 1000;

/// Most bars that the open lookups of one node hold, about 40 MB.
const MAX_OPEN_BARS: usize = 1 << 19;
