//! The nodes under test of an experiment.

use crate::script::Script;

/// A node under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Job {
    /// Number of its variant in the script.
    pub(crate) variant: usize,
    /// Number of the repetition, from 0.
    pub(crate) repetition: u32,
    /// Number among the nodes of the variant in the same world, from 0.
    pub(crate) node: u32,
}

impl Job {
    /// Its label: the variant's, with the numbers of repetition and node where
    /// there are several.
    pub(crate) fn label(self, script: &Script) -> String {
        let mut label = script.variants[self.variant].label.clone();
        if script.repetitions > 1 {
            label.push_str(&format!(".{}", self.repetition + 1));
        }
        if script.schedule.nodes_each > 1 {
            label.push_str(&format!(".{}", self.node + 1));
        }
        label
    }
}

/// All nodes of a script, those that live together in one list: where the
/// world is modelled every node has its own copy of it; full nodes, and the
/// Internet, all of a repetition share.
pub(crate) fn batches(script: &Script) -> Vec<Vec<Job>> {
    let mut batches: Vec<Vec<Job>> = Vec::new();
    for repetition in 0..script.repetitions {
        for world in 0..script.worlds.len() {
            let mut jobs = Vec::new();
            for combination in 0..script.combinations() {
                let variant = world * script.combinations() + combination;
                jobs.extend((0..script.schedule.nodes_each).map(|node| Job {
                    variant,
                    repetition,
                    node,
                }));
            }
            match script.worlds[world].full_nodes.is_some() || script.live.is_some() {
                true => batches.push(jobs),
                false => batches.extend(jobs.into_iter().map(|job| vec![job])),
            }
        }
    }
    batches
}
