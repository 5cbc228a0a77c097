//! `mdht node`.

use std::pin::pin;
use std::time::Duration;

use mdht_plugins::Registry;

use crate::joining::{Troubles, finish, stats_document, status_line, stop_requested};
use crate::node_args::NodeArgs;
use crate::output::{Failure, Format, document, note};

/// Run a node until it is stopped with ctrl-C or SIGTERM. What it is doing
/// goes to standard error, its counters to standard output.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  mdht node --bind 0.0.0.0:6881 --bind [::]:6881 --state ~/.local/share/mdht
  mdht node --bind 127.0.0.1:6881 --no-default-bootstrap   # the first node of a private overlay
  mdht node --routing nice --capture node.pcap --every 10 --format json")]
pub(crate) struct Args {
    /// Print the counters every so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,

    #[command(flatten)]
    node: NodeArgs,
}

pub(crate) async fn run(args: &Args, registry: &Registry) -> Result<(), Failure> {
    let mut stop = pin!(stop_requested());
    let dht = args.node.start(registry).await?;
    let _ = Troubles::watch(&dht);
    let status = dht.status().await.map_err(Failure::failed)?;
    for addr in &status.local {
        note(&format!("listening on {addr}"));
    }
    let mut ticks = tokio::time::interval(Duration::from_secs(args.every));
    ticks.tick().await;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = &mut stop => break,
        }
        let status = dht.status().await.map_err(Failure::failed)?;
        match args.node.format {
            Format::Json => document(&stats_document("status", &status))?,
            Format::Text => status_line(&status)?,
        }
    }
    finish(&dht, &args.node).await
}
