//! The parameters of the store.

use std::time::Duration;

use mdht_krpc::id_fits_addr;

use super::record::Record;
use crate::parameter::{Parameter, Parameters, Value};
use crate::routing::bep42_parameter;

pub(super) fn parameters() -> Vec<Parameter> {
    vec![
        Parameter::integer(
            "contacts",
            400_000,
            (16, 4_000_000),
            "contacts",
            "most remembered; 76 bytes each",
        ),
        Parameter::duration(
            "refresh",
            12_000,
            (100, 3_600_000),
            "from one maintenance query to the next",
        ),
        Parameter::integer(
            "learn",
            20_000,
            (0, 1_000_000),
            "contacts",
            "to be measured, in all, before start-up is over",
        ),
        Parameter::duration(
            "startup_refresh",
            2000,
            (100, 3_600_000),
            "the same during start-up",
        ),
        Parameter::integer(
            "window",
            32,
            (1, 4096),
            "cells",
            "of the ID space among whose contacts a maintenance query chooses",
        ),
        Parameter::duration(
            "quarantine",
            180_000,
            (0, 3_600_000),
            "who queried us is not asked before",
        ),
        Parameter::integer(
            "least_chance",
            25,
            (0, 100),
            "%",
            "of answering; lookups are not given contacts below",
        ),
        Parameter::duration(
            "serve_within",
            3_600_000,
            (1000, 86_400_000),
            "others are named contacts heard from within",
        ),
        Parameter::integer(
            "save",
            10_000,
            (1, 50_000),
            "contacts",
            "kept across a restart",
        ),
        Parameter::duration(
            "timeout",
            2000,
            (100, 60_000),
            "a maintenance query is given up",
        ),
        Parameter::integer(
            "per_subnet",
            0,
            (0, 1024),
            "contacts",
            "most of one IPv4 /24 or IPv6 /64 in a cell of 16; 0 is no limit",
        )
        .live(Value::Integer(1)),
        bep42_parameter(),
    ]
}

/// What sets one `harvest` apart from another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Config {
    pub(super) refresh: Duration,
    pub(super) learn: usize,
    pub(super) startup_refresh: Duration,
    pub(super) window: usize,
    pub(super) quarantine: Duration,
    pub(super) least_chance: f32,
    pub(super) serve_within: Duration,
    pub(super) save: usize,
    pub(super) timeout: Duration,
    /// 0 is no limit.
    pub(super) per_subnet: usize,
    pub(super) prefers_fitting: bool,
}

impl Config {
    pub(super) fn new(parameters: &Parameters) -> Self {
        Self {
            refresh: parameters.duration("refresh"),
            learn: parameters.integer("learn"),
            startup_refresh: parameters.duration("startup_refresh"),
            window: parameters.integer("window"),
            quarantine: parameters.duration("quarantine"),
            least_chance: percent(parameters.integer("least_chance")),
            serve_within: parameters.duration("serve_within"),
            save: parameters.integer("save"),
            timeout: parameters.duration("timeout"),
            per_subnet: parameters.integer("per_subnet"),
            prefers_fitting: parameters.choice("bep42") == "prefer",
        }
    }

    /// In a full cell those of a lower class leave first: where IDs that fit their
    /// addresses are preferred [BEP 42], those that failed, then those that do not
    /// fit. Else there is one class.
    pub(super) fn class(&self, record: &Record) -> u8 {
        let contact = &record.contact;
        match self.prefers_fitting && !record.is_bad() {
            false => 0,
            true => 1 + u8::from(id_fits_addr(&contact.id, contact.addr.ip())),
        }
    }
}

#[allow(clippy::cast_precision_loss)] // at most a hundred
const fn percent(number: usize) -> f32 {
    number as f32 / 100.0
}
