//! What can happen to a datagram on its way.

use proptest::prelude::*;
use proptest::sample::select;

/// One thing that happens to a datagram.
#[derive(Clone, Debug)]
pub(crate) enum Mutation {
    Truncate(prop::sample::Index),
    FlipBit(prop::sample::Index, u8),
    Insert(prop::sample::Index, u8),
    Remove(prop::sample::Index),
    /// A run of bytes appears again behind itself.
    Repeat(prop::sample::Index, usize),
}

impl Mutation {
    pub(crate) fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        match self {
            Self::Truncate(at) => bytes.truncate(at.index(bytes.len())),
            Self::FlipBit(at, bit) => {
                let at = at.index(bytes.len());
                bytes[at] ^= 1 << (bit % 8);
            }
            Self::Insert(at, byte) => bytes.insert(at.index(bytes.len()), *byte),
            Self::Remove(at) => _ = bytes.remove(at.index(bytes.len())),
            Self::Repeat(at, len) => {
                let from = at.index(bytes.len());
                let run = bytes[from..(from + len).min(bytes.len())].to_vec();
                bytes.splice(from..from, run);
            }
        }
    }
}

pub(crate) fn mutation() -> impl Strategy<Value = Mutation> {
    // bytes that mean something in bencode are more likely to matter
    let byte = prop_oneof![select(&b"0123456789deil:-"[..]), any::<u8>()];
    let at = any::<prop::sample::Index>;
    prop_oneof![
        1 => at().prop_map(Mutation::Truncate),
        4 => (at(), any::<u8>()).prop_map(|(at, bit)| Mutation::FlipBit(at, bit)),
        1 => (at(), byte).prop_map(|(at, byte)| Mutation::Insert(at, byte)),
        1 => at().prop_map(Mutation::Remove),
        1 => (at(), 1..40_usize).prop_map(|(at, len)| Mutation::Repeat(at, len)),
    ]
}
