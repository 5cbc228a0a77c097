//! Reading in a thread of its own: it reads, frames and scans, and hands the
//! messages in blocks to the thread that measures.
//!
//! ```text
//! reading  --- full blocks, reports --->  measuring
//!          <-- empty blocks, verdicts --
//! ```
//!
//! There are [`BLOCKS`] blocks in all, so whoever is ahead waits for the
//! other. A report is a rendezvous: the reading thread waits for the verdict,
//! so that what a report says of the captures, and where reading ends if the
//! verdict is to stop, is what it would be in one thread. That costs some 20
//! microseconds every 65,536 packets.
//!
//! Scanning is done by the reading thread because measuring takes longer than
//! reading, framing and scanning together. If either thread panics, the other
//! finds its channels closed and ends; the panic goes on in the caller.

mod packed;

use std::ops::ControlFlow;
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use mdht_krpc::Message;

use crate::CaptureSummary;
use crate::capture::{CaptureError, Datagram};
use crate::kept::Kept;
use crate::merge::{Merge, Sink, Standing};
use packed::Packed;

/// Hands every KRPC message of `merge` to `sink`, which stays in this thread,
/// while another reads. In this one alone if there is no other to be had.
///
/// # Errors
/// As [`Merge::read`].
pub(crate) fn read(
    merge: &mut Merge,
    sink: &mut impl Sink,
) -> Result<ControlFlow<()>, CaptureError> {
    let lent = &mut *merge;
    let read = thread::scope(|scope| {
        let (mut packer, unpacker) = ends();
        let reading = thread::Builder::new().name("mdht-reading".to_owned());
        let reading = reading.spawn_scoped(scope, move || lent.read(&mut packer));
        let reading = reading.ok()?;
        unpacker.run(sink);
        Some(reading.join().unwrap_or_else(|panic| resume_unwind(panic)))
    });
    read.unwrap_or_else(|| merge.read(sink))
}

/// Messages on their way from one thread to the other, many at once.
type Block = Kept<Packed>;

/// What the reading thread hands over.
enum Parcel {
    Block(Block),
    /// Messages up to here were handed over. Bytes and packets read.
    Report((u64, u64)),
}

/// What is said to a report.
enum Reply {
    /// It is to be told what was read of each capture.
    Summaries,
    Verdict(ControlFlow<()>),
}

/// The end of the reading thread.
struct Packer {
    block: Block,
    full: SyncSender<Parcel>,
    empty: Receiver<Block>,
    replies: Receiver<Reply>,
    summaries: SyncSender<Vec<CaptureSummary>>,
}

/// The end of the measuring thread.
struct Unpacker {
    full: Receiver<Parcel>,
    empty: SyncSender<Block>,
    replies: SyncSender<Reply>,
    summaries: Receiver<Vec<CaptureSummary>>,
}

fn ends() -> (Packer, Unpacker) {
    let (full, filled) = sync_channel(BLOCKS);
    let (emptied, empty) = sync_channel(BLOCKS);
    let (reply, replies) = sync_channel(1);
    let (tell, told) = sync_channel(1);
    // one more is in the hands of the packer
    for _ in 1..BLOCKS {
        let _ = emptied.send(Block::default());
    }
    let packer = Packer {
        block: Block::default(),
        full,
        empty,
        replies,
        summaries: tell,
    };
    let unpacker = Unpacker {
        full: filled,
        empty: emptied,
        replies: reply,
        summaries: told,
    };
    (packer, unpacker)
}

impl Packer {
    /// Hands over the block. Where nobody takes it any more, the next report
    /// ends reading.
    #[cold]
    fn hand_over(&mut self) {
        let block = std::mem::take(&mut self.block);
        if self.full.send(Parcel::Block(block)).is_ok() {
            self.block = self.empty.recv().unwrap_or_default();
        }
    }

    /// The verdict on a report; `None` if nobody is there to give one.
    fn verdict(&self, standing: &dyn Standing) -> Option<ControlFlow<()>> {
        self.full.send(Parcel::Report(standing.position())).ok()?;
        loop {
            match self.replies.recv().ok()? {
                Reply::Summaries => self.summaries.send(standing.summaries()).ok()?,
                Reply::Verdict(flow) => return Some(flow),
            }
        }
    }
}

impl Sink for Packer {
    #[inline]
    fn on_message(&mut self, datagram: &Datagram<'_>, message: &Message<'_>) {
        let packed = Packed::new(message, datagram.payload);
        self.block.add(datagram, packed);
        if self.block.bytes() >= MAX_BYTES || self.block.len() >= MAX_MESSAGES {
            self.hand_over();
        }
    }

    fn on_report(&mut self, standing: &dyn Standing) -> ControlFlow<()> {
        if self.block.len() > 0 {
            self.hand_over();
        }
        self.verdict(standing).unwrap_or(ControlFlow::Break(()))
    }
}

impl Unpacker {
    /// Takes what comes until the reading thread is done.
    fn run(self, sink: &mut impl Sink) {
        while let Ok(parcel) = self.full.recv() {
            match parcel {
                Parcel::Block(mut block) => {
                    block.each(|datagram, packed| {
                        sink.on_message(datagram, &packed.unpack(datagram.payload));
                    });
                    block.clear();
                    // not taken back if reading is over
                    let _ = self.empty.send(block);
                }
                Parcel::Report(position) => {
                    let flow = sink.on_report(&Told {
                        position,
                        by: &self,
                    });
                    let _ = self.replies.send(Reply::Verdict(flow));
                }
            }
        }
    }
}

/// How far reading is, while its thread waits for the verdict.
struct Told<'u> {
    position: (u64, u64),
    by: &'u Unpacker,
}

impl Standing for Told<'_> {
    fn position(&self) -> (u64, u64) {
        self.position
    }

    fn summaries(&self) -> Vec<CaptureSummary> {
        let _ = self.by.replies.send(Reply::Summaries);
        // nothing only if that thread panicked, and so this one soon will
        self.by.summaries.recv().unwrap_or_default()
    }
}

/// Blocks in all: one being filled, one being emptied, and two that make up
/// for the moments in which either thread is slower.
const BLOCKS: usize = 4;

/// Bytes of datagrams that fill a block, the last one whole. With what goes
/// with them, a block stays in the second-level cache of either core, and is
/// worth the microseconds that it may take to wake a thread.
const MAX_BYTES: usize = 1 << 17;

/// Messages that fill a block, if they are short.
const MAX_MESSAGES: usize = 1 << 10;
