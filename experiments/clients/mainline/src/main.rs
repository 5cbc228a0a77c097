//! The crate `mainline` as a client: `mainline-driver IP PORT BOOTSTRAP DIR`,
//! driven by lines as ../README.md says. With `client` behind them it is what
//! it is by default: read-only. Two lines more: `id` is answered by its node ID,
//! `table` by the addresses in its routing table, on one line.

// the calls that wait are enough here
#![allow(deprecated)]

use std::io::BufRead;
use std::net::Ipv4Addr;

use mainline::{Dht, Id};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [ip, port, bootstrap, _dir, mode @ ..] = args.as_slice() else {
        return Err("usage: mainline-driver IP PORT BOOTSTRAP DIR [client]".into());
    };
    let mut builder = Dht::builder();
    builder
        .bind_address(ip.parse::<Ipv4Addr>()?)
        .port(port.parse()?)
        .bootstrap(&[bootstrap]);
    if mode.is_empty() {
        // answers queries from the start, as all others do; by itself it would
        // do so once it has been reachable for a quarter of an hour
        builder.server_mode();
    }
    let dht = builder.build()?;
    println!("ready");
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        match line.split_once(' ') {
            Some(("lookup", infohash)) => {
                let infohash: Id = infohash.parse()?;
                let dht = dht.clone();
                std::thread::spawn(move || {
                    let peers: usize = dht.get_peers(infohash).map(|peers| peers.len()).sum();
                    println!("done {infohash} {peers}");
                });
            }
            _ if line == "id" => println!("id {}", dht.info().id()),
            _ if line == "table" => println!("table {}", dht.to_bootstrap().join(" ")),
            _ if line == "stop" => break,
            _ => eprintln!("no such command: {line}"),
        }
    }
    Ok(())
}
