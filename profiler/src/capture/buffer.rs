//! A window that slides over an input, in constant memory.

use std::io::{self, ErrorKind, Read};

/// The bytes of an input that were read but not yet taken.
pub(super) struct Buffer {
    reader: Box<dyn Read>,
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
    taken: u64,
}

impl Buffer {
    /// Size of the window in bytes. Large enough that a system call and the
    /// move of a cut record weigh nothing, small enough to stay in the cache.
    pub(super) const CAPACITY: usize = 1 << 18;

    pub(super) fn new(reader: Box<dyn Read>) -> Self {
        Self {
            reader,
            bytes: vec![0; Self::CAPACITY].into_boxed_slice(),
            start: 0,
            end: 0,
            taken: 0,
        }
    }

    /// What is in the window.
    pub(super) fn available(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Offset of the window in the input, in bytes.
    pub(super) const fn offset(&self) -> u64 {
        self.taken
    }

    /// Takes the first `len` bytes out of the window, or all if there are fewer.
    pub(super) fn take(&mut self, len: usize) -> &[u8] {
        let from = self.start;
        self.start = self.end.min(from + len);
        self.taken += (self.start - from) as u64;
        &self.bytes[from..self.start]
    }

    /// Reads more into the window; `false` if the input is over or the window full.
    pub(super) fn refill(&mut self) -> io::Result<bool> {
        self.bytes.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        loop {
            match self.reader.read(&mut self.bytes[self.end..]) {
                Ok(read) => {
                    self.end += read;
                    return Ok(read > 0);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Refills until `len` bytes are in the window; `false` if there are not
    /// that many left, or it cannot hold them.
    pub(super) fn require(&mut self, len: usize) -> io::Result<bool> {
        while self.end - self.start < len {
            if !self.refill()? {
                return Ok(false);
            }
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
        assert_eq!(buffer.take(3), b"abc");
        assert!(!buffer.require(4).unwrap());
        assert_eq!((buffer.available(), buffer.offset()), (&b"def"[..], 3));
        assert_eq!(buffer.take(9), b"def");
        assert_eq!(buffer.offset(), 6);
    }
}
