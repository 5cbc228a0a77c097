//! An experiment on real sockets: each node under test is a
//! [`Dht`] of its own, writes its own capture, looks up at the
//! schedule's pace, and is profiled from that capture as in virtual time.
//!
//! All nodes run at once, in one process, so that they meet the same DHT at
//! the same hour. Unlike in virtual time, no two runs are the same.

mod infohashes;
mod runs;
#[cfg(test)]
mod tests;

use std::future::pending;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use mdht_krpc::Id;
use mdht_node::{AnnouncePort, BuildError, Dht, Notice, Stopped};
use mdht_plugins::{LookupFactory, RoutingFactory};
use mdht_profiler::{NodeProfile, NodeSpec, Options, Profiler};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

pub use infohashes::InfohashError;
pub(crate) use runs::run as run_script;

/// Waited for late answers after the last lookup: longer than the profiler
/// takes an answer for one in time.
const AFTERWARDS: Duration = Duration::from_secs(3);

/// What to run.
#[derive(Clone, Debug)]
pub struct Live {
    /// The nodes under test.
    pub nodes: Vec<LiveNode>,
    /// `HOST:PORT` of nodes to join by; if there are none, the public routers.
    pub bootstrap: Vec<String>,
    /// How long the nodes live at most. Lookups planned later are left out.
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
    /// The capture of a node cannot be written any more, as on a full disk.
    #[error("{label}: {why}")]
    Capture {
        /// Which.
        label: String,
        /// Why, with the file.
        why: String,
    },
    /// A node stopped by itself.
    #[error("{0} has stopped before its time")]
    Stopped(String),
    /// A capture could not be read.
    #[error(transparent)]
    Profile(#[from] mdht_profiler::Error),
}

/// Runs every node to the end, or until `stop` is ready, then profiles them.
/// The end is when all lookups are over and late answers have come, at most
/// [`Live::length`]. Outcomes are in the order of the nodes. Profiling blocks
/// the caller.
///
/// # Errors
/// A node cannot be started or stops by itself, or a capture cannot be written
/// or read.
pub async fn run(live: &Live, stop: impl Future<Output = ()>) -> Result<Vec<LiveOutcome>, Error> {
    let specs = captured(live, stop).await?;
    let nodes = live.nodes.iter().zip(specs);
    let outcome = |(node, spec): (&LiveNode, _)| {
        Ok(LiveOutcome {
            label: node.label.clone(),
            profile: profile(live, node, spec)?,
        })
    };
    nodes.map(outcome).collect()
}

/// Runs every node as [`run`] does and leaves their captures; with the address
/// of each as it is in its capture, where it is known.
async fn captured(
    live: &Live,
    stop: impl Future<Output = ()>,
) -> Result<Vec<Option<NodeSpec>>, Error> {
    let mut running = Vec::with_capacity(live.nodes.len());
    let (mut looking, mut watching) = (JoinSet::new(), JoinSet::new());
    for node in &live.nodes {
        let (dht, spec) = start(live, node).await?;
        watching.spawn(capture_ended(dht.notices(), node.label.clone()));
        running.push((dht, spec));
    }
    let begun = Instant::now();
    for ((dht, _), node) in running.iter().zip(&live.nodes) {
        let mut planned = node.lookups.clone();
        planned.retain(|(at, _)| *at < live.length);
        looking.spawn(look_up(dht.clone(), begun, planned, live.announce));
    }
    let over = async {
        while looking.join_next().await.is_some() {}
        sleep(AFTERWARDS).await;
    };
    let fault = tokio::select! {
        () = sleep_until(begun + live.length) => None,
        () = over => None,
        () = stop => None,
        Some(Ok(fault)) = watching.join_next() => Some(fault),
    };
    let mut specs = Vec::with_capacity(running.len());
    for ((dht, spec), node) in running.into_iter().zip(&live.nodes) {
        let stopped = dht.shutdown().await;
        stopped.ok_or_else(|| Error::Stopped(node.label.clone()))?;
        specs.push(spec);
    }
    fault.map_or(Ok(specs), Err)
}

/// Waits until a capture cannot be written any more.
async fn capture_ended(mut notices: Receiver<Notice>, label: String) -> Error {
    loop {
        match notices.recv().await {
            Ok(Notice::CaptureStopped(why)) => return Error::Capture { label, why },
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            // the node is shut down
            Err(RecvError::Closed) => return pending().await,
        }
    }
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
