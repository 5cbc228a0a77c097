//! Routing tables of clients in the field, as parameter values of `nice`.
//!
//! From their documented behaviour and constants: both refresh the stalest
//! contact every few seconds and prefer fast contacts. Left out:
//! - `lt`: where a bucket is full, libtorrent first looks for a contact with the
//!   same next bits, then at the round-trip time; here at the time alone. It
//!   refreshes with get_peers for a random ID, here with find_node.
//! - `ut`: libbtdht replaces a contact only by one of half its round-trip time.

use std::time::Duration;

use super::{Build, nice};
use crate::ModuleInfo;
use crate::parameter::Value;

/// The module `lt`.
pub(crate) fn lt() -> (ModuleInfo, Build) {
    let (info, build) = nice::nr128();
    let info = ModuleInfo {
        name: "lt",
        label: "LT",
        summary: "libtorrent: first buckets of 128 to 16, a refresh every 5 s, no quarantine",
        source: "arvidn/libtorrent, routing_table and dht_tracker",
        ..info
    };
    let info = with(info, 5000, 0);
    (info, build)
}

/// The module `ut`.
pub(crate) fn ut() -> (ModuleInfo, Build) {
    let (info, build) = nice::nrtt();
    let info = ModuleInfo {
        name: "ut",
        label: "UT",
        summary: "libbtdht: buckets of 8, a refresh every 6 s, quarantine of 2 min",
        source: "bittorrent/libbtdht, DhtImpl",
        ..info
    };
    let info = with(info, 6000, 120_000);
    (info, build)
}

fn with(mut info: ModuleInfo, refresh_ms: u64, quarantine_ms: u64) -> ModuleInfo {
    for parameter in &mut info.parameters {
        parameter.default = match parameter.name {
            "refresh" => Value::Duration(Duration::from_millis(refresh_ms)),
            "quarantine" => Value::Duration(Duration::from_millis(quarantine_ms)),
            "filling_lookups" => Value::Integer(0),
            "probe" => Value::Choice("find_node"),
            _ => parameter.default,
        };
    }
    info
}
