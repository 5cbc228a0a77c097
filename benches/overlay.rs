//! The emulated overlay against its targets: memory and speed.
//!
//! ```text
//! cargo bench --bench overlay                 all but the world of a million full nodes
//! cargo bench --bench overlay -- full         only what begins with `full`
//! cargo bench --bench overlay -- million      a million full nodes: up to 20 GiB
//! ```

#![allow(clippy::unwrap_used)] // a panic ends the bench

#[path = "overlay/full.rs"]
mod full;
#[path = "overlay/modelled.rs"]
mod modelled;
#[path = "overlay/process.rs"]
mod process;
#[path = "overlay/queue.rs"]
mod queue;

/// A bench's name and what it does.
type Bench = (&'static str, fn());

const BENCHES: [Bench; 7] = [
    ("build", modelled::build),
    ("pairs", modelled::pairs),
    ("lookups", modelled::lookups),
    ("wheel", queue::wheel_and_heap),
    ("full-hour", full::an_hour_of_nice),
    ("full-memory", full::hundred_thousand),
    ("million", full::million),
];

fn main() {
    let asked: Vec<_> = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with("--"))
        .collect();
    let is_asked = |name: &str| match asked.is_empty() {
        true => name != "million",
        false => asked.iter().any(|asked| name.starts_with(asked.as_str())),
    };
    for (name, bench) in BENCHES {
        if is_asked(name) {
            bench();
        }
    }
}

/// One figure with its target.
fn report(what: &str, figure: &str, target: &str) {
    println!("{what:<58}{figure:>18}   target {target}");
}
