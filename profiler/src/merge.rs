//! Several captures as one, by time.
//!
//! Of all captures the one with the earliest next packet comes first; of
//! several such, the one whose first packet is earlier, then the one that was
//! named first. Each keeps its own order, also where its time goes backwards.
//! Files are opened when their time comes, so that a thousand captures one
//! after the other cost as much as one.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::path::PathBuf;

use mdht_krpc::Message;

use crate::capture::{CaptureError, Datagram, Next};
use crate::reading::{Reading, open};
use crate::{CaptureSummary, Input, Timestamp};

/// What captures are read for.
pub(crate) trait Sink {
    /// The next KRPC message.
    fn on_message(&mut self, datagram: &Datagram<'_>, message: &Message<'_>);

    /// Called every 65,536 packets, and before reading on may have to wait:
    /// whether to go on.
    fn on_report(&mut self, standing: &dyn Standing) -> ControlFlow<()>;
}

/// How far reading is.
pub(crate) trait Standing {
    /// Bytes and packets read so far.
    fn position(&self) -> (u64, u64);

    /// What was read so far of each capture, in the order of the first packets.
    fn summaries(&self) -> Vec<CaptureSummary>;
}

/// The captures to be profiled, in the order of their first packets.
pub(crate) struct Captures {
    captures: Vec<Waiting>,
}

/// A capture whose time has not come.
struct Waiting {
    start: Option<Timestamp>,
    from: From,
}

enum From {
    /// Length in bytes, and where it is.
    File(u64, PathBuf),
    /// It cannot be read again, and has its first packet ready.
    Live(Box<Reading>),
}

impl Captures {
    /// Looks at the first packet of each.
    pub(crate) fn survey(inputs: Vec<Input>) -> Result<Self, CaptureError> {
        let mut captures = Vec::with_capacity(inputs.len());
        for input in inputs {
            let (mut reading, file) = open(input)?;
            let start = first_time(&mut reading);
            let from = match file {
                Some((len, path)) => From::File(len, path),
                None => From::Live(Box::new(reading)),
            };
            captures.push(Waiting { start, from });
        }
        captures.sort_by_key(|capture| capture.start);
        Ok(Self { captures })
    }

    /// Whether all can be read again.
    pub(crate) fn are_files(&self) -> bool {
        let mut captures = self.captures.iter();
        captures.all(|capture| matches!(capture.from, From::File(..)))
    }

    /// Bytes of all that are files.
    pub(crate) fn len(&self) -> u64 {
        let lens = self.captures.iter().map(|capture| match capture.from {
            From::File(len, _) => len,
            From::Live(_) => 0,
        });
        lens.sum()
    }

    /// Copies of those that are files.
    pub(crate) fn again(&self) -> Self {
        let files = self.captures.iter().filter_map(|capture| {
            let From::File(len, path) = &capture.from else {
                return None;
            };
            Some(Waiting {
                start: capture.start,
                from: From::File(*len, path.clone()),
            })
        });
        Self {
            captures: files.collect(),
        }
    }
}

fn first_time(reading: &mut Reading) -> Option<Timestamp> {
    loop {
        match reading.advance() {
            Next::Packet(time) => return Some(time),
            Next::Starved => reading.refill(),
            Next::End => return None,
        }
    }
}

/// The captures on their way.
pub(crate) struct Merge {
    waiting: VecDeque<(usize, Waiting)>,
    active: Vec<Active>,
    done: Vec<(usize, CaptureSummary)>,
    bytes_done: u64,
    packets_done: u64,
}

struct Active {
    reading: Reading,
    /// Where its first packet stands among those of the others.
    order: usize,
    /// Time of the next packet, or of the last if that is not ready.
    head: Timestamp,
    ready: bool,
    /// Packets at the last report.
    reported: u64,
}

/// Why it is not this capture's turn any more.
enum Turn {
    Later,
    Report,
    Starved,
    End,
}

impl Active {
    /// Reads packets up to `limit`.
    #[inline]
    fn read(&mut self, limit: (Timestamp, usize), sink: &mut impl Sink) -> Turn {
        loop {
            if std::mem::take(&mut self.ready) {
                self.reading
                    .take(|datagram, message| sink.on_message(datagram, message));
            }
            match self.reading.advance() {
                Next::Packet(time) => (self.head, self.ready) = (time, true),
                Next::Starved => return Turn::Starved,
                Next::End => return Turn::End,
            }
            if (self.head, self.order) > limit {
                return Turn::Later;
            }
            if self.reading.packets() - self.reported >= PACKETS_PER_REPORT {
                self.reported = self.reading.packets();
                return Turn::Report;
            }
        }
    }
}

