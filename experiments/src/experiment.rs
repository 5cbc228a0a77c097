//! An experiment: what is asked for, what may go wrong, what comes out.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Instant as Clock;

use mdht_plugins::Registry;

use crate::outcome::{Outcome, VariantOutcome};
use crate::progress::Watch;
use crate::runs::Runs;
use crate::schedule::length;
use crate::script::{Keep, Script};

/// An experiment that is to be run.
#[derive(Clone, Copy)]
pub struct Experiment<'e> {
    /// What to compare.
    pub script: &'e Script,
    /// The modules.
    pub registry: &'e Registry,
    /// The folder of everything that is kept.
    pub out: &'e Path,
    /// Take what an earlier, interrupted run in the same folder has finished.
    pub resume: bool,
    /// Variants that run at the same time, at least 1. The outcome is the same.
    pub threads: usize,
}

/// Why an experiment has no outcome.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The world of the script cannot be.
    #[error(transparent)]
    World(#[from] mdht_overlay::parameters::ParameterError),
    /// A file cannot be written or read: make room, or name another folder.
    #[error("{path}: {source}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There are files where captures would go, and no script that they belong
    /// to: they might be somebody's.
    #[error(
        "{path} holds files and no script.toml beside it says of what experiment; name another folder"
    )]
    NotOurs {
        /// The folder.
        path: PathBuf,
    },
    /// What was finished belongs to another script.
    #[error(
        "{path} is not the script that is to be resumed; name the folder of that run, \
         or start anew without resuming, which removes what is there"
    )]
    OtherScript {
        /// The script of the earlier run.
        path: PathBuf,
    },
    /// A variant cannot be run.
    #[error("{label}: {reason}")]
    Variant {
        /// Which.
        label: String,
        /// Why.
        reason: String,
    },
    /// A capture that was just written cannot be read.
    #[error(transparent)]
    Capture(#[from] mdht_profiler::Error),
}

/// Runs an experiment. What was finished when `watch` ended it is in the
/// outcome and, for [`Experiment::resume`], in the folder.
///
/// # Errors
/// See [`Error`]. What other variants finished before stays in the folder.
pub fn run(experiment: &Experiment<'_>, watch: &Watch<'_>) -> Result<Outcome, Error> {
    #[allow(clippy::disallowed_methods)] // how long it took, which decides nothing
    let clock = Clock::now();
    let runs = Runs::prepare(experiment, watch)?;
    let results = runs.work()?;
    let is_whole = runs.is_all(results.len());
    if is_whole && experiment.script.captures == Keep::None {
        runs.folder.forget()?;
    }
    let script = experiment.script;
    let variants = script.variants.iter().enumerate();
    let variants = variants.map(|(number, variant)| {
        let own = || results.iter().filter(|run| run.job.variant == number);
        VariantOutcome {
            variant: variant.clone(),
            repetitions: own().map(|run| run.profile.clone()).collect(),
            limits_ms: own().flat_map(|run| run.limits_ms.clone()).collect(),
        }
    });
    Ok(Outcome {
        script: script.clone(),
        is_whole,
        wall: clock.elapsed(),
        virtual_time: length(script),
        variants: variants.collect(),
        judged: OnceLock::new(),
    })
}
