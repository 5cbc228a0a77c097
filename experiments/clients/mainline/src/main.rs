//! The crate `mainline` as a client: `mainline-driver IP PORT BOOTSTRAP DIR`,
//! driven by lines as ../README.md says.

// the calls that wait are enough here
#![allow(deprecated)]

use std::io::BufRead;
use std::net::Ipv4Addr;

use mainline::{Dht, Id};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [ip, port, bootstrap, _dir] = args.as_slice() else {
        return Err("usage: mainline-driver IP PORT BOOTSTRAP DIR".into());
    };
    let dht = Dht::builder()
        .bind_address(ip.parse::<Ipv4Addr>()?)
        .port(port.parse()?)
        .bootstrap(&[bootstrap])
        // answers queries from the start, as all others do; by itself it would
        // do so once it has been reachable for a quarter of an hour
        .server_mode()
        .build()?;
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
            _ if line == "stop" => break,
            _ => eprintln!("no such command: {line}"),
        }
    }
    Ok(())
}
