//! An overlay on this machine alone: nodes on addresses 127.x, swarms that
//! they announce, and one node under test for each combination of routing and
//! lookup module, captured and profiled from the outside.
//!
//! ```text
//! cargo run --release --example loopback_overlay
//! ```

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use mdht_krpc::{Id, Rng};
use mdht_node::{AnnouncePort, Dht, DhtBuilder};
use mdht_plugins::{Registry, combination_label};
use mdht_profiler::{NodeSpec, Options, Profiler};

/// Nodes that make up the overlay.
const NODES: u16 = 80;
/// Swarms, each announced by one of them.
const SWARMS: usize = 12;
/// The port of every node; each has an address of its own.
const PORT: u16 = 6881;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Result<()> {
    let registry = Registry::builtin();
    let overlay = start_overlay(&registry).await?;
    let mut rng = Rng::from_u64(1);
    let swarms: Vec<_> = (0..SWARMS).map(|_| Id::random(&mut rng)).collect();
    for (swarm, node) in swarms.iter().zip(&overlay) {
        node.announce(*swarm, AnnouncePort::Implied)
            .await?
            .report()
            .await?;
    }
    eprintln!("{NODES} nodes on 127.1.x.x, {SWARMS} swarms announced");
    let dir = PathBuf::from("results/loopback");
    std::fs::create_dir_all(&dir)?;
    let mut captures = Vec::new();
    let mut options = Options::default();
    let mut host = NODES;
    for routing in ["bep5", "nice", "nrtt", "nr128"] {
        for lookup in ["standard", "aggressive"] {
            host += 1;
            let (routing, lookup) = (registry.routing(routing)?, registry.lookup(lookup)?);
            let label = combination_label(&routing, &lookup);
            let capture = dir.join(format!("{label}.pcap"));
            let nut = builder(host)
                .routing(routing)
                .lookup(lookup)
                .capture(&capture);
            let found = look_up_all(nut.build().await?, &swarms).await?;
            eprintln!(
                "{label}: {found} of {SWARMS} swarms found, {}",
                capture.display()
            );
            let mut spec = NodeSpec::from(addr(host));
            spec.label = Some(label);
            options.nodes.push(spec);
            captures.push(capture);
        }
    }
    let profile = Profiler::new(options).run(&captures, &mut |_| {})?;
    println!("{profile}");
    Ok(())
}

/// The nodes of the overlay, joined by the first.
async fn start_overlay(registry: &Registry) -> Result<Vec<Dht>> {
    let mut overlay = Vec::new();
    for host in 0..NODES {
        let routing = registry.routing("nice:quarantine_scope=queriers")?;
        overlay.push(builder(host).routing(routing).build().await?);
    }
    // start-up fills the tables at one action a second
    tokio::time::sleep(Duration::from_secs(5)).await;
    Ok(overlay)
}

async fn look_up_all(nut: Dht, swarms: &[Id]) -> Result<usize> {
    let mut found = 0;
    for swarm in swarms {
        let report = nut.get_peers(*swarm).await?.report().await?;
        found += usize::from(report.peers > 0);
    }
    nut.shutdown().await;
    Ok(found)
}

fn builder(host: u16) -> DhtBuilder {
    let builder = Dht::builder().bind(addr(host)).no_default_bootstrap();
    match host {
        0 => builder,
        _ => builder.bootstrap(addr(0).to_string()),
    }
}

fn addr(host: u16) -> SocketAddr {
    let [high, low] = (host + 1).to_be_bytes();
    (Ipv4Addr::new(127, 1, high, low), PORT).into()
}
