//! Transaction IDs as they are kept.

use std::hash::{DefaultHasher, Hash, Hasher};

/// A transaction ID in constant space. Clients use 2 to 8 bytes; of an ID too
/// long to keep, its start and a digest of the whole are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TransactionId {
    bytes: [u8; KEPT],
    len: u8,
}

impl TransactionId {
    pub(crate) fn new(id: &[u8]) -> Self {
        let mut bytes = [0; KEPT];
        match bytes.get_mut(..id.len()) {
            Some(whole) => whole.copy_from_slice(id),
            None => {
                let mut digest = DefaultHasher::new();
                digest.write(id);
                let (start, end) = bytes.split_at_mut(KEPT - 8);
                start.copy_from_slice(&id[..KEPT - 8]);
                end.copy_from_slice(&digest.finish().to_ne_bytes());
            }
        }
        let len = u8::try_from(id.len()).unwrap_or(u8::MAX);
        Self { bytes, len }
    }
}

impl Hash for TransactionId {
    /// Few and whole words: this is done for every message.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (words, _) = self.bytes.as_chunks::<8>();
        // nearly every ID fits into the first
        for word in &words[..usize::from(self.len).div_ceil(8).clamp(1, words.len())] {
            state.write_u64(u64::from_ne_bytes(*word));
        }
    }
}

/// Bytes of a transaction ID that are kept.
const KEPT: usize = 24;

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
