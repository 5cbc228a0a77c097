//! An experiment: what is asked for, what may go wrong, what comes out.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Instant as Clock;

use mdht_plugins::Registry;

use crate::live::{InfohashError, run_script};
use crate::outcome::{Outcome, VariantOutcome};
use crate::progress::Watch;
use crate::runs::{Finished, Runs};
use crate::schedule::length;
use crate::script::{Keep, Script};
use crate::unique::UniqueAddresses;

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
    /// The file of what a live script looks up.
    #[error(transparent)]
    Infohashes(#[from] InfohashError),
    /// Nodes on real sockets.
    #[error(transparent)]
    Live(#[from] crate::live::Error),
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
    let script = experiment.script;
    let ended = match &script.live {
        None => emulated(experiment, watch)?,
        Some(live) => run_script(experiment, live, watch)?,
    };
    let variants = script.variants.iter().enumerate();
    let variants = variants.map(|(number, variant)| {
        let own = || {
            ended
                .finished
                .iter()
                .filter(|run| run.job.variant == number)
        };
        VariantOutcome {
            variant: variant.clone(),
            repetitions: own().map(|run| run.profile.clone()).collect(),
            limits_ms: own().flat_map(|run| run.limits_ms.clone()).collect(),
        }
    });
    Ok(Outcome {
        script: script.clone(),
        is_whole: ended.is_whole,
        wall: clock.elapsed(),
        virtual_time: length(script),
        variants: variants.collect(),
        unique: ended.unique,
        judged: OnceLock::new(),
    })
}

/// What the runs of an experiment came to.
pub(crate) struct Ended {
    /// In the order of the script.
    pub(crate) finished: Vec<Finished>,
    /// The addresses that nodes met together.
    pub(crate) unique: Vec<UniqueAddresses>,
    /// Whether everything was run.
    pub(crate) is_whole: bool,
}

fn emulated(experiment: &Experiment<'_>, watch: &Watch<'_>) -> Result<Ended, Error> {
    let script = experiment.script;
    let runs = Runs::prepare(experiment, watch)?;
    let finished = runs.work()?;
    let is_whole = finished.len() == script.runs();
    if is_whole && script.captures == Keep::None {
        runs.folder.forget()?;
    }
    Ok(Ended {
        finished,
        unique: runs.unique(),
        is_whole,
    })
}
