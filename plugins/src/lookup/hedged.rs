//! A lookup that asks as many as are worth asking, and no more.
//!
//! - **Outlook.** For each contact there is a chance, for each moment, that
//!   values have come by way of it: from its round-trip time, measured or
//!   forecast from its network; from its chance of answering; and, as far as it
//!   will have no values itself, from the hops that are left. What nearness is
//!   worth is learned from all lookups before.
//! - **Whom and how many.** The next is who makes values come soonest, those
//!   considered who were asked already. It is asked if that is sooner by `price`
//!   in the mean, where a time counts by its logarithm beyond `horizon`: to halve
//!   it is worth as much whether it is long or short. So few are asked where a
//!   fast one is near, and many where nobody is known well; at most `alpha` at
//!   the start and `beta` whenever a contact has answered without values or its
//!   time is over: its round-trip time and half of it, or that within which
//!   `patience` per cent of such hosts answer. A late answer still counts.
//! - **After the first value** nobody is in a hurry: the nearest contact not yet
//!   asked is next, at most `after` in flight. Those with a chance below
//!   `least_chance` in a hundred are left out.
//! - **Whom to doubt** is in `Trust`, as with the iterative lookup.
//! - **When.** As with the iterative lookup: only contacts nearer than the
//!   `mark`-th nearest responder are asked, and the lookup is over when none is
//!   left and none in flight, or as soon as its goal is reached.

mod config;
mod learned;
mod outlook;
mod query;
mod search;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Lookup, LookupModule, LookupRequest, QueryOutcome};
use crate::parameter::Parameters;
use crate::registry::ModuleInfo;
use config::{Config, parameters};
use learned::Learned;
use search::Search;

type Definition = (ModuleInfo, fn(&Parameters) -> Box<dyn LookupModule>);

/// The module `hedged`.
pub(crate) fn definition() -> Definition {
    let info = ModuleInfo {
        name: "hedged",
        label: "H",
        summary: "asks whom values may soonest come by, and others as long as it pays",
        source: "this project, docs/research.md",
        parameters: parameters(),
    };
    (info, build)
}

fn build(parameters: &Parameters) -> Box<dyn LookupModule> {
    Box::new(Hedged {
        config: Config::new(parameters),
        learned: Arc::default(),
    })
}

struct Hedged {
    config: Config,
    learned: Arc<Mutex<Learned>>,
}

impl LookupModule for Hedged {
    fn make(&mut self, request: &LookupRequest) -> Box<dyn Lookup> {
        let prospects = lock(&self.learned).prospects();
        let learned = Arc::clone(&self.learned);
        Box::new(Search::new(self.config, request, learned, prospects))
    }

    fn on_outcome(&mut self, outcome: &QueryOutcome) {
        if let Some(rtt) = outcome.rtt {
            lock(&self.learned).measured(&outcome.contact, rtt);
        }
    }
}

/// A panic elsewhere leaves nothing half-written that would matter.
fn lock(learned: &Mutex<Learned>) -> MutexGuard<'_, Learned> {
    learned.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
