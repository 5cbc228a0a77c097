//! ed25519 keys of mutable items.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::hazmat::{ExpandedSecretKey, raw_sign};
use ed25519_dalek::{Sha512, Signature, VerifyingKey};
use mdht_krpc::{Id, PUBLIC_KEY_LEN, SIGNATURE_LEN};

use super::{ItemError, hash};

/// The key that a mutable item can be checked with, and by which it is found.
/// Written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; PUBLIC_KEY_LEN]);

impl PublicKey {
    /// A key from its bytes.
    ///
    /// # Errors
    /// It is no point of the curve, or one of small order.
    pub fn from_bytes(bytes: &[u8; PUBLIC_KEY_LEN]) -> Result<Self, ItemError> {
        verifying(bytes).map(|_| Self(*bytes))
    }

    /// The bytes of the key.
    pub const fn as_bytes(&self) -> &[u8; PUBLIC_KEY_LEN] {
        &self.0
    }

    /// Where the item with this key and salt is found: the SHA-1 of both. An
    /// empty salt is none.
    pub fn target(&self, salt: &[u8]) -> Id {
        target(&self.0, salt)
    }

    /// Checks a signature strictly: no key and no commitment of small order,
    /// and no second form of the same signature.
    pub(super) fn check(
        &self,
        message: &[u8],
        signature: &[u8; SIGNATURE_LEN],
    ) -> Result<(), ItemError> {
        let signature = Signature::from_bytes(signature);
        verifying(&self.0)?
            .verify_strict(message, &signature)
            .map_err(|_| ItemError::BadSignature)
    }
}

/// Where an item is found whose key need not be a usable one.
pub(crate) fn target(public_key: &[u8; PUBLIC_KEY_LEN], salt: &[u8]) -> Id {
    hash(&[public_key, salt])
}

fn verifying(bytes: &[u8; PUBLIC_KEY_LEN]) -> Result<VerifyingKey, ItemError> {
    let key = VerifyingKey::from_bytes(bytes).ok();
    key.filter(|key| !key.is_weak()).ok_or(ItemError::BadKey)
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for PublicKey {
    type Err = ItemError;

    fn from_str(text: &str) -> Result<Self, ItemError> {
        let bytes = from_hex(text).ok_or(ItemError::BadKey)?;
        Self::from_bytes(&bytes)
    }
}

/// `N` bytes from twice as many hexadecimal digits.
fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    let mut bytes = [0; N];
    if text.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = 16 * digit(pair[0])? + digit(pair[1])?;
    }
    Some(bytes)
}

/// The key that mutable items are signed with. It is wiped from memory when
/// dropped, and never printed.
pub struct SecretKey {
    expanded: ExpandedSecretKey,
    public: VerifyingKey,
}

impl SecretKey {
    /// The key of a seed, which must be random and secret: whoever knows it
    /// can sign. This is the form of RFC 8032.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self::new(ExpandedSecretKey::from(seed))
    }

    /// A key in the form that libtorrent keeps, and that BEP 44 prints: the 64
    /// bytes that a seed is hashed to.
    pub fn from_expanded(bytes: &[u8; 64]) -> Self {
        Self::new(ExpandedSecretKey::from_bytes(bytes))
    }

    /// A key from its text: 64 hexadecimal digits of a seed or 128 of the form
    /// that libtorrent keeps. `None` for any other text.
    pub fn from_text(text: &str) -> Option<Self> {
        let seed = from_hex(text).map(|seed| Self::from_seed(&seed));
        seed.or_else(|| from_hex(text).map(|bytes| Self::from_expanded(&bytes)))
    }

    // always the public key of this very secret: signing under another would
    // give the secret away
    fn new(expanded: ExpandedSecretKey) -> Self {
        let public = VerifyingKey::from(&expanded);
        Self { expanded, public }
    }

    /// The public half.
    pub fn public_key(&self) -> PublicKey {
        PublicKey(*self.public.as_bytes())
    }

    pub(super) fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_LEN] {
        raw_sign::<Sha512>(&self.expanded, message, &self.public).to_bytes()
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey of {}", self.public_key())
    }
}
