//! A capture that is being written.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::script::Keep;

/// Strength of the compression of captures: they are read once, soon.
const COMPRESSION: i32 = 1;

/// A file of a capture, compressed or not.
pub(crate) enum CaptureFile {
    Plain(BufWriter<File>),
    Packed(Box<zstd::Encoder<'static, BufWriter<File>>>),
}

impl CaptureFile {
    pub(crate) fn create(path: &Path, keep: Keep) -> io::Result<Self> {
        let file = BufWriter::new(File::create(path)?);
        Ok(match keep {
            Keep::Pcap => Self::Plain(file),
            Keep::None | Keep::Zst => {
                Self::Packed(Box::new(zstd::Encoder::new(file, COMPRESSION)?))
            }
        })
    }

    /// Writes what is left.
    pub(crate) fn finish(self) -> io::Result<()> {
        match self {
            Self::Plain(mut file) => file.flush(),
            Self::Packed(encoder) => encoder.finish()?.flush(),
        }
    }
}

impl Write for CaptureFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.write(bytes),
            Self::Packed(encoder) => encoder.write(bytes),
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.write_all(bytes),
            Self::Packed(encoder) => encoder.write_all(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.flush(),
            Self::Packed(encoder) => encoder.flush(),
        }
    }
}
