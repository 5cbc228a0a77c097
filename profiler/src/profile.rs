//! The profile: what the profiler ends in.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::measurement::Section;
use crate::{BusyAddress, CaptureSummary, NodeSpec, Waterfall};

/// What the captures say of the nodes under test.
///
/// Serialises to the JSON of `mdht profile --format json`;
/// [`Display`](std::fmt::Display) writes the text table.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Profile {
    /// The captures, in the order of their time.
    pub captures: Vec<CaptureSummary>,
    /// When no node was named: the addresses that both send and receive KRPC,
    /// busiest first, at most 50. The first is the node under test.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<BusyAddress>,
    /// The nodes under test, in the order they were named. Empty if none was
    /// named and no address both sends and receives.
    pub nodes: Vec<NodeProfile>,
}

/// The figures of one node under test.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct NodeProfile {
    /// The node.
    pub node: NodeSpec,
    /// KRPC messages it sent or received; 0 if it is not in the captures.
    pub messages: u64,
    /// The figures, one section for each measurement.
    pub sections: Vec<Section>,
    /// The waterfalls that were asked for: of named infohashes in the order
    /// they started, then of the slowest lookups, slowest first. Not in the
    /// JSON.
    pub waterfalls: Vec<Waterfall>,
}

impl NodeProfile {
    /// The figures under `key`, such as `lookup_latency_ms`.
    pub fn section(&self, key: &str) -> Option<&Value> {
        let mut sections = self.sections.iter();
        sections.find(|s| s.key == key).map(|s| &s.json)
    }
}

impl Serialize for NodeProfile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let named = || self.sections.iter().filter(|s| !s.key.is_empty());
        let mut map = serializer.serialize_map(Some(3 + named().count()))?;
        map.serialize_entry("node", &self.node.to_string())?;
        map.serialize_entry("label", &self.node.label)?;
        map.serialize_entry("messages", &self.messages)?;
        for section in named() {
            match (&section.json, section.tables.first()) {
                (Value::Null, Some(table)) => map.serialize_entry(section.key, table)?,
                (figures, _) => map.serialize_entry(section.key, figures)?,
            }
        }
        map.end()
    }
}
