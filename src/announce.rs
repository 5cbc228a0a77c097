//! `mdht announce`.

use std::net::IpAddr;
use std::time::Duration;

use mdht_krpc::Id;
use mdht_node::core::Event;
use mdht_node::{AnnouncePort, Dht, LookupReport, Notice};
use mdht_plugins::Registry;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until};

use crate::joining::{Troubles, with_node};
use crate::live::LiveLine;
use crate::lookup::{print_peers, print_report};
use crate::node_args::{NodeArgs, parse_info_hash};
use crate::output::{Failure, note};

/// Announce that this machine is a peer of a swarm: look the swarm up, then
/// announce to the closest nodes. Peers found on the way are printed.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  mdht announce 2c6b6858d61da9543d4231a71db4b1c9264b0685 --port 51413
  mdht announce 2c6b6858d61da9543d4231a71db4b1c9264b0685 --port 51413 --seed --repeat
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

    /// Say that this machine has the whole torrent [BEP 33]
    #[arg(long)]
    seed: bool,

    /// Announce again and again until stopped, and at once after our address
    /// has changed: nodes forget a peer after half an hour
    #[arg(long)]
    repeat: bool,

    /// Time from one announce to the next with --repeat, in seconds
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 900,
        requires = "repeat"
    )]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=1800))]
    every: u64,

    #[command(flatten)]
    node: NodeArgs,
}

/// However often our address changes, we announce no more often than this.
const LEAST_BETWEEN: Duration = Duration::from_secs(60);

pub(crate) async fn run(args: &Args, registry: &Registry) -> Result<(), Failure> {
    with_node(&args.node, registry, async |dht, troubles| {
        announce(dht, args, troubles).await
    })
    .await
}

async fn announce(dht: &Dht, args: &Args, troubles: &Troubles) -> Result<(), Failure> {
    let every = Duration::from_secs(args.every);
    loop {
        let begun = Instant::now();
        let report = announce_once(dht, args).await?;
        let failure = match (report.joined, report.announced) {
            (true, 1..) => None,
            (true, 0) => Some("no node has acknowledged the announce".to_owned()),
            (false, _) if args.repeat => Some("not in the DHT yet".to_owned()),
            (false, _) => return Err(troubles.not_joined(&args.node)),
        };
        if !args.repeat {
            return failure.map_or(Ok(()), |text| Err(Failure::Failed(text)));
        }
        if let Some(text) = failure {
            note(&format!("{text}; trying again"));
        }
        tokio::select! {
            () = sleep_until(begun + every) => {}
            moved = moved(dht) => {
                moved?;
                sleep_until(begun + LEAST_BETWEEN.min(every)).await;
                note("announcing again: our place in the network has changed");
            }
        }
    }
}

async fn announce_once(dht: &Dht, args: &Args) -> Result<LookupReport, Failure> {
    let port = args
        .port
        .map_or(AnnouncePort::Implied, AnnouncePort::Explicit);
    let live = LiveLine::follow(dht);
    let peers = match args.seed {
        true => dht.announce_seed(args.info_hash, port).await,
        false => dht.announce(args.info_hash, port).await,
    };
    let peers = peers.map_err(Failure::failed)?;
    let report = print_peers(peers, &live, args.info_hash, args.node.format).await?;
    if report.joined {
        print_report(&report, args.node.format)?;
    }
    Ok(report)
}

/// Ends when others may no longer find us where we announced ourselves, or can
/// now find us elsewhere too.
async fn moved(dht: &Dht) -> Result<(), Failure> {
    let mut notices = dht.notices();
    let status = dht.status().await.map_err(Failure::failed)?;
    let overlays = status.overlays.iter();
    let mut known: Vec<_> = overlays
        .filter_map(|o| Some(o.external_addr?.ip()))
        .collect();
    loop {
        match notices.recv().await {
            Ok(Notice::Core(event)) if is_move(&event, &mut known) => return Ok(()),
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return Err(Failure::failed("the node has stopped")),
        }
    }
}

/// Whether an event means another place in the network. `known` are our
/// addresses so far, one a family: to learn the first is no move.
fn is_move(event: &Event, known: &mut Vec<IpAddr>) -> bool {
    match event {
        Event::Online { .. } | Event::Resumed { .. } | Event::Joined { .. } => true,
        Event::ExternalAddress { addr } => {
            let family = |ip: &IpAddr| ip.is_ipv4() == addr.is_ipv4();
            let before = known.iter().position(family);
            let before = before.map(|place| known.swap_remove(place));
            known.push(addr.ip());
            before.is_some_and(|ip| ip != addr.ip())
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_address_is_a_move_the_first_is_not() {
        let mut known = Vec::new();
        let seen_at = |addr: &str| Event::ExternalAddress {
            addr: addr.parse().unwrap(),
        };
        for (event, expected) in [
            (seen_at("1.2.3.4:5"), false),
            (seen_at("1.2.3.4:6"), false),
            (seen_at("[2a00::1]:6"), false),
            (seen_at("1.2.3.5:6"), true),
            (seen_at("[2a00::2]:6"), true),
            (Event::NeedBootstrap, false),
        ] {
            assert_eq!(is_move(&event, &mut known), expected, "{event:?}");
        }
        let gap = Duration::from_secs(100);
        assert!(is_move(&Event::Resumed { gap }, &mut known));
    }
}
