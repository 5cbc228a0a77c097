//! 160-bit identifiers and the XOR metric between them.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use crate::Rng;

/// Number of bits in an [`Id`].
pub const ID_BITS: usize = 160;

/// A 160-bit identifier: a node ID, an infohash or the target of a lookup
/// (BEP 5, "Overview": node IDs and infohashes share one space).
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id([u8; Id::LEN]);

impl Id {
    /// Length of an identifier in bytes.
    pub const LEN: usize = 20;

    /// An identifier from its bytes, most significant first.
    pub const fn new(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// An identifier from a slice, `None` unless it is exactly 20 bytes long.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// A uniformly random identifier.
    pub fn random(rng: &mut Rng) -> Self {
        let mut bytes = [0; Self::LEN];
        rng.fill(&mut bytes);
        Self(bytes)
    }

    /// The bytes, most significant first.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// XOR distance to `other` (BEP 5, "Overview").
    ///
    /// ```
    /// # use mdht_krpc::Id;
    /// let a = Id::new([0; 20]);
    /// assert_eq!(a.distance(&a).leading_zeros(), 160);
    /// assert_eq!(a.distance(&Id::new([0xff; 20])).leading_zeros(), 0);
    /// ```
    pub fn distance(&self, other: &Self) -> Distance {
        Distance(std::array::from_fn(|i| self.0[i] ^ other.0[i]))
    }

    /// Number of leading bits that `self` and `other` share, 0 to 160: the
    /// index of the k-bucket of `self` that `other` falls into.
    ///
    /// ```
    /// # use mdht_krpc::Id;
    /// let a = Id::new([0; 20]);
    /// let mut b = [0; 20];
    /// b[0] = 0b0000_0100;
    /// assert_eq!(a.common_prefix(&Id::new(b)), 5);
    /// ```
    pub fn common_prefix(&self, other: &Self) -> usize {
        self.distance(other).leading_zeros()
    }

    /// A random identifier that shares exactly `prefix` leading bits with
    /// `self`: a random target inside the k-bucket of that index. At 160 or
    /// more it is `self`.
    pub fn random_in_bucket(&self, prefix: usize, rng: &mut Rng) -> Self {
        if prefix >= ID_BITS {
            return *self;
        }
        let mut bytes = Self::random(rng).0;
        let (whole, bits) = (prefix / 8, prefix % 8);
        bytes[..whole].copy_from_slice(&self.0[..whole]);
        let shared = !(0xff_u8 >> bits);
        let flipped = 0x80_u8 >> bits;
        bytes[whole] = (self.0[whole] & shared)
            | (!self.0[whole] & flipped)
            | (bytes[whole] & !shared & !flipped);
        Self(bytes)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // at once: reports hold many
        let mut text = [0; 2 * Self::LEN];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            let digit = |half: u8| b"0123456789abcdef"[usize::from(half)];
            pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 0x0f)]);
        }
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Why a text is not an [`Id`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseIdError {
    /// The text has the wrong number of characters.
    #[error("it has {0} characters; an ID is 40 hexadecimal digits (20 bytes)")]
    Length(usize),
    /// The text holds a character that is no hexadecimal digit.
    #[error("`{0}` is not a hexadecimal digit; an ID is 40 of them (20 bytes)")]
    Digit(char),
}

impl FromStr for Id {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(bad) = text.chars().find(|c| !c.is_ascii_hexdigit()) {
            return Err(ParseIdError::Digit(bad));
        }
        if text.len() != 2 * Self::LEN {
            return Err(ParseIdError::Length(text.len()));
        }
        let mut bytes = [0; Self::LEN];
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = 16 * hex_value(digits[0]) + hex_value(digits[1]);
        }
        Ok(Self(bytes))
    }
}

/// Value of an ASCII hexadecimal digit.
fn hex_value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

/// XOR distance between two identifiers; smaller is closer (BEP 5, "Overview").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Distance([u8; Id::LEN]);

impl Distance {
    /// The greatest distance there is.
    pub const MAX: Self = Self([0xff; Id::LEN]);

    /// Number of leading zero bits, 0 to 160; 160 only between equal identifiers.
    pub fn leading_zeros(&self) -> usize {
        let (high, low) = self.words();
        let zeros = match high {
            0 => u128::BITS + low.leading_zeros(),
            _ => high.leading_zeros(),
        };
        zeros as usize
    }

    /// As numbers, which compare at once.
    #[inline]
    fn words(&self) -> (u128, u32) {
        let [high @ .., a, b, c, d] = self.0;
        (u128::from_be_bytes(high), u32::from_be_bytes([a, b, c, d]))
    }
}

impl Ord for Distance {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        self.words().cmp(&other.words())
    }
}

impl PartialOrd for Distance {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_in_bucket_shares_exactly_the_prefix() {
        let mut rng = Rng::from_u64(7);
        let own = Id::random(&mut rng);
        for prefix in 0..ID_BITS {
            let id = own.random_in_bucket(prefix, &mut rng);
            assert_eq!(own.common_prefix(&id), prefix);
        }
        assert_eq!(own.random_in_bucket(ID_BITS, &mut rng), own);
    }

    #[test]
    fn hex_round_trip_and_errors() {
        let text = "00ff10abcdef0123456789abcdef0123456789ab";
        let id: Id = text.parse().unwrap();
        assert_eq!(id.to_string(), text);
        assert_eq!(text.to_uppercase().parse::<Id>().unwrap(), id);
        assert_eq!("00ff".parse::<Id>(), Err(ParseIdError::Length(4)));
        assert_eq!("zz".parse::<Id>(), Err(ParseIdError::Digit('z')));
        assert_eq!("é0".parse::<Id>(), Err(ParseIdError::Digit('é')));
    }

    #[test]
    fn distances_order_as_their_bytes() {
        let mut rng = Rng::from_u64(3);
        let own = Id::random(&mut rng);
        for bucket in (0..ID_BITS).chain(0..ID_BITS) {
            let other = own.random_in_bucket(bucket, &mut rng);
            let (a, b) = (own.distance(&other), other.distance(&Id::random(&mut rng)));
            assert_eq!(a.leading_zeros(), bucket);
            assert_eq!(a.cmp(&b), a.0.cmp(&b.0));
            let near = own.distance(&own.random_in_bucket(bucket, &mut rng));
            assert_eq!(a.cmp(&near), a.0.cmp(&near.0));
        }
        assert_eq!(own.distance(&own).leading_zeros(), ID_BITS);
    }

    #[test]
    fn distance_orders_by_most_significant_bit() {
        let zero = Id::default();
        let (mut near, mut far) = ([0; 20], [0; 20]);
        near[19] = 0xff;
        far[0] = 0x01;
        assert!(zero.distance(&Id::new(near)) < zero.distance(&Id::new(far)));
        assert!(zero.distance(&Id::new(far)) < Distance::MAX);
    }
}
