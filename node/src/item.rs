//! Items: values that the DHT keeps (BEP 44).
//!
//! An immutable item is a [`Value`], found at the hash of its bencode. A
//! [`MutableItem`] is found at the hash of a public key and a salt; whoever
//! has the secret key can replace its value by one with a higher sequence
//! number. An item from elsewhere is only ever held here after its hash or its
//! signature has been checked.
//!
//! ```
//! use mdht_node::item::{MutableItem, SecretKey, Value};
//!
//! # fn main() -> Result<(), mdht_node::item::ItemError> {
//! let greeting = Value::from_text("Hello World!")?;
//! assert_eq!(greeting.target().to_string(), "e5f96f6f38320f0f33959cb4d3d656452117aadb");
//!
//! // a real seed comes from the operating system's randomness
//! let key = SecretKey::from_seed(&[7; 32]);
//! let item = MutableItem::sign(&key, b"greetings", 1, greeting)?;
//! assert_eq!(item.target(), key.public_key().target(b"greetings"));
//! # Ok(())
//! # }
//! ```

use std::fmt;

use mdht_krpc::{Id, ItemFields, MAX_SALT_LEN, MAX_VALUE_LEN, is_bencoded};
use sha1::{Digest, Sha1};

mod keys;
mod mutable;

pub(crate) use keys::target as mutable_target;
pub use keys::{PublicKey, SecretKey};
pub use mutable::MutableItem;

/// Why something is no item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ItemError {
    /// The value is not one whole bencoded value.
    #[error("the value is not bencode, or there is something behind it")]
    NotBencode,
    /// The value is longer than nodes store.
    #[error("the value takes {0} bytes as bencode, and nodes store {MAX_VALUE_LEN} at most")]
    ValueTooLong(usize),
    /// The salt is longer than may be.
    #[error("the salt has {0} bytes, and {MAX_SALT_LEN} are the most")]
    SaltTooLong(usize),
    /// The sequence number is negative.
    #[error("the sequence number {0} is negative")]
    BadSequence(i64),
    /// The key is no point of the curve, or one of small order, under which
    /// anybody can sign.
    #[error("the public key is not a usable ed25519 key")]
    BadKey,
    /// The signature is not that of salt, sequence number and value.
    #[error("the signature does not fit")]
    BadSignature,
}

/// A value as it is stored: one bencoded value of any type, at most
/// [`MAX_VALUE_LEN`] bytes long.
#[derive(Clone, PartialEq, Eq)]
pub struct Value(Box<[u8]>);

impl Value {
    /// A value that is bencode already. It is kept to the byte, canonical or
    /// not.
    ///
    /// # Errors
    /// It is not one bencoded value, or too long.
    pub fn from_bencode(bencode: &[u8]) -> Result<Self, ItemError> {
        if bencode.len() > MAX_VALUE_LEN {
            return Err(ItemError::ValueTooLong(bencode.len()));
        }
        match is_bencoded(bencode, false) {
            true => Ok(Self(bencode.into())),
            false => Err(ItemError::NotBencode),
        }
    }

    /// A string of bytes as a value.
    ///
    /// # Errors
    /// It is too long: 996 bytes fit.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ItemError> {
        let head = format!("{}:", bytes.len());
        Self::from_bencode(&[head.as_bytes(), bytes].concat())
    }

    /// A text as a value.
    ///
    /// # Errors
    /// It is too long: 996 bytes fit.
    pub fn from_text(text: &str) -> Result<Self, ItemError> {
        Self::from_bytes(text.as_bytes())
    }

    /// The value as bencode.
    pub fn as_bencode(&self) -> &[u8] {
        &self.0
    }

    /// The bytes of a value that is a string; `None` for other types.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        let colon = self.0.iter().position(|byte| *byte == b':')?;
        let is_string = self.0[..colon].iter().all(u8::is_ascii_digit);
        is_string.then(|| &self.0[colon + 1..])
    }

    /// Where the value is found as an immutable item: the SHA-1 of its bencode.
    pub fn target(&self) -> Id {
        hash(&[&self.0])
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

/// An item of either kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// Found at the hash of its value.
    Immutable(Value),
    /// Found at the hash of its key and salt.
    Mutable(MutableItem),
}

impl Item {
    /// Where it is found.
    pub fn target(&self) -> Id {
        match self {
            Self::Immutable(value) => value.target(),
            Self::Mutable(item) => item.target(),
        }
    }

    /// Its value.
    pub const fn value(&self) -> &Value {
        match self {
            Self::Immutable(value) => value,
            Self::Mutable(item) => item.value(),
        }
    }

    /// The sequence number of a mutable item.
    pub const fn sequence(&self) -> Option<i64> {
        match self {
            Self::Immutable(_) => None,
            Self::Mutable(item) => Some(item.sequence()),
        }
    }

    /// The salt of a mutable item; otherwise empty.
    pub fn salt(&self) -> &[u8] {
        match self {
            Self::Immutable(_) => b"",
            Self::Mutable(item) => item.salt(),
        }
    }

    /// The item as it stands in a message.
    pub fn fields(&self) -> ItemFields<'_> {
        match self {
            Self::Immutable(value) => ItemFields::immutable(value.as_bencode()),
            Self::Mutable(item) => item.fields(),
        }
    }
}

impl From<Value> for Item {
    fn from(value: Value) -> Self {
        Self::Immutable(value)
    }
}

impl From<MutableItem> for Item {
    fn from(item: MutableItem) -> Self {
        Self::Mutable(item)
    }
}

fn hash(parts: &[&[u8]]) -> Id {
    let mut hash = Sha1::new();
    parts.iter().for_each(|part| hash.update(part));
    Id::new(hash.finalize().into())
}

#[cfg(test)]
mod tests;
