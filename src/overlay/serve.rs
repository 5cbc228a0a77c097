//! `mdht overlay serve`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use mdht_overlay::World;
use mdht_overlay::attack::Attack;
use mdht_overlay::serve::udp::{Namespace, Server};
use mdht_overlay::serve::{Plan, Range, RealTime};
use serde_json::{Value, json};

use super::WorldArgs;
use crate::joining::stopped_by_ctrl_c;
use crate::output::{Failure, Format, document, line, ms};

/// Serve the world in real time on real UDP, for any DHT client that is
/// started among its addresses. Ctrl-C stops it and prints the counters.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  mdht overlay serve --nodes 100000 --bind-range 127.0.0.0/8       # no privilege needed
  mdht lookup 2c6b6858d61da9543d4231a71db4b1c9264b0685 --bind 127.0.0.1:6881 \\
      --no-default-bootstrap --bootstrap 127.0.255.1:10000
  mdht overlay serve --make-netns world --bind-range 32.0.0.0/3 --capture captures
  ip netns exec world mdht node --bind 32.0.0.1:6881 --bootstrap 32.31.255.1:10000

Clients bind addresses of the first 256th of the range; the rest belongs to
nodes. All nodes have one port. More in docs/clients.md.")]
pub(super) struct Args {
    #[command(flatten)]
    world: WorldArgs,

    /// Local addresses that the world is found under, /2 to /12
    #[arg(long, value_name = "RANGE", default_value_t = Range::PRIVATE)]
    bind_range: Range,

    /// Port of every node
    #[arg(long, value_name = "PORT", default_value_t = 10_000, value_parser = clap::value_parser!(u16).range(1..=65_000))]
    port: u16,

    /// Ports after it for symmetric NATs
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=512))]
    pool: u16,

    /// Luck on the links: the same world with other losses and jitter
    #[arg(long, value_name = "N", default_value_t = 1)]
    luck: u64,

    /// Turn a share of all nodes, such as slow:0.3: they are silent, slow, or
    /// answer with garbage, mirrors, asker, thousands, phantoms, martians or liars
    /// (docs/attacks.md)
    #[arg(long, value_name = "KIND:SHARE")]
    attack: Option<Attack>,

    /// Write each client's packets to DIR/IP_PORT.pcap
    #[arg(long, value_name = "DIR")]
    capture: Option<PathBuf>,

    /// Write the infohashes of the most popular swarms to this file, one a line
    #[arg(long, value_name = "FILE")]
    infohashes: Option<PathBuf>,

    /// Make a network namespace in which the range is local, and remove it at
    /// the end
    #[arg(long, value_name = "NAME")]
    make_netns: Option<String>,

    /// Stop after so many seconds
    #[arg(long = "for", value_name = "SECONDS")]
    seconds: Option<u64>,

    /// How results are written
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let parameters = super::parameters(&args.world)?;
    // before there are threads
    let namespace = args.make_netns.as_ref();
    let namespace = namespace.map(|name| Namespace::make(name, args.bind_range));
    let namespace = namespace.transpose().map_err(Failure::failed)?;
    let usage = |error: String| Failure::Usage(error);
    let world = World::new(parameters).map_err(|error| usage(error.to_string()))?;
    if let Some(path) = &args.infohashes {
        write_infohashes(path, &world)?;
    }
    let plan = Plan {
        range: args.bind_range,
        port: args.port,
        pool: args.pool,
        seed: args.luck,
    };
    let front = RealTime::new(Arc::new(world), plan);
    let mut front = front.map_err(|error| usage(format!("--bind-range: {error}")))?;
    if let Some(attack) = args.attack {
        let turned = front.turn(attack);
        turned.map_err(|error| usage(format!("--attack: {error}")))?;
    }
    let mut server = Server::new(front, args.capture.as_deref()).map_err(Failure::failed)?;
    let stop = stopped_by_ctrl_c();
    match args.format {
        Format::Json => document(&ready(&server, namespace.as_ref()))?,
        Format::Text => print_ready(&server, namespace.as_ref())?,
    }
    let time = args.seconds.map(Duration::from_secs);
    let result = server.run(&stop, time).map_err(Failure::failed);
    match args.format {
        Format::Json => document(&done(&server))?,
        Format::Text => print_done(&server)?,
    }
    result
}

