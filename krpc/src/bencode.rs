//! Bencode tokens, read in place without allocating.

/// Deepest nesting of lists and dictionaries that is read. KRPC needs four;
/// the bound keeps a hostile datagram from exhausting the stack.
pub const MAX_DEPTH: usize = 16;

/// Why a datagram could not be read, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at byte {offset}")]
pub struct ScanError {
    /// Offset from the start of the datagram, in bytes.
    pub offset: usize,
    /// What was wrong there.
    pub kind: ScanErrorKind,
}

/// What was wrong with a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScanErrorKind {
    /// The datagram ends inside a value.
    #[error("the message is cut short")]
    Truncated,
    /// A byte that cannot start or continue a bencoded value.
    #[error("not bencode")]
    Syntax,
    /// Nesting deeper than [`MAX_DEPTH`].
    #[error("nested too deeply")]
    TooDeep,
    /// An integer outside the 64-bit range.
    #[error("an integer out of range")]
    Range,
    /// Bencode, but not a KRPC message: no kind can be told.
    #[error("not a KRPC message")]
    NotKrpc,
}

/// A position in a datagram.
#[derive(Clone, Debug)]
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    pos: usize,
    /// Cleared at the first departure from canonical bencode.
    pub(crate) canonical: bool,
}

type Result<T> = std::result::Result<T, ScanError>;

impl<'a> Cursor<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            pos: 0,
            canonical: true,
        }
    }

    pub(crate) const fn is_at_end(&self) -> bool {
        self.pos >= self.bytes.len()
    }

    pub(crate) fn error<T>(&self, kind: ScanErrorKind) -> Result<T> {
        Err(ScanError {
            offset: self.pos,
            kind,
        })
    }

    pub(crate) fn peek(&self) -> Result<u8> {
        match self.bytes.get(self.pos) {
            Some(&byte) => Ok(byte),
            None => self.error(ScanErrorKind::Truncated),
        }
    }

    /// Takes `byte` if it comes next.
    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        let hit = self.bytes.get(self.pos) == Some(&byte);
        self.pos += usize::from(hit);
        hit
    }

    /// A string: decimal length, colon, bytes.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<&'a [u8]> {
        let start = self.pos;
        let mut len = 0_usize;
        loop {
            let byte = self.peek()?;
            match byte {
                // eight digits are more than any datagram holds
                b'0'..=b'9' if self.pos - start < 8 => {
                    len = 10 * len + usize::from(byte - b'0');
                    self.pos += 1;
                }
                b'0'..=b'9' => return self.error(ScanErrorKind::Truncated),
                b':' if self.pos > start => break,
                _ => return self.error(ScanErrorKind::Syntax),
            }
        }
        if self.bytes[start] == b'0' && self.pos - start > 1 {
            self.canonical = false;
        }
        let from = self.pos + 1;
        match self.bytes.get(from..from + len) {
            Some(bytes) => {
                self.pos = from + len;
                Ok(bytes)
            }
            None => self.error(ScanErrorKind::Truncated),
        }
    }

    /// An integer: `i`, optional minus, digits, `e`.
    pub(crate) fn integer(&mut self) -> Result<i64> {
        let offset = self.pos;
        let range = ScanError {
            offset,
            kind: ScanErrorKind::Range,
        };
        let text = std::str::from_utf8(self.integer_text()?);
        text.ok().and_then(|text| text.parse().ok()).ok_or(range)
    }

    /// The text of an integer of any size, between `i` and `e`.
    fn integer_text(&mut self) -> Result<&'a [u8]> {
        if !self.eat(b'i') {
            return self.error(ScanErrorKind::Syntax);
        }
        let start = self.pos;
        let negative = self.eat(b'-');
        let digits = self.pos;
        while self.peek()?.is_ascii_digit() {
            self.pos += 1;
        }
        let text = &self.bytes[start..self.pos];
        if self.pos == digits || !self.eat(b'e') {
            return self.error(ScanErrorKind::Syntax);
        }
        if self.bytes[digits] == b'0' && (text.len() > 1 || negative) {
            self.canonical = false;
        }
        Ok(text)
    }

    /// Skips one value of any kind that stands inside `depth` others.
    pub(crate) fn skip(&mut self, depth: usize) -> Result<()> {
        match self.peek()? {
            b'0'..=b'9' => self.string().map(drop),
            b'i' => self.integer_text().map(drop),
            b'l' => self.list(depth, |cursor, depth| cursor.skip(depth)),
            b'd' => self.dictionary(depth, |cursor, _, depth| cursor.skip(depth)),
            _ => self.error(ScanErrorKind::Syntax),
        }
    }

    /// Walks a list that stands inside `depth` others; `item` must take one
    /// value each time it is called.
    pub(crate) fn list(
        &mut self,
        depth: usize,
        mut item: impl FnMut(&mut Self, usize) -> Result<()>,
    ) -> Result<()> {
        self.enter(b'l', depth)?;
        while !self.eat(b'e') {
            item(self, depth + 1)?;
        }
        Ok(())
    }

    /// Walks a dictionary that stands inside `depth` other values; `entry`
    /// gets each key and must take its value.
    #[inline]
    pub(crate) fn dictionary(
        &mut self,
        depth: usize,
        mut entry: impl FnMut(&mut Self, &'a [u8], usize) -> Result<()>,
    ) -> Result<()> {
        self.enter(b'd', depth)?;
        let mut last: Option<&[u8]> = None;
        while !self.eat(b'e') {
            let key = self.string()?;
            if last.is_some_and(|last| !is_before(last, key)) {
                self.canonical = false;
            }
            last = Some(key);
            entry(self, key, depth + 1)?;
        }
        Ok(())
    }

    fn enter(&mut self, open: u8, depth: usize) -> Result<()> {
        if depth >= MAX_DEPTH {
            return self.error(ScanErrorKind::TooDeep);
        }
        if self.peek()? != open {
            return self.error(ScanErrorKind::Syntax);
        }
        self.pos += 1;
        Ok(())
    }

    /// The next string, `Some(None)` after skipping a value of another kind,
    /// `None` where nothing can be read.
    pub(crate) fn string_or_skip(&mut self) -> Option<Option<&'a [u8]>> {
        if self.peek().ok()?.is_ascii_digit() {
            return self.string().ok().map(Some);
        }
        self.skip(1).ok()?;
        Some(None)
    }

    /// Skips one value that stands inside `depth` others and returns its bytes.
    pub(crate) fn raw(&mut self, depth: usize) -> Result<&'a [u8]> {
        let start = self.pos;
        self.skip(depth)?;
        Ok(&self.bytes[start..self.pos])
    }
}

