//! Queries that a node could have spared.

use std::hash::{BuildHasher, Hash, Hasher};
use std::time::Duration;

use foldhash::fast::RandomState;
use mdht_krpc::{Body, Id};
use serde_json::json;

use super::{Hooks, Measurement, Row, Section, Span, in_words, percentage};
use crate::chains::Chains;
use crate::referrals::key as address_key;
use crate::timestamp::nanoseconds;
use crate::{Observed, Options, QueryKind, Timestamp};

/// Doubled queries: of the same kind for the same key to the same address
/// within [`Options::doubled_within`] of the last. Needless pings: within
/// [`Options::needless_ping_within`] of a get_peers or get query to the same
/// address, before or after it.
#[derive(Clone, Debug)]
pub(super) struct NeedlessQueries {
    doubled_within: Duration,
    ping_within: Duration,
    digest: RandomState,
    /// The queries sent, by what would make another one its double.
    sent_lately: Recent<()>,
    /// What was sent to an address.
    contacted: Recent<Contacted>,
    sent: u64,
    pings: u64,
    doubled: u64,
    needless_pings: u64,
}

/// When an address was last sent something.
#[derive(Clone, Copy, Debug, Default)]
struct Contacted {
    lookup: Option<Timestamp>,
    /// A ping that is not known to be needless.
    ping: Option<Timestamp>,
}

impl NeedlessQueries {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            doubled_within: options.doubled_within,
            ping_within: options.needless_ping_within,
            digest: RandomState::default(),
            sent_lately: Recent::new(options.doubled_within),
            contacted: Recent::new(options.needless_ping_within),
            sent: 0,
            pings: 0,
            doubled: 0,
            needless_pings: 0,
        }
    }

    fn check_ping(&mut self, address: u64, now: Timestamp, is_ping: bool) {
        let address = self.digest.hash_one(address);
        let within = self.ping_within;
        let is_recent = |time: Option<Timestamp>| time.is_some_and(|t| t.apart(now) <= within);
        let mut contacted = self.contacted.last(address, now).unwrap_or_default();
        if is_ping {
            match is_recent(contacted.lookup) {
                true => self.needless_pings += 1,
                false => contacted.ping = Some(now),
            }
        } else {
            self.needless_pings += u64::from(is_recent(contacted.ping.take()));
            contacted.lookup = Some(now);
        }
        self.contacted.add(address, now, contacted);
    }

    /// A digest of what doubled queries agree in.
    fn digest(&self, address: u64, kind: QueryKind, key: Option<&Id>) -> u64 {
        let mut hasher = self.digest.build_hasher();
        hasher.write_u64(address);
        kind.hash(&mut hasher);
        if let Some(key) = key {
            let (words, _) = key.as_bytes().as_chunks();
            for word in words {
                hasher.write_u32(u32::from_ne_bytes(*word));
            }
        }
        hasher.finish()
    }
}

impl Measurement for NeedlessQueries {
    fn hooks(&self) -> Hooks {
        Hooks::SENT_QUERIES
    }

    fn on_message(&mut self, observed: &Observed<'_>) {
        let Body::Query(query) = &observed.message.body else {
            return;
        };
        let now = observed.time;
        self.sent += 1;
        let kind = QueryKind::of(&query.method);
        let address = address_key(&observed.remote);
        let digest = self.digest(
            address,
            kind,
            query.info_hash.as_ref().or(query.target.as_ref()),
        );
        self.doubled += u64::from(self.sent_lately.last(digest, now).is_some());
        self.sent_lately.add(digest, now, ());
        match kind {
            QueryKind::Ping => {
                self.pings += 1;
                self.check_ping(address, now, true);
            }
            QueryKind::GetPeers | QueryKind::Get => self.check_ping(address, now, false),
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

/// What was last noted of digests, as long as it is not longer ago than
/// matters.
#[derive(Clone, Debug)]
struct Recent<T> {
    /// In nanoseconds.
    within: u64,
    noted: Chains<(Timestamp, T)>,
}

impl<T: Copy> Recent<T> {
    fn new(within: Duration) -> Self {
        Self {
            within: nanoseconds(within),
            noted: Chains::default(),
        }
    }

    /// What was last noted of a digest, if that is not too long ago at `now`.
    fn last(&self, digest: u64, now: Timestamp) -> Option<T> {
        let newest = self.noted.find(digest).next()?;
        let (time, noted) = self.noted.get(newest);
        (time.nanos_apart(now) <= self.within).then_some(*noted)
    }

    /// Notes something in place of what was noted of that digest.
    fn add(&mut self, digest: u64, now: Timestamp, noted: T) {
        self.noted.push_back(digest, (now, noted));
        // not those from a time that is yet to come: the clock steps back and
        // forth where captures are no more than nearly in order
        let is_over = |(time, _): &(Timestamp, T)| {
            now.as_nanos().saturating_sub(time.as_nanos()) > self.within
        };
        while self.noted.len() > MAX_RECENT || self.noted.front().is_some_and(is_over) {
            self.noted.pop_front();
        }
    }
}

/// Most queries that are remembered, about 5 MB: enough for 6,000 queries a
/// second. Beyond it the oldest are forgotten.
const MAX_RECENT: usize = 1 << 16;
