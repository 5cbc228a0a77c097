//! Where a pcap file goes on behind a record whose length cannot be.
//!
//! Nothing in the format marks the start of a record. What is looked for is a
//! run of headers, each where the one before says, with possible lengths and
//! with times near one another and near the last that was read. By chance
//! that is as good as never: of the 48 bytes of three headers, about 24 have
//! to be right.

use super::pcap::{Layout, MAX_CAPTURED};

/// What a record header says.
#[derive(Clone, Copy)]
pub(super) struct RecordHeader {
    seconds: u32,
    ticks: u32,
    /// Bytes of the packet that are in the record.
    pub(super) captured: u32,
    /// Bytes that it had.
    original: u32,
}

/// Where the next record is.
pub(super) enum Place {
    /// At this index.
    Here(usize),
    /// At this index or behind it: more bytes will tell.
    Perhaps(usize),
    Nowhere,
}

impl RecordHeader {
    /// The header that `bytes` start with; `None` if they are too few.
    pub(super) fn read(bytes: &[u8], layout: Layout) -> Option<Self> {
        let (header, _) = bytes.split_at_checked(layout.header_len())?;
        let field = |at: usize| {
            let field = [header[at], header[at + 1], header[at + 2], header[at + 3]];
            match layout {
                Layout::Big => u32::from_be_bytes(field),
                Layout::Little | Layout::Modified => u32::from_le_bytes(field),
            }
        };
        Some(Self {
            seconds: field(0),
            ticks: field(4),
            captured: field(8),
            original: field(12),
        })
    }

    /// Whether it can be the next after one of time `last`; 0 for any time.
    fn may_follow(self, last: u32, ticks_per_second: u64) -> bool {
        (1..=MAX_CAPTURED).contains(&self.captured)
            && (self.captured..=MAX_CAPTURED).contains(&self.original)
            && u64::from(self.ticks) < ticks_per_second
            && (last == 0 || self.seconds.abs_diff(last) <= MAX_APART_S)
    }
}

impl Layout {
    const fn header_len(self) -> usize {
        match self {
            Self::Little | Self::Big => 16,
            Self::Modified => 24,
        }
    }
}

/// The first place in `bytes` where a run of records starts, after one of time
/// `last` in seconds; 0 if there was none. The bytes reach to the end of the
/// file if it is `over`.
pub(super) fn place(
    bytes: &[u8],
    over: bool,
    layout: Layout,
    ticks_per_second: u64,
    last: u32,
) -> Place {
    for at in 0..bytes.len() {
        match is_run(&bytes[at..], layout, ticks_per_second, last) {
            Run::Whole => return Place::Here(at),
            Run::Cut(_) if !over => return Place::Perhaps(at),
            // no cut record behind it, or enough of them before that
            Run::Cut(Cut { whole, rest: 0 }) if whole > 0 => return Place::Here(at),
            Run::Cut(Cut { whole, .. }) if whole + 1 >= RUN_LEN => return Place::Here(at),
            Run::Cut(_) | Run::None => {}
        }
    }
    match over {
        true => Place::Nowhere,
        false => Place::Perhaps(bytes.len()),
    }
}

/// What some bytes start with.
enum Run {
    /// [`RUN_LEN`] records.
    Whole,
    Cut(Cut),
    /// No run of records.
    None,
}

/// Fewer records than make a run, and then too few bytes for the next.
struct Cut {
    whole: usize,
    rest: usize,
}

fn is_run(mut bytes: &[u8], layout: Layout, ticks_per_second: u64, mut last: u32) -> Run {
    for whole in 0..RUN_LEN {
        let cut = Run::Cut(Cut {
            whole,
            rest: bytes.len(),
        });
        let Some(header) = RecordHeader::read(bytes, layout) else {
            return cut;
        };
        if !header.may_follow(last, ticks_per_second) {
            return Run::None;
        }
        let len = layout.header_len() + header.captured as usize;
        let Some((_, rest)) = bytes.split_at_checked(len) else {
            return cut;
        };
        (bytes, last) = (rest, header.seconds);
    }
    Run::Whole
}

/// Records that make a run. At the end of a file fewer will do: as many as
/// there are, or all but the last if that is cut.
const RUN_LEN: usize = 3;

/// How far apart the times of neighbours may be, in either direction: a day,
/// as a laptop may have slept.
const MAX_APART_S: u32 = 86_400;
