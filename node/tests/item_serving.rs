//! One core and raw `get` and `put` messages: what is stored, what is refused
//! and with which code [B44].

#![allow(clippy::unwrap_used)] // a panic fails the test

mod world;

use std::net::SocketAddr;
use std::time::Duration;

use mdht_krpc::{
    Body, Contact, Family, Id, Instant, ItemFields, Message, Nodes, Query, Response, Want,
    error_code,
};
use mdht_node::core::{Config, Core, ItemStoreConfig, SocketId};
use mdht_node::item::{MutableItem, SecretKey, Value};
use proptest::prelude::*;
use world::{addr, config};

const SOCKET: SocketId = SocketId(0);
const ASKER: Id = Id::new([9; 20]);

struct Bench {
    core: Core,
    now: Instant,
}

/// What a query was answered with: a response, or the code of an error.
type Answer = Result<Vec<u8>, i64>;

impl Bench {
    fn new() -> Self {
        Self::with(config(0, "bep5", "standard"))
    }

    fn with(config: Config) -> Self {
        let now = Instant::ZERO;
        let core = Core::new(config, [1; 32], now);
        Self { core, now }
    }

    fn later(&mut self, time: Duration) {
        self.now += time;
        self.core.handle_timeout(self.now);
    }

    fn ask(&mut self, from: SocketAddr, query: Query<'_>) -> Answer {
        self.send(from, &Message::new(b"aa", Body::Query(query)).encode())
    }

    fn send(&mut self, from: SocketAddr, bytes: &[u8]) -> Answer {
        self.core.handle_datagram(self.now, SOCKET, from, bytes);
        let sent = std::iter::from_fn(|| self.core.poll_transmit());
        let mut answers = sent.filter(|sent| sent.to == from).filter_map(|sent| {
            match Message::decode_strict(&sent.payload).unwrap().body {
                Body::Query(_) => None,
                Body::Response(_) => Some(Ok(sent.payload.clone())),
                Body::Error(error) => Some(Err(error.code)),
            }
        });
        answers.next().expect("an answer")
    }

    fn get(&mut self, from: SocketAddr, target: Id) -> Vec<u8> {
        self.ask(from, Query::get(ASKER, target)).unwrap()
    }

    fn token(&mut self, from: SocketAddr, target: Id) -> Vec<u8> {
        response(&self.get(from, target)).token.unwrap().to_vec()
    }

    /// Puts fields as they are, with a token for `target`.
    fn put_fields(&mut self, from: SocketAddr, target: Id, put: &Put<'_>) -> Answer {
        let token = self.token(from, target);
        let query = Query {
            salt: put.salt,
            cas: put.cas,
            ..Query::put(ASKER, put.fields, &token)
        };
        self.ask(from, query)
    }

    fn put(&mut self, from: SocketAddr, item: &MutableItem, cas: Option<i64>) -> Result<(), i64> {
        let put = Put {
            fields: item.fields(),
            salt: Some(item.salt()),
            cas,
        };
        self.put_fields(from, item.target(), &put).map(drop)
    }

    fn put_immutable(&mut self, from: SocketAddr, value: &Value) -> Result<(), i64> {
        let put = Put {
            fields: ItemFields::immutable(value.as_bencode()),
            ..Put::default()
        };
        self.put_fields(from, value.target(), &put).map(drop)
    }

    /// Fills the table, so that answers hold as many contacts as they can.
    fn meet_many(&mut self) {
        for n in 1..60 {
            let mut id = [0; 20];
            id[0] = u8::try_from(4 * n).unwrap();
            let contact = Contact::new(Id::new(id), addr(n));
            let ping = Query::find_node(contact.id, ASKER);
            let _ = self.ask(contact.addr, ping);
        }
    }
}

#[derive(Default)]
struct Put<'a> {
    fields: ItemFields<'a>,
    salt: Option<&'a [u8]>,
    cas: Option<i64>,
}

fn response(payload: &[u8]) -> Response<'_> {
    match Message::decode_strict(payload).unwrap().body {
        Body::Response(response) => response,
        other => panic!("{other:?}"),
    }
}

fn text(text: &str) -> Value {
    Value::from_text(text).unwrap()
}

