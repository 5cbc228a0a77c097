//! A node's capture through the profiler.

use std::collections::BTreeSet;
use std::num::NonZero;
use std::path::Path;

use mdht_krpc::Id;
use mdht_profiler::{Error, MetAddresses, NodeProfile, NodeSpec, Options, Profiler};

use crate::script::Script;
use crate::unique::Meeting;

/// Slowest lookups of each node that get a waterfall in the report.
const WATERFALLS: usize = 3;

/// What the profiler makes of the capture of one node, and the addresses that
/// the node met; `looked_up`, if given, alone says which groups of queries are
/// lookups. Where its address is not known it is the busiest one there.
/// `None` if no node is to be seen. Unless the profiler is alone, the other
/// cores have work of their own.
pub(crate) fn profiled(
    capture: &Path,
    node: Option<NodeSpec>,
    is_alone: bool,
    looked_up: Option<BTreeSet<Id>>,
) -> Result<Option<(NodeProfile, MetAddresses)>, Error> {
    let options = Options {
        nodes: node.into_iter().collect(),
        waterfalls: WATERFALLS,
        threads: (!is_alone).then_some(NonZero::<usize>::MIN),
        infohashes: looked_up,
        ..Options::default()
    };
    let meeting = Meeting::default();
    let made = meeting.clone();
    let profiler = Profiler::new(options).with_measurement(move |_| Box::new(made.clone()));
    let profile = profiler.run(&[capture], &mut |_| {})?;
    Ok(profile.nodes.into_iter().next().map(|mut profile| {
        // that of the meeting, which is behind all others and empty
        profile.sections.pop();
        (profile, meeting.take())
    }))
}

impl Script {
    /// Takes out of a profile what is not to be reported.
    pub(crate) fn keep_reported(&self, profile: &mut NodeProfile) {
        let wanted = |key: &str| self.report.iter().any(|wanted| wanted == key);
        if !self.report.is_empty() {
            profile.sections.retain(|section| wanted(section.key));
        }
    }
}
