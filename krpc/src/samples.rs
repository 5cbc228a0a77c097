//! Infohashes in a row, as an answer to sample_infohashes holds them.

use std::fmt;

use crate::Id;

/// `samples` of BEP 51: infohashes of 20 bytes each, one behind the other.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Samples<'a>(&'a [u8]);

impl<'a> Samples<'a> {
    /// The infohashes in `bytes`; `None` if it is not whole ones.
    pub const fn new(bytes: &'a [u8]) -> Option<Self> {
        match bytes.len() % Id::LEN {
            0 => Some(Self(bytes)),
            _ => None,
        }
    }

    /// As it stands on the wire.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.0
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.0.len() / Id::LEN
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = Id> + use<'a> {
        self.0.chunks_exact(Id::LEN).filter_map(Id::from_slice)
    }
}

impl fmt::Debug for Samples<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_infohashes_only() {
        assert!(Samples::new(&[0; 19]).is_none());
        assert!(Samples::new(&[]).is_some_and(|none| none.is_empty()));
        let two = Samples::new(&[7; 40]).unwrap();
        assert_eq!(two.len(), 2);
        assert_eq!(two.iter().collect::<Vec<_>>(), [Id::new([7; 20]); 2]);
    }
}
