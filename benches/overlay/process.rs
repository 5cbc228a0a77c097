//! Time and memory of this process.

use std::fs;
use std::time::Instant as Clock;

/// Seconds that `work` takes.
#[allow(clippy::disallowed_methods)] // a bench reads the clock
pub(crate) fn seconds<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let begun = Clock::now();
    let result = work();
    (result, begun.elapsed().as_secs_f64())
}

/// Resident memory in bytes, from `/proc/self/status`; 0 where there is none.
pub(crate) fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) << 10
}

/// Mebibytes.
#[allow(clippy::cast_precision_loss)] // far below 2^53
pub(crate) fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
