//! How far an experiment has come.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use crate::schedule::length;
use crate::script::Script;

/// How far an experiment has come.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// Lookups begun so far, over all nodes under test.
    pub lookups: u64,
    /// Lookups in all.
    pub lookups_total: u64,
    /// Virtual time that has passed, over all runs; live, real time.
    pub virtual_time: Duration,
    /// Of which an earlier run had done so much.
    pub virtual_before: Duration,
    /// Virtual time of all runs.
    pub virtual_total: Duration,
    /// Whether the time is real: the nodes live on real sockets.
    pub is_live: bool,
    /// Nodes under test that are done.
    pub runs: usize,
    /// Nodes under test: variants, times worlds, repetitions and nodes of each.
    pub runs_total: usize,
}

impl Progress {
    /// Nothing done yet.
    pub(crate) fn of(script: &Script) -> Self {
        let runs = script.runs();
        let lookups = u64::from(script.schedule.infohashes);
        let count = u32::try_from(runs).unwrap_or(u32::MAX);
        Self {
            lookups_total: lookups * u64::from(count),
            virtual_total: length(script).saturating_mul(count),
            is_live: script.live.is_some(),
            runs_total: runs,
            ..Self::default()
        }
    }

    /// Counts a run of so many lookups that had been finished before.
    pub(crate) fn skip(&mut self, lookups: u32, length: Duration) {
        self.lookups += u64::from(lookups);
        self.virtual_time += length;
        self.virtual_before += length;
    }
}

/// The progress that workers share, and who looks at it.
pub(crate) struct Watched<'w> {
    progress: Mutex<Progress>,
    watch: &'w Watch<'w>,
}

/// Looks at the progress; `false` ends the experiment.
pub(crate) type Watch<'w> = dyn Fn(&Progress) -> bool + Sync + 'w;

impl<'w> Watched<'w> {
    pub(crate) fn new(progress: Progress, watch: &'w Watch<'w>) -> Self {
        Self {
            progress: Mutex::new(progress),
            watch,
        }
    }

    /// Changes the progress and shows it; whether to go on.
    pub(crate) fn advance(&self, change: impl FnOnce(&mut Progress)) -> bool {
        let mut shared = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut shared);
        let progress = *shared;
        drop(shared);
        (self.watch)(&progress)
    }
}
