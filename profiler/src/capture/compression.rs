//! Unpacking, by content and in bounded memory.
//!
//! Nothing here limits how much comes out: what is read from it is read in
//! windows of constant size, so a small file that unpacks to terabytes costs
//! time and no memory. The history that unpacking needs is bounded by
//! [`WINDOW_LOG`]; a file that asks for more is refused.

use std::io::{self, BufReader, Cursor, ErrorKind, Read};

use flate2::read::MultiGzDecoder;
use lzma_rust2::XzReader;

/// How an input is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    Gzip,
    Zstd,
    Xz,
}

impl Compression {
    /// By the first bytes of the input.
    pub(super) const fn of(start: &[u8]) -> Option<Self> {
        match start {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            // a frame, or one to be skipped, with which pzstd begins
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            [0xfd, b'7', b'z', b'X', ..] => Some(Self::Xz),
            _ => None,
        }
    }
}

/// The unpacked content of `reader` if it is compressed, else its content,
/// and whether it was compressed.
pub(super) fn unpacked(
    mut reader: Box<dyn Read + Send>,
) -> io::Result<(Box<dyn Read + Send>, bool)> {
    let mut start = Vec::with_capacity(MAGIC_LEN);
    let first_bytes = (&mut reader).take(MAGIC_LEN as u64);
    retry(first_bytes, &mut start)?;
    let compression = Compression::of(&start);
    let whole = Cursor::new(start).chain(reader);
    let content: Box<dyn Read + Send> = match compression {
        None => Box::new(whole),
        Some(Compression::Gzip) => Box::new(MultiGzDecoder::new(whole)),
        Some(Compression::Xz) => {
            let reader = BufReader::with_capacity(INPUT_LEN, whole);
            Box::new(XzReader::new_mem_limit(reader, true, XZ_LIMIT_KIB))
        }
        Some(Compression::Zstd) => {
            let mut decoder = zstd::Decoder::new(whole)?;
            decoder.window_log_max(WINDOW_LOG)?;
            Box::new(decoder)
        }
    };
    Ok((content, compression.is_some()))
}

/// Reads all of a short `reader`, interruptions notwithstanding.
fn retry(mut reader: impl Read, into: &mut Vec<u8>) -> io::Result<()> {
    loop {
        match reader.read_to_end(into) {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

const MAGIC_LEN: usize = 4;

/// Bytes read at once for a decoder that reads little by little.
const INPUT_LEN: usize = 1 << 16;

/// Binary logarithm of the largest window in bytes: that of `zstd --ultra -22`
/// and of `zstd --long`. `xz -9` needs half of it.
const WINDOW_LOG: u32 = 27;

/// The same for xz, with what its decoder needs beside.
const XZ_LIMIT_KIB: u32 = (1 << (WINDOW_LOG - 10)) + 1024;
