//! The profiler at work, as whoever started it may look at it.

use std::fmt;

use crate::Profile;
use crate::merge::Standing;

/// How far the profiler is. Bytes are counted over all captures and passes,
/// and as they are in the files, compressed or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Bytes read.
    pub bytes_done: u64,
    /// Bytes to be read in all; with an input that is no file, of which the
    /// length is not known, at least that many.
    pub bytes_total: u64,
    /// Packets read.
    pub packets: u64,
    /// Not every capture is a file: `bytes_total` is no measure of the end.
    pub live: bool,
}

/// A profiler at work.
pub struct Running<'r> {
    pub(crate) progress: Progress,
    pub(crate) snapshot: &'r dyn Fn() -> Option<Profile>,
}

impl Running<'_> {
    /// How far it is.
    pub const fn progress(&self) -> Progress {
        self.progress
    }

    /// The profile if the captures ended here. `None` while files are read a
    /// first time to find the busiest node. Costs a copy of all that is known
    /// of the nodes under test: nothing to be done for every packet.
    pub fn snapshot(&self) -> Option<Profile> {
        (self.snapshot)()
    }
}

impl fmt::Debug for Running<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.progress.fmt(f)
    }
}

/// Adds up progress over the passes.
pub(crate) struct Meter {
    pub(crate) total: u64,
    pub(crate) live: bool,
    bytes_before: u64,
    packets_before: u64,
}

impl Meter {
    pub(crate) const fn new(total: u64, live: bool) -> Self {
        Self {
            total,
            live,
            bytes_before: 0,
            packets_before: 0,
        }
    }

    pub(crate) fn at(&self, standing: &dyn Standing) -> Progress {
        let (bytes, packets) = standing.position();
        let bytes_done = self.bytes_before + bytes;
        Progress {
            bytes_done,
            bytes_total: self.total.max(bytes_done),
            packets: self.packets_before + packets,
            live: self.live,
        }
    }

    /// A pass is over.
    pub(crate) fn on_pass(&mut self, standing: &dyn Standing) {
        let (bytes, packets) = standing.position();
        self.bytes_before += bytes;
        self.packets_before += packets;
    }
}
