//! Figures and tables as data; how they are drawn is decided elsewhere.

use serde::ser::{Serialize, SerializeSeq, Serializer};
use serde_json::Value;

/// A figure of one node under test. Figures of several nodes with the same
/// name are made to be laid over each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// Stem of its file name, the same for every node.
    pub name: &'static str,
    /// What it shows.
    pub title: &'static str,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// What is drawn.
    pub data: FigureData,
    /// Where the form is from, such as `thesis 8, Fig. 3`; may be empty.
    pub note: &'static str,
}

/// An axis of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axis {
    /// What it counts, with its unit.
    pub label: &'static str,
    /// How it is divided.
    pub scale: Scale,
}

impl Axis {
    /// A linear axis.
    pub const fn linear(label: &'static str) -> Self {
        let scale = Scale::Linear;
        Self { label, scale }
    }

    /// A logarithmic axis.
    pub const fn log(label: &'static str) -> Self {
        let scale = Scale::Log;
        Self { label, scale }
    }
}

/// How an axis is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Evenly.
    Linear,
    /// By powers of ten. Data at or below 0 has no place on it.
    Log,
}

/// What a figure draws.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum FigureData {
    /// Samples, drawn as an empirical CDF; in ascending order.
    Cdf(Vec<f64>),
    /// A cumulative count over time: it keeps its value up to the next point.
    Steps(Vec<(f64, f64)>),
    /// Points that are joined.
    Line(Vec<(f64, f64)>),
    /// Points.
    Scatter(Vec<(f64, f64)>),
    /// A bar for each name.
    Bars(Vec<(String, f64)>),
    /// The queries of a lookup.
    Waterfall(Vec<WaterfallBar>),
}

/// A query of a lookup, from sending to its answer or timeout.
#[derive(Clone, Debug, PartialEq)]
pub struct WaterfallBar {
    /// The queried address.
    pub label: String,
    /// When it was sent, in milliseconds since the lookup's first query.
    pub start_ms: f64,
    /// When it was answered or timed out, in milliseconds since the lookup's
    /// first query.
    pub end_ms: f64,
    /// What became of it.
    pub outcome: BarOutcome,
    /// Bits of the XOR distance from the queried node's ID to the infohash:
    /// 160 far, 0 equal. `None` if no packet told its ID.
    pub distance_bits: Option<u32>,
}

/// What became of a query of a lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BarOutcome {
    /// A response with values.
    Values,
    /// A response without values.
    Nodes,
    /// An error.
    Error,
    /// Any answer after the timeout.
    Late,
    /// No answer.
    Timeout,
}

/// A table of one node under test, for CSV and HTML.
#[derive(Clone, Debug, PartialEq)]
pub struct DataTable {
    /// Stem of its file name, the same for every node.
    pub name: &'static str,
    /// What it shows.
    pub title: &'static str,
    /// Names of the columns, in snake_case with the unit at the end.
    pub columns: Vec<&'static str>,
    /// The rows, each with a cell for every column; `null` where there is no
    /// figure.
    pub rows: Vec<Vec<Value>>,
}

/// A list with an object for each row.
impl Serialize for DataTable {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Row<'a>(&'a [&'static str], &'a [Value]);
        impl Serialize for Row<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_map(self.0.iter().zip(self.1))
            }
        }
        let mut list = serializer.serialize_seq(Some(self.rows.len()))?;
        for row in &self.rows {
            list.serialize_element(&Row(&self.columns, row))?;
        }
        list.end()
    }
}

/// The rows of a table from objects with the `columns` as their keys.
pub(crate) fn rows(columns: &[&str], objects: impl Iterator<Item = Value>) -> Vec<Vec<Value>> {
    let row = |mut object: Value| columns.iter().map(|key| object[*key].take()).collect();
    objects.map(row).collect()
}
