//! `mdht overlay serve` against its targets: packets a second, and by how much
//! a delay is off at half of them. Runs on 127.0.0.0/8, without privileges.
//!
//! ```text
//! cargo bench --bench serve                   throughput and delay
//! cargo bench --bench serve -- delay          only what begins with `delay`
//! ```

#![allow(clippy::unwrap_used)] // a panic ends the bench
#![allow(clippy::cast_possible_truncation)] // shares and counts that fit

#[cfg(target_os = "linux")]
#[path = "serve/load.rs"]
mod load;
#[cfg(target_os = "linux")]
#[path = "serve/served.rs"]
mod served;
#[cfg(target_os = "linux")]
#[path = "serving/usage.rs"]
mod usage;

#[cfg(target_os = "linux")]
fn main() {
    let asked: Vec<_> = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with("--"))
        .collect();
    let benches: [(&str, fn()); 2] = [("throughput", throughput), ("delay", delay)];
    for (name, bench) in benches {
        if asked.is_empty() || asked.iter().any(|asked| name.starts_with(asked.as_str())) {
            bench();
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("the overlay is served on Linux only");
}

/// Queries a second, offered for a few seconds each.
#[cfg(target_os = "linux")]
const OFFERED: [u32; 5] = [20_000, 40_000, 60_000, 80_000, 120_000];

#[cfg(target_os = "linux")]
fn throughput() {
    println!("target: 100,000 packets a second in and out");
    println!(
        "{:>12}{:>14}{:>14}{:>20}{:>18}",
        "queries/s", "answered %", "packets/s", "CPU us a packet", "late p99, ms"
    );
    for offered in OFFERED {
        let mut served = served::Served::start();
        let mut load = load::Load::new(served.bootstrap());
        let nodes = load.crawl(4000);
        let before = served.usage();
        let sent = load.offer(&nodes, offered, 5.0, &mut |_, _| {});
        let usage = served.usage() - before;
        let late = &served.stop()["late_ms"]["p99"];
        let packets = f64::from(sent.queries + sent.answers);
        println!(
            "{:>12.0}{:>14.1}{:>14.0}{:>20.1}{:>18}",
            f64::from(sent.queries) / sent.seconds,
            100.0 * f64::from(sent.answers) / f64::from(sent.queries),
            packets / sent.seconds,
            usage / packets * 1e6,
            late.to_string(),
        );
    }
}

#[cfg(target_os = "linux")]
fn delay() {
    const QUERIES: u32 = 28_000;
    let mut served = served::Served::start();
    let mut load = load::Load::new(served.bootstrap());
    let nodes = load.crawl(4000);
    let least = load.least_round_trips(&nodes[..nodes.len().min(300)]);
    let mut errors = Vec::new();
    let sent = load.offer(&nodes, QUERIES, 5.0, &mut |node, took| {
        if let Some(least) = least.get(&node) {
            errors.push((took - least).abs() * 1e3);
        }
    });
    errors.sort_by(f64::total_cmp);
    let at = |share: f64| errors[((errors.len() - 1) as f64 * share) as usize];
    println!("target: delay error below 2 ms at the 99th percentile, at 50,000 packets a second");
    println!(
        "at {:.0} packets/s, {} round trips: off by {:.2} ms in the median, {:.2} at p90, {:.2} at p99",
        f64::from(sent.queries + sent.answers) / sent.seconds,
        errors.len(),
        at(0.5),
        at(0.9),
        at(0.99)
    );
    let late = &served.stop()["late_ms"];
    println!(
        "the server's own view, due to sent: p50 {} p99 {} ms",
        late["p50"], late["p99"]
    );
}
