//! The `mdht` command as a function: hand [`run`] a registry with modules of
//! your own beside ours, and every subcommand knows them.
//!
//! Exit codes: 0 success, 2 bad usage, 1 any other failure. Results go to
//! standard output, everything else to standard error.

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use mdht_plugins::Registry;

mod announce;
mod check;
mod completions;
mod experiment;
mod get;
mod info_hash;
mod joining;
mod live;
mod logging;
mod lookup;
mod man;
mod node;
mod node_args;
mod output;
mod overlay;
mod ping;
mod plugins;
mod profile;
mod profile_diff;
mod profile_parquet;
mod put;
mod read_only;
mod replay;
mod sample;
mod scrape;
mod secret_key;
#[cfg(test)]
mod shown_commands;
mod swarms;
mod terminal;

/// The Mainline DHT: join it, look things up in it, and measure who does that
/// how well.
#[derive(Parser)]
#[command(name = "mdht", version, about, max_term_width = 100)]
#[command(subcommand_required = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Find peers of swarms
    Lookup(lookup::Args),
    /// Announce that this machine is a peer of a swarm
    Announce(announce::Args),
    /// Read a value from the DHT
    Get(get::Args),
    /// Store a value in the DHT
    Put(put::Args),
    /// Find out how large swarms are
    Scrape(scrape::Args),
    /// Ask nodes which infohashes they hold peers of
    Sample(sample::Args),
    /// Ask nodes whether they are there
    Ping(ping::Args),
    /// Run a node until it is stopped
    Node(node::Args),
    /// Find out how well nodes can be reached, and why not
    Check(check::Args),
    /// Measure any node from a capture of its packets
    Profile(profile::Args),
    /// Compare combinations of plug-ins
    Experiment(experiment::Args),
    /// Feed what a captured node received to routing modules
    Replay(replay::Args),
    /// The emulated overlay
    Overlay(overlay::Args),
    /// List the routing and lookup modules with their parameters
    Plugins(plugins::Args),
    /// Print completions for a shell
    Completions(completions::Args),
    /// Write manual pages
    Man(man::Args),
}

/// Reads the command line and does what it says.
pub fn run(registry: &Registry) -> ExitCode {
    let result = match Cli::parse().command {
        Command::Lookup(args) => joining::block_on(lookup::run(&args, registry)),
        Command::Announce(args) => joining::block_on(announce::run(&args, registry)),
        Command::Get(args) => joining::block_on(get::run(&args, registry)),
        Command::Put(args) => joining::block_on(put::run(&args, registry)),
        Command::Scrape(args) => joining::block_on(scrape::run(&args, registry)),
        Command::Sample(args) => joining::block_on(sample::run(&args, registry)),
        Command::Ping(args) => joining::block_on(ping::run(&args, registry)),
        Command::Node(args) => joining::block_on(node::run(&args, registry)),
        Command::Check(args) => joining::block_on(check::run(&args, registry)),
        Command::Profile(args) => profile::run(&args),
        Command::Experiment(args) => experiment::run(&args, registry),
        Command::Replay(args) => replay::run(&args, registry),
        Command::Overlay(args) => overlay::run(&args),
        Command::Plugins(args) => plugins::run(&args, registry),
        Command::Completions(args) => completions::run(&args, Cli::command()),
        Command::Man(args) => man::run(&args, Cli::command()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
