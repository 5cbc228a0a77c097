//! Queries that a node could have spared.

use std::hash::BuildHasher;
use std::time::Duration;

use foldhash::fast::RandomState;
use foldhash::{HashMap, HashMapExt};
use mdht_krpc::Body;
use serde_json::json;

use super::{Hooks, Measurement, Row, Section, Span, in_words, percentage};
use crate::referrals::key as address_key;
use crate::{Direction, Observed, Options, QueryKind, Timestamp};

/// Doubled queries: of the same kind for the same key to the same address
/// within [`Options::doubled_within`] of the last. Needless pings: within
/// [`Options::needless_ping_within`] of a get_peers or get query to the same
/// address, before or after it.
#[derive(Clone, Debug)]
pub(super) struct NeedlessQueries {
    doubled_within: Duration,
    ping_within: Duration,
    digest: RandomState,
    /// When a query of this digest was last sent.
    last: Recent<Timestamp>,
    /// What was last sent to an address of this digest.
    contacted: Recent<Contacted>,
    sent: u64,
    pings: u64,
    doubled: u64,
    needless_pings: u64,
}

#[derive(Clone, Copy, Debug)]
struct Contacted {
    lookup: Option<Timestamp>,
    /// A ping that is not known to be needless.
    ping: Option<Timestamp>,
    latest: Timestamp,
}

impl NeedlessQueries {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            doubled_within: options.doubled_within,
            ping_within: options.needless_ping_within,
            digest: RandomState::default(),
            last: Recent::new(),
            contacted: Recent::new(),
            sent: 0,
            pings: 0,
            doubled: 0,
            needless_pings: 0,
        }
    }

    fn check_doubled(&mut self, digest: u64, now: Timestamp) {
        let within = self.doubled_within;
        let recent = |last: &Timestamp| last.apart(now) <= within;
        let Some(last) = self.last.entry(digest, recent) else {
            return;
        };
        if let Some(last) = last.replace(now) {
            self.doubled += u64::from(last.apart(now) <= within);
        }
    }

    fn check_ping(&mut self, digest: u64, now: Timestamp, is_ping: bool) {
        let within = self.ping_within;
        let is_recent = |time: Option<Timestamp>| time.is_some_and(|t| t.apart(now) <= within);
        let recent = |contacted: &Contacted| contacted.latest.apart(now) <= within;
        let Some(slot) = self.contacted.entry(digest, recent) else {
            return;
        };
        let contacted = slot.get_or_insert(Contacted {
            lookup: None,
            ping: None,
            latest: now,
        });
        contacted.latest = now;
        if is_ping {
            match is_recent(contacted.lookup) {
                true => self.needless_pings += 1,
                false => contacted.ping = Some(now),
            }
        } else {
            self.needless_pings += u64::from(is_recent(contacted.ping.take()));
            contacted.lookup = Some(now);
        }
    }
}

impl Measurement for NeedlessQueries {
    fn hooks(&self) -> Hooks {
        Hooks::SENT_QUERIES
    }

    fn on_message(&mut self, observed: &Observed<'_>) {
        let (Direction::Sent, Body::Query(query)) = (observed.direction, &observed.message.body)
        else {
            return;
        };
        self.sent += 1;
        let kind = QueryKind::of(&query.method);
        let address = address_key(&observed.remote);
        let query = self.digest.hash_one((address, kind, query.key()));
        self.check_doubled(query, observed.time);
        match kind {
            QueryKind::Ping => {
                self.pings += 1;
                self.check_ping(address, observed.time, true);
            }
            QueryKind::GetPeers | QueryKind::Get => self.check_ping(address, observed.time, false),
            _ => {}
        }
    }

    fn finish(self: Box<Self>, _: &Span) -> Section {
        let Self {
            doubled,
            sent,
            needless_pings,
            pings,
            ..
        } = *self;
        let doubled_pct = percentage(doubled, sent);
        let needless_pings_pct = percentage(needless_pings, pings);
        let text = format!(
            "{doubled} of {sent} sent again within {} s ({} %), {needless_pings} of {pings} pings \
             to nodes queried within {} s anyway ({} %)",
            self.doubled_within.as_secs_f64(),
            in_words(doubled_pct, 1),
            self.ping_within.as_secs_f64(),
            in_words(needless_pings_pct, 1)
        );
        Section {
            key: "needless_queries",
            json: json!({
                "doubled": doubled,
                "doubled_pct": doubled_pct,
                "doubled_within_s": self.doubled_within.as_secs_f64(),
                "needless_pings": needless_pings,
                "needless_pings_pct": needless_pings_pct,
                "needless_ping_within_s": self.ping_within.as_secs_f64(),
            }),
            rows: vec![Row::line("needless queries", text)],
            ..Section::default()
        }
    }
}

/// What was last seen of digests, for those that may still matter.
#[derive(Clone, Debug)]
struct Recent<T> {
    known: HashMap<u64, Option<T>>,
    /// Number of them at which those that no longer matter are dropped.
    clean_at: usize,
}

impl<T> Recent<T> {
    fn new() -> Self {
        Self {
            known: HashMap::new(),
            clean_at: MIN_CLEAN_AT,
        }
    }

    /// The slot of a digest; `None` if there are too many that matter.
    fn entry(&mut self, digest: u64, matters: impl Fn(&T) -> bool) -> Option<&mut Option<T>> {
        if self.known.len() >= self.clean_at {
            self.known
                .retain(|_, last| last.as_ref().is_some_and(&matters));
            self.clean_at = (2 * self.known.len()).clamp(MIN_CLEAN_AT, MAX_RECENT);
        }
        if self.known.len() >= MAX_RECENT && !self.known.contains_key(&digest) {
            return None;
        }
        Some(self.known.entry(digest).or_default())
    }
}

const MIN_CLEAN_AT: usize = 1 << 10;

/// Most queries that are remembered, about 5 MB: enough for 6,000 queries a
/// second. Beyond it new ones are not looked at until older ones are dropped.
const MAX_RECENT: usize = 1 << 16;
