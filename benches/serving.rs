//! Queries answered per second of the server's processor time, over loopback:
//! our node, a bare echo that answers with as many bytes and reads nothing,
//! and any other client, all asked by one generator, in turns, in one run.
//!
//! ```text
//! cargo bench --bench serving                       our node and the echo
//! cargo bench --bench serving -- --routing bep5 --routing harvest
//! experiments/clients/serving.sh                    and other clients
//! ```
//!
//! The nodes fill their tables in a served overlay on 127.0.0.0/8 for
//! `--warm-up` seconds (quarantine takes three minutes of it). Then each is
//! handed `--swarms` times `--peers` announces, and what a full store takes is
//! noted. Then each is asked for `--seconds`, method by method, `--rounds`
//! times, on a processor of its own as far as other work leaves it one; the
//! generator has another. `held` is get_peers for the swarms announced. Medians
//! are printed, and the median of each round's ratio to the echo.
//! `--client NAME=COMMAND` adds a client: the command is started with
//! `IP PORT BOOTSTRAP DIR` behind it.

#![allow(clippy::unwrap_used)] // a panic ends the bench
#![allow(clippy::cast_possible_truncation)] // lengths and counts that fit

#[cfg(target_os = "linux")]
#[path = "serving/arguments.rs"]
mod arguments;
#[cfg(target_os = "linux")]
#[path = "serving/echo.rs"]
mod echo;
#[cfg(target_os = "linux")]
#[path = "serving/generator.rs"]
mod generator;
#[cfg(target_os = "linux")]
#[path = "serving/rounds.rs"]
mod rounds;
#[cfg(target_os = "linux")]
#[path = "serving/server.rs"]
mod server;
#[cfg(target_os = "linux")]
#[path = "serving/usage.rs"]
mod usage;

#[cfg(target_os = "linux")]
fn main() {
    match std::env::var("MDHT_SERVING_ECHO") {
        Ok(order) => echo::serve(&order),
        Err(_) => rounds::run(&arguments::Arguments::parse()),
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("it reads processor times from /proc: Linux only");
}
