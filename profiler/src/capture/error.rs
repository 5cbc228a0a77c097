//! Why a capture cannot be read.

use std::io;

use super::compression::Compression;
use super::fault::FaultKind;

/// A capture could not be read. The text names the capture and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// The file could not be opened.
    #[error("cannot open the capture {path}: {cause}")]
    Open {
        /// The capture.
        path: String,
        /// What the system said.
        cause: io::Error,
    },
    /// The file was opened, but reading failed.
    #[error("cannot read the capture {path}: {cause}")]
    Read {
        /// The capture.
        path: String,
        /// What the system said.
        cause: io::Error,
    },
    /// There is not one byte in it.
    #[error("{path} is empty: was the capture stopped before anything was written?")]
    Empty {
        /// The capture.
        path: String,
    },
    /// It ends inside the file header.
    #[error("{path} ends after {len} bytes, inside its file header: capture again")]
    CutInHeader {
        /// The capture.
        path: String,
        /// Its length in bytes.
        len: usize,
    },
    /// It does not start like a capture.
    #[error(
        "{path} is not a capture (it starts with {start}); \
         give a pcap or pcapng file as written by `tcpdump -w` or Wireshark"
    )]
    NotACapture {
        /// The capture.
        path: String,
        /// Its first bytes in hexadecimal.
        start: String,
    },
    /// What is in it when it is unpacked is compressed again.
    #[error("{path} is compressed more than once; unpack it once first")]
    CompressedTwice {
        /// The capture.
        path: String,
    },
    /// It starts like a capture, but not one packet of it could be read.
    #[error("nothing in {path} could be read: {reason} at byte {offset}")]
    NothingRead {
        /// The capture.
        path: String,
        /// The first fault in it.
        reason: FaultKind,
        /// Where that is, in bytes.
        offset: u64,
    },
    /// Its packets start with a header that is not known.
    #[error(
        "{path} has link type {number}, which is not known here; \
         capture on an Ethernet interface (`tcpdump -i eth0`) or on any (`-i any`)"
    )]
    LinkType {
        /// The capture.
        path: String,
        /// Number of the link type in the registry of tcpdump.org.
        number: u16,
    },
}

/// A [`CaptureError`] before it is known of which capture.
pub(crate) enum Refusal {
    Open(io::Error),
    Read(io::Error),
    /// Starts with these bytes, the first four or all.
    Start(Vec<u8>),
    CutInHeader(usize),
    LinkType(u16),
}

impl Refusal {
    /// Of an input that starts with `bytes` like no capture.
    pub(super) fn start(bytes: &[u8]) -> Self {
        Self::Start(bytes[..bytes.len().min(4)].to_vec())
    }

    pub(crate) fn of(self, path: String) -> CaptureError {
        match self {
            Self::Open(cause) => CaptureError::Open { path, cause },
            Self::Read(cause) => CaptureError::Read { path, cause },
            Self::CutInHeader(len) => CaptureError::CutInHeader { path, len },
            Self::LinkType(number) => CaptureError::LinkType { path, number },
            Self::Start(bytes) if bytes.is_empty() => CaptureError::Empty { path },
            Self::Start(bytes) if Compression::of(&bytes).is_some() => {
                CaptureError::CompressedTwice { path }
            }
            Self::Start(bytes) => {
                let start = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                CaptureError::NotACapture { path, start }
            }
        }
    }
}
