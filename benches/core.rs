//! Queries that the core answers a second, without sockets: from the datagram
//! to the datagram. Beside it, in the same run, the least that any node must
//! do: scan the query and encode the answer.
//!
//! ```text
//! cargo bench --bench core
//! ```

#![allow(clippy::unwrap_used)] // a panic ends the bench

use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant as Clock};

use mdht_krpc::{Body, Id, Instant, Message, Method, Query, Response, Rng};
use mdht_node::core::{Config, Core, SocketId, Transmit};
use mdht_plugins::Registry;

/// How long each measurement lasts.
const ROUND: Duration = Duration::from_millis(400);
/// Rounds; the median is printed.
const ROUNDS: usize = 7;
/// Nodes that ask, and that the core has in its table as far as they fit.
const ASKERS: u32 = 4096;

fn main() {
    println!("queries answered a second, one core, no sockets (median of {ROUNDS})\n");
    println!(
        "{:<34}{:>12}{:>16}{:>8}",
        "", "core", "scan + encode", "ratio"
    );
    for routing in ["bep5", "nr128"] {
        let mut core = full_core(routing);
        let mut rng = Rng::from_u64(2);
        let queries = [
            ("ping", Query::new(Method::Ping, Id::random(&mut rng))),
            (
                "find_node",
                Query::find_node(Id::random(&mut rng), Id::random(&mut rng)),
            ),
            (
                "get_peers",
                Query::get_peers(Id::random(&mut rng), Id::random(&mut rng)),
            ),
        ];
        for (name, query) in queries {
            let datagram = Message::new(b"abcd", Body::Query(query)).encode();
            let answer = ask(&mut core, 1, &datagram).payload;
            let (mut served, mut bare) = (Vec::new(), Vec::new());
            for _ in 0..ROUNDS {
                served.push(rate(|n| {
                    let answer = black_box(ask(&mut core, n, &datagram));
                    core.recycle(answer.payload);
                }));
                bare.push(rate(|_| _ = black_box(scan_and_encode(&datagram, &answer))));
            }
            let (served, bare) = (median(served), median(bare));
            let label = format!("{name} ({routing}, {} B)", answer.len());
            println!(
                "{label:<34}{served:>12.0}{bare:>16.0}{:>8.2}",
                served / bare
            );
        }
    }
}

/// A node that many others have talked to, and that knows its neighbours.
fn full_core(routing: &str) -> Core {
    let registry = Registry::builtin();
    let (routing, lookup) = (registry.routing(routing), registry.lookup("standard"));
    let config = Config {
        rate_limit: None,
        ..Config::new(vec![addr(0)], routing.unwrap(), lookup.unwrap())
    };
    let mut core = Core::new(config, [1; 32], Instant::ZERO);
    let mut rng = Rng::from_u64(1);
    let ids: Vec<_> = (0..ASKERS).map(|_| Id::random(&mut rng)).collect();
    core.add_bootstrap(Instant::ZERO, &[addr(1)]);
    // ten virtual minutes in which everybody queries us and answers our pings
    for second in 0..600 {
        let now = Instant::from_micros(second * 1_000_000);
        core.handle_timeout(now);
        for n in 1..200 {
            let n = (u32::try_from(second).unwrap() * 200 + n) % (ASKERS - 1) + 1;
            let query = Query::new(Method::Ping, ids[n as usize]);
            let ping = Message::new(b"aa", Body::Query(query)).encode();
            core.handle_datagram(now, SocketId(0), addr(n), &ping);
        }
        while let Some(Transmit { to, payload, .. }) = core.poll_transmit() {
            let message = Message::scan(&payload).unwrap();
            let SocketAddr::V4(v4) = to else { continue };
            let index = (u32::from(*v4.ip()) - u32::from(Ipv4Addr::new(8, 0, 0, 0))) as usize;
            if matches!(message.body, Body::Query(_)) {
                let body = Body::Response(Response::new(ids[index]));
                let answer = Message::new(message.transaction_id, body).encode();
                core.handle_datagram(now, SocketId(0), to, &answer);
            }
        }
        while core.poll_event().is_some() {}
    }
    core
}

fn addr(n: u32) -> SocketAddr {
    (
        Ipv4Addr::from(u32::from(Ipv4Addr::new(8, 0, 0, 0)) + n),
        6881,
    )
        .into()
}

/// One query in, one answer out. Time stands still: nothing else is due.
fn ask(core: &mut Core, n: u32, datagram: &[u8]) -> Transmit {
    let now = Instant::from_micros(600_000_000);
    core.handle_datagram(now, SocketId(0), addr(n % (ASKERS - 1) + 1), datagram);
    let mut answer = None;
    while let Some(transmit) = core.poll_transmit() {
        // maintenance that the query sets off is part of its cost
        answer = answer.or(Some(transmit));
    }
    answer.unwrap()
}

fn scan_and_encode(query: &[u8], answer: &[u8]) -> Vec<u8> {
    black_box(Message::scan(query).unwrap());
    Message::scan(answer).unwrap().encode()
}

/// Calls a second.
#[allow(clippy::disallowed_methods)] // a bench reads the clock
fn rate(mut call: impl FnMut(u32)) -> f64 {
    let begun = Clock::now();
    let mut calls = 0_u32;
    while begun.elapsed() < ROUND {
        for _ in 0..256 {
            call(calls);
            calls = calls.wrapping_add(1);
        }
    }
    f64::from(calls) / begun.elapsed().as_secs_f64()
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}
