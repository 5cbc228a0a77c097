//! Items that their owner can replace.

use mdht_krpc::{Id, ItemFields, MAX_SALT_LEN, SIGNATURE_LEN, signed_bytes};

use super::{ItemError, PublicKey, SecretKey, Value};

/// A mutable item, whose signature fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MutableItem {
    public_key: PublicKey,
    salt: Box<[u8]>,
    sequence: i64,
    value: Value,
    signature: [u8; SIGNATURE_LEN],
}

impl MutableItem {
    /// Signs a value. `sequence` must be above that of the item it replaces;
    /// `salt` tells several items under one key apart and may be empty.
    ///
    /// # Errors
    /// The salt is too long or the sequence number negative.
    pub fn sign(
        key: &SecretKey,
        salt: &[u8],
        sequence: i64,
        value: Value,
    ) -> Result<Self, ItemError> {
        let signed = signed_bytes(salt, sequence, value.as_bencode());
        let item = Self {
            public_key: key.public_key(),
            salt: salt.into(),
            sequence,
            value,
            signature: key.sign(&signed),
        };
        check_bounds(salt, sequence).map(|()| item)
    }

    /// An item that somebody else signed.
    ///
    /// # Errors
    /// The salt is too long, the sequence number negative, or the signature is
    /// not that of this key, salt, sequence number and value.
    pub fn verify(
        public_key: PublicKey,
        salt: &[u8],
        sequence: i64,
        value: Value,
        signature: &[u8; SIGNATURE_LEN],
    ) -> Result<Self, ItemError> {
        check_bounds(salt, sequence)?;
        let signed = signed_bytes(salt, sequence, value.as_bencode());
        public_key.check(&signed, signature)?;
        Ok(Self {
            public_key,
            salt: salt.into(),
            sequence,
            value,
            signature: *signature,
        })
    }

    /// The key it is signed under.
    pub const fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// The salt; empty if there is none.
    pub const fn salt(&self) -> &[u8] {
        &self.salt
    }

    /// The sequence number, 0 or more.
    pub const fn sequence(&self) -> i64 {
        self.sequence
    }

    /// The value.
    pub const fn value(&self) -> &Value {
        &self.value
    }

    /// The signature.
    pub const fn signature(&self) -> &[u8; SIGNATURE_LEN] {
        &self.signature
    }

    /// Where it is found: the SHA-1 of key and salt.
    pub fn target(&self) -> Id {
        self.public_key.target(&self.salt)
    }

    /// The item as it stands in a message, which names the salt elsewhere.
    pub fn fields(&self) -> ItemFields<'_> {
        ItemFields {
            public_key: Some(self.public_key.as_bytes()),
            sequence: Some(self.sequence),
            signature: Some(&self.signature),
            value: Some(self.value.as_bencode()),
        }
    }
}

const fn check_bounds(salt: &[u8], sequence: i64) -> Result<(), ItemError> {
    match (salt.len() > MAX_SALT_LEN, sequence < 0) {
        (true, _) => Err(ItemError::SaltTooLong(salt.len())),
        (_, true) => Err(ItemError::BadSequence(sequence)),
        _ => Ok(()),
    }
}
