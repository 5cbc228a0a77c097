//! Classic pcap: both byte orders, micro- and nanoseconds, and Kuznetzov's
//! variant with longer record headers.

use std::io;

use pcap_parser::PcapError;
use pcap_parser::nom;
use pcap_parser::pcap::{
    LegacyPcapBlock, PcapHeader, parse_pcap_frame, parse_pcap_frame_be, parse_pcap_frame_modified,
    parse_pcap_header,
};

use super::buffer::Buffer;
use super::error::Refusal;
use super::{Link, Packet};
use crate::Timestamp;

/// The records of a pcap file.
pub(super) struct Records {
    buffer: Buffer,
    parse: ParseRecord,
    /// 1000 in a file that counts microseconds, 1 in one that counts nanoseconds.
    nanos_per_tick: u64,
    link: Link,
    cut_at: Option<u64>,
}

type ParseRecord = fn(&[u8]) -> nom::IResult<&[u8], LegacyPcapBlock<'_>, PcapError<&[u8]>>;

impl Records {
    /// Reads the file header.
    pub(super) fn start(mut buffer: Buffer) -> Result<Self, Refusal> {
        let whole = buffer.require(HEADER_LEN).map_err(Refusal::Read)?;
        let bytes = buffer.available();
        let header = match parse_pcap_header(bytes) {
            Ok((_, header)) if whole => header,
            Err(nom::Err::Error(_) | nom::Err::Failure(_)) => return Err(refuse_start(bytes)),
            _ if bytes.len() < 4 => return Err(refuse_start(bytes)),
            _ => return Err(Refusal::CutInHeader(bytes.len())),
        };
        let number = link_number(&header);
        let link = Link::from_number(number).ok_or(Refusal::LinkType(number))?;
        buffer.take(HEADER_LEN);
        Ok(Self {
            buffer,
            parse: if header.is_modified_format() {
                parse_pcap_frame_modified
            } else if header.is_bigendian() {
                parse_pcap_frame_be
            } else {
                parse_pcap_frame
            },
            nanos_per_tick: match header.is_nanosecond_precision() {
                true => 1,
                false => 1000,
            },
            link,
            cut_at: None,
        })
    }

    /// The next packet; `None` at the end, or where the capture is cut.
    #[inline]
    pub(super) fn next_packet(&mut self) -> io::Result<Option<Packet<'_>>> {
        let (record_len, data_len, time) = loop {
            let bytes = self.buffer.available();
            if let Ok((rest, record)) = (self.parse)(bytes) {
                let ticks = u64::from(record.ts_usec) * self.nanos_per_tick;
                let nanos = u64::from(record.ts_sec) * 1_000_000_000 + ticks;
                break (
                    bytes.len() - rest.len(),
                    record.data.len(),
                    Timestamp::from_nanos(nanos),
                );
            }
            // no more to come, or a length that no packet has
            if !self.buffer.refill()? {
                let cut = !self.buffer.available().is_empty();
                self.cut_at = cut.then(|| self.buffer.offset());
                return Ok(None);
            }
        };
        let record = self.buffer.take(record_len);
        Ok(Some(Packet {
            time,
            link: self.link,
            data: &record[record_len - data_len..],
        }))
    }

    pub(super) const fn cut_at(&self) -> Option<u64> {
        self.cut_at
    }

    pub(super) const fn position(&self) -> u64 {
        self.buffer.offset()
    }
}

/// The number of the link type. The upper half of the field tells of frame
/// check sequences, which the length in the IP header leaves out anyway.
fn link_number(header: &PcapHeader) -> u16 {
    let [_, _, high, low] = header.network.0.to_be_bytes();
    u16::from_be_bytes([high, low])
}

fn refuse_start(bytes: &[u8]) -> Refusal {
    Refusal::Start(bytes[..bytes.len().min(4)].to_vec())
}

const HEADER_LEN: usize = 24;
