//! Packets that the profiler reads a second, against tshark on the same file
//! and against merely reading it.
//!
//! ```text
//! cargo bench --bench profiling [-- PACKETS [CAPTURE]]
//! cargo bench --bench profiling -- memory PACKETS [CAPTURE]
//! cargo bench --bench profiling -- flows FLOWS
//! ```
//!
//! `memory` profiles the capture once and prints the most memory that the
//! process ever had (Linux); 8,400,000 packets are 2 GB. `flows` does the same
//! with a stream of so many flows, each to an address of its own, which is
//! made while it is read, and checks what was counted (see [`flows`]);
//! 10,000,000 flows are 2.2 GB.
//!
//! The capture is made here (see [`workload`]) and lies in the page cache. Of
//! 3,000,000 packets unless told otherwise; in a temporary file unless CAPTURE
//! is named, which is kept, and used again if it is there.
//!
//! Contenders, which take turns in every round; the median round counts:
//! - `read`: the file in blocks of 1 MiB, nothing done with them.
//! - `read and scan`: one record after the other, its payload through
//!   `Message::scan`, nothing matched or counted. The file's framing is known,
//!   so nothing of it is checked.
//! - `read by mdht`: the profiler for a node that is not in the capture: all
//!   that is done before a message is handed to a node under test.
//! - `mdht, one core`: the whole profile of one named node, in one thread.
//! - `mdht, two cores`: the same, read in a thread of its own.
//! - `tshark`: its DHT dissector with `-T fields`, on the first 200,000
//!   packets, without the time that it takes to start. The port is named, or
//!   another dissector seizes it, and messages that it does not recognise are
//!   a failure. Without tshark the bench fails.

#![allow(clippy::disallowed_methods)] // a benchmark measures the real clock

use std::error::Error;
use std::fs::File;
use std::hint::black_box;
use std::io::{self, BufRead, BufReader, Read};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use mdht_krpc::Message;
use mdht_profiler::{Options, Profiler};

#[path = "profiling/flows.rs"]
mod flows;
#[path = "../profiler/tests/flows/stream.rs"]
#[allow(clippy::cast_possible_truncation)] // lengths of messages made there
mod stream;
#[path = "profiling/workload.rs"]
mod workload;

const PACKETS: u64 = 3_000_000;
/// How many of them tshark reads.
const TSHARK_PACKETS: u64 = 200_000;
const ROUNDS: usize = 5;
/// Where these stand among the contenders.
const ONE_CORE: usize = 3;
const TWO_CORES: usize = 4;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    // cargo itself adds `--bench`
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    let mut next = args.next();
    if next.as_deref() == Some("flows") {
        return flows::run(args.next().ok_or("how many flows?")?.parse()?);
    }
    let memory = next.as_deref() == Some("memory");
    if memory {
        next = args.next();
    }
    let packets = next.map_or(Ok(PACKETS), |text| text.parse())?;
    let kept = args.next().map(PathBuf::from);
    let path = kept.clone().unwrap_or_else(|| {
        std::env::temp_dir().join(format!("mdht-profiling-{}.pcap", std::process::id()))
    });
    if !path.exists() {
        workload::write(&path, packets)?;
    }
    let outcome = match memory {
        true => peak_memory(&path, packets),
        false => compare(&path, packets),
    };
    if kept.is_none() {
        std::fs::remove_file(&path)?;
    }
    outcome
}

fn peak_memory(path: &Path, packets: u64) -> Outcome<()> {
    let before = peak_mb()?;
    profile(path, packets, workload::NODE, 2)?;
    let bytes = std::fs::metadata(path)?.len();
    println!(
        "{packets} packets, {:.0} MB: peak memory {:.0} MB, of which {before:.0} MB before",
        bytes as f64 / 1e6,
        peak_mb()?,
    );
    Ok(())
}

/// Most memory that this process ever had, in MB.
fn peak_mb() -> Outcome<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = peak.and_then(|text| text.trim().strip_suffix(" kB"));
    Ok(kib.ok_or("no VmHWM in /proc/self/status")?.parse::<f64>()? * 1024.0 / 1e6)
}

/// One way through the capture.
struct Contender<'a> {
    name: &'static str,
    /// Packets that it reads.
    packets: u64,
    /// Reads them and returns the seconds that it took.
    run: Box<dyn Fn() -> Outcome<f64> + 'a>,
}

