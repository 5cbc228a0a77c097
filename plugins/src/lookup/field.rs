//! Lookups of clients in the field, as parameter values of the iterative lookup.
//!
//! From their documented behaviour and constants. What the values leave out:
//! - `lt`: libtorrent keeps five queries in flight among the nearest contacts,
//!   one more for each that is over a second late.
//! - `ut`: libbtdht keeps four in flight; late ones do not count.
//! - `jech`: of jech/dht a contact is asked up to three times, 10 s apart; here
//!   it is asked once and given up when the second query would go out.
//! - `m3_a4` of pymdht changes its pace in mid-lookup and is not among them.

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
}

const PRESETS: [Preset; 5] = [
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
        soft_ms: 0,
        timeout_ms: 10_000,
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
        soft_ms: 0,
        timeout_ms: 2000,
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
        soft_ms: 0,
        timeout_ms: 2000,
    },
];

/// The modules `lt`, `ut`, `jech`, `a8_m2` and `a16`.
pub(crate) fn definitions() -> impl Iterator<Item = Definition> {
    PRESETS.iter().map(definition)
}

fn definition(preset: &Preset) -> Definition {
    let mut parameters = iterative::parameters(preset.beta, preset.parallel);
    for parameter in &mut parameters {
        parameter.default = match parameter.name {
            "alpha" => Value::Integer(preset.alpha),
            "mark" | "announce" => Value::Integer(preset.nearest),
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
