//! An experiment on real sockets: each node under test is a
//! [`Dht`] of its own, writes its own capture, looks up at the
//! schedule's pace, and is profiled from that capture as in virtual time.
//!
//! All nodes run at once, in one process, so that they meet the same DHT at
//! the same hour. Unlike in virtual time, no two runs are the same.

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use mdht_krpc::Id;
use mdht_node::{AnnouncePort, BuildError, Dht, Stopped};
use mdht_plugins::{LookupFactory, RoutingFactory};
use mdht_profiler::{NodeProfile, NodeSpec, Options, Profiler};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// What to run.
#[derive(Clone, Debug)]
pub struct Live {
    /// The nodes under test.
    pub nodes: Vec<LiveNode>,
    /// `HOST:PORT` of nodes to join by; if there are none, the public routers.
    pub bootstrap: Vec<String>,
    /// How long the nodes live. Lookups planned later are left out.
    pub length: Duration,
    /// Announce the nodes as peers after each lookup, as the thesis did. On
    /// the public DHT that puts them into real swarms.
    pub announce: bool,
    /// How the captures are profiled; its nodes are chosen here.
    pub profile: Options,
}

/// A node under test.
#[derive(Clone, Debug)]
pub struct LiveNode {
    /// What to call it in figures.
    pub label: String,
    /// Routing policy.
    pub routing: RoutingFactory,
    /// Lookup policy.
    pub lookup: LookupFactory,
    /// Its own socket; port 0 is any.
    pub bind: SocketAddr,
    /// Where its packets are written, as pcap. A file there is replaced.
    pub capture: PathBuf,
    /// What to look up, each so long after the start, in order.
    pub lookups: Vec<(Duration, Id)>,
}

/// What came of one node.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LiveOutcome {
    /// Its label.
    pub label: String,
    /// Its profile; `None` if its capture holds no KRPC message.
    pub profile: Option<NodeProfile>,
}

/// Why there is no outcome.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A node could not be started.
    #[error("{label} does not start: {source}")]
    Start {
        /// Which.
        label: String,
        /// Why.
        source: BuildError,
    },
    /// A node stopped by itself.
    #[error("{0} has stopped before its time")]
    Stopped(String),
    /// A capture could not be read.
    #[error(transparent)]
    Profile(#[from] mdht_profiler::Error),
}

/// Runs every node to the end, or until `stop` is ready, then profiles them.
/// Outcomes are in the order of the nodes. Profiling blocks the caller.
///
/// # Errors
/// A node cannot be started or stops by itself, or a capture cannot be read.
pub async fn run(live: &Live, stop: impl Future<Output = ()>) -> Result<Vec<LiveOutcome>, Error> {
    let mut running = Vec::with_capacity(live.nodes.len());
    for node in &live.nodes {
        running.push(start(live, node).await?);
    }
    let begun = Instant::now();
    let mut looking = JoinSet::new();
    for (number, (dht, _)) in running.iter().enumerate() {
        let node = &live.nodes[number];
        let mut planned = node.lookups.clone();
        planned.retain(|(at, _)| *at < live.length);
        looking.spawn(look_up(dht.clone(), begun, planned, live.announce));
    }
    tokio::select! {
        () = sleep_until(begun + live.length) => {}
        () = stop => {}
    }
    looking.abort_all();
    while looking.join_next().await.is_some() {}
    let mut outcomes = Vec::with_capacity(running.len());
    for ((dht, spec), node) in running.into_iter().zip(&live.nodes) {
        let stopped = dht.shutdown().await;
        stopped.ok_or_else(|| Error::Stopped(node.label.clone()))?;
        outcomes.push(LiveOutcome {
            label: node.label.clone(),
            profile: profile(live, node, spec)?,
        });
    }
    Ok(outcomes)
}

/// Starts a node; with its address as it is in the capture.
async fn start(live: &Live, node: &LiveNode) -> Result<(Dht, Option<NodeSpec>), Error> {
    let mut builder = Dht::builder()
        .bind(node.bind)
        .routing(node.routing.clone())
        .lookup(node.lookup.clone())
        .capture(&node.capture);
    if !live.bootstrap.is_empty() {
        builder = builder.no_default_bootstrap();
    }
    for host in &live.bootstrap {
        builder = builder.bootstrap(host);
    }
    let label = || node.label.clone();
    let dht = builder.build().await.map_err(|source| Error::Start {
        label: label(),
        source,
    })?;
    let status = dht.status().await.map_err(|_| Error::Stopped(label()))?;
    let local = status.local.first().copied();
    // a socket on every address of the machine does not say which it uses
    let known = local.filter(|addr| !addr.ip().is_unspecified());
    let spec = known.map(|addr| NodeSpec {
        label: Some(label()),
        ..NodeSpec::from(addr)
    });
    Ok((dht, spec))
}

/// Looks up what is planned, each at its time, whether or not the one before
/// is over.
async fn look_up(
    dht: Dht,
    begun: Instant,
    planned: Vec<(Duration, Id)>,
    announce: bool,
) -> Result<(), Stopped> {
    // a lookup ends when the receiver of its peers is dropped
    let mut open = JoinSet::new();
    for (at, info_hash) in planned {
        sleep_until(begun + at).await;
        let peers = match announce {
            true => dht.announce(info_hash, AnnouncePort::Implied).await?,
            false => dht.get_peers(info_hash).await?,
        };
        open.spawn(peers.report());
        while open.try_join_next().is_some() {}
    }
    while open.join_next().await.is_some() {}
    Ok(())
}

/// What the node's capture says of it. Where its address is not known, it is
/// the busiest there: the capture is of its packets only.
fn profile(
    live: &Live,
    node: &LiveNode,
    spec: Option<NodeSpec>,
) -> Result<Option<NodeProfile>, Error> {
    let options = Options {
        nodes: spec.into_iter().collect(),
        ..live.profile.clone()
    };
    let profile = Profiler::new(options).run(&[&node.capture], &mut |_| {})?;
    let mut profiles = profile.nodes.into_iter().filter(|node| node.messages > 0);
    Ok(profiles.next().map(|mut profile| {
        profile.node.label = Some(node.label.clone());
        profile
    }))
}