impl Merge {
    pub(crate) fn of(captures: Captures) -> Self {
        Self {
            waiting: captures.captures.into_iter().enumerate().collect(),
            active: Vec::new(),
            done: Vec::new(),
            bytes_done: 0,
            packets_done: 0,
        }
    }

    /// Hands every KRPC message of every capture to `sink`.
    ///
    /// # Errors
    /// A capture cannot be opened any more, or nothing of it can be read.
    pub(crate) fn read(&mut self, sink: &mut impl Sink) -> Result<ControlFlow<()>, CaptureError> {
        loop {
            self.open_due()?;
            let Some((index, limit)) = self.next_up() else {
                break;
            };
            let turn = self.active[index].read(limit, sink);
            let mut flow = ControlFlow::Continue(());
            match turn {
                Turn::Later => {}
                Turn::Report => flow = sink.on_report(self),
                Turn::Starved => {
                    flow = sink.on_report(self);
                    if flow.is_continue() {
                        self.active[index].reading.refill();
                    }
                }
                Turn::End => {
                    let ended = self.active.remove(index);
                    self.close(ended)?;
                    flow = sink.on_report(self);
                }
            }
            if flow.is_break() {
                while let Some(stopped) = self.active.pop() {
                    self.close(stopped)?;
                }
                return Ok(flow);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Opens the captures that begin before the next packet of the others.
    fn open_due(&mut self) -> Result<(), CaptureError> {
        while let Some((order, waiting)) = self.waiting.front() {
            let start = waiting.start.unwrap_or_default();
            let heads = self.active.iter().map(|active| (active.head, active.order));
            if heads.min().is_some_and(|next| next < (start, *order)) {
                break;
            }
            let Some((order, waiting)) = self.waiting.pop_front() else {
                break;
            };
            let ready = waiting.start.is_some();
            let reading = match waiting.from {
                From::Live(reading) => *reading,
                From::File(_, path) => {
                    let (mut reading, _) = open(Input::file(path))?;
                    first_time(&mut reading);
                    reading
                }
            };
            self.active.push(Active {
                reading,
                order,
                head: start,
                ready,
                reported: 0,
            });
        }
        Ok(())
    }

    /// The capture whose turn it is, and until when.
    fn next_up(&self) -> Option<(usize, (Timestamp, usize))> {
        let key = |active: &Active| (active.head, active.order);
        let (index, _) = (self.active.iter().enumerate()).min_by_key(|(_, active)| key(active))?;
        let others = self.active.iter().enumerate().filter(|(i, _)| *i != index);
        let waiting = self.waiting.front();
        let waiting = waiting.map(|(order, w)| (w.start.unwrap_or_default(), *order));
        let limit = others.map(|(_, active)| key(active)).chain(waiting).min();
        Some((index, limit.unwrap_or(NEVER)))
    }

    fn close(&mut self, ended: Active) -> Result<(), CaptureError> {
        self.bytes_done += ended.reading.position();
        self.packets_done += ended.reading.packets();
        self.done.push((ended.order, ended.reading.finish()?));
        Ok(())
    }
}

impl Standing for Merge {
    fn position(&self) -> (u64, u64) {
        let mut position = (self.bytes_done, self.packets_done);
        for active in &self.active {
            position.0 += active.reading.position();
            position.1 += active.reading.packets();
        }
        position
    }

    fn summaries(&self) -> Vec<CaptureSummary> {
        let active = self.active.iter();
        let active = active.map(|active| (active.order, active.reading.summary()));
        let mut all: Vec<_> = self.done.iter().cloned().chain(active).collect();
        all.sort_by_key(|(order, _)| *order);
        all.into_iter().map(|(_, summary)| summary).collect()
    }
}

const PACKETS_PER_REPORT: u64 = 1 << 16;

/// Later than any packet.
const NEVER: (Timestamp, usize) = (Timestamp::from_nanos(u64::MAX), usize::MAX);
