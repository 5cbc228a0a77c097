//! The profiler: captures in, profile out.

use std::collections::BTreeSet;
use std::fmt;
use std::num::NonZero;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use mdht_krpc::{Id, Message};

use crate::busiest::Tally;
use crate::capture::Datagram;
use crate::handover;
use crate::measurement::{Factory, Measurement, STANDARD, Span};
use crate::merge::{Captures, Merge, Sink, Standing};
use crate::observer::Observers;
use crate::running::Meter;
use crate::undecided::Undecided;
use crate::{
    BusyAddress, CaptureError, CaptureSummary, Input, NodeSpec, Profile, Progress, Running,
};

/// What to profile, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// The nodes under test. If there is none, the address that sends and
    /// receives most KRPC messages is taken, which costs a second pass over
    /// files. Inputs that cannot be read twice (pipes) are kept until it
    /// shows, up to 32,768 messages or 32 MiB of them, and the busiest of
    /// those is taken.
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
    /// Threads to work with: 1 is one for all, from 2 on files are read in one
    /// and measured in another. Default: 2 if the machine has more than one
    /// core. The profile is the same, byte for byte.
    pub threads: Option<NonZero<usize>>,
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
            threads: None,
        }
    }
}

impl Options {
    /// Whether files are read in a thread of their own.
    fn reads_apart(&self) -> bool {
        let threads = self.threads.map_or_else(available_parallelism, Ok);
        threads.is_ok_and(|threads| threads.get() > 1)
    }
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
}

/// Profiles nodes from captures of their packets.
#[derive(Clone)]
pub struct Profiler {
    options: Options,
    measurements: Vec<Factory>,
}

impl fmt::Debug for Profiler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profiler")
            .field("options", &self.options)
            .field("measurements", &self.measurements.len())
            .finish()
    }
}

/// Looks at a profiler at work, and says whether it is to go on.
type Watch<'w> = dyn FnMut(&Running<'_>) -> ControlFlow<()> + 'w;

impl Profiler {
    /// A profiler with every standard measurement.
    pub fn new(options: Options) -> Self {
        Self {
            options,
            measurements: STANDARD
                .iter()
                .map(|make| Arc::new(make) as Factory)
                .collect(),
        }
    }

    /// A profiler without any measurement: add those that are wanted.
    pub const fn without_measurements(options: Options) -> Self {
        Self {
            options,
            measurements: Vec::new(),
        }
    }

    /// Adds a measurement behind those there are. `make` makes one for each
    /// node under test.
    #[must_use]
    pub fn with_measurement(
        mut self,
        make: impl Fn(&Options) -> Box<dyn Measurement> + Send + Sync + 'static,
    ) -> Self {
        self.measurements.push(Arc::new(make));
        self
    }

    /// Profiles `captures`, merged by time; `-` is standard input. `progress`
    /// is called every 65,536 packets, at the end of each capture, and, for
    /// what is no file, before each wait for more.
    ///
    /// # Errors
    /// No capture was given, or nothing of one can be read. What of a capture
    /// cannot be read is otherwise no error but in its
    /// [faults](CaptureSummary::faults).
    pub fn run<P: AsRef<Path>>(
        &self,
        captures: &[P],
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Profile, Error> {
        let captures = captures.iter().map(|path| Input::named(path.as_ref()));
        self.watch(captures.collect(), &mut |running| {
            progress(running.progress());
            ControlFlow::Continue(())
        })
    }

    /// Like [`run`](Self::run), for inputs of any kind, with a closer look:
    /// `watch` is called at the same times and may ask for the profile as it
    /// stands, or end reading, after which the profile is of what was read.
    /// It reads no clock: whoever wants a profile once a second has to.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn watch(&self, inputs: Vec<Input>, watch: &mut Watch<'_>) -> Result<Profile, Error> {
        if inputs.is_empty() {
            return Err(Error::NoCapture);
        }
        let captures = Captures::survey(inputs)?;
        let files = captures.are_files();
        let stage = match self.options.nodes.is_empty() {
            true if files => Stage::Tallying(Tally::new()),
            true => Stage::Undecided(Undecided::default()),
            false => Stage::Observing(self.observers(self.options.nodes.clone())),
        };
        let mut pass = Pass {
            meter: Meter::new(captures.len(), !files),
            work: Work {
                profiler: self,
                stage,
                addresses: Vec::new(),
            },
            watch,
            // what is waited for is no matter of speed
            apart: files && self.options.reads_apart(),
        };
        if matches!(pass.work.stage, Stage::Tallying(_)) {
            pass.meter.total *= 2;
            let mut merge = Merge::of(captures.again());
            let flow = pass.read(&mut merge)?;
            pass.work.decide();
            if flow.is_break() {
                return Ok(pass.work.finish(merge.summaries()));
            }
            pass.meter.on_pass(&merge);
        }
        let mut merge = Merge::of(captures);
        let _ = pass.read(&mut merge)?;
        pass.work.decide();
        Ok(pass.work.finish(merge.summaries()))
    }

