//! Measurements as plug-ins [thesis 8.III.A].
//!
//! A measurement is one file here and one line in [`STANDARD`]. It is fed
//! with what one node under test did and ends in a [`Section`] of the
//! profile. For each node there is one of each.
//!
//! To add one from outside, hand its factory to
//! [`Profiler::with_measurement`](crate::Profiler::with_measurement):
//!
//! ```
//! use mdht_profiler::measurement::{Measurement, Row, Section, Span};
//! use mdht_profiler::{Direction, Observed, Options, Profiler};
//!
//! /// Messages of nodes that answer no queries [B43].
//! #[derive(Default)]
//! struct ReadOnly(u64);
//!
//! impl Measurement for ReadOnly {
//!     fn on_message(&mut self, observed: &Observed<'_>) {
//!         let received = observed.direction == Direction::Received;
//!         self.0 += u64::from(received && observed.message.read_only);
//!     }
//!
//!     fn finish(self: Box<Self>, _: &Span) -> Section {
//!         Section {
//!             key: "read_only",
//!             json: self.0.into(),
//!             rows: vec![Row::line("read-only", format!("{} messages", self.0))],
//!         }
//!     }
//! }
//!
//! let profiler = Profiler::new(Options::default())
//!     .with_measurement(|_| Box::<ReadOnly>::default());
//! ```

mod all_queries;
mod clients;
mod closest;
mod lookup_cost;
mod lookup_latency;
mod lookup_queries;
mod lookups;
mod maintenance;
mod received;
mod rtt;
mod stray_answers;

use std::time::Duration;

use serde_json::Value;

use crate::timestamp::seconds;
use crate::{Distribution, Exchange, Lookup, Observed, Options, Stray, Timestamp};

/// Something that is measured of one node under test.
///
/// The hooks are called in the order of the capture. An exchange is told of
/// when it is decided: at the answer, or, unanswered, a minute after the
/// query. A lookup is told of when it is over, after all its exchanges.
/// State should grow with what is open, not with what has passed.
pub trait Measurement {
    /// The node sent or received a message. The exchange that it decides, if
    /// any, is told of next.
    fn on_message(&mut self, _observed: &Observed<'_>) {}

    /// A query of the node was answered, or can no longer be. Every query
    /// that the node sent comes here once.
    fn on_exchange(&mut self, _exchange: &Exchange<'_>) {}

    /// The node received an answer to no open query.
    fn on_stray(&mut self, _observed: &Observed<'_>, _stray: Stray) {}

    /// A lookup is over.
    fn on_lookup(&mut self, _lookup: &Lookup) {}

    /// A group of get_peers queries is over that was no lookup but refresh of
    /// the routing table.
    fn on_refresh(&mut self, _group: &Lookup) {}

    /// The capture is over: the figures.
    fn finish(self: Box<Self>, span: &Span) -> Section;
}

/// Makes a measurement for one node under test.
pub type Factory = fn(&Options) -> Box<dyn Measurement>;

/// Every measurement of the profile, in the order of its JSON.
pub const STANDARD: &[Factory] = &[
    |_| Box::<lookups::Lookups>::default(),
    |_| Box::<lookup_latency::LookupLatency>::default(),
    |_| Box::<lookup_cost::LookupCost>::default(),
    |_| Box::<lookup_queries::LookupQueries>::default(),
    |_| Box::<closest::Closest>::default(),
    |_| Box::<maintenance::Maintenance>::default(),
    |_| Box::<all_queries::AllQueries>::default(),
    |_| Box::<rtt::Rtt>::default(),
    |_| Box::<received::Received>::default(),
    |_| Box::<clients::Clients>::default(),
    |_| Box::<stray_answers::StrayAnswers>::default(),
];

/// The time that the captures cover.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Span {
    /// Time of the first packet; `None` if there is no packet.
    pub start: Option<Timestamp>,
    /// The captures' durations, added up. Time between them was not observed.
    pub observed: Duration,
}

impl Span {
    /// `count` per `unit` of the observed time; `None` if no time passed.
    pub fn rate(&self, count: u64, unit: Duration) -> Option<f64> {
        let units = self.observed.as_secs_f64() / unit.as_secs_f64();
        (units > 0.0).then(|| count as f64 / units)
    }

    /// Seconds from the first packet to `time`.
    pub fn seconds_to(&self, time: Timestamp) -> f64 {
        seconds(time.since(self.start.unwrap_or(time)))
    }
}

/// What a measurement ends in: its part of a node's profile.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    /// Its key in the JSON.
    pub key: &'static str,
    /// The figures. One that could not be computed is `null`, never 0.
    pub json: Value,
    /// Its rows of the text table; there may be none.
    pub rows: Vec<Row>,
}

/// A row of a node's text table.
#[derive(Clone, Debug, PartialEq)]
pub enum Row {
    /// A distribution: a row of the table of percentiles.
    Spread {
        /// What is distributed, with its unit.
        name: String,
        /// Number of samples.
        count: u64,
        /// Percentiles 50, 75, 98 and 99 and the maximum.
        figures: [Option<f64>; 5],
    },
    /// Anything else: a line of its own.
    Line {
        /// What it is about.
        name: String,
        /// The figures in words.
        text: String,
    },
}

impl Row {
    /// The row of a distribution.
    pub fn spread(name: impl Into<String>, distribution: &mut Distribution) -> Self {
        let [p50, p75, p98, p99] = [50.0, 75.0, 98.0, 99.0].map(|p| distribution.percentile(p));
        Self::Spread {
            name: name.into(),
            count: distribution.count(),
            figures: [p50, p75, p98, p99, distribution.max()],
        }
    }

    /// A line of its own.
    pub fn line(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self::Line {
            name: name.into(),
            text: text.into(),
        }
    }
}

/// `part` of `whole` in percent; `None` if there is no whole.
fn percentage(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| 100.0 * part as f64 / whole as f64)
}

/// A figure in words, with `digits` behind the point; a dash if there is none.
fn in_words(figure: Option<f64>, digits: usize) -> String {
    figure.map_or_else(|| "-".to_owned(), |figure| format!("{figure:.digits$}"))
}

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