fn key() -> SecretKey {
    SecretKey::from_seed(&[1; 32])
}

fn signed(sequence: i64, says: &str) -> MutableItem {
    MutableItem::sign(&key(), b"", sequence, text(says)).unwrap()
}

#[test]
fn a_get_answer_has_token_contacts_and_the_item() {
    let mut bench = Bench::new();
    bench.meet_many();
    let item = signed(3, "Hello World!");
    let before = bench.get(addr(7), item.target());
    let before = response(&before);
    assert!(before.token.is_some() && before.nodes.is_some());
    assert_eq!(before.item, ItemFields::NONE);
    assert_eq!(bench.put(addr(7), &item, None), Ok(()));
    let after = bench.get(addr(8), item.target());
    let after = response(&after);
    assert_eq!(after.item, item.fields());
    assert_eq!(
        (after.id, after.nodes.unwrap().len()),
        (bench.core.id(Family::V4), 8)
    );
    // an immutable one has its value only
    assert_eq!(bench.put_immutable(addr(7), &text("here")), Ok(()));
    let found = bench.get(addr(8), text("here").target());
    assert_eq!(response(&found).item, ItemFields::immutable(b"4:here"));
    assert_eq!(bench.core.stored_items().0, 2);
}

#[test]
fn values_of_any_type_are_kept_to_the_byte() {
    let mut bench = Bench::new();
    // the last is not canonical; its hash is that of these bytes
    for bencode in ["i-7e", "0:", "l3:abci1ee", "d1:ad1:b0:ee", "d1:b0:1:ai01ee"] {
        let value = Value::from_bencode(bencode.as_bytes()).unwrap();
        let token = bench.token(addr(7), value.target());
        let fields = ItemFields::immutable(value.as_bencode());
        let put = Message::new(b"aa", Body::Query(Query::put(ASKER, fields, &token))).encode();
        assert!(bench.send(addr(7), &put).is_ok(), "{bencode}");
        let get = Query::get(ASKER, value.target());
        let get = Message::new(b"aa", Body::Query(get)).encode();
        bench.core.handle_datagram(bench.now, SOCKET, addr(8), &get);
        let sent = std::iter::from_fn(|| bench.core.poll_transmit());
        let sent = sent.filter(|sent| sent.to == addr(8)).last().unwrap();
        let Body::Response(found) = Message::scan(&sent.payload).unwrap().body else {
            panic!("no response");
        };
        assert_eq!(found.item.value, Some(bencode.as_bytes()));
    }
}

#[test]
fn only_newer_items_are_sent_to_who_names_a_sequence_number() {
    let mut bench = Bench::new();
    let item = signed(5, "five");
    bench.put(addr(7), &item, None).unwrap();
    for (known, whole) in [(4, true), (5, false), (6, false), (-1, true)] {
        let query = Query {
            item: ItemFields {
                sequence: Some(known),
                ..ItemFields::NONE
            },
            ..Query::get(ASKER, item.target())
        };
        let answer = bench.ask(addr(8), query).unwrap();
        let found = response(&answer).item;
        assert_eq!(found.sequence, Some(5));
        let rest = (found.value, found.signature, found.public_key);
        let fields = item.fields();
        match whole {
            true => assert_eq!(rest, (fields.value, fields.signature, fields.public_key)),
            false => assert_eq!(rest, (None, None, None), "{known}"),
        }
    }
}

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

#[test]
fn what_is_stored_is_forgotten_after_two_hours() {
    let mut bench = Bench::new();
    bench.put_immutable(addr(7), &text("kept")).unwrap();
    bench.put_immutable(addr(7), &text("lost")).unwrap();
    bench.later(Duration::from_secs(3600));
    bench.put_immutable(addr(8), &text("kept")).unwrap();
    bench.later(Duration::from_secs(3601));
    let lost = bench.get(addr(7), text("lost").target());
    assert_eq!(response(&lost).item, ItemFields::NONE);
    let kept = bench.get(addr(7), text("kept").target());
    assert!(response(&kept).has_item());
    bench.later(Duration::from_secs(3600));
    assert_eq!(bench.core.stored_items(), (0, 0));
    let counts = bench.core.item_counts();
    assert_eq!((counts.stored, counts.renewed, counts.expired), (2, 1, 2));
}

