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

/// The module `ml`.
pub(crate) fn ml() -> (ModuleInfo, Build) {
    let (mut info, build) = bep5::definition();
    info.name = "ml";
    info.label = "ML";
    info.summary = "mldht: buckets of 8, bad after six failures, lookups by the clock";
    info.source = "the8472/mldht, DHTConstants";
    for parameter in &mut info.parameters {
        parameter.default = match parameter.name {
            "good" => Value::Choice("bep5"),
            "bad_after" => Value::Integer(6),
            "timeout" => Value::Duration(Duration::from_secs(10)),
            "per_ip" => Value::Integer(1),
            "own_lookup" => Value::Duration(Duration::from_secs(30 * 60)),
            "random_lookup" => Value::Duration(Duration::from_secs(10 * 60)),
            _ => parameter.default,
        };
    }
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
