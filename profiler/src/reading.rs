//! KRPC messages out of a capture, recognised by content on any port.

use std::path::PathBuf;

use mdht_krpc::{Message, Oddities};
use serde::Serialize;

use crate::capture::{
    Capture, CaptureError, Content, Datagram, Fault, FaultKind, Faults, Fragments, Next, Refusal,
    content,
};
use crate::timestamp::seconds;
use crate::{Input, Timestamp};

/// What was in a capture. `packets` = `krpc_messages` + `not_krpc` +
/// `malformed` + `snapped`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CaptureSummary {
    /// The capture as it was named; `-` is standard input.
    pub path: String,
    /// Its format, unpacked: `pcap` or `pcapng`.
    pub format: &'static str,
    /// Packets of any kind that were read.
    pub packets: u64,
    /// Packets that hold a KRPC message, or the last missing piece of one.
    pub krpc_messages: u64,
    /// Packets that hold something else, other pieces included.
    pub not_krpc: u64,
    /// UDP datagrams that start like KRPC and cannot be read.
    pub malformed: u64,
    /// KRPC messages that were read although they are not canonical bencode.
    pub noncanonical: u64,
    /// Pieces of fragmented UDP datagrams.
    pub fragments: u64,
    /// Fragmented UDP datagrams that were put together.
    pub reassembled: u64,
    /// UDP datagrams that start like KRPC, of which the capture holds too
    /// little (`tcpdump -s`) to be read.
    pub snapped: u64,
    /// Packets that are older than the one before.
    pub time_steps_back: u64,
    /// Bytes passed over behind broken records or blocks, up to the next that
    /// could be found. Not in the JSON if it is 0.
    #[serde(skip_serializing_if = "is_zero")]
    pub skipped_bytes: u64,
    /// The capture ends inside a record or block, or nothing could be found
    /// behind a record of impossible length. Everything before it was read.
    pub truncated: bool,
    /// Offset in bytes of that record or block.
    pub truncated_at: Option<u64>,
    /// What could not be read, by kind, in the order in which the kinds first
    /// came; with the offset of the first of each.
    pub faults: Vec<Fault>,
    /// Time of the earliest packet.
    pub start: Option<Timestamp>,
    /// Seconds from the earliest packet to the latest.
    pub duration_s: Option<f64>,
    /// Time of the latest packet.
    #[serde(skip)]
    pub end: Option<Timestamp>,
}