/// The longest value there is, with all else that an answer may hold: contacts
/// give way.
#[test]
fn no_answer_is_longer_than_1400_bytes() {
    let both = vec![addr(0), "[2001:db8::1]:6881".parse().unwrap()];
    let mut bench = Bench::with(Config {
        sockets: both,
        ..config(0, "bep5", "standard")
    });
    bench.meet_many();
    for n in 1..60 {
        let mut id = [0; 20];
        id[0] = u8::try_from(4 * n).unwrap();
        let from: SocketAddr = format!("[2001:db8:{n}::1]:6881").parse().unwrap();
        let query = Query::find_node(Id::new(id), ASKER);
        let bytes = Message::new(b"aa", Body::Query(query)).encode();
        bench
            .core
            .handle_datagram(bench.now, SocketId(1), from, &bytes);
        while bench.core.poll_transmit().is_some() {}
    }
    let value = Value::from_bytes(&[b'v'; 996]).unwrap();
    let item = MutableItem::sign(&key(), &[b's'; 64], i64::MAX, value).unwrap();
    bench.put(addr(70), &item, None).unwrap();
    let mut answers = Vec::new();
    for (v4, v6) in [(false, false), (true, true), (false, true)] {
        let query = Query {
            want: Want { v4, v6 },
            ..Query::get(ASKER, item.target())
        };
        let answer = bench.ask(addr(71), query).unwrap();
        let found = response(&answer);
        assert_eq!(found.item, item.fields());
        let count = |nodes: Option<Nodes<'_>>| nodes.map(|nodes| nodes.len());
        answers.push((count(found.nodes), count(found.nodes6)));
        assert!(answer.len() <= 1400, "{}", answer.len());
        assert!(
            answer.len() > 1300,
            "more contacts would have fit: {}",
            answer.len()
        );
    }
    assert_eq!(
        answers,
        [(Some(6), None), (Some(5), Some(0)), (None, Some(4))]
    );
    // a short value leaves room for all
    bench.put_immutable(addr(70), &text("short")).unwrap();
    let query = Query {
        want: Want { v4: true, v6: true },
        ..Query::get(ASKER, text("short").target())
    };
    let answer = bench.ask(addr(71), query).unwrap();
    let found = response(&answer);
    assert_eq!(
        (found.nodes.unwrap().len(), found.nodes6.unwrap().len()),
        (8, 8)
    );
}

#[test]
fn the_store_is_bounded_whoever_fills_it() {
    let mut settings = config(0, "bep5", "standard");
    settings.rate_limit = None;
    settings.items = ItemStoreConfig {
        max_items: 50,
        per_source: 10,
        ..ItemStoreConfig::default()
    };
    let mut bench = Bench::with(settings);
    let full = Err(error_code::SERVER);
    let mut refused = 0;
    for n in 0..2000 {
        let put = bench.put_immutable(addr(1 + n % 20), &text(&n.to_string()));
        refused += usize::from(put == full);
        let (items, bytes) = bench.core.stored_items();
        assert!(items <= 50 && bytes <= 1 << 20);
    }
    let counts = bench.core.item_counts();
    assert!(refused > 1000 && counts.refused == refused as u64);
    assert_eq!(bench.core.stored_items().0, 50);
    assert_eq!(counts.stored - counts.evicted, 50);
}

#[test]
fn a_get_without_target_and_a_read_only_node() {
    let mut bench = Bench::new();
    let query = Query {
        target: None,
        ..Query::get(ASKER, Id::default())
    };
    assert_eq!(bench.ask(addr(7), query), Err(error_code::PROTOCOL));
    let mut quiet = Bench::with(Config {
        read_only: true,
        ..config(0, "bep5", "standard")
    });
    let bytes = Message::new(b"aa", Body::Query(Query::get(ASKER, ASKER))).encode();
    quiet
        .core
        .handle_datagram(quiet.now, SOCKET, addr(7), &bytes);
    assert!(quiet.core.poll_transmit().is_none());
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
