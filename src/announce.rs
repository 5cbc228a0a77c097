//! `mdht announce`.

use mdht_krpc::Id;
use mdht_node::{AnnouncePort, Dht};
use mdht_plugins::Registry;

use crate::joining::{Troubles, with_node};
use crate::live::LiveLine;
use crate::lookup::{print_peers, print_report};
use crate::node_args::{NodeArgs, parse_info_hash};
use crate::output::Failure;

/// Announce that this machine is a peer of a swarm: look the swarm up, then
/// announce to the closest nodes. Peers found on the way are printed.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  mdht announce 2c6b6858d61da9543d4231a71db4b1c9264b0685 --port 51413
  mdht announce 2c6b6858d61da9543d4231a71db4b1c9264b0685 --implied-port --bind 0.0.0.0:6881")]
pub(crate) struct Args {
    /// Infohash of the swarm, 40 hexadecimal digits
    #[arg(value_name = "INFOHASH", value_parser = parse_info_hash)]
    info_hash: Id,

    /// Port that BitTorrent peers can reach this machine at
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    #[arg(required_unless_present = "implied_port")]
    port: Option<u16>,

    /// Announce the port that the DHT's datagrams come from, as NATs show it
    #[arg(long, conflicts_with = "port")]
    implied_port: bool,

    #[command(flatten)]
    node: NodeArgs,
}

pub(crate) async fn run(args: &Args, registry: &Registry) -> Result<(), Failure> {
    with_node(&args.node, registry, async |dht, troubles| {
        announce(dht, args, troubles).await
    })
    .await
}

async fn announce(dht: &Dht, args: &Args, troubles: &Troubles) -> Result<(), Failure> {
    let port = args
        .port
        .map_or(AnnouncePort::Implied, AnnouncePort::Explicit);
    let live = LiveLine::follow(dht);
    let peers = dht
        .announce(args.info_hash, port)
        .await
        .map_err(Failure::failed)?;
    let report = print_peers(peers, &live, args.info_hash, args.node.format).await?;
    if !report.joined {
        return Err(troubles.not_joined(&args.node));
    }
    print_report(&report, args.node.format)?;
    match report.announced {
        0 => Err(Failure::Failed(
            "no node has acknowledged the announce".to_owned(),
        )),
        _ => Ok(()),
    }
}
