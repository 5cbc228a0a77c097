//! The iterative lookup of the thesis, and its variants as parameter values
//! [thesis 8.IV].
//!
//! `alpha` queries go out at the start; each response, error or timeout makes
//! room for up to `beta` more. Where the thesis is silent:
//! - only contacts closer to the target than the `mark`-th closest responder
//!   are queried (3, as pymdht measured; 8 is the textbook rule),
//! - one query per IP address, so that one host cannot hold up a lookup with
//!   many IDs,
//! - the `queue` closest contacts not yet queried are remembered (64: with a
//!   few more than the closest sixteen, a batch of dead or forged contacts
//!   near the target does not push the honest ones out),
//! - the table is asked for `start` contacts (16), so that a first batch that
//!   is dead leaves others to try,
//! - `paths` lookups that share no contact run beside each other (1: one
//!   lookup, as in the thesis; more: S/Kademlia's defence, see `disjoint`),
//! - whom to doubt is in `Trust`, as with `hedged`: by default nobody,
//! - `standard` never has more than `parallel` = alpha queries in flight;
//!   `aggressive` has no such bound after the start.
//!
//! Of clients in the field, and off in the thesis's two:
//! - `counted=nearer`: against `parallel` count only queries to contacts nearer
//!   than the next one, so that what was asked from farther away holds up nobody,
//! - `stall=adaptive`: a query no longer counts as in flight when its answer is
//!   later than most,
//! - `slow_parallel`, `slow_beta`: from the first values or the first timeout on.

mod config;
mod disjoint;
mod queue;
mod stall;
mod state;

use std::sync::{Arc, Mutex, PoisonError};

use super::{Lookup, LookupModule, LookupRequest, QueryOutcome};
use crate::parameter::Parameters;
use crate::registry::ModuleInfo;
use config::Config;
pub(super) use config::parameters;
use disjoint::Disjoint;
use stall::RoundTrips;
use state::State;

type Definition = (ModuleInfo, fn(&Parameters) -> Box<dyn LookupModule>);

/// `standard`: alpha 4, beta 1, as UTorrent was seen to do [thesis 8.IV].
pub(crate) fn standard() -> Definition {
    let info = ModuleInfo {
        name: "standard",
        label: "S",
        summary: "alpha 4, beta 1: a response makes room for one more query",
        source: "thesis 8.IV",
        parameters: parameters(1, 4),
    };
    (info, build)
}

/// `aggressive`: alpha 4, beta 3, no bound on queries in flight [thesis 8.IV].
pub(crate) fn aggressive() -> Definition {
    let info = ModuleInfo {
        name: "aggressive",
        label: "A",
        summary: "alpha 4, beta 3: a response sets off up to three queries",
        source: "thesis 8.IV",
        parameters: parameters(3, 0),
    };
    (info, build)
}

/// What runs maintenance lookups, whatever the node's lookup module: alpha 4,
/// beta 1 [thesis 8.V.A; pymdht].
pub fn maintenance_lookup() -> Box<dyn LookupModule> {
    let (info, build) = standard();
    build(&Parameters::defaults(&info.parameters))
}

pub(super) fn build(parameters: &Parameters) -> Box<dyn LookupModule> {
    let is_adaptive = parameters.choice("stall") == "adaptive";
    Box::new(Iterative {
        config: Config::new(parameters),
        round_trips: is_adaptive.then(Arc::default),
    })
}

struct Iterative {
    config: Config,
    /// Where soft timeouts follow them.
    round_trips: Option<Arc<Mutex<RoundTrips>>>,
}

impl LookupModule for Iterative {
    fn on_outcome(&mut self, outcome: &QueryOutcome) {
        if let (Some(round_trips), Some(rtt)) = (&self.round_trips, outcome.rtt) {
            let mut round_trips = round_trips.lock().unwrap_or_else(PoisonError::into_inner);
            round_trips.observe(rtt);
        }
    }

    fn make(&mut self, request: &LookupRequest) -> Box<dyn Lookup> {
        let round_trips = self.round_trips.clone();
        match self.config.paths {
            1 => Box::new(State::new(self.config, request, round_trips)),
            _ => Box::new(Disjoint::new(self.config, request, &round_trips)),
        }
    }
}

#[cfg(test)]
mod tests;