impl CaptureSummary {
    fn of(path: String, format: &'static str) -> Self {
        Self {
            path,
            format,
            packets: 0,
            krpc_messages: 0,
            not_krpc: 0,
            malformed: 0,
            noncanonical: 0,
            fragments: 0,
            reassembled: 0,
            snapped: 0,
            time_steps_back: 0,
            skipped_bytes: 0,
            truncated: false,
            truncated_at: None,
            faults: Vec::new(),
            start: None,
            duration_s: None,
            end: None,
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// A capture that is being read.
pub(crate) struct Reading {
    capture: Capture,
    /// It can be waited for: no file.
    pub(crate) live: bool,
    summary: CaptureSummary,
    fragments: Fragments,
    /// What is wrong with packets that were read.
    faults: Faults,
    /// Times of the last packet, and of the earliest and latest of all.
    last: Timestamp,
    earliest: Timestamp,
    latest: Timestamp,
}

impl Reading {
    pub(crate) fn of(name: String, capture: Capture, live: bool) -> Self {
        Self {
            summary: CaptureSummary::of(name, capture.format()),
            capture,
            live,
            fragments: Fragments::default(),
            faults: Faults::default(),
            last: Timestamp::default(),
            earliest: Timestamp::from_nanos(u64::MAX),
            latest: Timestamp::default(),
        }
    }

    /// Goes on to the next packet. Only for one that is live, whoever calls
    /// has to [refill](Self::refill).
    #[inline]
    pub(crate) fn advance(&mut self) -> Next {
        loop {
            match self.capture.advance() {
                Next::Starved if !self.live => self.capture.refill(),
                next => return next,
            }
        }
    }

    /// Reads on; may have to wait.
    pub(crate) fn refill(&mut self) {
        self.capture.refill();
    }

    /// Counts the packet that [`Self::advance`] went to, and hands on the
    /// KRPC message in it.
    #[inline]
    pub(crate) fn take(&mut self, mut on_message: impl FnMut(&Datagram<'_>, &Message<'_>)) {
        let packet = self.capture.packet();
        let summary = &mut self.summary;
        summary.packets += 1;
        if packet.time < self.last {
            summary.time_steps_back += 1;
            self.faults.add(FaultKind::TimeStepBack, packet.offset);
        }
        self.last = packet.time;
        self.earliest = self.earliest.min(packet.time);
        self.latest = self.latest.max(packet.time);
        let datagram = match content(&packet, &mut self.fragments) {
            Content::Udp(datagram) => datagram,
            Content::Reassembled(datagram) => {
                summary.fragments += 1;
                summary.reassembled += 1;
                datagram
            }
            Content::Fragment => {
                summary.fragments += 1;
                summary.not_krpc += 1;
                return;
            }
            Content::Broken => {
                summary.not_krpc += 1;
                return self.faults.add(FaultKind::BrokenHeaders, packet.offset);
            }
            Content::Other => {
                summary.not_krpc += 1;
                return;
            }
        };
        if !starts_like_krpc(datagram.payload) {
            summary.not_krpc += 1;
            return;
        }
        // by reference: moving a message costs a tenth of reading it
        match &Message::scan(datagram.payload) {
            Ok(message) => {
                summary.krpc_messages += 1;
                let odd = message.oddities.contains(Oddities::NON_CANONICAL);
                summary.noncanonical += u64::from(odd);
                on_message(&datagram, message);
            }
            Err(_) if datagram.snapped => {
                summary.snapped += 1;
                self.faults.add(FaultKind::Snapped, packet.offset);
            }
            Err(_) => {
                summary.malformed += 1;
                self.faults.add(FaultKind::Malformed, packet.offset);
            }
        }
    }

    /// Packets read so far.
    pub(crate) const fn packets(&self) -> u64 {
        self.summary.packets
    }

    /// Bytes read so far.
    pub(crate) fn position(&self) -> u64 {
        self.capture.position()
    }

    /// What was read so far.
    pub(crate) fn summary(&self) -> CaptureSummary {
        self.summarise(false)
    }

    /// What was read in all.
    ///
    /// # Errors
    /// There was something, but not one packet could be read.
    pub(crate) fn finish(mut self) -> Result<CaptureSummary, CaptureError> {
        let name = || self.summary.path.clone();
        match (self.summary.packets, self.capture.faults().first()) {
            (0, Some(&fault)) => Err(match self.capture.take_failure() {
                Some(cause) => Refusal::Read(cause).of(name()),
                None => CaptureError::NothingRead {
                    path: name(),
                    reason: fault.kind,
                    offset: fault.first_offset,
                },
            }),
            _ => Ok(self.summarise(true)),
        }
    }

    fn summarise(&self, over: bool) -> CaptureSummary {
        let mut faults = self.capture.faults().clone();
        faults.extend(&self.faults);
        faults.extend(&self.fragments.given_up(over));
        let mut summary = self.summary.clone();
        summary.faults = faults.into_vec();
        summary.faults.sort_by_key(|fault| fault.first_offset);
        let mut all = summary.faults.iter();
        let cut = all.find(|fault| fault.kind == FaultKind::Truncated);
        let cut = cut.map(|fault| fault.first_offset);
        summary.truncated_at = cut.or(self.capture.lost());
        summary.skipped_bytes = self.capture.skipped();
        summary.truncated = summary.truncated_at.is_some();
        if summary.packets > 0 {
            summary.start = Some(self.earliest);
            summary.end = Some(self.latest);
            summary.duration_s = Some(seconds(self.latest.since(self.earliest)));
        }
        summary
    }
}

/// Opens `input`; with the length in bytes and the place of what is a file,
/// and can be opened again.
pub(crate) fn open(input: Input) -> Result<(Reading, Option<(u64, PathBuf)>), CaptureError> {
    let name = input.name().to_owned();
    let opened = input.open()?;
    let live = opened.file.is_none();
    Ok((Reading::of(name, opened.capture, live), opened.file))
}

/// A KRPC message is a bencoded dictionary that is not empty: `d` and the
/// length of a key. No other protocol that is common on UDP starts so.
#[inline]
fn starts_like_krpc(payload: &[u8]) -> bool {
    matches!(payload, [b'd', b'0'..=b'9', ..])
}
