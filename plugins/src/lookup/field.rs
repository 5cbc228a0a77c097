//! Lookups of clients in the field, as parameter values of the iterative lookup.
//!
//! From their documented behaviour and constants:
//! - `lt`: libtorrent keeps five queries in flight among the nearest contacts,
//!   whatever is in flight farther away, and does not count those over a second
//!   late. Its IP address rule is one contact of a /24, here one of an address.
//! - `ut`: libbtdht keeps four in flight; late ones do not count.
//! - `ml`: mldht keeps ten in flight; those later than most do not count. Left
//!   out: it ends when the set of the nearest is stable, here when eight of the
//!   nearest have answered; and its cache of nodes that store announces.
//! - `jech`: of jech/dht a contact is asked up to three times, 10 s apart; here
//!   it is asked once and given up when the second query would go out.

use std::time::Duration;

use super::LookupModule;
use super::iterative;
use crate::parameter::{Parameters, Value};
use crate::registry::ModuleInfo;

type Definition = (ModuleInfo, fn(&Parameters) -> Box<dyn LookupModule>);

/// A lookup of somebody else's.
struct Preset {
    name: &'static str,
    label: &'static str,
    summary: &'static str,
    source: &'static str,
    alpha: u32,
    beta: u32,
    /// Most in flight; 0 is no bound.
    parallel: u32,
    /// Responders that count for the end, and contacts announced to.
    nearest: u32,
    soft_ms: u64,
    timeout_ms: u64,
    /// Values of the parameters `stall` and `counted`.
    stall: &'static str,
    counted: &'static str,
    /// From the first values or timeout on; 0 is as before.
    slow: u32,
}

/// What most have in common.
const PLAIN: Preset = Preset {
    name: "",
    label: "",
    summary: "",
    source: "",
    alpha: 4,
    beta: 1,
    parallel: 4,
    nearest: 3,
    soft_ms: 0,
    timeout_ms: 2000,
    stall: "fixed",
    counted: "all",
    slow: 0,
};

const PRESETS: [Preset; 7] = [
    Preset {
        name: "lt",
        label: "LT",
        summary: "libtorrent: five in flight, one more for each that is a second late",
        source: "arvidn/libtorrent, settings dht_search_branching and timeouts",
        alpha: 5,
        beta: 5,
        parallel: 5,
        nearest: 8,
        soft_ms: 1000,
        timeout_ms: 15_000,
        counted: "nearer",
        ..PLAIN
    },
    Preset {
        name: "ml",
        label: "ML",
        summary: "mldht: ten in flight, those later than most not counted",
        source: "the8472/mldht, DHTConstants",
        alpha: 10,
        beta: 10,
        parallel: 10,
        nearest: 8,
        timeout_ms: 10_000,
        stall: "adaptive",
        ..PLAIN
    },
    Preset {
        name: "m3_a4",
        label: "M3A4",
        summary: "pymdht: as aggressive, and as standard from the first values or timeout on",
        source: "pymdht, lookup_m3_a4",
        alpha: 4,
        beta: 3,
        parallel: 0,
        nearest: 3,
        slow: 4,
        ..PLAIN
    },
    Preset {
        name: "ut",
        label: "UT",
        summary: "libbtdht: four in flight, those a second late not counted",
        source: "bittorrent/libbtdht, DhtImpl",
        alpha: 4,
        beta: 4,
        parallel: 4,
        nearest: 8,
        soft_ms: 1000,
        timeout_ms: 4000,
        ..PLAIN
    },
    Preset {
        name: "jech",
        label: "JECH",
        summary: "jech/dht, as in Transmission: four in flight, patient",
        source: "jech/dht, dht.c",
        alpha: 4,
        beta: 1,
        parallel: 4,
        nearest: 8,
        timeout_ms: 10_000,
        ..PLAIN
    },
    Preset {
        name: "a8_m2",
        label: "A8M2",
        summary: "pymdht: alpha 8, beta 2, no bound on queries in flight",
        source: "pymdht, lookup_a8_m2",
        alpha: 8,
        beta: 2,
        parallel: 0,
        nearest: 3,
        ..PLAIN
    },
    Preset {
        name: "a16",
        label: "A16",
        summary: "pymdht: alpha 16, beta 1",
        source: "pymdht, lookup_a16",
        alpha: 16,
        beta: 1,
        parallel: 16,
        nearest: 3,
        ..PLAIN
    },
];

/// The modules `lt`, `ml`, `m3_a4`, `ut`, `jech`, `a8_m2` and `a16`.
pub(crate) fn definitions() -> impl Iterator<Item = Definition> {
    PRESETS.iter().map(definition)
}

fn definition(preset: &Preset) -> Definition {
    let mut parameters = iterative::parameters(preset.beta, preset.parallel);
    for parameter in &mut parameters {
        parameter.default = match parameter.name {
            "alpha" => Value::Integer(preset.alpha),
            "mark" | "announce" => Value::Integer(preset.nearest),
            "stall" => Value::Choice(preset.stall),
            "counted" => Value::Choice(preset.counted),
            "slow_parallel" => Value::Integer(preset.slow),
            "slow_beta" => Value::Integer(preset.slow.min(1)),
            "soft" => Value::Duration(Duration::from_millis(preset.soft_ms)),
            "timeout" => Value::Duration(Duration::from_millis(preset.timeout_ms)),
            _ => parameter.default,
        };
    }
    let info = ModuleInfo {
        name: preset.name,
        label: preset.label,
        summary: preset.summary,
        source: preset.source,
        parameters,
    };
    (info, iterative::build)
}
