//! The parameters of the lookup.

use std::time::Duration;

use super::queue::Limits;
use crate::lookup::LookupRequest;
use crate::lookup::responders::Responders;
use crate::lookup::trust::{self, Trust};
use crate::parameter::{Parameter, Parameters};
use crate::subnet;

/// With defaults for `beta` and `parallel`; the others are those of the thesis.
pub(in crate::lookup) fn parameters(beta: u32, parallel: u32) -> Vec<Parameter> {
    let mut all = vec![
        Parameter::integer(
            "alpha",
            4,
            (1, 64),
            "queries",
            "sent in parallel at the start of a lookup",
        ),
        Parameter::integer(
            "beta",
            beta,
            (1, 64),
            "queries",
            "most that one response or timeout sets off",
        ),
        Parameter::integer(
            "parallel",
            parallel,
            (0, 1024),
            "queries",
            "most in flight after the start; 0 is no bound",
        ),
        Parameter::integer(
            "mark",
            3,
            (1, 64),
            "responders",
            "only contacts closer than this one of the closest are queried",
        ),
        Parameter::integer(
            "announce",
            3,
            (1, 64),
            "contacts",
            "closest responders to announce to",
        ),
        Parameter::integer(
            "start",
            16,
            (1, 1024),
            "contacts",
            "asked of the routing table at the start",
        ),
        Parameter::integer(
            "queue",
            64,
            (1, 4096),
            "contacts",
            "closest contacts remembered and not yet queried",
        ),
        Parameter::integer(
            "per_ip",
            1,
            (0, 64),
            "queries",
            "most to one IP address; 0 is no bound",
        ),
        subnet::lookup_parameter(),
        Parameter::integer(
            "paths",
            1,
            (1, 16),
            "lookups",
            "that share no contact, beside each other (S/Kademlia); alpha and parallel are divided among them",
        ),
        Parameter::duration("timeout", 2000, (100, 60_000), "a query is given up"),
        Parameter::duration(
            "soft",
            0,
            (0, 60_000),
            "a query no longer counts as in flight, but its answer counts; 0s is never",
        ),
        Parameter::choice(
            "stall",
            &["fixed", "adaptive"],
            "when that is: after `soft`; adaptive: later than nine in ten answers came",
        ),
        Parameter::choice(
            "counted",
            &["all", "nearer"],
            "queries in flight that count against `parallel`; nearer: than the next contact",
        ),
        Parameter::integer(
            "slow_parallel",
            0,
            (0, 1024),
            "queries",
            "`parallel` from the first values or timeout on; 0 is as before",
        ),
        Parameter::integer(
            "slow_beta",
            0,
            (0, 64),
            "queries",
            "`beta` from then on; 0 is as before",
        ),
    ];
    all.extend(trust::parameters());
    all
}

/// What sets one lookup module apart from another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Config {
    pub(super) alpha: usize,
    pub(super) beta: usize,
    pub(super) parallel: usize,
    pub(super) mark: usize,
    pub(super) announce: usize,
    pub(super) start: usize,
    pub(super) limits: Limits,
    pub(super) paths: usize,
    pub(super) timeout: Duration,
    pub(super) soft: Option<Duration>,
    pub(super) counts_nearer: bool,
    pub(super) slow_parallel: Option<usize>,
    pub(super) slow_beta: Option<usize>,
    pub(super) trust: Trust,
}

impl Config {
    pub(super) fn new(parameters: &Parameters) -> Self {
        let soft = parameters.duration("soft");
        let slow = |name| Some(parameters.integer(name)).filter(|value| *value > 0);
        Self {
            alpha: parameters.integer("alpha"),
            beta: parameters.integer("beta"),
            parallel: match parameters.integer("parallel") {
                0 => usize::MAX,
                bound => bound,
            },
            mark: parameters.integer("mark"),
            announce: parameters.integer("announce"),
            start: parameters.integer("start"),
            limits: Limits {
                queue: parameters.integer("queue"),
                per_ip: match parameters.integer("per_ip") {
                    0 => usize::MAX,
                    bound => bound,
                },
                per_subnet: parameters.integer("per_subnet"),
            },
            paths: parameters.integer("paths"),
            timeout: parameters.duration("timeout"),
            soft: (!soft.is_zero()).then_some(soft),
            counts_nearer: parameters.choice("counted") == "nearer",
            slow_parallel: slow("slow_parallel"),
            slow_beta: slow("slow_beta"),
            trust: Trust::new(parameters),
        }
    }

    /// Those that will have answered in a lookup: none yet.
    pub(super) const fn responders(&self, request: &LookupRequest) -> Responders {
        Responders::new(request.target, self.trust, self.mark, self.announce)
    }
}