    fn observers(&self, nodes: Vec<NodeSpec>) -> Observers {
        Observers::new(nodes, &self.options, &self.measurements)
    }

    /// Observers of the first address.
    fn observers_of_first(&self, addresses: &[BusyAddress]) -> Observers {
        let first = addresses.first();
        self.observers(
            first
                .map(|busy| NodeSpec::from(busy.address))
                .into_iter()
                .collect(),
        )
    }
}

/// A pass over the captures.
struct Pass<'p, 'w> {
    work: Work<'p>,
    meter: Meter,
    watch: &'p mut Watch<'w>,
    /// Files are read in a thread of their own.
    apart: bool,
}

impl Pass<'_, '_> {
    fn read(&mut self, merge: &mut Merge) -> Result<ControlFlow<()>, CaptureError> {
        match self.apart {
            true => handover::read(merge, self),
            false => merge.read(self),
        }
    }
}

impl Sink for Pass<'_, '_> {
    #[inline]
    fn on_message(&mut self, datagram: &Datagram<'_>, message: &Message<'_>) {
        match &mut self.work.stage {
            Stage::Observing(observers) => observers.on_message(datagram, message),
            Stage::Tallying(tally) => tally.add(datagram),
            Stage::Undecided(undecided) => {
                undecided.add(datagram);
                if undecided.is_full() {
                    self.work.decide();
                }
            }
        }
    }

    fn on_report(&mut self, standing: &dyn Standing) -> ControlFlow<()> {
        let work = &self.work;
        (self.watch)(&Running {
            progress: self.meter.at(standing),
            snapshot: &|| work.snapshot(standing),
        })
    }
}

/// What the profiler knows.
#[derive(Clone)]
struct Work<'p> {
    profiler: &'p Profiler,
    stage: Stage,
    addresses: Vec<BusyAddress>,
}

/// What messages are for.
#[derive(Clone)]
enum Stage {
    /// Finding the busiest node, in files that are read again for the rest.
    Tallying(Tally),
    /// The same, in inputs that cannot be read again.
    Undecided(Undecided),
    /// Measuring.
    Observing(Observers),
}

impl Work<'_> {
    /// Ends the search for the busiest node.
    fn decide(&mut self) {
        self.decide_for(|observers| observers);
    }

    /// The same, with what `taken` makes of the new observers.
    fn decide_for(&mut self, taken: impl FnOnce(Observers) -> Observers) {
        let observers = match &self.stage {
            Stage::Observing(_) => return,
            Stage::Tallying(tally) => {
                self.addresses = tally.clone().busiest();
                taken(self.profiler.observers_of_first(&self.addresses))
            }
            Stage::Undecided(undecided) => {
                self.addresses = undecided.busiest();
                let mut observers = taken(self.profiler.observers_of_first(&self.addresses));
                undecided.replay(|datagram, message| observers.on_message(datagram, message));
                observers
            }
        };
        self.stage = Stage::Observing(observers);
    }

    fn finish(self, captures: Vec<CaptureSummary>) -> Profile {
        let nodes = match self.stage {
            Stage::Observing(observers) => observers.finish(&span_of(&captures)),
            Stage::Tallying(_) | Stage::Undecided(_) => Vec::new(),
        };
        Profile {
            captures,
            addresses: self.addresses,
            nodes,
        }
    }

    /// The profile if the captures ended here.
    fn snapshot(&self, standing: &dyn Standing) -> Option<Profile> {
        if matches!(self.stage, Stage::Tallying(_)) {
            return None;
        }
        let mut copy = self.clone();
        // copies, as measurements of every other snapshot are: one that
        // writes as it goes must not write twice
        copy.decide_for(|observers| observers.clone());
        Some(copy.finish(standing.summaries()))
    }
}

/// The time covered by at least one of `captures`, which are in the order of
/// their first packets.
fn span_of(captures: &[CaptureSummary]) -> Span {
    let mut span = Span::default();
    let mut covered = None;
    let mut times: Vec<_> = captures.iter().filter_map(|c| c.start.zip(c.end)).collect();
    times.sort_unstable();
    for (start, end) in times {
        span.start = span.start.or(Some(start));
        let from = covered.map_or(start, |covered| start.max(covered));
        span.observed += end.since(from);
        covered = covered.max(Some(end));
    }
    span
}
