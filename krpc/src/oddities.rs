//! What may be wrong with a message that can be read all the same.

use std::fmt;
use std::ops::{BitOr, BitOrAssign};

/// A set of departures from BEP 5 that were met, and read past, in a datagram.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Oddities(u16);

impl Oddities {
    /// None at all.
    pub const NONE: Self = Self(0);
    /// Unsorted or repeated keys, or numbers with leading zeros.
    pub const NON_CANONICAL: Self = Self(1);
    /// Bytes behind the end of the message.
    pub const TRAILING_BYTES: Self = Self(1 << 1);
    /// A node ID, infohash or target that is not 20 bytes long.
    pub const BAD_ID: Self = Self(1 << 2);
    /// `nodes` or `nodes6` of a length that is no whole number of contacts.
    pub const BAD_NODES: Self = Self(1 << 3);
    /// An entry of `values` that is no compact address.
    pub const BAD_VALUES: Self = Self(1 << 4);
    /// A key with a value of the wrong type, length or order, or out of range.
    pub const WRONG_TYPE: Self = Self(1 << 5);
    /// No transaction ID.
    pub const NO_TRANSACTION_ID: Self = Self(1 << 6);
    /// No `y`; the kind was told from the other keys.
    pub const NO_KIND: Self = Self(1 << 7);

    const NAMES: [(Self, &'static str); 8] = [
        (Self::NON_CANONICAL, "non-canonical bencode"),
        (Self::TRAILING_BYTES, "trailing bytes"),
        (Self::BAD_ID, "ID of wrong length"),
        (Self::BAD_NODES, "bad node list"),
        (Self::BAD_VALUES, "bad values"),
        (Self::WRONG_TYPE, "value of wrong type"),
        (Self::NO_TRANSACTION_ID, "no transaction ID"),
        (Self::NO_KIND, "no message kind"),
    ];

    /// Whether every member of `other` is in `self`.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The members' names, for a person.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES
            .into_iter()
            .filter(move |(o, _)| self.contains(*o))
            .map(|(_, name)| name)
    }
}

impl BitOr for Oddities {
    type Output = Self;

    fn bitor(self, rhs: Self) -> Self {
        Self(self.0 | rhs.0)
    }
}

impl BitOrAssign for Oddities {
    fn bitor_assign(&mut self, rhs: Self) {
        *self = *self | rhs;
    }
}

impl fmt::Debug for Oddities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}
