//! One core and raw `get` and `put` messages: what is stored, what is refused
//! and with which code [B44].

#![allow(clippy::unwrap_used)] // a panic fails the test

mod getting;
mod holding;
mod putting;
#[path = "../world/mod.rs"]
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
