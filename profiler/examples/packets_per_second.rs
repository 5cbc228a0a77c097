//! Profiles a synthetic capture and prints packets a second.
//!
//! ```text
//! cargo run --release -p mdht-profiler --example packets_per_second [PACKETS] [CAPTURE]
//! ```
//!
//! CAPTURE is kept, and used again if it is there.

#[path = "../tests/synthetic/mod.rs"]
mod synthetic;

use std::collections::VecDeque;
use std::error::Error;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Instant;

use mdht_krpc::{Body, Contact, Family, Id, Message, Nodes, Query, Response, Rng, Values};
use mdht_profiler::{Options, Profiler};
use synthetic::{Format, NODE, Pcap, addr, ethernet, udp_between};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let packets = match args.next() {
        Some(text) => text.parse()?,
        None => 2_000_000,
    };
    let kept = args.next().map(PathBuf::from);
    let path = kept.clone().unwrap_or_else(|| {
        std::env::temp_dir().join(format!("packets_per_second-{}.pcap", std::process::id()))
    });
    if !path.exists() {
        Work::write(&path, packets)?;
    }
    let outcome = measure(&path, packets);
    if kept.is_none() {
        std::fs::remove_file(&path)?;
    }
    outcome
}

#[allow(clippy::disallowed_methods)] // it is a stopwatch
fn measure(path: &Path, packets: u64) -> Result<(), Box<dyn Error>> {
    let bytes = std::fs::metadata(path)?.len();
    let report = |what: &str, start: Instant| {
        let seconds = start.elapsed().as_secs_f64();
        let (millions, gigabytes) = (packets as f64 / 1e6, bytes as f64 / 1e9);
        println!(
            "{what:<20} {:>7.2} million packets/s {:>7.2} GB/s",
            millions / seconds,
            gigabytes / seconds
        );
    };
    println!("{packets} packets, {:.0} MB", bytes as f64 / 1e6);
    for _ in 0..3 {
        let start = Instant::now();
        let mut buffer = vec![0; 1 << 20];
        let mut file = File::open(path)?;
        while file.read(&mut buffer)? > 0 {}
        report("reading the file", start);

        let nodes = vec![NODE.parse()?];
        let one = Profiler::new(Options {
            nodes,
            ..Options::default()
        });
        let start = Instant::now();
        let profile = one.run(&[path], &mut |_| {})?;
        report("one node named", start);
        let start = Instant::now();
        Profiler::new(Options::default()).run(&[path], &mut |_| {})?;
        report("no node named", start);
        if profile.captures[0].krpc_messages != packets {
            return Err("not every packet was read".into());
        }
    }
    let profile = Profiler::new(Options::default()).run(&[path], &mut |_| {})?;
    println!("\n{profile}");
    Ok(())
}

/// A node at work: lookups of about 20 queries with maintenance between them,
/// four of five queries answered, and a query from elsewhere for each of its
/// own.
struct Work {
    file: BufWriter<File>,
    pcap: Pcap,
    /// Packets still to be written.
    left: u64,
    rng: Rng,
}

impl Work {
    fn write(path: &Path, packets: u64) -> io::Result<()> {
        let mut work = Self {
            file: BufWriter::with_capacity(1 << 20, File::create(path)?),
            pcap: Pcap::new(Format {
                link_type: 1,
                ..Format::RAW_IP
            }),
            left: packets,
            rng: Rng::from_u64(1),
        };
        work.run()?;
        work.file.flush()
    }

    fn run(&mut self) -> io::Result<()> {
        let (node, node_id) = (addr(NODE), Id::random(&mut self.rng));
        let mut answers: VecDeque<(u64, SocketAddr, Vec<u8>)> = VecDeque::new();
        let mut infohash = node_id;
        let mut nanos = 0;
        for number in 0_u32.. {
            nanos += 20_000_000 + self.rng.next_u64() % 40_000_000;
            while answers.front().is_some_and(|(at, ..)| *at <= nanos) {
                if let Some((at, from, bytes)) = answers.pop_front() {
                    self.packet(at, from, node, &bytes)?;
                }
            }
            if number.is_multiple_of(25) {
                infohash = Id::random(&mut self.rng);
            }
            let (remote, tid) = (random_addr(&mut self.rng), &number.to_be_bytes()[1..]);
            let maintenance = number.is_multiple_of(5);
            let query = match maintenance {
                true => Query::find_node(node_id, Id::random(&mut self.rng)),
                false => Query::get_peers(node_id, infohash),
            };
            self.packet(nanos, node, remote, &message(tid, Body::Query(query)))?;
            if self.rng.below(5) > 0 {
                let values = !maintenance && self.rng.below(5) == 0;
                let bytes = response(tid, values, &mut self.rng);
                // always 80 ms, so that the answers are in order
                answers.push_back((nanos + 80_000_000, remote, bytes));
            }
            let stranger = random_addr(&mut self.rng);
            let id = Id::random(&mut self.rng);
            let query = Body::Query(Query::find_node(id, Id::random(&mut self.rng)));
            self.packet(nanos, stranger, node, &message(b"aa", query))?;
            let answer = response(b"aa", false, &mut self.rng);
            self.packet(nanos, node, stranger, &answer)?;
            if self.left == 0 {
                break;
            }
        }
        Ok(())
    }

    fn packet(
        &mut self,
        at: u64,
        from: SocketAddr,
        to: SocketAddr,
        payload: &[u8],
    ) -> io::Result<()> {
        if self.left == 0 {
            return Ok(());
        }
        self.left -= 1;
        let ip = udp_between(from, to, payload);
        self.pcap.packet(at, &ethernet(&ip, &[]));
        self.file.write_all(&self.pcap.bytes)?;
        self.pcap.bytes.clear();
        Ok(())
    }
}

fn message(tid: &[u8], body: Body<'_>) -> Vec<u8> {
    let mut message = Message::new(tid, body);
    message.version = Some(b"LT\x01\x02");
    message.encode()
}

fn response(tid: &[u8], with_values: bool, rng: &mut Rng) -> Vec<u8> {
    let mut nodes = Vec::new();
    for _ in 0..8 {
        let contact = Contact::new(Id::random(rng), random_addr(rng));
        Nodes::write(&contact, &mut nodes);
    }
    let peers: Vec<_> = (0..10).map(|_| random_addr(rng)).collect();
    let mut response = Response::new(Id::random(rng));
    response.nodes = Some(Nodes::new(Family::V4, &nodes));
    response.token = Some(b"token");
    response.values = with_values.then(|| Values::from_peers(&peers));
    message(tid, Body::Response(response))
}

/// One of a million addresses.
fn random_addr(rng: &mut Rng) -> SocketAddr {
    let number = u32::try_from(rng.below(1_000_000)).unwrap_or(0);
    (Ipv4Addr::from(0x0b00_0000 + number), 6881).into()
}
