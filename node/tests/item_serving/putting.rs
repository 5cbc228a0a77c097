//! Which puts are taken, and with which code others are refused.

use super::*;

#[test]
fn refused_puts_and_their_codes() {
    let mut bench = Bench::new();
    let from = addr(7);
    let item = signed(4, "four");
    let (target, whole) = (item.target(), item.fields());
    let with = |fields| Put {
        fields,
        ..Put::default()
    };
    let long = format!("996:{}", "x".repeat(996));
    let longer = format!("997:{}", "x".repeat(997));
    let forged = [7; 64];
    let protocol = error_code::PROTOCOL;
    for (name, put, code) in [
        (
            "no value",
            with(ItemFields {
                value: None,
                ..whole
            }),
            protocol,
        ),
        (
            "v of 1,001 bytes",
            with(ItemFields {
                value: Some(longer.as_bytes()),
                ..whole
            }),
            error_code::VALUE_TOO_LONG,
        ),
        (
            "v of 1,000 bytes, of another signature",
            with(ItemFields {
                value: Some(long.as_bytes()),
                ..whole
            }),
            error_code::BAD_SIGNATURE,
        ),
        (
            "salt of 65 bytes",
            Put {
                salt: Some(&[b's'; 65]),
                ..with(whole)
            },
            error_code::SALT_TOO_LONG,
        ),
        (
            "no signature",
            with(ItemFields {
                signature: None,
                ..whole
            }),
            protocol,
        ),
        (
            "no sequence number",
            with(ItemFields {
                sequence: None,
                ..whole
            }),
            protocol,
        ),
        (
            "no key",
            with(ItemFields {
                public_key: None,
                ..whole
            }),
            protocol,
        ),
        (
            "seq negative",
            with(ItemFields {
                sequence: Some(-1),
                ..whole
            }),
            protocol,
        ),
        (
            "another seq than was signed",
            with(ItemFields {
                sequence: Some(5),
                ..whole
            }),
            error_code::BAD_SIGNATURE,
        ),
        (
            "forged signature",
            with(ItemFields {
                signature: Some(&forged),
                ..whole
            }),
            error_code::BAD_SIGNATURE,
        ),
        // the token is one for the target without salt
        (
            "salt that makes another target",
            Put {
                salt: Some(b"s"),
                ..with(whole)
            },
            protocol,
        ),
    ] {
        assert_eq!(bench.put_fields(from, target, &put), Err(code), "{name}");
    }
    assert_eq!(bench.core.stored_items(), (0, 0));
    assert_eq!(bench.core.item_counts().refused, 11);
    assert_eq!(bench.put(from, &item, None), Ok(()));
}

/// seq of 2^63 is none at all: 64 bits do not hold it.
#[test]
fn sequence_numbers_beyond_64_bits() {
    let mut bench = Bench::new();
    let last = signed(i64::MAX, "last");
    let token = bench.token(addr(7), last.target());
    let query = Query::put(ASKER, last.fields(), &token);
    let bytes = Message::new(b"aa", Body::Query(query)).encode();
    let at = bytes
        .windows(19)
        .position(|w| w == b"9223372036854775807")
        .unwrap();
    let mut beyond = bytes.clone();
    beyond[at + 18] = b'8';
    assert_eq!(bench.send(addr(7), &beyond), Err(error_code::PROTOCOL));
    assert!(bench.send(addr(7), &bytes).is_ok());
}

#[test]
fn a_key_of_small_order_signs_nothing() {
    let mut bench = Bench::new();
    // the neutral element: the signature (key, 0) fits every message
    let key: [u8; 32] = std::array::from_fn(|i| u8::from(i == 0));
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&key);
    let fields = ItemFields {
        public_key: Some(&key),
        sequence: Some(1),
        signature: Some(&signature),
        value: Some(b"4:mine"),
    };
    let put = Put {
        fields,
        ..Put::default()
    };
    let target = target_of(&key);
    let answer = bench.put_fields(addr(7), target, &put);
    assert_eq!(answer, Err(error_code::BAD_SIGNATURE));
}