/// Whether `a < b`. The first byte nearly always decides, and the general
/// comparison is a call.
#[inline]
fn is_before(a: &[u8], b: &[u8]) -> bool {
    match (a.first(), b.first()) {
        (Some(x), Some(y)) if x != y => x < y,
        _ => a < b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skip(bytes: &[u8]) -> std::result::Result<bool, ScanErrorKind> {
        let mut cursor = Cursor::new(bytes);
        cursor.skip(0).map_err(|e| e.kind)?;
        assert!(cursor.is_at_end(), "{bytes:?}");
        Ok(cursor.canonical)
    }

    #[test]
    fn canonical_values() {
        for text in [
            "i0e",
            "i-1e",
            "0:",
            "3:abc",
            "le",
            "de",
            "d1:ai1e1:bl1:xee",
            "i9223372036854775807e",
        ] {
            assert_eq!(skip(text.as_bytes()), Ok(true), "{text}");
        }
    }

    #[test]
    fn read_but_not_canonical() {
        for text in [
            "i-0e",
            "i00e",
            "i01e",
            "01:a",
            "d1:bi1e1:ai1ee",
            "d1:ai1e1:ai2ee",
            "ld1:bi1e1:ai1eee",
        ] {
            assert_eq!(skip(text.as_bytes()), Ok(false), "{text}");
        }
    }

    #[test]
    fn refused() {
        use ScanErrorKind::{Syntax, Truncated};
        for (text, kind) in [
            ("", Truncated),
            ("i", Truncated),
            ("i1", Truncated),
            ("5:abc", Truncated),
            ("l", Truncated),
            ("99999999999:", Truncated),
            ("ie", Syntax),
            ("i-e", Syntax),
            ("i+1e", Syntax),
            ("-1:", Syntax),
            ("+1:a", Syntax),
            ("di1ei1ee", Syntax),
            ("x", Syntax),
        ] {
            assert_eq!(skip(text.as_bytes()), Err(kind), "{text}");
        }
    }

    #[test]
    fn an_integer_beyond_64_bits_is_skipped_but_not_read() {
        assert_eq!(skip(b"i9223372036854775808e"), Ok(true));
        for text in ["i9223372036854775808e", "i-9223372036854775809e"] {
            let read = Cursor::new(text.as_bytes()).integer();
            assert_eq!(read.map_err(|e| e.kind), Err(ScanErrorKind::Range));
        }
        assert_eq!(
            Cursor::new(b"i-9223372036854775808e").integer(),
            Ok(i64::MIN)
        );
    }

    #[test]
    fn nesting_is_bounded_whatever_the_length() {
        let fits = [b"l".repeat(MAX_DEPTH), b"e".repeat(MAX_DEPTH)].concat();
        assert_eq!(skip(&fits), Ok(true));
        for depth in [MAX_DEPTH + 1, 10_000, 1_000_000] {
            assert_eq!(skip(&b"l".repeat(depth)), Err(ScanErrorKind::TooDeep));
            assert_eq!(skip(&b"d1:a".repeat(depth)), Err(ScanErrorKind::TooDeep));
        }
    }
}