/// Those that nodes under test look up.
fn write_infohashes(path: &Path, world: &World) -> Result<(), Failure> {
    let ranks = 0..world.parameters().swarms.top;
    let all = ranks.map(|rank| format!("{}\n", world.swarms().top_infohash(rank)));
    let written = std::fs::write(path, all.collect::<String>());
    written.map_err(|error| Failure::Failed(format!("{}: {error}", path.display())))
}

fn ready(server: &Server, namespace: Option<&Namespace>) -> Value {
    let front = server.front();
    let bootstrap = front.bootstrap().map(|addr| addr.to_string());
    let (first, last) = front.plan().range.clients();
    json!({
        "event": "ready",
        "nodes": front.world().population().len(),
        "range": front.plan().range.to_string(),
        "port": front.plan().port,
        "bootstrap": bootstrap.collect::<Vec<_>>(),
        "clients": [first.to_string(), last.to_string()],
        "enter": namespace.map(Namespace::entrance),
    })
}

fn print_ready(server: &Server, namespace: Option<&Namespace>) -> Result<(), Failure> {
    let front = server.front();
    let range = front.plan().range;
    let (first, last) = range.clients();
    let bootstrap: Vec<_> = front.bootstrap().map(|addr| addr.to_string()).collect();
    let nodes = front.world().population().len();
    line(&format!("serving {nodes} nodes on {range}"))?;
    line(&format!("bootstrap by {}", bootstrap.join(" or ")))?;
    line(&format!("clients bind {first} to {last}"))?;
    match namespace {
        Some(namespace) => line(&format!(
            "start clients with {} COMMAND",
            namespace.entrance().join(" ")
        )),
        None => Ok(()),
    }
}

fn done(server: &Server) -> Value {
    let (front, world) = (server.front().front_counters(), server.front().counters());
    let counters = server.counters();
    let late = |share| counters.lateness.quantile(share).map(ms);
    let clients = server.front().known_by().map(|(addr, tables, strangers)| {
        json!({"client": addr.to_string(), "tables": tables, "strangers": strangers})
    });
    json!({
        "event": "done",
        "uptime_s": server.uptime().as_secs_f64(),
        "received": front.received,
        "sent": front.sent,
        "not_sent": counters.not_sent,
        "not_krpc": front.not_krpc,
        "turned_away": front.turned_away,
        "lost": world.lost,
        "filtered": world.filtered,
        "to_nobody": front.to_nobody + world.to_nobody,
        "answered": world.answered,
        "modelled_queries": world.modelled_queries,
        "late_ms": {"p50": late(0.5), "p99": late(0.99), "max": late(1.0)},
        "clients": clients.collect::<Vec<_>>(),
    })
}

fn print_done(server: &Server) -> Result<(), Failure> {
    let (front, world) = (server.front().front_counters(), server.front().counters());
    let counters = server.counters();
    line(&format!(
        "served {} clients for {:.1} s: {} datagrams in, {} out; {} lost, {} filtered, {} to nobody, {} no KRPC, {} turned away, {} not sent",
        front.clients,
        server.uptime().as_secs_f64(),
        front.received,
        front.sent,
        world.lost,
        world.filtered,
        front.to_nobody + world.to_nobody,
        front.not_krpc,
        front.turned_away,
        counters.not_sent,
    ))?;
    line(&format!(
        "{} queries answered, {} of the world's own",
        world.answered, world.modelled_queries
    ))?;
    let late = |share| crate::output::ms_text(counters.lateness.quantile(share));
    line(&format!(
        "later than due by {} in the median, {} at the 99th percentile",
        late(0.5),
        late(0.99)
    ))?;
    for (addr, tables, strangers) in server.front().known_by() {
        line(&format!(
            "{addr}: in {tables} tables, queried by {strangers} strangers"
        ))?;
    }
    Ok(())
}