/// SHA-1 of the neutral element of ed25519, as 32 bytes.
fn target_of(key: &[u8; 32]) -> Id {
    assert_eq!(key[0], 1);
    "cbd9cbfc20182e4b71e593e7ad598fc383cc6058".parse().unwrap()
}

#[test]
fn order_of_sequence_numbers_and_cas() {
    let mut bench = Bench::new();
    let from = addr(7);
    assert_eq!(
        bench.put(from, &signed(5, "five"), Some(3)),
        Ok(()),
        "nothing to compare"
    );
    for (item, cas, expected) in [
        (signed(4, "four"), None, Err(error_code::SEQUENCE_TOO_LOW)),
        (signed(5, "other"), None, Err(error_code::SEQUENCE_TOO_LOW)),
        (signed(5, "five"), None, Ok(())),
        (signed(6, "six"), Some(4), Err(error_code::CAS_MISMATCH)),
        (signed(4, "four"), Some(4), Err(error_code::CAS_MISMATCH)),
        (
            signed(4, "four"),
            Some(5),
            Err(error_code::SEQUENCE_TOO_LOW),
        ),
        (signed(6, "six"), Some(5), Ok(())),
        (signed(7, "seven"), None, Ok(())),
    ] {
        assert_eq!(bench.put(from, &item, cas), expected, "{item:?} {cas:?}");
    }
    let held = bench.get(from, signed(0, "").target());
    assert_eq!(response(&held).item.sequence, Some(7));
    assert_eq!(bench.core.stored_items().0, 1);
}

#[test]
fn tokens_are_bound_to_address_and_target_and_time() {
    let mut bench = Bench::new();
    let value = text("mine");
    let (from, fields) = (addr(7), ItemFields::immutable(value.as_bencode()));
    let token = bench.token(from, value.target());
    let put = |token| Query::put(ASKER, fields, token);
    let other_port = SocketAddr::new(from.ip(), 7);
    let bad = Err(error_code::PROTOCOL);
    assert_eq!(bench.ask(addr(8), put(&token)), bad, "another address");
    assert_eq!(bench.ask(other_port, put(&token)), bad, "another port");
    let elsewhere = bench.token(from, text("other").target());
    assert_eq!(bench.ask(from, put(&elsewhere)), bad, "another target");
    assert_eq!(bench.ask(from, put(b"")), bad, "none");
    assert!(bench.ask(from, put(&token)).is_ok());
    for _ in 0..2 {
        bench.later(Duration::from_secs(301));
    }
    assert_eq!(bench.ask(from, put(&token)), bad, "an old one");
    assert_eq!(bench.core.stats().bad_tokens, 5);
}

proptest! {
    /// Whatever becomes of a put on its way: it is answered as itself or with
    /// an error, and only what hashes or was signed is ever held.
    #[test]
    fn changed_puts_never_panic_and_store_nothing_forged(
        changes in prop::collection::vec((0_usize..400, any::<u8>()), 1..40),
    ) {
        let mut settings = config(0, "bep5", "standard");
        settings.rate_limit = None;
        let mut bench = Bench::with(settings);
        let item = MutableItem::sign(&key(), b"salt", 3, text("Hello World!")).unwrap();
        let from = addr(7);
        let token = bench.token(from, item.target());
        let put = Query {
            salt: Some(item.salt()),
            cas: Some(2),
            ..Query::put(ASKER, item.fields(), &token)
        };
        let whole = Message::new(b"aa", Body::Query(put)).encode();
        for (at, byte) in changes {
            let mut bytes = whole.clone();
            let len = bytes.len();
            bytes[at % len] = byte;
            bench.core.handle_datagram(bench.now, SOCKET, from, &bytes);
            while bench.core.poll_transmit().is_some() {}
            bench.core.handle_timeout(bench.now);
        }
        let held = bench.get(from, item.target());
        let held = response(&held).item;
        prop_assert!(held == ItemFields::NONE || held == item.fields());
        prop_assert!(bench.core.stored_items().0 <= 1);
    }
}
