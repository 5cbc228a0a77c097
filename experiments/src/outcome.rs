//! What came out of an experiment.

use std::time::Duration;

use mdht_profiler::NodeProfile;

use crate::published::Published;
use crate::script::{Script, Variant};

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
}

/// What came out for one variant.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct VariantOutcome {
    /// The variant.
    pub variant: Variant,
    /// Its profile in each repetition that was finished.
    pub repetitions: Vec<NodeProfile>,
}

impl VariantOutcome {
    /// A figure of the profile, such as `p50` of `lookup_latency_ms`: the mean
    /// over the repetitions. `None` if one of them has none.
    pub fn figure(&self, section: &str, key: &str) -> Option<f64> {
        let figures = self.figures(section, key)?;
        #[allow(clippy::cast_precision_loss)] // a few
        let count = figures.len() as f64;
        (count > 0.0).then(|| figures.iter().sum::<f64>() / count)
    }

    /// The figure in each repetition.
    pub fn figures(&self, section: &str, key: &str) -> Option<Vec<f64>> {
        let figure = |profile: &NodeProfile| profile.section(section)?.get(key)?.as_f64();
        self.repetitions.iter().map(figure).collect()
    }

    /// Lookup queries for each lookup, whether or not a value was found.
    pub fn queries_per_lookup(&self) -> Option<f64> {
        let lookups = self.figure("lookup_latency_ms", "count")?
            + self.figure("lookup_latency_ms", "no_value")?;
        let sent = self.figure("lookup_queries", "sent")?;
        (lookups > 0.0).then(|| sent / lookups)
    }
}

impl Outcome {
    /// What the thesis published, to stand beside it.
    pub fn published(&self) -> Published {
        Published::thesis()
    }
}
