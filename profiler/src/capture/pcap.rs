//! Classic pcap: both byte orders, micro- and nanoseconds, and Kuznetzov's
//! variant with longer record headers.

use pcap_parser::PcapError;
use pcap_parser::nom;
use pcap_parser::pcap::{
    LegacyPcapBlock, PcapHeader, parse_pcap_frame, parse_pcap_frame_be, parse_pcap_frame_modified,
    parse_pcap_header,
};

use super::buffer::Buffer;
use super::error::Refusal;
use super::fault::{FaultKind, Faults};
use super::{Link, Record, Step};
use crate::Timestamp;

/// The records of a pcap file.
pub(super) struct Records {
    parse: ParseRecord,
    big_endian: bool,
    /// 1000 in a file that counts microseconds, 1 in one that counts nanoseconds.
    nanos_per_tick: u64,
    link: Link,
}

type ParseRecord = fn(&[u8]) -> nom::IResult<&[u8], LegacyPcapBlock<'_>, PcapError<&[u8]>>;

impl Records {
    /// Reads the file header.
    pub(super) fn start(buffer: &mut Buffer) -> Result<Self, Refusal> {
        let whole = buffer.require(HEADER_LEN).map_err(Refusal::Read)?;
        let bytes = buffer.available();
        let header = match parse_pcap_header(bytes) {
            Ok((_, header)) if whole => header,
            Err(nom::Err::Error(_) | nom::Err::Failure(_)) => return Err(Refusal::start(bytes)),
            _ if bytes.len() < 4 => return Err(Refusal::start(bytes)),
            _ => return Err(Refusal::CutInHeader(bytes.len())),
        };
        let number = link_number(&header);
        let link = Link::from_number(number).ok_or(Refusal::LinkType(number))?;
        buffer.skip(HEADER_LEN);
        Ok(Self {
            parse: if header.is_modified_format() {
                parse_pcap_frame_modified
            } else if header.is_bigendian() {
                parse_pcap_frame_be
            } else {
                parse_pcap_frame
            },
            big_endian: header.is_bigendian(),
            nanos_per_tick: match header.is_nanosecond_precision() {
                true => 1,
                false => 1000,
            },
            link,
        })
    }

    /// The record at the start of the window.
    #[inline]
    pub(super) fn next(&self, buffer: &Buffer, faults: &mut Faults) -> Step {
        let bytes = buffer.available();
        let Ok((rest, record)) = (self.parse)(bytes) else {
            return self.unfinished(buffer, faults);
        };
        let ticks = u64::from(record.ts_usec) * self.nanos_per_tick;
        let nanos = u64::from(record.ts_sec) * 1_000_000_000 + ticks;
        let len = bytes.len() - rest.len();
        Step::Packet(Record {
            len,
            data: len - record.data.len()..len,
            time: Timestamp::from_nanos(nanos),
            link: self.link,
        })
    }

    #[cold]
    fn unfinished(&self, buffer: &Buffer, faults: &mut Faults) -> Step {
        let bytes = buffer.available();
        let captured = bytes.get(8..12).and_then(|field| field.try_into().ok());
        let captured = captured.map_or(0, |field| match self.big_endian {
            true => u32::from_be_bytes(field),
            false => u32::from_le_bytes(field),
        });
        if captured > MAX_CAPTURED {
            faults.add(FaultKind::ImpossibleLength, buffer.offset());
            Step::End
        } else if !buffer.is_over() {
            Step::Starved
        } else {
            if !bytes.is_empty() {
                faults.add(FaultKind::Truncated, buffer.offset());
            }
            Step::End
        }
    }
}

/// The number of the link type. The upper half of the field tells of frame
/// check sequences, which the length in the IP header leaves out anyway.
fn link_number(header: &PcapHeader) -> u16 {
    let [_, _, high, low] = header.network.0.to_be_bytes();
    u16::from_be_bytes([high, low])
}

const HEADER_LEN: usize = 24;

/// Most bytes that libpcap captures of a packet (MAXIMUM_SNAPLEN).
const MAX_CAPTURED: u32 = 1 << 18;