fn compare(path: &Path, packets: u64) -> Outcome<()> {
    let bytes = std::fs::metadata(path)?.len();
    println!(
        "{packets} packets, {:.0} MB; median of {ROUNDS} rounds",
        bytes as f64 / 1e6
    );
    let whole = |name, run: fn(&Path, u64) -> Outcome<()>| Contender {
        name,
        packets,
        run: Box::new(move || seconds(|| run(path, packets))),
    };
    let mut contenders = vec![
        whole("read", read),
        whole("read and scan", read_and_scan),
        whole("read by mdht", |path, packets| {
            profile(path, packets, "192.0.2.1:1", 1)
        }),
        whole("mdht, one core", |path, packets| {
            profile(path, packets, workload::NODE, 1)
        }),
        whole("mdht, two cores", |path, packets| {
            profile(path, packets, workload::NODE, 2)
        }),
    ];
    let has_tshark = Command::new("tshark").arg("-v").output().is_ok();
    if has_tshark {
        let share = packets.min(TSHARK_PACKETS);
        let run = move || {
            let started = seconds(|| tshark(path, 1))?;
            Ok(seconds(|| tshark(path, share))? - started)
        };
        contenders.push(Contender {
            name: "tshark -T fields",
            packets: share,
            run: Box::new(run),
        });
    }
    let mut times = vec![Vec::new(); contenders.len()];
    for _ in 0..ROUNDS {
        for (times, contender) in times.iter_mut().zip(&contenders) {
            times.push((contender.run)()?);
        }
    }
    let rates: Vec<f64> = contenders
        .iter()
        .zip(times)
        .map(|(contender, times)| contender.packets as f64 / median(times))
        .collect();
    let bytes_per_packet = bytes as f64 / packets as f64;
    for (contender, rate) in contenders.iter().zip(&rates) {
        println!(
            "{:<18}{:>10.3} million packets/s{:>9.3} GB/s",
            contender.name,
            rate / 1e6,
            rate * bytes_per_packet / 1e9
        );
    }
    for mdht in [ONE_CORE, TWO_CORES] {
        println!("\n{}, against", contenders[mdht].name);
        for (contender, rate) in contenders.iter().zip(&rates) {
            println!("{:<18}{:>10.3} x", contender.name, rates[mdht] / rate);
        }
    }
    match has_tshark {
        true => Ok(()),
        false => Err("tshark is not installed, so nothing was compared with it".into()),
    }
}

fn seconds(run: impl FnOnce() -> Outcome<()>) -> Outcome<f64> {
    let start = Instant::now();
    run()?;
    Ok(start.elapsed().as_secs_f64())
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn read(path: &Path, _: u64) -> Outcome<()> {
    let mut file = File::open(path)?;
    let mut block = vec![0; 1 << 20];
    while file.read(&mut block)? > 0 {
        black_box(&mut block);
    }
    Ok(())
}

fn read_and_scan(path: &Path, packets: u64) -> Outcome<()> {
    let mut file = BufReader::with_capacity(1 << 20, File::open(path)?);
    io::copy(&mut file.by_ref().take(24), &mut io::sink())?;
    let mut record = Vec::new();
    let mut messages = 0;
    let mut header = [0; 16];
    while !file.fill_buf()?.is_empty() {
        file.read_exact(&mut header)?;
        let [.., a, b, c, d, _, _, _, _] = header;
        record.resize(u32::from_le_bytes([a, b, c, d]) as usize, 0);
        file.read_exact(&mut record)?;
        messages += u64::from(Message::scan(black_box(workload::payload(&record))).is_ok());
    }
    all_of(packets, messages)
}

fn profile(path: &Path, packets: u64, node: &str, threads: usize) -> Outcome<()> {
    let profiler = Profiler::new(Options {
        nodes: vec![node.parse()?],
        threads: NonZero::new(threads),
        ..Options::default()
    });
    let profile = profiler.run(&[path], &mut |_| {})?;
    all_of(packets, profile.captures[0].krpc_messages)
}

/// tshark's reading of the first `packets` packets, its lines counted.
fn tshark(path: &Path, packets: u64) -> Outcome<()> {
    let mut child = Command::new("tshark")
        .args(["-n", "-d", "udp.port==6881,bt-dht", "-r"])
        .arg(path)
        .args(["-c", &packets.to_string(), "-Y", "bt-dht", "-T", "fields"])
        .args(["-E", "aggregator=|", "-e", "ip.src", "-e", "udp.srcport"])
        .args(["-e", "bt-dht.bencoded.string", "-e", "bt-dht.error"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut lines = 0;
    if let Some(output) = child.stdout.take() {
        for line in BufReader::with_capacity(1 << 20, output).split(b'\n') {
            lines += u64::from(!line?.is_empty());
        }
    }
    if !child.wait()?.success() {
        return Err("tshark failed".into());
    }
    all_of(packets, lines)
}

fn all_of(packets: u64, recognised: u64) -> Outcome<()> {
    match recognised == packets {
        true => Ok(()),
        false => Err(format!("{recognised} of {packets} packets were recognised").into()),
    }
}
