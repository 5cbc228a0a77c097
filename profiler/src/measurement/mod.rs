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
//! #[derive(Clone, Default)]
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
//!             ..Section::default()
//!         }
//!     }
//! }
//!
//! let profiler = Profiler::new(Options::default())
//!     .with_measurement(|_| Box::<ReadOnly>::default());
//! ```

mod all_queries;
mod by_client;
mod client_responses;
mod clients;
mod closest;
pub mod connectivity;
mod distinct_nodes;
mod get_lookups;
mod hooks;
mod hops;
mod lookup_cost;
mod lookup_latency;
mod lookup_queries;
mod lookups;
mod maintenance;
mod needless_queries;
mod query_rate;
mod received;
mod rtt;
mod secure_ids;
mod stray_answers;
mod swarm_latency;
mod swarm_replicas;
mod timeouts;
mod traffic;
mod violations;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

pub use connectivity::Connectivity;
pub use hooks::Hooks;
pub(crate) use hooks::{KINDS, kind_of};

use crate::timestamp::seconds;
use crate::{
    Axis, DataTable, Distribution, Exchange, Figure, FigureData, Lookup, NodeSpec, Observed,
    Options, Remotes, Stray, Timestamp,
};

/// Something that is measured of one node under test.
///
/// The hooks are called in the order of the capture. An exchange is told of
/// when it is decided: at the answer, or, unanswered, a minute after the
/// query. A lookup is told of when it is over, after all its exchanges.
/// State should grow with what is open, not with what has passed. It is
/// copied when the figures are asked for while the capture goes on: hence
/// [`Duplicate`], which everything has that is `Clone`. It is `Send`, so that
/// one thread may read captures and another measure.
pub trait Measurement: Duplicate + Send {
    /// The node under test, told before anything else.
    fn on_node(&mut self, _node: &NodeSpec) {}

    /// Which of the hooks below are called, of those that would be for nearly
    /// every packet; it is not told of anything else. Asked for once, before
    /// any is called. All by default.
    fn hooks(&self) -> Hooks {
        Hooks::ALL
    }

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

    /// A lookup by `get` queries is over [BEP 44]; it is no
    /// [`on_lookup`](Self::on_lookup).
    fn on_get_lookup(&mut self, _lookup: &Lookup) {}

    /// A group of get_peers queries is over that was no lookup but refresh of
    /// the routing table.
    fn on_refresh(&mut self, _group: &Lookup) {}

    /// The capture is over: every remote address that the node met.
    fn on_remotes(&mut self, _remotes: &Remotes) {}

    /// The capture is over: the figures.
    fn finish(self: Box<Self>, span: &Span) -> Section;
}

/// Copies a measurement behind its trait.
pub trait Duplicate {
    /// A copy, to go on apart.
    fn duplicate(&self) -> Box<dyn Measurement>;
}

impl<M: Measurement + Clone + 'static> Duplicate for M {
    fn duplicate(&self) -> Box<dyn Measurement> {
        Box::new(self.clone())
    }
}

impl Clone for Box<dyn Measurement> {
    fn clone(&self) -> Self {
        self.as_ref().duplicate()
    }
}

/// Makes a measurement for one node under test. It may know more than the
/// options: where to write to, say.
pub type Factory = Arc<dyn Fn(&Options) -> Box<dyn Measurement> + Send + Sync>;

/// Makes a measurement of the profile, which needs the options only.
pub type Standard = fn(&Options) -> Box<dyn Measurement>;

/// Every measurement of the profile, in the order of its JSON.
pub const STANDARD: &[Standard] = &[
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
    |_| Box::<swarm_replicas::SwarmReplicas>::default(),
    |_| Box::<swarm_latency::SwarmLatency>::default(),
    |_| Box::<hops::Hops>::default(),
    |_| Box::<get_lookups::GetLookups>::default(),
    |options| Box::new(needless_queries::NeedlessQueries::new(options)),
    |options| Box::new(timeouts::Timeouts::new(options)),
    |_| Box::<client_responses::ClientResponses>::default(),
    |_| Box::<violations::Violations>::default(),
    |_| Box::<secure_ids::SecureIds>::default(),
    |_| Box::<distinct_nodes::DistinctNodes>::default(),
    |_| Box::<traffic::Traffic>::default(),
    |_| Box::<query_rate::QueryRate>::default(),
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

/// What a measurement ends in: its part of a node's profile. What it does not
/// have is left empty: `..Section::default()`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Section {
    /// Its key in the JSON; empty for what has nothing there.
    pub key: &'static str,
    /// The figures. One that could not be computed is `null`, never 0. Where
    /// it is `null` altogether, the first table stands in the JSON, as a list
    /// with an object for each row: long lists are held once only.
    pub json: Value,
    /// Its rows of the text table; there may be none.
    pub rows: Vec<Row>,
    /// Its figures; there may be none.
    pub figures: Vec<Figure>,
    /// Its tables; there may be none.
    pub tables: Vec<DataTable>,
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

/// Points of a scatter plot in bounded space: when there are too many, every
/// other is dropped, and from then on only every second is taken, and so on.
#[derive(Clone, Debug)]
struct Points {
    kept: Vec<(f64, f64)>,
    seen: u64,
    every: u64,
}

impl Default for Points {
    fn default() -> Self {
        Self {
            kept: Vec::new(),
            seen: 0,
            every: 1,
        }
    }
}

impl Points {
    fn add(&mut self, x: f64, y: f64) {
        if self.seen.is_multiple_of(self.every) {
            if self.kept.len() >= MAX_POINTS {
                let mut number = 0;
                self.kept.retain(|_| {
                    number += 1;
                    number % 2 == 1
                });
                self.every *= 2;
            }
            if self.seen.is_multiple_of(self.every) {
                self.kept.push((x, y));
            }
        }
        self.seen += 1;
    }

    fn into_vec(self) -> Vec<(f64, f64)> {
        self.kept
    }
}

/// Most points of a scatter plot.
const MAX_POINTS: usize = 4096;

/// The CDF of a distribution over `x`.
fn cdf(
    name: &'static str,
    title: &'static str,
    x: Axis,
    distribution: &mut Distribution,
    note: &'static str,
) -> Figure {
    Figure {
        name,
        title,
        x,
        y: Axis::linear("share of samples"),
        data: FigureData::Cdf(distribution.cdf(MAX_CDF_POINTS)),
        note,
    }
}

/// Most points of a CDF; it is exact up to as many samples.
const MAX_CDF_POINTS: usize = 2000;

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
