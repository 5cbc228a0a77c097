//! BEP 44's test vectors, and what must not pass for an item.

use super::*;

const VALUE: &[u8] = b"12:Hello World!";
const PUBLIC_KEY: &str = "77ff84905a91936367c01360803104f92432fcd904a43511876df5cdf3e7e548";
const SECRET_KEY: &str = "e06d3183d14159228433ed599221b80bd0a5ce8352e4bdf0262f76786ef1c74d\
                          b7e7a9fea2c0eb269d61e3b38e450a22e754941ac78479d6c54e1faf6037881d";

fn value() -> Value {
    Value::from_bencode(VALUE).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn bep44_mutable_vectors() {
    for (salt, target, signature) in [
        (
            &b""[..],
            "4a533d47ec9c7d95b1ad75f576cffc641853b750",
            "305ac8aeb6c9c151fa120f120ea2cfb923564e11552d06a5d856091e5e853cff\
             1260d3f39e4999684aa92eb73ffd136e6f4f3ecbfda0ce53a1608ecd7ae21f01",
        ),
        (
            b"foobar",
            "411eba73b6f087ca51a3795d9c8c938d365e32c1",
            "6834284b6b24c3204eb2fea824d82f88883a3d95e8b4a21b8c0ded553d17d17d\
             df9a8a7104b1258f30bed3787e6cb896fca78c58f8e03b5f18f14951a87d9a08",
        ),
    ] {
        let key = SecretKey::from_text(SECRET_KEY).unwrap();
        assert_eq!(key.public_key().to_string(), PUBLIC_KEY);
        let item = MutableItem::sign(&key, salt, 1, value()).unwrap();
        assert_eq!(item.target().to_string(), target);
        assert_eq!(hex(item.signature()), signature);
        let public = PUBLIC_KEY.parse().unwrap();
        let read = MutableItem::verify(public, salt, 1, value(), item.signature());
        assert_eq!(read, Ok(item));
    }
}

#[test]
fn bep44_immutable_vector() {
    let target = "e5f96f6f38320f0f33959cb4d3d656452117aadb";
    assert_eq!(value().target().to_string(), target);
    assert_eq!(value(), Value::from_text("Hello World!").unwrap());
    assert_eq!(value().as_bytes(), Some(&b"Hello World!"[..]));
}

#[test]
fn values_are_one_bencoded_value_of_at_most_1000_bytes() {
    assert!(Value::from_bytes(&[b'x'; 996]).is_ok());
    let long = Value::from_bytes(&[b'x'; 997]);
    assert_eq!(long, Err(ItemError::ValueTooLong(1001)));
    for bad in ["", "hello", "i1ei2e", "l"] {
        let refused = Value::from_bencode(bad.as_bytes());
        assert_eq!(refused, Err(ItemError::NotBencode), "{bad}");
    }
    for other in ["i1e", "l1:ae", "d1:a0:e"] {
        assert_eq!(
            Value::from_bencode(other.as_bytes()).unwrap().as_bytes(),
            None
        );
    }
}

#[test]
fn whatever_is_changed_the_signature_no_longer_fits() {
    let key = SecretKey::from_seed(&[3; 32]);
    let item = MutableItem::sign(&key, b"salt", 7, value()).unwrap();
    let (public, signature) = (*item.public_key(), *item.signature());
    let verify = |salt: &[u8], sequence, text: &str, signature: &[u8; 64]| {
        let value = Value::from_text(text).unwrap();
        MutableItem::verify(public, salt, sequence, value, signature)
    };
    assert_eq!(verify(b"salt", 7, "Hello World!", &signature), Ok(item));
    let bad = Err(ItemError::BadSignature);
    assert_eq!(verify(b"", 7, "Hello World!", &signature), bad);
    assert_eq!(verify(b"salT", 7, "Hello World!", &signature), bad);
    assert_eq!(verify(b"salt", 8, "Hello World!", &signature), bad);
    assert_eq!(verify(b"salt", 7, "Hello world!", &signature), bad);
    for byte in 0..64 {
        let mut changed = signature;
        changed[byte] ^= 1;
        assert_eq!(verify(b"salt", 7, "Hello World!", &changed), bad, "{byte}");
    }
    let other = SecretKey::from_seed(&[4; 32]).public_key();
    let read = MutableItem::verify(other, b"salt", 7, value(), &signature);
    assert_eq!(read, bad);
}

#[test]
fn bounds_of_salt_and_sequence() {
    let key = SecretKey::from_seed(&[3; 32]);
    let sign = |salt: &[u8], sequence| MutableItem::sign(&key, salt, sequence, value());
    assert!(sign(&[1; 64], i64::MAX).is_ok());
    assert_eq!(sign(&[1; 65], 1), Err(ItemError::SaltTooLong(65)));
    assert_eq!(sign(b"", -1), Err(ItemError::BadSequence(-1)));
}

/// Under a key of small order a signature can be made that fits many messages.
#[test]
fn keys_of_small_order_are_refused() {
    let orders: [[u8; 32]; 4] = [
        // the neutral element, and points of order 2 and 4
        std::array::from_fn(|i| u8::from(i == 0)),
        std::array::from_fn(|i| match i {
            0 => 0xec,
            31 => 0x7f,
            _ => 0xff,
        }),
        [0; 32],
        std::array::from_fn(|i| if i == 31 { 0x80 } else { 0 }),
    ];
    for bytes in orders {
        assert_eq!(PublicKey::from_bytes(&bytes), Err(ItemError::BadKey));
    }
    // y = 2 is on no point of the curve
    let off_curve = std::array::from_fn(|i| if i == 0 { 2 } else { 0 });
    assert_eq!(PublicKey::from_bytes(&off_curve), Err(ItemError::BadKey));
}

#[test]
fn keys_as_text() {
    for bad in [
        "",
        "77ff",
        &"g".repeat(64),
        &"0".repeat(66),
        &"é".repeat(32),
    ] {
        assert!(bad.parse::<PublicKey>().is_err(), "{bad}");
        assert!(SecretKey::from_text(bad).is_none(), "{bad}");
    }
    let key = SecretKey::from_text(&"07".repeat(32)).unwrap();
    assert_eq!(
        key.public_key(),
        SecretKey::from_seed(&[7; 32]).public_key()
    );
    let shown = format!("{key:?}");
    assert!(!shown.contains("0707"), "{shown}");
}
