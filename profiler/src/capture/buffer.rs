//! A window that slides over an input. Records are parsed in it, so that no
//! byte is copied but those of a record that its end cuts. (Mapping the file
//! takes as long: what is saved in copying goes into page faults.)

use std::io::{self, ErrorKind, Read};

/// The bytes of an input that were read but not yet skipped.
pub(super) struct Buffer {
    reader: Box<dyn Read + Send>,
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    skipped: u64,
    over: bool,
}

impl Buffer {
    /// Usual size of the window in bytes. Large enough that a system call and
    /// the move of a cut record weigh nothing, small enough to stay in the cache.
    pub(super) const CAPACITY: usize = 1 << 17;

    /// Size to which the window grows for a block that is larger.
    const MAX_CAPACITY: usize = 1 << 25;

    pub(super) fn new(reader: Box<dyn Read + Send>) -> Self {
        Self {
            reader,
            bytes: vec![0; Self::CAPACITY],
            start: 0,
            end: 0,
            skipped: 0,
            over: false,
        }
    }

    /// What is in the window.
    #[inline]
    pub(super) fn available(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Offset of the window in the input, in bytes.
    #[inline]
    pub(super) const fn offset(&self) -> u64 {
        self.skipped
    }

    /// Whether the window reaches to the end of the input.
    pub(super) const fn is_over(&self) -> bool {
        self.over
    }

    /// Moves the window past its first `len` bytes, or past all if there are fewer.
    #[inline]
    pub(super) fn skip(&mut self, len: usize) {
        let from = self.start;
        self.start = self.end.min(from + len);
        self.skipped += (self.start - from) as u64;
    }

    /// Reads more into the window, once, and finds out whether the input is
    /// over. After a failure nothing more is read.
    pub(super) fn refill(&mut self) -> io::Result<()> {
        self.bytes.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.end == self.bytes.len() {
            let larger = (2 * self.end).min(Self::MAX_CAPACITY);
            self.bytes.resize(larger, 0);
        }
        while !self.over {
            match self.reader.read(&mut self.bytes[self.end..]) {
                Ok(read) => {
                    self.end += read;
                    self.over = read == 0;
                    break;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.over = true;
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Refills until `len` bytes are in the window; `false` if there are not
    /// that many left.
    pub(super) fn require(&mut self, len: usize) -> io::Result<bool> {
        while self.end - self.start < len {
            if self.over {
                return Ok(false);
            }
            self.refill()?;
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out one byte at a time, with an interruption before each.
    struct Trickle(Vec<u8>, bool);

    impl Read for Trickle {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(ErrorKind::Interrupted.into());
            }
            match self.0.is_empty() {
                true => Ok(0),
                false => {
                    buf[0] = self.0.remove(0);
                    Ok(1)
                }
            }
        }
    }

    #[test]
    fn short_and_interrupted_reads() {
        let mut buffer = Buffer::new(Box::new(Trickle(b"abcdef".to_vec(), false)));
        assert!(buffer.require(4).unwrap());
        buffer.skip(3);
        assert_eq!((buffer.available(), buffer.offset()), (&b"d"[..], 3));
        assert!(!buffer.require(4).unwrap());
        assert_eq!((buffer.available(), buffer.is_over()), (&b"def"[..], true));
        buffer.skip(9);
        assert_eq!((buffer.available(), buffer.offset()), (&b""[..], 6));
    }

    #[test]
    fn the_window_grows_to_what_is_required_within_bounds() {
        let mut buffer = Buffer::new(Box::new(io::repeat(7)));
        let len = Buffer::CAPACITY * 3;
        assert!(buffer.require(len).unwrap());
        assert_eq!(buffer.bytes.len(), Buffer::CAPACITY * 4);
        while buffer.available().len() < Buffer::MAX_CAPACITY {
            buffer.refill().unwrap();
        }
        buffer.refill().unwrap();
        assert!(buffer.is_over());
        assert_eq!(buffer.bytes.len(), Buffer::MAX_CAPACITY);
    }
}
