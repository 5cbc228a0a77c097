//! The profiler: captures in, profile out.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mdht_krpc::{Id, Message};

use crate::busiest::Tally;
use crate::capture::{Capture, Datagram};
use crate::measurement::{Factory, STANDARD, Span};
use crate::observer::Observers;
use crate::reading::read_messages;
use crate::{CaptureError, CaptureSummary, NodeSpec, Profile, Timestamp};

/// What to profile, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// The nodes under test. If there is none, the address that sends and
    /// receives most KRPC messages is taken, which costs a second pass.
    pub nodes: Vec<NodeSpec>,
    /// A query answered within this time is *answered*, after it *answered
    /// late*. Default 2 s [thesis 8.VIII.C]; above a minute, answers are
    /// awaited that much longer too, and memory with them.
    pub timeout: Duration,
    /// A get_peers query this long after the last one for the same infohash
    /// starts a new lookup. Default 30 s. Shorter than the pauses of a lookup
    /// splits it; longer joins lookups of one infohash.
    pub lookup_gap: Duration,
    /// A get_peers group without a value and without an announce of at most
    /// this many queries is refresh. Default 1; 0 makes every group a lookup.
    pub refresh_max_queries: u64,
    /// The infohashes that were looked up. If given, they alone say which
    /// groups are lookups.
    pub infohashes: Option<BTreeSet<Id>>,
    /// A query of the same kind for the same key to the same address within
    /// this time of the last is *doubled*. Default 1 s, which is shorter than
    /// any wait for an answer that clients are known to have; longer counts
    /// queries that were sent again for want of an answer.
    pub doubled_within: Duration,
    /// A ping within this time of a query in a lookup, before or after it and
    /// to the same address, is *needless*: that query tells as much. Default
    /// 10 s.
    pub needless_ping_within: Duration,
    /// How many of the slowest lookups get a waterfall, at most 1000. Default
    /// 0, which costs nothing.
    pub waterfalls: usize,
    /// Infohashes whose lookups get a waterfall, at most 1000 lookups.
    pub waterfall_infohashes: BTreeSet<Id>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            nodes: Vec::new(),
            timeout: Duration::from_secs(2),
            lookup_gap: Duration::from_secs(30),
            refresh_max_queries: 1,
            infohashes: None,
            doubled_within: Duration::from_secs(1),
            needless_ping_within: Duration::from_secs(10),
            waterfalls: 0,
            waterfall_infohashes: BTreeSet::new(),
        }
    }
}

/// How far the profiler is. Bytes are counted over all captures and passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Bytes read.
    pub bytes_done: u64,
    /// Bytes to be read in all.
    pub bytes_total: u64,
    /// Packets read.
    pub packets: u64,
}

/// Why there is no profile.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is nothing to profile.
    #[error("no capture was given; name at least one file")]
    NoCapture,
    /// A capture could not be read.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// Two captures cover the same time.
    #[error(
        "the captures {first} and {second} overlap in time, and captures are not merged yet; \
         join them with `mergecap -F pcap -w all.pcap {first} {second}`, or profile each alone"
    )]
    Overlap {
        /// The one that starts first.
        first: String,
        /// The one that starts before the first has ended.
        second: String,
    },
}

/// Profiles nodes from captures of their packets.
#[derive(Clone, Debug)]
pub struct Profiler {
    options: Options,
    measurements: Vec<Factory>,
}

impl Profiler {
    /// A profiler with every standard measurement.
    pub fn new(options: Options) -> Self {
        Self {
            options,
            measurements: STANDARD.to_vec(),
        }
    }

    /// Adds a measurement behind those there are.
    #[must_use]
    pub fn with_measurement(mut self, measurement: Factory) -> Self {
        self.measurements.push(measurement);
        self
    }

    /// Profiles `captures`, which may be given in any order but must not
    /// overlap in time. `progress` is called every 65,536 packets and at the
    /// end of each capture.
    ///
    /// # Errors
    /// No capture was given, one cannot be read at all, reading one failed in
    /// the middle, or two overlap. A capture that is cut short is no error.
    pub fn run<P: AsRef<Path>>(
        &self,
        captures: &[P],
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Profile, Error> {
        let mut passes = Passes::over(captures, progress)?;
        let mut nodes = self.options.nodes.clone();
        let mut addresses = Vec::new();
        if nodes.is_empty() {
            passes.total *= 2;
            let mut tally = Tally::new();
            passes.pass(|datagram, _| tally.add(datagram))?;
            addresses = tally.busiest();
            nodes.extend(addresses.first().map(|busy| NodeSpec::from(busy.address)));
        }
        let mut observers = Observers::new(nodes, &self.options, &self.measurements);
        let captures = passes.pass(|datagram, message| observers.on_message(datagram, message))?;
        let nodes = observers.finish(&span_of(&captures));
        Ok(Profile {
            captures,
            addresses,
            nodes,
        })
    }
}

fn span_of(captures: &[CaptureSummary]) -> Span {
    let mut span = Span::default();
    for capture in captures {
        span.start = span.start.or(capture.start);
        if let (Some(start), Some(end)) = (capture.start, capture.end) {
            span.observed += end.since(start);
        }
    }
    span
}

/// Reads the same captures as often as needed.
struct Passes<'p> {
    /// The captures with the times of their first packets, in that order.
    captures: Vec<(Option<Timestamp>, PathBuf)>,
    progress: &'p mut dyn FnMut(Progress),
    total: u64,
    bytes: u64,
    packets: u64,
}

impl<'p> Passes<'p> {
    /// Looks at the first packet of each capture to bring them into order.
    fn over<P: AsRef<Path>>(
        captures: &[P],
        progress: &'p mut dyn FnMut(Progress),
    ) -> Result<Self, Error> {
        if captures.is_empty() {
            return Err(Error::NoCapture);
        }
        let mut total = 0;
        let mut in_order = Vec::with_capacity(captures.len());
        for path in captures {
            let mut capture = Capture::open(path.as_ref())?;
            total += capture.len().unwrap_or(0);
            let start = capture.next_packet()?.map(|packet| packet.time);
            in_order.push((start, path.as_ref().to_owned()));
        }
        in_order.sort_by_key(|(start, _)| *start);
        Ok(Self {
            captures: in_order,
            progress,
            total,
            bytes: 0,
            packets: 0,
        })
    }

    /// Hands every KRPC message of every capture to `on_message`.
    fn pass(
        &mut self,
        mut on_message: impl FnMut(&Datagram<'_>, &Message<'_>),
    ) -> Result<Vec<CaptureSummary>, Error> {
        let mut summaries: Vec<CaptureSummary> = Vec::with_capacity(self.captures.len());
        for (start, path) in &self.captures {
            let name = path.display().to_string();
            if let Some(before) = summaries.last()
                && start.is_some_and(|start| before.end > Some(start))
            {
                return Err(Error::Overlap {
                    first: before.path.clone(),
                    second: name,
                });
            }
            let (bytes, packets) = (self.bytes, self.packets);
            let on_progress = |bytes_here, packets_here| {
                self.bytes = bytes + bytes_here;
                self.packets = packets + packets_here;
                (self.progress)(Progress {
                    bytes_done: self.bytes,
                    bytes_total: self.total.max(self.bytes),
                    packets: self.packets,
                });
            };
            let capture = Capture::open(path)?;
            summaries.push(read_messages(capture, name, &mut on_message, on_progress)?);
        }
        Ok(summaries)
    }
}
