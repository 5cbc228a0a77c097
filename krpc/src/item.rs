//! The fields of stored items in `get` and `put` messages (BEP 44).

use std::fmt;

use crate::Oddities;
use crate::bencode::Cursor;

/// Length of `k`, an ed25519 public key, in bytes (BEP 44).
pub const PUBLIC_KEY_LEN: usize = 32;
/// Length of `sig`, an ed25519 signature, in bytes (BEP 44).
pub const SIGNATURE_LEN: usize = 64;
/// Longest value that every node stores, bencoded, in bytes (BEP 44).
pub const MAX_VALUE_LEN: usize = 1000;
/// Longest salt in bytes (BEP 44).
pub const MAX_SALT_LEN: usize = 64;

/// The fields of an item in a `get` response or a `put` query, borrowed from
/// the datagram. An immutable item has only its value; what is absent, or of
/// the wrong type or length, is `None`.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct ItemFields<'a> {
    /// `k`: the public key that a mutable item is signed under.
    pub public_key: Option<&'a [u8; PUBLIC_KEY_LEN]>,
    /// `seq`: a mutable item's sequence number. In a `get` query: only an item
    /// with a higher one is wanted.
    pub sequence: Option<i64>,
    /// `sig`: the signature of a mutable item.
    pub signature: Option<&'a [u8; SIGNATURE_LEN]>,
    /// `v`: the value as it stands in the datagram, one bencoded value of any
    /// type. It may be longer than [`MAX_VALUE_LEN`], and need not be
    /// canonical: what is signed and hashed are these very bytes.
    pub value: Option<&'a [u8]>,
}

impl<'a> ItemFields<'a> {
    /// No item.
    pub const NONE: Self = Self {
        public_key: None,
        sequence: None,
        signature: None,
        value: None,
    };

    /// An immutable item.
    pub const fn immutable(value: &'a [u8]) -> Self {
        Self {
            value: Some(value),
            ..Self::NONE
        }
    }
}

impl fmt::Debug for ItemFields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ItemFields")
            .field("public_key", &self.public_key)
            .field("sequence", &self.sequence)
            .field("signature", &self.signature.map(|_| ".."))
            .field(
                "value",
                &self.value.map(|value| value.escape_ascii().to_string()),
            )
            .finish()
    }
}

/// Whether `bytes` are one bencoded value, whole and with nothing behind it.
/// `canonical` asks for sorted keys and plain numbers too.
pub fn is_bencoded(bytes: &[u8], canonical: bool) -> bool {
    let mut cursor = Cursor::new(bytes);
    // the depth at which it will stand in a message
    let whole = cursor.skip(crate::take::INNER_DEPTH).is_ok() && cursor.is_at_end();
    whole && !(canonical && cursor.oddities.contains(Oddities::NON_CANONICAL))
}

/// What the signature of a mutable item is over (BEP 44, "Signature
/// Verification"): the salt unless it is empty, the sequence number and the
/// value, each bencoded behind its key.
pub fn signed_bytes(salt: &[u8], sequence: i64, value: &[u8]) -> Vec<u8> {
    let mut signed = Vec::with_capacity(salt.len() + value.len() + 48);
    if !salt.is_empty() {
        signed.extend_from_slice(format!("4:salt{}:", salt.len()).as_bytes());
        signed.extend_from_slice(salt);
    }
    signed.extend_from_slice(format!("3:seqi{sequence}e1:v").as_bytes());
    signed.extend_from_slice(value);
    signed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signed_bytes_of_bep44() {
        let value = b"12:Hello world!";
        assert_eq!(signed_bytes(b"", 4, value), b"3:seqi4e1:v12:Hello world!");
        assert_eq!(
            signed_bytes(b"foobar", 4, value),
            b"4:salt6:foobar3:seqi4e1:v12:Hello world!"
        );
    }

    #[test]
    fn one_whole_value_of_any_type() {
        for good in ["0:", "5:hello", "i-3e", "le", "d1:al1:bee"] {
            assert!(is_bencoded(good.as_bytes(), true), "{good}");
        }
        for odd in ["d1:b0:1:a0:e", "i03e", "01:a"] {
            assert!(!is_bencoded(odd.as_bytes(), true), "{odd}");
            assert!(is_bencoded(odd.as_bytes(), false), "{odd}");
        }
        for bad in ["", "hello", "5:hell", "i3", "le0:", "1:a1:b"] {
            assert!(!is_bencoded(bad.as_bytes(), false), "{bad}");
        }
        // as deep as a datagram may be around it
        assert!(is_bencoded(
            &[b"l".repeat(14), b"e".repeat(14)].concat(),
            true
        ));
        assert!(!is_bencoded(
            &[b"l".repeat(15), b"e".repeat(15)].concat(),
            true
        ));
    }
}
