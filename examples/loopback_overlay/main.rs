//! An overlay on this machine alone, far nodes among them: nodes on addresses
//! 127.x that answer after round-trip times as the thesis measured them, some
//! of which fall silent, and swarms that they announce. A node under test for
//! each combination of routing and lookup module looks the swarms up, is
//! captured, and is profiled from the outside.
//!
//! ```text
//! cargo run --release --example loopback_overlay
//! ```

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use mdht_krpc::{Family, Id, Instant, Rng};
use mdht_node::core::{AnnouncePort, Config, Core};
use mdht_node::{Dht, DhtBuilder};
use mdht_plugins::{Registry, combination_label};
use mdht_profiler::{NodeProfile, NodeSpec, Options, Profiler};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;
use tokio::time::{self, sleep};

mod far_node;
use far_node::{FarNode, round_trip};

/// Nodes that make up the overlay, besides those that announce.
const NODES: u16 = 400;
/// One of so many falls silent before the lookups begin.
const SILENT: usize = 6;
/// Swarms, each announced by a node of its own.
const SWARMS: u16 = 48;
/// The port of every node; each has an address of its own. Not 6881, which a
/// BitTorrent client of this machine may hold on all addresses.
const PORT: u16 = 27_881;
/// Time for the tables of the overlay to fill.
const SETTLE: Duration = Duration::from_secs(5);
/// Time for those of the nodes under test.
const WARM_UP: Duration = Duration::from_secs(9);
/// From one lookup of a node under test to the next.
const BETWEEN_LOOKUPS: Duration = Duration::from_millis(500);
/// The run is shorter than quarantine and start-up by default.
const HASTE: &str = "quarantine=1s,startup_refresh=250ms";

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Result<()> {
    let registry = Registry::builtin();
    let mut rng = Rng::from_u64(1);
    let mut world = World {
        began: time::Instant::now(),
        running: Vec::new(),
        rng: rng.child(),
    };
    eprintln!("starting {NODES} nodes on 127.1.x.x; all of it takes three quarters of a minute");
    for host in 0..NODES {
        world.start(&registry, host, None).await?;
    }
    sleep(SETTLE).await;
    let swarms: Vec<_> = (0..SWARMS).map(|_| Id::random(&mut rng)).collect();
    for (host, swarm) in (NODES..).zip(&swarms) {
        world.start(&registry, host, Some(*swarm)).await?;
    }
    eprintln!("{SWARMS} nodes more, each announces a swarm");
    sleep(SETTLE).await;
    let mut old = world.running.iter().take(NODES.into()).skip(1);
    while let Some(silent) = old.nth(SILENT - 1) {
        silent.abort();
    }
    eprintln!("one node of {SILENT} has fallen silent; now the nodes under test");
    let dir = PathBuf::from("results/loopback");
    let captures = run_all(&registry, &dir, swarms).await?;
    print_comparison(&dir, captures)
}

/// The nodes of the overlay.
struct World {
    began: time::Instant,
    running: Vec<JoinHandle<std::io::Result<()>>>,
    rng: Rng,
}

impl World {
    async fn start(&mut self, registry: &Registry, host: u16, swarm: Option<Id>) -> Result<()> {
        // they announce to the eight closest, as most clients do
        let lookup = registry.lookup("standard:mark=8,announce=8")?;
        let routing = registry.routing("bep5")?;
        let mut seed = [0; 32];
        self.rng.fill(&mut seed);
        let now = Instant::ZERO + self.began.elapsed();
        let mut core = Core::new(Config::new(vec![addr(host)], routing, lookup), seed, now);
        if host > 0 {
            core.add_bootstrap(now, &[addr(0)]);
        }
        // both begin once the node has joined
        core.find_node(now, core.id(Family::V4).unwrap_or_default());
        if let Some(swarm) = swarm {
            core.announce(now, swarm, AnnouncePort::Implied);
        }
        let socket = UdpSocket::bind(addr(host)).await;
        let socket = socket.map_err(|error| format!("cannot bind {}: {error}", addr(host)))?;
        let node = FarNode {
            core,
            socket,
            delay: round_trip(self.rng.unit()),
            began: self.began,
        };
        self.running.push(tokio::spawn(node.run()));
        Ok(())
    }
}

