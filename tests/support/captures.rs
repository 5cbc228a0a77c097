//! The captures in `tests/data`.

use std::path::Path;

use serde_json::Value;

use super::{Finished, mdht};

/// A node that looks up 13 infohashes; see `tests/data/README.md`.
pub const LOOKUPS: &str = "mdht-lookup.pcap";
pub const LOOKUPS_NODE: &str = "10.100.0.1:6881";

/// The path of a file there, as an argument.
pub fn data(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("tests/data").join(name).display().to_string()
}

/// Length of the header of a pcap file.
pub const FILE_HEADER: usize = 24;

/// Offset of the first record of a little-endian pcap file that starts behind
/// `offset`.
pub fn record_behind(pcap: &[u8], offset: usize) -> usize {
    let mut at = FILE_HEADER;
    while at <= offset {
        let length = pcap[at + 8..at + 12].try_into().unwrap();
        at += RECORD_HEADER + usize::try_from(u32::from_le_bytes(length)).unwrap();
    }
    at
}

const RECORD_HEADER: usize = 16;

/// Runs `mdht profile`.
pub fn profile(args: &str) -> Finished {
    mdht(&format!("profile {args}"))
}

/// The profile as JSON.
pub fn json(args: &str) -> Value {
    let run = profile(&format!("{args} --format json"));
    assert_eq!(run.code, Some(0), "{args}: {run:?}");
    run.documents().remove(0)
}
