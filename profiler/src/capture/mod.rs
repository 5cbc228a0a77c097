//! Capture files: from a file to packets, and from packets to UDP datagrams.
//!
//! A format is one file here that ends in [`Packet`]s; only classic pcap so
//! far. Link layers are in `datagram`.

mod buffer;
mod datagram;
mod error;
mod pcap;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::Timestamp;
use buffer::Buffer;
pub(crate) use datagram::{Content, Datagram, content};
pub use error::CaptureError;
use error::Refusal;

/// An open capture, read packet by packet in constant memory.
pub(crate) struct Capture {
    name: String,
    len: Option<u64>,
    records: pcap::Records,
}

impl Capture {
    /// Opens the capture at `path`.
    ///
    /// # Errors
    /// It cannot be opened or read, or is no capture that can be read.
    pub(crate) fn open(path: &Path) -> Result<Self, CaptureError> {
        let name = path.display().to_string();
        let opened = File::open(path).and_then(|file| Ok((file.metadata()?.len(), file)));
        match opened {
            Ok((len, file)) => {
                let mut capture = Self::read(name, Box::new(file))?;
                capture.len = Some(len);
                Ok(capture)
            }
            Err(cause) => Err(Refusal::Open(cause).of(name)),
        }
    }

    /// Reads a capture called `name` from `reader`.
    pub(crate) fn read(name: String, reader: Box<dyn Read>) -> Result<Self, CaptureError> {
        match pcap::Records::start(Buffer::new(reader)) {
            Ok(records) => Ok(Self {
                name,
                len: None,
                records,
            }),
            Err(refusal) => Err(refusal.of(name)),
        }
    }

    /// The next packet; `None` at the end, or where the capture is cut.
    #[inline]
    pub(crate) fn next_packet(&mut self) -> Result<Option<Packet<'_>>, CaptureError> {
        match self.records.next_packet() {
            Ok(packet) => Ok(packet),
            Err(cause) => Err(Refusal::Read(cause).of(self.name.clone())),
        }
    }

    /// After the last packet: the offset in bytes of a record that is cut
    /// short or has an impossible length, behind which nothing can be read.
    pub(crate) fn cut_at(&self) -> Option<u64> {
        self.records.cut_at()
    }

    /// The name of the format, as in the profile.
    pub(crate) const fn format(&self) -> &'static str {
        "pcap"
    }

    /// Bytes read so far.
    pub(crate) fn position(&self) -> u64 {
        self.records.position()
    }

    /// Length of the file in bytes, if it is one.
    pub(crate) const fn len(&self) -> Option<u64> {
        self.len
    }
}

/// One captured packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet<'a> {
    pub(crate) time: Timestamp,
    pub(crate) link: Link,
    /// What was captured of the packet, from the link layer up.
    pub(crate) data: &'a [u8],
}

/// How a packet starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// With an Ethernet header.
    Ethernet,
    /// With an IPv4 or IPv6 header; the version field tells which.
    Ip,
}

impl Link {
    /// The link layer of this number in the registry of tcpdump.org
    /// (LINKTYPE_ETHERNET, _RAW, _IPV4, _IPV6).
    fn from_number(number: u16) -> Option<Self> {
        match number {
            1 => Some(Self::Ethernet),
            101 | 228 | 229 => Some(Self::Ip),
            _ => None,
        }
    }
}