/// Runs a node under test for each combination, all at the same time.
async fn run_all(
    registry: &Registry,
    dir: &Path,
    swarms: Vec<Id>,
) -> Result<Vec<(NodeSpec, PathBuf)>> {
    std::fs::create_dir_all(dir)?;
    let mut captures = Vec::new();
    let mut running = Vec::new();
    let mut host = NODES + SWARMS;
    for routing in ["bep5", "nice", "nrtt", "nr128"] {
        let haste = if routing == "bep5" { "" } else { HASTE };
        for lookup in ["standard", "aggressive"] {
            let routing = registry.routing(&format!("{routing}:{haste}"))?;
            let lookup = registry.lookup(lookup)?;
            let mut spec = NodeSpec::from(addr(host));
            host += 1;
            let label = combination_label(&routing, &lookup);
            let capture = dir.join(format!("{label}.pcap"));
            spec.label = Some(label);
            let node = node_under_test(&spec).routing(routing).lookup(lookup);
            let node = node.capture(&capture).build().await?;
            running.push((
                node.clone(),
                tokio::spawn(look_up_all(node, swarms.clone())),
            ));
            captures.push((spec, capture));
        }
    }
    let mut nodes = Vec::new();
    for (node, lookups) in running {
        lookups.await?;
        nodes.push(node);
    }
    // nobody stops while others could still ask it
    for node in nodes {
        node.shutdown().await;
    }
    Ok(captures)
}

fn node_under_test(spec: &NodeSpec) -> DhtBuilder {
    let bind = SocketAddr::new(spec.ip, PORT);
    let builder = Dht::builder().bind(bind).no_default_bootstrap();
    builder.bootstrap(addr(0).to_string())
}

/// Looks the swarms up at a steady pace, however long each takes.
async fn look_up_all(node: Dht, swarms: Vec<Id>) {
    sleep(WARM_UP).await;
    let mut lookups = Vec::new();
    for swarm in swarms {
        if let Ok(peers) = node.get_peers(swarm).await {
            lookups.push(tokio::spawn(peers.report()));
        }
        sleep(BETWEEN_LOOKUPS).await;
    }
    for lookup in lookups {
        let _ = lookup.await;
    }
}

/// Profiles each capture by itself and prints one row for each.
fn print_comparison(dir: &Path, captures: Vec<(NodeSpec, PathBuf)>) -> Result<()> {
    println!(
        "\n{:14}{:>8}{:>17}{:>8}{:>12}{:>9}{:>10}{:>13}",
        "", "found", "latency ms, p50", "p99", "cost, mean", "queries", "answered", "maintenance"
    );
    for (node, capture) in captures {
        let options = Options {
            nodes: vec![node],
            ..Options::default()
        };
        let profile = Profiler::new(options).run(&[capture], &mut |_| {})?;
        profile.nodes.iter().for_each(print_row);
    }
    println!(
        "\n\
         latency      first lookup query to the first response with a value\n\
         cost         lookup queries sent until then\n\
         queries      lookup queries in all, and how many were answered within 2 s\n\
         maintenance  ping and find_node queries of the first minute; most are start-up\n\n\
         (bep5 runs as it is, the others with {HASTE}, since the run is short.)\n\
         The packets are in {0}/*.pcap; one of them in full:\n\
         cargo run --release -- profile {0}/NR128-A.pcap --node {1}",
        dir.display(),
        addr(NODES + SWARMS + 7),
    );
    Ok(())
}

fn print_row(node: &NodeProfile) {
    let figure = |section: &str, key: &str| node.section(section)?.get(key)?.as_f64();
    let text = |section, key, digits: usize| {
        figure(section, key).map_or("-".to_owned(), |figure| format!("{figure:.digits$}"))
    };
    println!(
        "{:<14}{:>8}{:>17}{:>8}{:>12}{:>9}{:>8} %{:>13}",
        node.node.label.as_deref().unwrap_or_default(),
        format!("{}/{SWARMS}", text("lookup_latency_ms", "count", 0)),
        text("lookup_latency_ms", "p50", 0),
        text("lookup_latency_ms", "p99", 0),
        text("lookup_cost", "mean", 1),
        text("lookup_queries", "sent", 0),
        text("lookup_queries", "answered_pct", 1),
        text("maintenance", "total", 0),
    );
}

fn addr(host: u16) -> SocketAddr {
    let [high, low] = (host + 1).to_be_bytes();
    (Ipv4Addr::new(127, 1, high, low), PORT).into()
}
