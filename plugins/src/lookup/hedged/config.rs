//! The parameters of the lookup.

use std::time::Duration;

use crate::lookup::trust::{self, Trust};
use crate::parameter::{Parameter, Parameters};
use crate::subnet;

pub(super) fn parameters() -> Vec<Parameter> {
    let mut all = vec![
        Parameter::duration(
            "price",
            1,
            (0, 1000),
            "sooner, in the mean, must values come for one more to be asked",
        ),
        Parameter::duration(
            "horizon",
            50,
            (1, 60_000),
            "longer times count by their logarithm",
        ),
        Parameter::integer("alpha", 12, (1, 64), "queries", "most sent at the start"),
        Parameter::integer(
            "beta",
            12,
            (1, 64),
            "queries",
            "most sent when an answer without values comes or is overdue",
        ),
        Parameter::integer(
            "parallel",
            12,
            (1, 1024),
            "queries",
            "most in flight before the first value, overdue ones not counted",
        ),
        Parameter::integer(
            "after",
            1,
            (1, 64),
            "queries",
            "most in flight after the first value",
        ),
        Parameter::integer(
            "mark",
            3,
            (1, 64),
            "responders",
            "only contacts nearer than this one of the nearest are asked",
        ),
        Parameter::integer(
            "announce",
            3,
            (1, 64),
            "contacts",
            "nearest responders to announce to",
        ),
        Parameter::integer(
            "start",
            256,
            (1, 4096),
            "contacts",
            "asked of the routing table at the start",
        ),
        Parameter::integer("per_ip", 1, (1, 64), "queries", "most to one IP address"),
        subnet::lookup_parameter(),
        Parameter::integer(
            "least_chance",
            10,
            (0, 100),
            "%",
            "of answering; contacts below are left out",
        ),
        Parameter::integer(
            "patience",
            70,
            (1, 99),
            "%",
            "of such hosts answer before one that was never measured is overdue",
        ),
        Parameter::duration("timeout", 2000, (100, 60_000), "a query is given up"),
    ];
    all.extend(trust::parameters());
    all
}

/// What sets one lookup module apart from another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Config {
    pub(super) price: f32,
    pub(super) horizon: f32,
    pub(super) alpha: usize,
    pub(super) beta: usize,
    pub(super) parallel: usize,
    pub(super) after: usize,
    pub(super) mark: usize,
    pub(super) announce: usize,
    pub(super) start: usize,
    pub(super) per_ip: usize,
    /// 0 is no bound.
    pub(super) per_subnet: usize,
    pub(super) least_chance: f32,
    pub(super) patience: f32,
    pub(super) timeout: Duration,
    pub(super) trust: Trust,
}

impl Config {
    #[allow(clippy::cast_precision_loss)] // at most a hundred
    pub(super) fn new(parameters: &Parameters) -> Self {
        Self {
            price: parameters.duration("price").as_secs_f32(),
            horizon: parameters.duration("horizon").as_secs_f32(),
            alpha: parameters.integer("alpha"),
            beta: parameters.integer("beta"),
            parallel: parameters.integer("parallel"),
            after: parameters.integer("after"),
            mark: parameters.integer("mark"),
            announce: parameters.integer("announce"),
            start: parameters.integer("start"),
            per_ip: parameters.integer("per_ip"),
            per_subnet: parameters.integer("per_subnet"),
            least_chance: parameters.integer("least_chance") as f32 / 100.0,
            patience: parameters.integer("patience") as f32 / 100.0,
            timeout: parameters.duration("timeout"),
            trust: Trust::new(parameters),
        }
    }
}
