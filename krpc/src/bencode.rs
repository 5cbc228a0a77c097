//! Bencode tokens, read in place without allocating.

use crate::Oddities;

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

/// What is left to be read of a datagram.
#[derive(Clone, Debug)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
    /// What was odd so far. The cursor itself notes departures from canonical
    /// bencode.
    pub(crate) oddities: Oddities,
}

/// Without an offset, so that it fits a register: the cursor stops where it
/// failed, and [`Cursor::error`] reads the offset there.
type Result<T> = std::result::Result<T, ScanErrorKind>;

impl<'a> Cursor<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            oddities: Oddities::NONE,
        }
    }

    /// What is left.
    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) const fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// The error of this kind at this place in `datagram`.
    pub(crate) const fn error(&self, kind: ScanErrorKind, datagram: &[u8]) -> ScanError {
        ScanError {
            offset: datagram.len() - self.rest.len(),
            kind,
        }
    }

    #[inline]
    pub(crate) fn peek(&self) -> Result<u8> {
        self.rest.first().copied().ok_or(ScanErrorKind::Truncated)
    }

    /// Takes `byte` if it comes next.
    #[inline]
    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        match self.rest {
            [first, rest @ ..] if *first == byte => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// Takes `head` if it comes next.
    #[inline]
    pub(crate) fn strip(&mut self, head: &[u8]) -> bool {
        match self.rest.strip_prefix(head) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Takes `head` and the `N` bytes behind it if they come next. Many values
    /// have one length only: key and length are then one comparison.
    #[inline]
    pub(crate) fn array<const N: usize>(&mut self, head: &[u8]) -> Option<&'a [u8; N]> {
        let behind = self.rest.strip_prefix(head)?;
        let (array, rest) = behind.split_first_chunk()?;
        self.rest = rest;
        Some(array)
    }

    /// Does what is rare with a copy: a cursor whose place in memory no call is
    /// told stays in registers.
    #[inline]
    pub(crate) fn aside<T>(&mut self, rare: impl FnOnce(&mut Self) -> T) -> T {
        let mut copy = self.clone();
        let done = rare(&mut copy);
        *self = copy;
        done
    }

    /// A string: decimal length, colon, bytes.
    #[inline(always)]
    pub(crate) fn string(&mut self) -> Result<&'a [u8]> {
        let len = match self.rest {
            [a @ b'0'..=b'9', b':', rest @ ..] => {
                self.rest = rest;
                digit(*a)
            }
            [a @ b'1'..=b'9', b @ b'0'..=b'9', b':', rest @ ..] => {
                self.rest = rest;
                10 * digit(*a) + digit(*b)
            }
            _ => self.aside(Self::any_length)?,
        };
        match self.rest.split_at_checked(len) {
            Some((string, rest)) => {
                self.rest = rest;
                Ok(string)
            }
            None => Err(ScanErrorKind::Truncated),
        }
    }

    /// The length of a string, of any number of digits, and its colon.
    #[inline(never)]
    fn any_length(&mut self) -> Result<usize> {
        let (mut len, mut digits) = (0, 0);
        let leading_zero = self.peek()? == b'0';
        loop {
            match self.peek()? {
                // eight digits are more than any datagram holds
                byte @ b'0'..=b'9' if digits < 8 => len = 10 * len + digit(byte),
                b'0'..=b'9' => return Err(ScanErrorKind::Truncated),
                b':' if digits > 0 => break,
                _ => return Err(ScanErrorKind::Syntax),
            }
            digits += 1;
            self.rest = &self.rest[1..];
        }
        self.rest = &self.rest[1..];
        if leading_zero && digits > 1 {
            self.oddities |= Oddities::NON_CANONICAL;
        }
        Ok(len)
    }

    /// The next value if it is a string, `None` after skipping one of another
    /// kind, which stands inside `depth` others.
    #[inline(always)]
    pub(crate) fn string_or_skip(&mut self, depth: usize) -> Result<Option<&'a [u8]>> {
        if self.peek()?.is_ascii_digit() {
            return self.string().map(Some);
        }
        self.aside(|cursor| cursor.skip(depth))?;
        Ok(None)
    }

    /// An integer: `i`, optional minus, digits, `e`.
    pub(crate) fn integer(&mut self) -> Result<i64> {
        if let [b'i', a @ b'0'..=b'9', b'e', rest @ ..] = self.rest {
            self.rest = rest;
            return Ok(i64::from(a - b'0'));
        }
        let text = std::str::from_utf8(self.integer_text()?).ok();
        let value = text.and_then(|text| text.parse().ok());
        value.ok_or(ScanErrorKind::Range)
    }

    /// The text of an integer of any size, between `i` and `e`.
    fn integer_text(&mut self) -> Result<&'a [u8]> {
        if !self.eat(b'i') {
            return Err(ScanErrorKind::Syntax);
        }
        let start = self.rest;
        let negative = self.eat(b'-');
        let leading_zero = self.rest.first() == Some(&b'0');
        let digits = self.rest;
        while self.peek()?.is_ascii_digit() {
            self.rest = &self.rest[1..];
        }
        let text = &start[..start.len() - self.rest.len()];
        if self.rest.len() == digits.len() || !self.eat(b'e') {
            return Err(ScanErrorKind::Syntax);
        }
        if leading_zero && (text.len() > 1 || negative) {
            self.oddities |= Oddities::NON_CANONICAL;
        }
        Ok(text)
    }

    /// Skips one value of any kind that stands inside `depth` others.
    #[inline(never)]
    pub(crate) fn skip(&mut self, depth: usize) -> Result<()> {
        match self.peek()? {
            b'0'..=b'9' => self.string().map(drop),
            b'i' => self.integer_text().map(drop),
            b'l' => self
                .list(depth, |cursor, depth| cursor.skip(depth))
                .map(drop),
            b'd' => {
                self.enter(b'd', depth)?;
                let mut keys = Keys::default();
                while self.next_key(&mut keys)?.is_some() {
                    self.skip(depth + 1)?;
                }
                Ok(())
            }
            _ => Err(ScanErrorKind::Syntax),
        }
    }

    /// Walks a list that stands inside `depth` others and returns its inside;
    /// `item` must take one value each time it is called.
    #[inline]
    pub(crate) fn list(
        &mut self,
        depth: usize,
        mut item: impl FnMut(&mut Self, usize) -> Result<()>,
    ) -> Result<&'a [u8]> {
        self.enter(b'l', depth)?;
        let inside = self.rest;
        while !self.eat(b'e') {
            item(self, depth + 1)?;
        }
        Ok(&inside[..inside.len() - self.rest.len() - 1])
    }

    /// The next key of a dictionary, whose value must then be taken; `None`
    /// at its end, which is taken.
    pub(crate) fn next_key(&mut self, keys: &mut Keys<'a>) -> Result<Option<&'a [u8]>> {
        if self.eat(b'e') {
            return Ok(None);
        }
        let key = self.string()?;
        if keys.last.is_some_and(|last| !is_before(last, key)) {
            self.oddities |= Oddities::NON_CANONICAL;
        }
        keys.last = Some(key);
        Ok(Some(key))
    }

    #[inline]
    pub(crate) fn enter(&mut self, open: u8, depth: usize) -> Result<()> {
        if depth >= MAX_DEPTH {
            return Err(ScanErrorKind::TooDeep);
        }
        self.peek()?;
        match self.eat(open) {
            true => Ok(()),
            false => Err(ScanErrorKind::Syntax),
        }
    }
}

/// The keys of a dictionary that is being read, each of which should be behind
/// the one before.
#[derive(Clone, Copy, Default)]
pub(crate) struct Keys<'a> {
    pub(crate) last: Option<&'a [u8]>,
}

/// The value of a decimal digit.
#[inline]
const fn digit(byte: u8) -> usize {
    (byte - b'0') as usize
}

/// Whether `a < b`. The first two bytes nearly always decide, and the general
/// comparison is a call.
#[inline]
fn is_before(a: &[u8], b: &[u8]) -> bool {
    match (a, b) {
        ([x, ..], [y, ..]) if x != y => x < y,
        ([_, x, ..], [_, y, ..]) if x != y => x < y,
        _ => a < b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skip(bytes: &[u8]) -> std::result::Result<bool, ScanErrorKind> {
        let mut cursor = Cursor::new(bytes);
        cursor.skip(0)?;
        assert!(cursor.is_at_end(), "{bytes:?}");
        Ok(cursor.oddities.is_empty())
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
            assert_eq!(read, Err(ScanErrorKind::Range));
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
