//! Why a capture cannot be read.

use std::io;

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
         give a pcap file as written by `tcpdump -w`"
    )]
    NotACapture {
        /// The capture.
        path: String,
        /// Its first bytes in hexadecimal.
        start: String,
    },
    /// It is a pcapng file.
    #[error("{path} is pcapng, which is not read yet; convert it with `editcap -F pcap`")]
    Pcapng {
        /// The capture.
        path: String,
    },
    /// It is compressed.
    #[error("{path} is compressed with {with}; unpack it first with `{command}`")]
    Compressed {
        /// The capture.
        path: String,
        /// Name of the compression.
        with: &'static str,
        /// A command that unpacks it.
        command: &'static str,
    },
    /// Its packets start with a header that is not known.
    #[error(
        "{path} has link type {number}, which is not read yet; \
         capture on one Ethernet interface (`tcpdump -i eth0`) or raw IP"
    )]
    LinkType {
        /// The capture.
        path: String,
        /// Number of the link type in the registry of tcpdump.org.
        number: u16,
    },
}

/// A [`CaptureError`] before it is known of which capture.
pub(super) enum Refusal {
    Open(io::Error),
    Read(io::Error),
    /// Starts with these bytes, the first four or all.
    Start(Vec<u8>),
    CutInHeader(usize),
    LinkType(u16),
}

impl Refusal {
    pub(super) fn of(self, path: String) -> CaptureError {
        match self {
            Self::Open(cause) => CaptureError::Open { path, cause },
            Self::Read(cause) => CaptureError::Read { path, cause },
            Self::CutInHeader(len) => CaptureError::CutInHeader { path, len },
            Self::LinkType(number) => CaptureError::LinkType { path, number },
            Self::Start(bytes) => by_first_bytes(&bytes, path),
        }
    }
}

/// What a file is that starts with `bytes` and is no pcap.
fn by_first_bytes(bytes: &[u8], path: String) -> CaptureError {
    let (with, command) = match bytes {
        [] => return CaptureError::Empty { path },
        [0x0a, 0x0d, 0x0d, 0x0a] => return CaptureError::Pcapng { path },
        [0x1f, 0x8b, ..] => ("gzip", "gunzip"),
        [0x28, 0xb5, 0x2f, 0xfd] => ("zstd", "unzstd"),
        [0xfd, b'7', b'z', b'X'] => ("xz", "unxz"),
        _ => {
            let start = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            return CaptureError::NotACapture { path, start };
        }
    };
    CaptureError::Compressed {
        path,
        with,
        command,
    }
}
