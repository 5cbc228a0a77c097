//! `mdht node`.

use std::io::BufRead as _;
use std::pin::pin;
use std::time::Duration;

use mdht_krpc::Id;
use mdht_node::Dht;
use mdht_plugins::Registry;
use tokio::sync::mpsc;

use crate::joining::{Troubles, finish, stats_document, status_line, stop_requested};
use crate::lookup::print_report;
use crate::node_args::NodeArgs;
use crate::output::{Failure, Format, document, note};

/// Run a node until it is stopped with ctrl-C or SIGTERM. What it is doing
/// goes to standard error, its counters to standard output.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  mdht node --bind 0.0.0.0:6881 --bind [::]:6881 --state ~/.local/share/mdht
  mdht node --bind 127.0.0.1:6881 --no-default-bootstrap   # the first node of a private overlay
  mdht node --routing nice --capture node.pcap --every 10 --format json
  echo lookup 2c6b6858d61da9543d4231a71db4b1c9264b0685 | mdht node --driven")]
pub(crate) struct Args {
    /// Print the counters every so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,

    /// Look up each infohash that comes as a line `lookup INFOHASH` on standard
    /// input, until a line `stop` or its end
    #[arg(long)]
    driven: bool,

    #[command(flatten)]
    node: NodeArgs,
}

pub(crate) async fn run(args: &Args, registry: &Registry) -> Result<(), Failure> {
    let mut stop = pin!(stop_requested());
    let node = NodeArgs {
        stays: true,
        ..args.node.clone()
    };
    let dht = node.start(registry).await?;
    let _ = Troubles::watch(&dht);
    let status = dht.status().await.map_err(Failure::failed)?;
    for addr in &status.local {
        note(&format!("listening on {addr}"));
    }
    let mut orders = orders(args.driven);
    let mut ticks = tokio::time::interval(Duration::from_secs(args.every));
    ticks.tick().await;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = &mut stop => break,
            Some(order) = orders.recv() => {
                match order {
                    Order::LookUp(info_hash) => look_up(&dht, info_hash, args.node.format).await?,
                    Order::Stop => break,
                }
                continue;
            }
        }
        let status = dht.status().await.map_err(Failure::failed)?;
        match args.node.format {
            Format::Json => document(&stats_document("status", &status))?,
            Format::Text => status_line(&status)?,
        }
    }
    finish(&dht, &args.node).await
}

/// What standard input asks for.
enum Order {
    LookUp(Id),
    Stop,
}

/// Orders of standard input; none at all if the node is not driven by it.
fn orders(driven: bool) -> mpsc::Receiver<Order> {
    /// Beyond them standard input waits.
    const MOST: usize = 64;
    let (sender, receiver) = mpsc::channel(MOST);
    if driven {
        // a read that waits cannot be called off: the thread ends with the process
        std::thread::spawn(move || {
            for text in std::io::stdin().lock().lines() {
                let order = match text.as_deref().map(str::trim) {
                    Ok("stop") | Err(_) => break,
                    Ok(text) => text.strip_prefix("lookup ").map(str::parse),
                };
                match order {
                    Some(Ok(info_hash))
                        if sender.blocking_send(Order::LookUp(info_hash)).is_ok() => {}
                    Some(Ok(_)) => return,
                    _ => note("it takes lines `lookup INFOHASH` and `stop`"),
                }
            }
            let _ = sender.blocking_send(Order::Stop);
        });
    }
    receiver
}

/// Starts a lookup, which prints its report when it is over.
async fn look_up(dht: &Dht, info_hash: Id, format: Format) -> Result<(), Failure> {
    let mut peers = dht.get_peers(info_hash).await.map_err(Failure::failed)?;
    tokio::spawn(async move {
        while peers.next().await.is_some() {}
        if let Ok(report) = peers.report().await {
            let _ = print_report(&report, format);
        }
    });
    Ok(())
}
