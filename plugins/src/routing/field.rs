//! Routing tables of clients in the field, as parameter values of `nice` and
//! `bep5`.
//!
//! From their documented behaviour and constants: `lt` and `ut` refresh the
//! stalest contact every few seconds and prefer fast contacts; `ml` keeps to BEP
//! 5 and looks up its own ID and random ones besides. Left out:
//! - `lt`: where a bucket is full, libtorrent first looks for a contact with the
//!   same next bits, then at the round-trip time; here at the time alone. It
//!   refreshes with get_peers for a random ID, here with find_node.
//! - `ut`: libbtdht replaces a contact only by one of half its round-trip time.
//! - `ml`: mldht's replacement list of eight for each bucket, the growing pause
//!   before it tries a contact again that failed, and its own splitting rules.

use std::time::Duration;

use super::{Build, bep5, nice};
use crate::parameter::Value;
use crate::{ModuleInfo, Parameter};

/// The module `lt`.
pub(crate) fn lt() -> (ModuleInfo, Build) {
    let (base, build) = nice::nr128();
    let info = ModuleInfo {
        name: "lt",
        label: "LT",
        summary: "libtorrent: first buckets of 128 to 16, a refresh every 5 s, no quarantine",
        source: "arvidn/libtorrent, routing_table and dht_tracker",
        parameters: with_defaults(
            base.parameters,
            &[
                ("refresh", secs(5)),
                ("quarantine", secs(0)),
                ("filling_lookups", Value::Integer(0)),
                ("probe", Value::Choice("find_node")),
            ],
        ),
    };
    (info, build)
}

/// The module `ut`.
pub(crate) fn ut() -> (ModuleInfo, Build) {
    let (base, build) = nice::nrtt();
    let info = ModuleInfo {
        name: "ut",
        label: "UT",
        summary: "libbtdht: buckets of 8, a refresh every 6 s, quarantine of 2 min",
        source: "bittorrent/libbtdht, DhtImpl",
        parameters: with_defaults(
            base.parameters,
            &[
                ("refresh", secs(6)),
                ("quarantine", secs(120)),
                ("filling_lookups", Value::Integer(0)),
                ("probe", Value::Choice("find_node")),
            ],
        ),
    };
    (info, build)
}

/// The module `ml`.
pub(crate) fn ml() -> (ModuleInfo, Build) {
    let (base, build) = bep5::definition();
    let info = ModuleInfo {
        name: "ml",
        label: "ML",
        summary: "mldht: buckets of 8, bad after six failures, lookups by the clock",
        source: "the8472/mldht, DHTConstants",
        parameters: with_defaults(
            base.parameters,
            &[
                ("good", Value::Choice("bep5")),
                ("bad_after", Value::Integer(6)),
                ("timeout", secs(10)),
                ("per_ip", Value::Integer(1)),
                ("own_lookup", secs(30 * 60)),
                ("random_lookup", secs(10 * 60)),
            ],
        ),
    };
    (info, build)
}

/// The parameters with other defaults, by name.
fn with_defaults(mut parameters: Vec<Parameter>, defaults: &[(&str, Value)]) -> Vec<Parameter> {
    for (name, value) in defaults {
        let named = parameters.iter_mut().find(|known| known.name == *name);
        debug_assert!(named.is_some(), "no parameter {name}");
        named.into_iter().for_each(|known| known.default = *value);
    }
    parameters
}

const fn secs(secs: u64) -> Value {
    Value::Duration(Duration::from_secs(secs))
}
