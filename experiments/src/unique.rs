//! Distinct IP addresses that the nodes under test met together: the thesis's
//! nine met 4.44 million in 80 hours [8.VIII.D].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use mdht_profiler::measurement::{Hooks, Measurement, Section, Span};
use mdht_profiler::{MetAddresses, Remotes};
use serde::Serialize;
use serde_json::{Value, json};

use crate::job::Job;
use crate::outcome::Outcome;
use crate::published::Published;
use crate::schedule::round;
use crate::script::Script;

/// Distinct IP addresses that sent something to nodes that took turns in one
/// world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct UniqueAddresses {
    /// Label of the world; empty if it is the only one.
    pub world: String,
    /// Number of the round that the nodes took their turns in, from 1: where
    /// there are more than `nodes_per_round`, several go on side by side.
    pub round: usize,
    /// Number of the repetition, from 1.
    pub repetition: u32,
    /// Nodes that were measured.
    pub nodes: usize,
    /// Distinct addresses of all nodes together. Exact if complete.
    pub ips: usize,
    /// Distinct addresses of each node, added up.
    pub sum_of_nodes: usize,
    /// Whether none was left out.
    pub complete: bool,
}

impl UniqueAddresses {
    /// Mean of the nodes' own numbers; `None` without a node.
    #[allow(clippy::cast_precision_loss)] // counts of addresses
    pub fn mean_of_nodes(&self) -> Option<f64> {
        (self.nodes > 0).then(|| self.sum_of_nodes as f64 / self.nodes as f64)
    }
}

impl Outcome {
    /// What `summary.json` has of them, with what was published.
    pub(crate) fn unique_summary(&self) -> Value {
        json!({
            "published": {
                "ips": self.published().unique_ips(),
                "nodes": Published::NODES,
                "hours": Published::HOURS,
            },
            "measured": self.unique,
        })
    }
}

/// The nodes that are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    world: usize,
    round: usize,
    repetition: u32,
}

/// What nodes that are counted together have met so far.
#[derive(Default)]
struct Together {
    nodes: usize,
    sum_of_nodes: usize,
    met: MetAddresses,
}

impl Together {
    fn counted(&self, script: &Script, place: Place) -> UniqueAddresses {
        UniqueAddresses {
            world: script.worlds[place.world].label.clone(),
            round: place.round + 1,
            repetition: place.repetition + 1,
            nodes: self.nodes,
            ips: self.met.len(),
            sum_of_nodes: self.sum_of_nodes,
            complete: self.met.is_complete(),
        }
    }
}

/// Counts while nodes are profiled. Addresses are held only of those whose
/// round is not finished.
pub(crate) struct Counting<'s> {
    script: &'s Script,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    open: BTreeMap<Place, Together>,
    counted: BTreeMap<Place, UniqueAddresses>,
}

impl<'s> Counting<'s> {
    pub(crate) fn new(script: &'s Script) -> Self {
        Self {
            script,
            state: Mutex::default(),
        }
    }

    /// Adds what a node met.
    pub(crate) fn add(&self, job: Job, met: &MetAddresses) {
        let place = self.place(job);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let together = state.open.entry(place).or_default();
        together.nodes += 1;
        together.sum_of_nodes += met.len();
        together.met.add(met);
        if together.nodes == self.expected(place) {
            let counted = together.counted(self.script, place);
            state.open.remove(&place);
            state.counted.insert(place, counted);
        }
    }

    /// All that were counted, those included whose round was not finished, by
    /// world, round and repetition.
    pub(crate) fn finish(self) -> Vec<UniqueAddresses> {
        let state = self.state.into_inner();
        let State { open, mut counted } = state.unwrap_or_else(PoisonError::into_inner);
        for (place, together) in open {
            counted.insert(place, together.counted(self.script, place));
        }
        counted.into_values().collect()
    }

    fn place(&self, job: Job) -> Place {
        Place {
            world: self.script.variants[job.variant].world,
            round: round(self.script, job),
            repetition: job.repetition,
        }
    }

    /// Nodes of a round.
    fn expected(&self, of: Place) -> usize {
        let jobs = crate::job::batches(self.script).into_iter().flatten();
        jobs.filter(|job| self.place(*job) == of).count()
    }
}

/// The addresses that the profiler has seen a node meet.
#[derive(Clone, Default)]
pub(crate) struct Meeting(Arc<Mutex<MetAddresses>>);

impl Meeting {
    /// As they are once the profile is done.
    pub(crate) fn take(&self) -> MetAddresses {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Measurement for Meeting {
    fn hooks(&self) -> Hooks {
        Hooks::NONE
    }

    fn on_remotes(&mut self, remotes: &Remotes) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = remotes.met();
    }

    fn finish(self: Box<Self>, _: &Span) -> Section {
        Section::default()
    }
}
