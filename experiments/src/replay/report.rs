//! What came out of a replay, and as JSON (`docs/replay.md`).

use std::time::Duration;

use mdht_krpc::Id;
use mdht_profiler::{CaptureSummary, NodeSpec, Timestamp};
use serde::{Serialize, Serializer};

use super::{Answers, Traffic, Unknown};

/// Routing modules side by side, fed with the same capture.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Replay {
    /// What was in the captures.
    pub captures: Vec<CaptureSummary>,
    /// The captured node.
    #[serde(serialize_with = "as_text")]
    pub node: NodeSpec,
    /// Its ID, as given or as seen.
    #[serde(serialize_with = "as_text")]
    pub id: Id,
    /// Time of its first message.
    pub start: Timestamp,
    /// From there to its last.
    #[serde(rename = "duration_s", serialize_with = "as_seconds")]
    pub duration: Duration,
    /// KRPC messages that it sent or received.
    pub messages: u64,
    /// The same by kind.
    #[serde(flatten)]
    pub traffic: Traffic,
    /// How far from a moment evidence was looked for.
    #[serde(rename = "window_s", serialize_with = "as_seconds")]
    pub window: Duration,
    /// What became of queries without evidence.
    pub unknown: Unknown,
    /// Which of the captured node's exchanges the modules were told of.
    pub answers: Answers,
    /// Messages played without all the evidence of the window ahead, because
    /// more than 262,144 would have had to be held.
    pub hurried: u64,
    /// One for each module, in the order given.
    pub modules: Vec<ModuleReport>,
}

impl Replay {
    pub(super) fn with_captures(mut self, captures: Vec<CaptureSummary>) -> Self {
        self.captures = captures;
        self
    }
}

/// What one module would have done.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ModuleReport {
    /// The module as it was given.
    pub module: String,
    /// Its changes and queries in all.
    #[serde(flatten)]
    pub totals: Totals,
    /// Its own queries, and by what they were decided.
    pub decided: Decided,
    /// Its state over time, the last row at the end.
    pub rows: Vec<Row>,
    /// Its table at the end by bucket, from the farthest to the closest.
    pub buckets: Vec<BucketFill>,
}

/// Changes of a module's table, and its queries, since the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Totals {
    /// Contacts that began to wait for admission.
    pub quarantined: u64,
    /// Contacts that entered.
    pub admitted: u64,
    /// Contacts given up before they entered.
    pub refused: u64,
    /// Contacts that left because they did not answer.
    pub evicted: u64,
    /// Contacts that left for a better one.
    pub replaced: u64,
    /// Queries that it would have sent.
    pub queries: u64,
}

/// A module's own queries by method, and by what the capture says of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Decided {
    /// Its pings.
    pub ping: u64,
    /// Its find_node queries, those of maintenance lookups included.
    pub find_node: u64,
    /// Answered: so was the captured node's own query nearest in time.
    pub answering: u64,
    /// Not answered: neither was that.
    pub silent: u64,
    /// Answered: the contact was not asked, but queried the captured node
    /// afterwards. Behind a NAT it may do so and answer nobody.
    pub heard: u64,
    /// No evidence.
    pub unknown: u64,
    /// Times that the core took itself for offline, because nobody answered.
    pub offline: u64,
}

/// A module's state at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Row {
    /// Time since the captured node's first message.
    #[serde(rename = "at_s", serialize_with = "as_seconds")]
    pub at: Duration,
    /// Contacts in the table.
    pub contacts: u64,
    /// Contacts that wait for a place.
    pub waiting: u64,
    /// Contacts in the table that the module has not heard from for 15 min.
    pub stale: u64,
    /// Those that answer or query the captured node within the window after.
    pub later_heard: u64,
    /// Those that are asked within the window after, and never answer.
    pub later_silent: u64,
    /// Those of which the window after shows nothing.
    pub later_unseen: u64,
    /// Changes and queries up to here.
    #[serde(flatten)]
    pub totals: Totals,
}

/// A bucket at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BucketFill {
    /// Leading bits that the contacts' IDs share with the node's.
    pub bucket: usize,
    /// Contacts in the table.
    pub contacts: u64,
    /// Those that the module has not heard from for 15 min.
    pub stale: u64,
    /// Contacts that wait for a place.
    pub waiting: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
fn as_seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}

fn as_text<T: ToString, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&value.to_string())
}
