//! What can be set of `bep5`, and what follows from it for a contact.

use std::time::Duration;

use mdht_krpc::Instant;

use crate::routing::table::{Entry, per_ip_parameter};
use crate::routing::{bep42_parameter, timeout_parameter};
use crate::{Parameter, Parameters, subnet};

/// Also those of a module that keeps its contacts in a `bep5`.
pub(crate) fn parameters() -> Vec<Parameter> {
    let mut all = vec![
        Parameter::integer("k", 8, (1, 64), "contacts", "capacity of a bucket"),
        Parameter::choice(
            "good",
            &["thesis", "bep5"],
            "good: heard from within `fresh`; bep5: and ever answered",
        ),
        Parameter::choice(
            "full_bucket_ping",
            &["questionable", "newcomer"],
            "whom a newcomer to a full bucket sets off pings to; newcomer is pymdht's",
        ),
        Parameter::duration(
            "fresh",
            900_000,
            (1000, 86_400_000),
            "contacts stay good, buckets unrefreshed, for this long",
        ),
        Parameter::integer(
            "bad_after",
            2,
            (1, 255),
            "failures",
            "in a row that make a contact bad",
        ),
        Parameter::choice(
            "mended_by",
            &["answer", "any"],
            "what ends a row of failures: an answer; any: a query too, which is pymdht's",
        ),
        Parameter::integer(
            "judged_by",
            0,
            (0, 255),
            "events",
            "first ones of a contact that it is judged by; 0 is all, 10 pymdht's",
        ),
        timeout_parameter(),
        per_ip_parameter(0),
        bep42_parameter(),
        Parameter::duration(
            "own_lookup",
            0,
            (0, 86_400_000),
            "from one lookup for our own ID to the next; 0s is only the first",
        ),
        Parameter::duration(
            "random_lookup",
            0,
            (0, 86_400_000),
            "from one lookup for a random ID to the next; 0s is none",
        ),
    ];
    all.extend(subnet::table_parameters());
    all
}

/// What sets one `bep5` apart from another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Config {
    pub(super) must_have_answered: bool,
    pub(super) ping_newcomer: bool,
    pub(super) fresh: Duration,
    pub(super) bad_after: usize,
    pub(super) mended_by_query: bool,
    pub(super) judged_by: usize,
    pub(super) timeout: Duration,
    /// Contacts whose ID does not fit their address make way [BEP 42].
    pub(super) prefers_fitting: bool,
    /// Off where another module sees to the table's freshness.
    pub(super) refreshes_buckets: bool,
}

impl Config {
    pub(super) fn new(parameters: &Parameters) -> Self {
        Self {
            must_have_answered: parameters.choice("good") == "bep5",
            ping_newcomer: parameters.choice("full_bucket_ping") == "newcomer",
            fresh: parameters.duration("fresh"),
            bad_after: parameters.integer("bad_after"),
            mended_by_query: parameters.choice("mended_by") == "any",
            judged_by: parameters.integer("judged_by"),
            timeout: parameters.duration("timeout"),
            prefers_fitting: parameters.choice("bep42") == "prefer",
            refreshes_buckets: true,
        }
    }

    /// Whether what has just happened counts for or against a contact.
    pub(super) fn judges(&self, entry: &mut Entry) -> bool {
        entry.judged = entry.judged.saturating_add(1);
        self.judged_by == 0 || usize::from(entry.judged) <= self.judged_by
    }

    /// Failed too often in a row.
    pub(super) fn is_bad(&self, entry: &Entry) -> bool {
        usize::from(entry.failures) >= self.bad_after
    }

    /// BEP 5's "answered within 15 minutes, or ever answered and queried us
    /// within 15 minutes" is to have answered ever and be heard from lately.
    pub(super) fn is_good(&self, entry: &Entry, now: Instant) -> bool {
        let may_be = entry.has_answered() || !self.must_have_answered;
        may_be && entry.seen_within(self.fresh, now) && !self.is_bad(entry)
    }

    pub(super) fn is_questionable(&self, entry: &Entry, now: Instant) -> bool {
        !self.is_bad(entry) && !self.is_good(entry, now)
    }
}
