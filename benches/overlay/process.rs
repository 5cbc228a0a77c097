//! Processor time and memory of this process.

use std::fs;

/// Seconds of processor time that `work` takes on this thread: what others do
/// on the machine does not count. From `/proc/thread-self/schedstat`.
pub(crate) fn seconds<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let begun = nanos_on_cpu();
    let result = work();
    (result, (nanos_on_cpu() - begun) as f64 / 1e9)
}

fn nanos_on_cpu() -> u64 {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = stat
        .split_whitespace()
        .next()
        .and_then(|nanos| nanos.parse().ok());
    nanos.unwrap_or(0)
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
