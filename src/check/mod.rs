//! `mdht check`.

use clap::Subcommand;

use crate::output::Failure;

mod document;
mod instrument;
mod node;
mod options;
mod progress;
mod responder;
mod station;

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
}

pub(crate) async fn run(args: &Args) -> Result<(), Failure> {
    match &args.what {
        What::Node(args) => node::run(args).await,
    }
}
