//! Decoding and encoding of KRPC messages, against `serde_bencode`.
//!
//! ```text
//! cargo bench --bench codec
//! ```
//!
//! Contenders:
//! - `scan`, `decode_strict`, `encode`, `encode_into`: ours. `decode_strict` is
//!   bendy underneath; `encode_into` writes into one buffer again and again.
//! - `scan alone`: without walking the contacts and peers.
//! - `serde_bencode`: the structures that a Rust author would write for it.
//! - `mainline shape`: the codec of the `mainline` crate 8.0.1 is private and
//!   cannot be called. It is `serde_bencode` over nested tagged, untagged and
//!   flattened enums, so the same shape is declared here and run through the
//!   same `serde_bencode`. The crate then copies what was read into its own
//!   types (and clones and copies before it writes); that is left out, in its
//!   favour.
//!
//! Decoding includes walking every contact and peer. All contenders must get
//! the same ports out of a message, and write the same bytes, before any is
//! timed. They take turns in every round; the median round counts.

use std::cell::RefCell;
use std::hint::black_box;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mdht_krpc::{Body, Contact, Family, Id, Message, Nodes, Query, Response, Values};
use serde::Deserialize;

use crate::shapes::{Mainline, Plain, Ports};

#[path = "codec/shapes.rs"]
mod shapes;

const ROUNDS: usize = 15;
/// How long one contender runs in one round.
const TURN: Duration = Duration::from_millis(20);

type Task<'a> = (&'static str, Box<dyn Fn() + 'a>);

fn main() {
    println!("million messages a second, median of {ROUNDS} rounds, and ratio to serde_bencode");
    println!("(mainline shape: mainline 8.0.1's codec is private; its serde shape, rebuilt)\n");
    let id = Id::new(*b"abcdefghij0123456789");
    let mut nodes = Vec::new();
    for host in 1..=8 {
        let addr = SocketAddr::from(([203, 0, 113, host], 6881 + u16::from(host)));
        Nodes::write(&Contact::new(Id::new([host; 20]), addr), &mut nodes);
    }
    let peers: Vec<_> = (1..=20_u8)
        .map(|host| SocketAddr::from(([198, 51, 100, host], 50_000 + u16::from(host))))
        .collect();
    let found_nodes = Response {
        nodes: Some(Nodes::new(Family::V4, &nodes)),
        token: Some(b"aoeusnth"),
        ..Response::new(id)
    };
    let found_peers = Response {
        values: Some(Values::from_peers(&peers)),
        ..found_nodes.clone()
    };
    for (name, body) in [
        (
            "get_peers query",
            Body::Query(Query::get_peers(id, Id::new([7; 20]))),
        ),
        ("response, 8 nodes", Body::Response(found_nodes)),
        ("response, 8 nodes, 20 values", Body::Response(found_peers)),
    ] {
        let message = Message {
            version: Some(b"LT\x02\x01"),
            ..Message::new(b"ab12", body)
        };
        compare(name, &message);
    }
}

fn compare(name: &str, message: &Message<'_>) {
    let bytes = message.encode();
    let expected = ports(message);
    let plain: Plain = serde_bencode::from_bytes(&bytes).expect("serde_bencode reads it");
    let mainline: Mainline = serde_bencode::from_bytes(&bytes).expect("mainline reads it");
    assert_eq!((plain.ports(), mainline.ports()), (expected, expected));
    for written in [
        serde_bencode::to_bytes(&plain),
        serde_bencode::to_bytes(&mainline),
    ] {
        assert_eq!(written.expect("it is encodable"), bytes);
    }

    let bytes = bytes.as_slice();
    println!("{name}, {} bytes", bytes.len());
    let strict = || Message::decode_strict(black_box(bytes)).map(|m| ports(&m));
    let scan = || Message::scan(black_box(bytes)).map(|m| ports(&m));
    let scan_alone = || drop(black_box(Message::scan(black_box(bytes))));
    run(
        "decode",
        &[
            task("serde_bencode", || decode::<Plain>(bytes)),
            task("mainline shape", || decode::<Mainline>(bytes)),
            task("decode_strict", strict),
            task("scan", scan),
            task("scan alone", scan_alone),
        ],
    );
    let encode = || black_box(message).encode();
    let buffer = RefCell::new(Vec::new());
    let encode_into = || {
        let mut buffer = buffer.borrow_mut();
        buffer.clear();
        black_box(message).encode_into(&mut buffer);
    };
    run(
        "encode",
        &[
            task("serde_bencode", || {
                serde_bencode::to_bytes(black_box(&plain))
            }),
            task("mainline shape", || {
                serde_bencode::to_bytes(black_box(&mainline))
            }),
            task("encode", encode),
            task("encode_into", encode_into),
        ],
    );
    println!();
}

/// A named contender, whose result the optimiser must believe to be used.
fn task<'a, T>(name: &'static str, task: impl Fn() -> T + 'a) -> Task<'a> {
    (name, Box::new(move || drop(black_box(task()))))
}

/// Sum of the ports of all contacts and peers of a message.
fn ports(message: &Message<'_>) -> u64 {
    let Body::Response(response) = &message.body else {
        return 0;
    };
    let contacts = response.nodes.iter().flat_map(|nodes| nodes.iter());
    let peers = response.values.iter().flat_map(|values| values.iter());
    let addrs = contacts.map(|contact| contact.addr).chain(peers);
    addrs.map(|addr| u64::from(addr.port())).sum()
}

fn decode<'a, T: Deserialize<'a> + Ports>(bytes: &'a [u8]) -> Option<u64> {
    let message: T = serde_bencode::from_bytes(black_box(bytes)).ok()?;
    Some(message.ports())
}

/// Times `tasks` in turns and prints a line for each; the first is the yardstick.
fn run(what: &str, tasks: &[Task<'_>]) {
    let per_turn: Vec<u32> = tasks.iter().map(|(_, task)| iterations(task)).collect();
    let mut rates = vec![Vec::with_capacity(ROUNDS); tasks.len()];
    for _ in 0..ROUNDS {
        for ((rates, (_, task)), &count) in rates.iter_mut().zip(tasks).zip(&per_turn) {
            rates.push(f64::from(count) / time(task, count).as_secs_f64());
        }
    }
    let medians = rates.into_iter().map(|mut rates| {
        rates.sort_by(f64::total_cmp);
        rates[ROUNDS / 2]
    });
    let medians: Vec<f64> = medians.collect();
    for ((name, _), rate) in tasks.iter().zip(&medians) {
        let (millions, ratio) = (rate / 1e6, rate / medians[0]);
        println!("  {what}  {name:<15} {millions:>7.2}  {ratio:>6.1} x");
    }
}

/// How many calls fill a turn.
fn iterations(task: &dyn Fn()) -> u32 {
    let mut count = 1;
    while time(task, count) < TURN {
        count *= 2;
    }
    count
}

#[allow(clippy::disallowed_methods)] // a benchmark measures the real clock
fn time(task: &dyn Fn(), count: u32) -> Duration {
    let start = Instant::now();
    (0..count).for_each(|_| task());
    start.elapsed()
}
