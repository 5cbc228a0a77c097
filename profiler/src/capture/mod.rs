//! Capture files: from bytes to packets, and from packets to UDP datagrams.
//!
//! ```text
//! compression    unpacks gzip, zstd and xz
//! buffer         a window over what comes out
//! pcap, pcapng   one file for each format; ends in packets
//! resume         finds the next record of a pcap file behind a broken one
//! link           takes off the link layer
//! datagram       takes off IP and UDP
//! plain          the same for usual packets, in fewer steps
//! fragments      puts fragmented datagrams together
//! fault          what could not be read
//! ```

mod buffer;
mod compression;
mod datagram;
mod error;
mod fault;
mod fragments;
mod interface;
mod link;
mod pcap;
mod pcapng;
mod plain;
mod resume;

use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::Timestamp;
use buffer::Buffer;
pub(crate) use datagram::{Content, Datagram, content};
pub use error::CaptureError;
pub(crate) use error::Refusal;
pub(crate) use fault::Faults;
pub use fault::{Fault, FaultKind};
pub(crate) use fragments::Fragments;
use link::Link;

/// An open capture, read packet by packet in bounded memory.
pub(crate) struct Capture {
    buffer: Buffer,
    format: Format,
    record: Record,
    read: Arc<AtomicU64>,
    compressed: bool,
    faults: Faults,
    failure: Option<io::Error>,
}

enum Format {
    Pcap(pcap::Records),
    Pcapng(pcapng::Blocks),
}

/// What comes next in a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// A packet captured at this time, to be had from [`Capture::packet`].
    Packet(Timestamp),
    /// Not known until [`Capture::refill`], which may have to wait.
    Starved,
    /// Nothing.
    End,
}

/// The same for a format.
enum Step {
    Packet(Record),
    Starved,
    End,
}

/// The record or block at the start of the window.
struct Record {
    len: usize,
    /// Where in it the packet is.
    data: Range<usize>,
    time: Timestamp,
    link: Link,
}

/// One captured packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet<'a> {
    pub(crate) time: Timestamp,
    pub(crate) link: Link,
    /// What was captured of the packet, from the link layer up.
    pub(crate) data: &'a [u8],
    /// Offset in bytes of its record or block.
    pub(crate) offset: u64,
}

impl Capture {
    /// Starts to read a capture, compressed or not.
    ///
    /// # Errors
    /// It cannot be read, or is no capture.
    pub(crate) fn read(reader: Box<dyn Read + Send>) -> Result<Self, Refusal> {
        let read = Arc::new(AtomicU64::new(0));
        let reader = Box::new(Counted {
            reader,
            read: Arc::clone(&read),
        });
        let (reader, compressed) = compression::unpacked(reader).map_err(Refusal::Read)?;
        let mut buffer = Buffer::new(reader);
        buffer.require(MAGIC_LEN).map_err(Refusal::Read)?;
        let format = match pcapng::Blocks::is_start(buffer.available()) {
            true => Format::Pcapng(pcapng::Blocks::start(&mut buffer)?),
            false => Format::Pcap(pcap::Records::start(&mut buffer)?),
        };
        Ok(Self {
            buffer,
            format,
            record: Record {
                len: 0,
                data: 0..0,
                time: Timestamp::default(),
                link: Link::Ip,
            },
            read,
            compressed,
            faults: Faults::default(),
            failure: None,
        })
    }

    /// Goes on to the next packet.
    #[inline]
    pub(crate) fn advance(&mut self) -> Next {
        self.buffer.skip(std::mem::take(&mut self.record.len));
        let step = match &mut self.format {
            Format::Pcap(records) => records.next(&mut self.buffer, &mut self.faults),
            Format::Pcapng(blocks) => blocks.next(&mut self.buffer, &mut self.faults),
        };
        match step {
            Step::Packet(record) => {
                self.record = record;
                Next::Packet(self.record.time)
            }
            Step::Starved => Next::Starved,
            Step::End => Next::End,
        }
    }

    /// Reads on. A failure ends the capture.
    pub(crate) fn refill(&mut self) {
        if let Err(failure) = self.buffer.refill() {
            let kind = match self.compressed {
                true => FaultKind::Compression,
                false => FaultKind::ReadFailed,
            };
            let end = self.buffer.offset() + self.buffer.available().len() as u64;
            self.faults.add(kind, end);
            self.failure = Some(failure);
        }
    }

    /// The packet that [`Capture::advance`] went to.
    #[inline]
    pub(crate) fn packet(&self) -> Packet<'_> {
        Packet {
            time: self.record.time,
            link: self.record.link,
            data: &self.buffer.available()[self.record.data.clone()],
            offset: self.buffer.offset(),
        }
    }

    /// What could not be read so far.
    pub(crate) const fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Why reading ended, if it failed.
    pub(crate) const fn take_failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }

    /// Offset of a record behind which no other could be found.
    pub(crate) const fn lost(&self) -> Option<u64> {
        match &self.format {
            Format::Pcap(records) => records.lost(),
            Format::Pcapng(_) => None,
        }
    }

    /// Bytes passed over in search of the next record or block.
    pub(crate) const fn skipped(&self) -> u64 {
        match &self.format {
            Format::Pcap(records) => records.skipped(),
            Format::Pcapng(blocks) => blocks.skipped(),
        }
    }

    /// The name of the format, as in the profile.
    pub(crate) const fn format(&self) -> &'static str {
        match self.format {
            Format::Pcap(_) => "pcap",
            Format::Pcapng(_) => "pcapng",
        }
    }

    /// Bytes read of the file so far, unpacked or not.
    pub(crate) fn position(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }
}

/// Counts what is read.
struct Counted {
    reader: Box<dyn Read + Send>,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buf)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

const MAGIC_LEN: usize = 4;
