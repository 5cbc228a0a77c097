//! Classic pcap: both byte orders, micro- and nanoseconds, and Kuznetzov's
//! variant with longer record headers.

use pcap_parser::pcap::{
    PcapHeader, parse_pcap_frame, parse_pcap_frame_be, parse_pcap_frame_modified, parse_pcap_header,
};

use super::buffer::Buffer;
use super::error::Refusal;
use super::fault::{FaultKind, Faults};
use super::resume::{Place, RecordHeader, place};
use super::{Link, Record, Step};
use crate::Timestamp;

/// The records of a pcap file.
pub(super) struct Records {
    layout: Layout,
    /// 1000 in a file that counts microseconds, 1 in one that counts nanoseconds.
    nanos_per_tick: u64,
    link: Link,
    /// Seconds of the last record's time; 0 before the first.
    last_seconds: u32,
    /// Offset of the record of impossible length behind which the next one is
    /// not found yet.
    lost: Option<u64>,
    skipped: u64,
}

/// How a record header is laid out.
#[derive(Clone, Copy)]
pub(super) enum Layout {
    Little,
    Big,
    /// Little-endian, with eight bytes more.
    Modified,
}

impl Records {
    /// Reads the file header.
    pub(super) fn start(buffer: &mut Buffer) -> Result<Self, Refusal> {
        let whole = buffer.require(HEADER_LEN).map_err(Refusal::Read)?;
        let bytes = buffer.available();
        let header = match parse_pcap_header(bytes) {
            Ok((_, header)) if whole => header,
            Err(pcap_parser::nom::Err::Error(_) | pcap_parser::nom::Err::Failure(_)) => {
                return Err(Refusal::start(bytes));
            }
            _ if bytes.len() < 4 => return Err(Refusal::start(bytes)),
            _ => return Err(Refusal::CutInHeader(bytes.len())),
        };
        let number = link_number(&header);
        let link = Link::from_number(number).ok_or(Refusal::LinkType(number))?;
        buffer.skip(HEADER_LEN);
        Ok(Self {
            layout: if header.is_modified_format() {
                Layout::Modified
            } else if header.is_bigendian() {
                Layout::Big
            } else {
                Layout::Little
            },
            nanos_per_tick: match header.is_nanosecond_precision() {
                true => 1,
                false => 1000,
            },
            link,
            last_seconds: 0,
            lost: None,
            skipped: 0,
        })
    }

    /// The record at the start of the window, or the next that can be found.
    #[inline]
    pub(super) fn next(&mut self, buffer: &mut Buffer, faults: &mut Faults) -> Step {
        if self.lost.is_none()
            && let Some(record) = self.record(buffer.available())
        {
            return Step::Packet(record);
        }
        self.unfinished(buffer, faults)
    }

    /// The record that `bytes` start with, if it is whole and can be one.
    #[inline]
    fn record(&mut self, bytes: &[u8]) -> Option<Record> {
        // matched here, since through a pointer it could not be inlined
        let parsed = match self.layout {
            Layout::Little => parse_pcap_frame(bytes),
            Layout::Big => parse_pcap_frame_be(bytes),
            Layout::Modified => parse_pcap_frame_modified(bytes),
        };
        let (rest, record) = parsed.ok()?;
        if record.caplen > MAX_CAPTURED {
            return None;
        }
        self.last_seconds = record.ts_sec;
        let ticks = u64::from(record.ts_usec) * self.nanos_per_tick;
        let nanos = u64::from(record.ts_sec) * 1_000_000_000 + ticks;
        let len = bytes.len() - rest.len();
        Some(Record {
            len,
            data: len - record.data.len()..len,
            time: Timestamp::from_nanos(nanos),
            link: self.link,
        })
    }

    #[cold]
    fn unfinished(&mut self, buffer: &mut Buffer, faults: &mut Faults) -> Step {
        let bytes = buffer.available();
        if self.lost.is_none() {
            let header = RecordHeader::read(bytes, self.layout);
            if header.is_none_or(|header| header.captured <= MAX_CAPTURED) {
                return cut(buffer, faults);
            }
            faults.add(FaultKind::ImpossibleLength, buffer.offset());
            self.lost = Some(buffer.offset());
            self.skip(1, buffer);
        }
        self.resume(buffer, faults)
    }

    /// Looks for the next record.
    fn resume(&mut self, buffer: &mut Buffer, faults: &mut Faults) -> Step {
        let ticks_per_second = 1_000_000_000 / self.nanos_per_tick;
        let next = place(
            buffer.available(),
            buffer.is_over(),
            self.layout,
            ticks_per_second,
            self.last_seconds,
        );
        match next {
            Place::Here(at) => {
                self.skip(at, buffer);
                self.lost = None;
                self.next(buffer, faults)
            }
            Place::Perhaps(at) => {
                self.skip(at, buffer);
                Step::Starved
            }
            Place::Nowhere => {
                self.skip(buffer.available().len(), buffer);
                Step::End
            }
        }
    }

    fn skip(&mut self, len: usize, buffer: &mut Buffer) {
        buffer.skip(len);
        self.skipped += len as u64;
    }

    /// Offset of the record behind which nothing was found.
    pub(super) const fn lost(&self) -> Option<u64> {
        self.lost
    }

    /// Bytes passed over between a record of impossible length and the next.
    pub(super) const fn skipped(&self) -> u64 {
        self.skipped
    }
}

/// Of a window that holds less than the record it starts with.
fn cut(buffer: &Buffer, faults: &mut Faults) -> Step {
    if !buffer.is_over() {
        return Step::Starved;
    }
    if !buffer.available().is_empty() {
        faults.add(FaultKind::Truncated, buffer.offset());
    }
    Step::End
}

/// The number of the link type. The upper half of the field tells of frame
/// check sequences, which the length in the IP header leaves out anyway.
fn link_number(header: &PcapHeader) -> u16 {
    let [_, _, high, low] = header.network.0.to_be_bytes();
    u16::from_be_bytes([high, low])
}

const HEADER_LEN: usize = 24;

/// Most bytes that libpcap captures of a packet (MAXIMUM_SNAPLEN).
pub(super) const MAX_CAPTURED: u32 = 1 << 18;
