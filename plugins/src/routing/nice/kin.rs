//! The kin by name, and their parameters.

use std::time::Duration;

use super::Nice;
use crate::routing::table::per_ip_parameter;
use crate::routing::{Build, bep42_parameter, timeout_parameter};
use crate::{ModuleInfo, Parameter, Parameters, subnet};

/// In what the kin differ: all of it defaults of parameters.
struct Kin {
    name: &'static str,
    label: &'static str,
    summary: &'static str,
    source: &'static str,
    first: u32,
    refresh_ms: u64,
    filling_lookups: u32,
    rtt_bias: &'static [&'static str],
    localchecker: &'static [&'static str],
}

/// The module `nice`.
pub(crate) fn nice() -> (ModuleInfo, Build) {
    definition(&Kin {
        name: "nice",
        label: "NICE",
        summary: "continuous refresh, one action every 6 s, and quarantine",
        source: "thesis 8.V.B",
        first: 8,
        refresh_ms: 6000,
        filling_lookups: 8,
        rtt_bias: &["off", "on"],
        localchecker: &["off", "on"],
    })
}

/// The module `nrtt`.
pub(crate) fn nrtt() -> (ModuleInfo, Build) {
    definition(&Kin {
        name: "nrtt",
        label: "NRTT",
        summary: "nice, and faster newcomers replace slow contacts",
        source: "thesis 8.V.C",
        first: 8,
        refresh_ms: 6000,
        filling_lookups: 8,
        rtt_bias: &["on", "off"],
        localchecker: &["off", "on"],
    })
}

/// The module `checked`.
pub(crate) fn checked() -> (ModuleInfo, Build) {
    definition(&Kin {
        name: "checked",
        label: "CHECKED",
        summary: "nrtt, and who is new must answer another socket of ours after quarantine",
        source: "thesis 7.6.1, localchecker",
        first: 8,
        refresh_ms: 6000,
        filling_lookups: 8,
        rtt_bias: &["on", "off"],
        localchecker: &["on", "off"],
    })
}

/// The module `nr64`.
pub(crate) fn nr64() -> (ModuleInfo, Build) {
    definition(&Kin {
        name: "nr64",
        label: "NR64",
        summary: "nrtt with 64, 32 and 16 contacts in the first buckets",
        source: "pymdht, routing_nice_rtt64",
        first: 64,
        refresh_ms: 4000,
        filling_lookups: 16,
        rtt_bias: &["on", "off"],
        localchecker: &["off", "on"],
    })
}

/// The module `nr128`.
pub(crate) fn nr128() -> (ModuleInfo, Build) {
    definition(&Kin {
        name: "nr128",
        label: "NR128",
        summary: "nrtt with 128, 64, 32 and 16 contacts in the first buckets",
        source: "thesis 8.V.D",
        first: 128,
        refresh_ms: 3000,
        filling_lookups: 32,
        rtt_bias: &["on", "off"],
        localchecker: &["off", "on"],
    })
}

fn definition(kin: &Kin) -> (ModuleInfo, Build) {
    let info = ModuleInfo {
        name: kin.name,
        label: kin.label,
        summary: kin.summary,
        source: kin.source,
        parameters: parameters(kin),
    };
    (info, |parameters, setup| {
        Box::new(Nice::new(parameters, setup))
    })
}

/// A day: the longest time that any parameter takes.
const DAY_MS: u64 = 86_400_000;

fn parameters(kin: &Kin) -> Vec<Parameter> {
    let tick = (100, 3_600_000);
    let mut all = vec![
        Parameter::integer("k", 8, (1, 64), "contacts", "least capacity of a bucket"),
        Parameter::integer(
            "first",
            kin.first,
            (1, 4096),
            "contacts",
            "capacity of the first bucket; the next hold half each, down to k",
        ),
        Parameter::duration(
            "refresh",
            kin.refresh_ms,
            tick,
            "from one maintenance action to the next",
        ),
        Parameter::duration("startup", 600_000, (0, DAY_MS), "start-up lasts"),
        Parameter::duration("startup_refresh", 1000, tick, "`refresh` during start-up"),
        Parameter::integer(
            "filling_lookups",
            kin.filling_lookups,
            (0, 1000),
            "lookups",
            "for random IDs, at start-up",
        ),
        Parameter::duration("quarantine", 180_000, (0, DAY_MS), "a newcomer waits"),
        Parameter::choice(
            "quarantine_scope",
            &["all", "queriers"],
            "who waits: everybody, or those that queried us (pymdht)",
        ),
        Parameter::choice(
            "localchecker",
            kin.localchecker,
            "whether quarantine ends with an answer to another socket of ours (a second `--bind`; \
             without one, to the only one)",
        ),
        Parameter::duration(
            "stale",
            180_000,
            (0, DAY_MS),
            "a contact heard from more recently is not refreshed",
        ),
        Parameter::choice(
            "rtt_bias",
            kin.rtt_bias,
            "whether a faster newcomer replaces the slowest contact",
        ),
        Parameter::choice(
            "age_rule",
            &["off", "on"],
            "whether old contacts are harder to replace (pymdht)",
        ),
        Parameter::integer(
            "bad_after",
            1,
            (1, 255),
            "failures",
            "in a row that cost a contact its place",
        ),
        timeout_parameter(),
        Parameter::choice(
            "probe",
            &["ping", "find_node"],
            "what a maintenance action asks; find_node is pymdht's",
        ),
        per_ip_parameter(1),
        bep42_parameter(),
    ];
    all.extend(subnet::table_parameters());
    all
}

/// What sets one `nice` apart from another, beside the table's shape.
#[derive(Clone, Copy, Debug)]
pub(super) struct Config {
    pub(super) k: usize,
    pub(super) refresh: Duration,
    pub(super) startup: Duration,
    pub(super) startup_refresh: Duration,
    pub(super) filling_lookups: usize,
    pub(super) quarantine: Duration,
    pub(super) holds_everybody: bool,
    pub(super) localchecker: bool,
    pub(super) stale: Duration,
    pub(super) rtt_bias: bool,
    pub(super) age_rule: bool,
    pub(super) bad_after: usize,
    pub(super) timeout: Duration,
    pub(super) asks_for_nodes: bool,
    /// Contacts whose ID does not fit their address make way [BEP 42].
    pub(super) prefers_fitting: bool,
}

impl Config {
    pub(super) fn new(parameters: &Parameters) -> Self {
        Self {
            k: parameters.integer("k"),
            refresh: parameters.duration("refresh"),
            startup: parameters.duration("startup"),
            startup_refresh: parameters.duration("startup_refresh"),
            filling_lookups: parameters.integer("filling_lookups"),
            quarantine: parameters.duration("quarantine"),
            holds_everybody: parameters.choice("quarantine_scope") == "all",
            localchecker: parameters.choice("localchecker") == "on",
            stale: parameters.duration("stale"),
            rtt_bias: parameters.choice("rtt_bias") == "on",
            age_rule: parameters.choice("age_rule") == "on",
            bad_after: parameters.integer("bad_after"),
            timeout: parameters.duration("timeout"),
            asks_for_nodes: parameters.choice("probe") == "find_node",
            prefers_fitting: parameters.choice("bep42") == "prefer",
        }
    }
}
