//! `mdht node`.

use std::io::BufRead as _;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use mdht_krpc::Id;
use mdht_node::Dht;
use mdht_plugins::Registry;
use tokio::sync::mpsc;

use crate::joining::{Troubles, finish, stats_document, status_text, stop_requested};
use crate::live::{Places, Screen, View, print_status};
use crate::lookup::print_report;
use crate::node_args::{NodeArgs, parse_listen};
use crate::output::{Failure, Format, document, line, note};

/// Run a node until it is stopped with ctrl-C or SIGTERM. What it is doing
/// goes to standard error, its counters to standard output.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  mdht node --bind 0.0.0.0:6881 --bind [::]:6881 --state ~/.local/share/mdht
  mdht node --bind 127.0.0.1:6881 --no-default-bootstrap   # the first node of a private overlay
  mdht node --routing nice --capture node.pcap --every 10 --format json
  mdht node --web 8080                      # a live view at http://127.0.0.1:8080/
  mdht node --metrics 9881                  # for Prometheus; mdht node --status 9881 for you
  echo lookup 2c6b6858d61da9543d4231a71db4b1c9264b0685 | mdht node --driven")]
pub(crate) struct Args {
    /// Print the counters every so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,

    /// Look up each infohash that comes as a line `lookup INFOHASH` on standard
    /// input, until a line `stop` or its end
    #[arg(long)]
    driven: bool,

    /// Lines instead of a live screen, on a terminal too
    #[arg(long)]
    plain: bool,

    /// Serve a page with a live view of the node by HTTP; a port alone is on
    /// loopback
    #[arg(long, value_name = "ADDR:PORT", value_parser = parse_listen)]
    web: Option<SocketAddr>,

    /// Run no node: print the status of the one that runs with --metrics or
    /// --web at this address
    #[arg(long, value_name = "ADDR:PORT", value_parser = parse_listen)]
    status: Option<SocketAddr>,

    #[command(flatten)]
    node: NodeArgs,
}

pub(crate) async fn run(args: &Args, registry: &Registry) -> Result<(), Failure> {
    if let Some(addr) = args.status {
        return print_status(addr, args.node.format);
    }
    let mut stop = pin!(stop_requested());
    let node = NodeArgs {
        stays: true,
        ..args.node.clone()
    };
    let dht = node.start(registry).await?;
    let view = View::follow(&dht);
    let mut screen = args.screen(&view);
    let _ = Troubles::watch_for(&dht, Some((view.clone(), screen.is_some())));
    let status = dht.status().await.map_err(Failure::failed)?;
    for addr in &status.local {
        note(&format!("listening on {addr}"));
    }
    let places = Places {
        metrics: args.node.metrics,
        web: args.web,
        whole_addresses: args.node.log_addresses,
    };
    view.serve(&dht, &places).await?;
    if screen.is_some() || args.web.is_some() {
        view.look(&dht);
    }
    let mut orders = orders(args.driven);
    let mut ticks = tokio::time::interval(args.pause(screen.is_some()));
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
        if let Some(screen) = &mut screen {
            screen.draw();
            continue;
        }
        let status = dht.status().await.map_err(Failure::failed)?;
        match args.node.format {
            Format::Json => document(&stats_document("status", &status))?,
            Format::Text => line(&status_text(&status))?,
        }
    }
    finish(&dht, &args.node).await
}

impl Args {
    /// The live screen, where there is a terminal and nobody reads lines.
    fn screen(&self, view: &View) -> Option<Screen> {
        let wants_lines = self.plain || self.driven || self.node.format == Format::Json;
        (!wants_lines).then(|| Screen::new(view)).flatten()
    }

    const fn pause(&self, on_screen: bool) -> Duration {
        Duration::from_secs(if on_screen { 1 } else { self.every })
    }
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
