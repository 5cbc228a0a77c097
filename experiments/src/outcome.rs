//! What came out of an experiment.

use std::sync::OnceLock;
use std::time::Duration;

use mdht_profiler::NodeProfile;

use crate::interval::Interval;
use crate::lookups::samples;
use crate::published::Published;
use crate::script::{Script, Variant, World};
use crate::unique::UniqueAddresses;
use crate::verdict::PairVerdict;

/// What came out of an experiment: figures of the profiler, which saw packets
/// and nothing else.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// What was compared.
    pub script: Script,
    /// Whether everything was run; otherwise it was ended before.
    pub is_whole: bool,
    /// How long it took.
    pub wall: Duration,
    /// Virtual time of each run.
    pub virtual_time: Duration,
    /// In the order of the script.
    pub variants: Vec<VariantOutcome>,
    /// Addresses that nodes met together, by world, round and repetition.
    pub unique: Vec<UniqueAddresses>,
    /// See [`Outcome::verdicts`]: worked out when first asked for.
    pub(crate) judged: OnceLock<Vec<PairVerdict>>,
}

/// What came out for one variant.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct VariantOutcome {
    /// The variant.
    pub variant: Variant,
    /// The profiles of its nodes that were finished: of the first repetition,
    /// then of the next.
    pub repetitions: Vec<NodeProfile>,
    /// For each lookup of every repetition the least time in milliseconds in
    /// which anybody could have had a value: the oracle's, from outside the
    /// node.
    pub limits_ms: Vec<f64>,
}

impl VariantOutcome {
    /// A figure of the profile, such as `p50` of `lookup_latency_ms`, or
    /// `over_200_peers/p50` of `swarm_latency_ms`: the mean over the
    /// repetitions. `None` if one of them has none.
    pub fn figure(&self, section: &str, key: &str) -> Option<f64> {
        Some(self.interval(section, key)?.mean)
    }

    /// The mean of a figure with its 95 % interval over the repetitions.
    pub fn interval(&self, section: &str, key: &str) -> Option<Interval> {
        Interval::of(&self.figures(section, key)?)
    }

    /// The figure in each repetition.
    pub fn figures(&self, section: &str, key: &str) -> Option<Vec<f64>> {
        let path = format!("/{key}");
        let figure = |profile: &NodeProfile| profile.section(section)?.pointer(&path)?.as_f64();
        self.repetitions.iter().map(figure).collect()
    }

    /// Lookup queries for each lookup, whether or not a value was found.
    pub fn queries_per_lookup(&self) -> Option<f64> {
        let lookups = self.figure("lookup_latency_ms", "count")?
            + self.figure("lookup_latency_ms", "no_value")?;
        let sent = self.figure("lookup_queries", "sent")?;
        (lookups > 0.0).then(|| sent / lookups)
    }

    /// Percentage of lookups that got a value.
    pub fn found_pct(&self) -> Option<f64> {
        let found = self.figure("lookup_latency_ms", "count")?;
        let all = found + self.figure("lookup_latency_ms", "no_value")?;
        (all > 0.0).then(|| 100.0 * found / all)
    }

    /// Percentage of lookups that reached the closest node within `ms`
    /// milliseconds, of those that got any answer.
    pub fn closest_within_pct(&self, ms: f64) -> Option<f64> {
        let times = self
            .repetitions
            .iter()
            .flat_map(|p| samples(p, "closest_ms"));
        let times: Vec<f64> = times.collect();
        let within = times.iter().filter(|time| **time <= ms).count();
        #[allow(clippy::cast_precision_loss)] // counts of lookups
        (!times.is_empty()).then(|| 100.0 * within as f64 / times.len() as f64)
    }
}

impl Outcome {
    /// Where the nodes lived, in words.
    pub(crate) fn place(&self) -> String {
        let script = &self.script;
        let all = |kind: fn(&World) -> bool| script.worlds.iter().all(kind);
        let kind = match () {
            () if script.live.is_some() => return "on real sockets".to_owned(),
            () if all(|world| world.full_nodes.is_some()) => "full nodes",
            () if all(|world| world.full_nodes.is_none()) => "modelled nodes",
            () => "nodes",
        };
        let mut sizes: Vec<_> = script.worlds.iter().map(|w| w.overlay.nodes).collect();
        sizes.dedup();
        let sizes: Vec<_> = sizes.iter().map(u32::to_string).collect();
        format!("{} {kind}, seed {}", sizes.join(", "), script.seed)
    }

    /// What the thesis published, to stand beside it.
    pub fn published(&self) -> Published {
        Published::thesis()
    }
}
