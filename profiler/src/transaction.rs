//! Transaction IDs as they are kept.

use std::hash::{DefaultHasher, Hash, Hasher};

/// A transaction ID in constant space. Clients use 2 to 8 bytes; of an ID too
/// long to keep, its start and a digest of the whole are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TransactionId {
    words: [u64; KEPT_WORDS],
    len: u8,
}

impl TransactionId {
    #[inline]
    pub(crate) fn new(id: &[u8]) -> Self {
        let mut words = [0; KEPT_WORDS];
        // nearly every ID fits into the first
        if id.len() <= WORD {
            words[0] = word(id);
        } else {
            for (word_of, bytes) in words.iter_mut().zip(id.chunks(WORD)) {
                *word_of = word(bytes);
            }
        }
        if id.len() > WORD * KEPT_WORDS {
            let mut digest = DefaultHasher::new();
            digest.write(id);
            words[KEPT_WORDS - 1] = digest.finish();
        }
        let len = u8::try_from(id.len()).unwrap_or(u8::MAX);
        Self { words, len }
    }
}

impl Hash for TransactionId {
    /// Few and whole words: this is done for every message.
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let used = usize::from(self.len).div_ceil(WORD).clamp(1, KEPT_WORDS);
        for word in &self.words[..used] {
            state.write_u64(*word);
        }
    }
}

/// Up to eight bytes as a number.
#[inline]
fn word(bytes: &[u8]) -> u64 {
    let digits = bytes.iter().rev();
    digits.fold(0, |word, byte| word << 8 | u64::from(*byte))
}

/// Bytes in a word.
const WORD: usize = 8;

/// Words of a transaction ID that are kept.
const KEPT_WORDS: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_in_length_and_in_every_byte() {
        let long = vec![7; 100];
        let mut other = long.clone();
        other[60] = 8;
        let ids = [
            &b""[..],
            b"\0",
            b"\0\0",
            b"aa",
            &long[..24],
            &long[..25],
            &long,
            &other,
        ];
        for (i, a) in ids.iter().enumerate() {
            for (j, b) in ids.iter().enumerate() {
                assert_eq!(TransactionId::new(a) == TransactionId::new(b), i == j);
            }
        }
    }
}
