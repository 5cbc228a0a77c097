//! `mdht check`.

use clap::Subcommand;
use mdht_plugins::Registry;

use crate::output::Failure;

mod document;
mod instrument;
mod node;
mod options;
mod outside;
mod own;
mod progress;
mod records;
mod responder;
#[cfg(feature = "parquet")]
mod rows;
mod station;
mod survey;
mod table;

pub(crate) use options::parse_time;

/// Find out how well nodes can be reached, and why not: the checkers of the
/// thesis's chapter 7.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Check given nodes
    Node(node::Args),
    /// Check every node that queries us
    Survey(Box<survey::Args>),
    /// What the outside sees of us
    #[command(name = "self")]
    Own(own::Args),
}

pub(crate) async fn run(args: &Args, registry: &Registry) -> Result<(), Failure> {
    match &args.what {
        What::Node(args) => node::run(args).await,
        What::Own(args) => own::run(args).await,
        What::Survey(args) => survey::run(args, registry).await,
    }
}
