//! The tokio driver and the library's API.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mdht_krpc::{Family, Id};
use mdht_plugins::lookup::Goal;
use mdht_plugins::routing::TableEntry;
use tokio::sync::{broadcast, mpsc, oneshot};

use crate::core::{
    AnnouncePort, BudgetLimit, Event, ItemCounts, LookupReport, QueryOutcome, Stats,
};

mod batch;
mod builder;
mod clock;
mod items;
mod logged;
mod peers;
mod socket;
mod state;
mod tap;
mod task;
mod watch;

pub use builder::{BuildError, DEFAULT_BOOTSTRAP, DhtBuilder};
pub use clock::Clock;
pub use items::Republishing;
pub use logged::Logged;
pub use peers::Peers;
pub use socket::{Received, Socket};
pub use state::StateError;
use task::{Command, Sink};
pub use watch::{LookupMoment, LookupNews};

/// A running node. Clones drive the same node; it stops when the last is
/// dropped, or at [`Dht::shutdown`].
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let dht = mdht_node::Dht::builder().build().await?;
/// let mut peers = dht.get_peers("2c6b6858d61da9543d4231a71db4b1c9264b0685".parse()?).await?;
/// while let Some(found) = peers.next().await {
///     println!("{} from {} after {:?}", found.peer, found.from, found.elapsed);
/// }
/// dht.shutdown().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Dht {
    commands: mpsc::Sender<Command>,
    notices: broadcast::Sender<Notice>,
    moments: broadcast::Sender<LookupMoment>,
    /// Listens from before the node began, for the first who asks.
    first_notices: Arc<Mutex<Option<broadcast::Receiver<Notice>>>>,
}

/// The node has stopped, so nothing more can be asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the node has stopped")]
pub struct Stopped;

/// A peer that a lookup found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundPeer {
    /// The peer.
    pub peer: SocketAddr,
    /// The node that returned it.
    pub from: SocketAddr,
    /// Time since the lookup's first query.
    pub elapsed: Duration,
}

/// Something that a person who runs a node may want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// The core's word: joined, offline, online and the like.
    Core(Event),
    /// The name of a bootstrap node cannot be resolved.
    CannotResolve {
        /// As it was given.
        host: String,
        /// What went wrong.
        problem: String,
    },
    /// Datagrams cannot be sent, with the system's word. Said once until it ends.
    CannotSend(String),
    /// Datagrams can be sent again.
    SendingAgain,
    /// The state could not be saved.
    CannotSave(String),
    /// A state file was there but could not be used; the node starts anew.
    StateUnusable(String),
    /// The capture had to be ended.
    CaptureStopped(String),
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |family: &Family| match family {
            Family::V4 => "IPv4",
            Family::V6 => "IPv6",
        };
        match self {
            Self::CannotResolve { host, problem } => {
                write!(f, "bootstrap node {host}: {problem}")
            }
            Self::CannotSend(why) => write!(f, "cannot send: {why}"),
            Self::SendingAgain => write!(f, "sending again"),
            Self::CannotSave(why) => write!(f, "state not saved: {why}"),
            Self::StateUnusable(why) => write!(f, "{why}"),
            Self::CaptureStopped(why) => write!(f, "capture ended: {why}"),
            Self::Core(event) => match event {
                Event::Joined { family } => write!(f, "joined the {} DHT", name(family)),
                Event::Offline { family } => write!(
                    f,
                    "{}: nobody answers; keeping all contacts and looking for a way back",
                    name(family)
                ),
                Event::Online { family } => write!(f, "{}: answers come again", name(family)),
                Event::Reachable { family } => {
                    write!(f, "{}: others can reach this node", name(family))
                }
                Event::Unreachable { family, trial_in } => write!(
                    f,
                    "{}: nobody can reach this node (NAT or firewall); read-only from now on, \
                     another try in {} s",
                    name(family),
                    trial_in.as_secs()
                ),
                Event::ReachabilityTrial { family } => write!(
                    f,
                    "{}: answering again, to see whether others can reach this node now",
                    name(family)
                ),
                Event::Resumed { gap } => {
                    write!(f, "the clock jumped by {} s: joining anew", gap.as_secs())
                }
                Event::BudgetSpent { limit } => {
                    let what = match limit {
                        BudgetLimit::Packets => "packets a second",
                        BudgetLimit::Bytes => "bytes a day",
                        BudgetLimit::Remotes => "distinct addresses a minute",
                    };
                    write!(
                        f,
                        "the budget of {what} is spent: others are not answered, our own queries wait"
                    )
                }
                Event::BudgetFree => write!(f, "the budget has lasted for a minute again"),
                Event::IdChanged {
                    family,
                    old,
                    new,
                    ip,
                } => write!(
                    f,
                    "{}: node ID {old} gives way to {new}, which fits {ip}",
                    name(family)
                ),
                Event::ExternalAddress { addr } => write!(f, "others see us as {addr}"),
                Event::JoinFailed {
                    family,
                    tried,
                    retry_in,
                } if tried.is_empty() => write!(
                    f,
                    "{}: no node known to join by; looking again in {} s",
                    name(family),
                    retry_in.as_secs()
                ),
                Event::JoinFailed {
                    family,
                    tried,
                    retry_in,
                } => {
                    let shown = |addr: &SocketAddr| {
                        let (addr, whole) = (*addr, false);
                        Logged { addr, whole }.to_string()
                    };
                    let tried: Vec<_> = tried.iter().map(shown).collect();
                    let (family, tried) = (name(family), tried.join(", "));
                    let seconds = retry_in.as_secs();
                    write!(
                        f,
                        "{family}: no answer from {tried}; asking again, then in {seconds} s"
                    )
                }
                other => write!(f, "{other:?}"),
            },
        }
    }
}

/// A node's state, for people and statistics.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Status {
    /// Time since the node was started.
    pub uptime: Duration,
    /// Counters.
    pub stats: Stats,
    /// One entry for each family that the node is bound in.
    pub overlays: Vec<OverlayStatus>,
    /// Swarms that others announced to us.
    pub stored_swarms: usize,
    /// Peers that others announced to us.
    pub stored_peers: usize,
    /// Items that others put here (BEP 44).
    pub stored_items: usize,
    /// What became of the items that others put here.
    pub items: ItemCounts,
    /// Queries that wait for an answer.
    pub in_flight: usize,
    /// Lookups running.
    pub lookups: usize,
    /// Addresses bound to, in the order given.
    pub local: Vec<SocketAddr>,
    /// What to hand to the profiler's `--node` for the capture being written.
    pub capture_nodes: Vec<SocketAddr>,
    /// Why the state could not be saved, if the last attempt failed.
    pub save_fault: Option<String>,
}

/// A node's part in one family's overlay.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OverlayStatus {
    /// The family.
    pub family: Family,
    /// Our node ID in it.
    pub id: Id,
    /// Whether we have been answered, and still are.
    pub joined: bool,
    /// Our address as others agree to see it (BEP 42).
    pub external_addr: Option<SocketAddr>,
    /// Whether we answer nobody now (BEP 43).
    pub read_only: bool,
    /// Whether others reach us, where that was to be found out and was.
    pub reachable: Option<bool>,
    /// The routing table.
    pub table: Vec<TableEntry>,
}

impl Dht {
    /// Peers that wait to be taken from one lookup; more are lost.
    const PEER_BACKLOG: usize = 4096;

    /// A node to be configured.
    pub fn builder() -> DhtBuilder {
        DhtBuilder::default()
    }

    /// Looks for peers of a swarm; they stream as they arrive. Dropping the
    /// stream ends the lookup.
    ///
    /// # Errors
    /// The node has stopped.
    pub async fn get_peers(&self, info_hash: Id) -> Result<Peers, Stopped> {
        self.get_peers_until(info_hash, Goal::Closest).await
    }

    /// As [`Dht::get_peers`], but the lookup may end when the goal is reached.
    ///
    /// # Errors
    /// The node has stopped.
    pub async fn get_peers_until(&self, info_hash: Id, goal: Goal) -> Result<Peers, Stopped> {
        self.start(|sink| Command::GetPeers {
            info_hash,
            goal,
            sink,
        })
        .await
    }

    /// Looks for peers of a swarm and announces us as one.
    ///
    /// # Errors
    /// The node has stopped.
    pub async fn announce(&self, info_hash: Id, port: AnnouncePort) -> Result<Peers, Stopped> {
        self.start(|sink| Command::Announce {
            info_hash,
            port,
            seed: false,
            sink,
        })
        .await
    }

    /// As [`Dht::announce`], as a peer that has the whole torrent (BEP 33).
    ///
    /// # Errors
    /// The node has stopped.
    pub async fn announce_seed(&self, info_hash: Id, port: AnnouncePort) -> Result<Peers, Stopped> {
        self.start(|sink| Command::Announce {
            info_hash,
            port,
            seed: true,
            sink,
        })
        .await
    }

    /// Finds out how large a swarm is: [`LookupReport::scrape`], at the end of
    /// the stream. Peers found on the way stream as they arrive (BEP 33).
    ///
    /// # Errors
    /// The node has stopped.
    pub async fn scrape(&self, info_hash: Id) -> Result<Peers, Stopped> {
        self.start(|sink| Command::Scrape { info_hash, sink }).await
    }

    /// Asks one node which infohashes it holds peers of, and for the contacts
    /// closest to `target` (BEP 51). [`Crawl`](crate::Crawl) says whom to ask
    /// for what to see much of the DHT without asking anybody too often.
    ///
    /// # Errors
    /// The node has stopped.
    pub async fn sample_infohashes(
        &self,
        addr: SocketAddr,
        target: Id,
        timeout: Duration,
    ) -> Result<QueryOutcome, Stopped> {
        let (reply, outcome) = oneshot::channel();
        self.send(Command::Sample {
            addr,
            target,
            timeout,
            reply,
        })
        .await?;
        outcome.await.map_err(|_| Stopped)
    }

    /// Finds the nodes closest to a target: [`LookupReport::closest`].
    ///
    /// # Errors
    /// The node has stopped.
    pub async fn find_node(&self, target: Id) -> Result<LookupReport, Stopped> {
        self.start(|sink| Command::FindNode { target, sink })
            .await?
            .report()
            .await
    }

    /// Asks one node whether it is there.
    ///
    /// # Errors
    /// The node has stopped.
    pub async fn ping(&self, addr: SocketAddr, timeout: Duration) -> Result<QueryOutcome, Stopped> {
        let (reply, outcome) = oneshot::channel();
        self.send(Command::Ping {
            addr,
            timeout,
            reply,
        })
        .await?;
        outcome.await.map_err(|_| Stopped)
    }

    /// Adds addresses to join by.
    ///
    /// # Errors
    /// The node has stopped.
    pub async fn add_bootstrap(&self, addrs: Vec<SocketAddr>) -> Result<(), Stopped> {
        self.send(Command::Bootstrap(addrs)).await
    }

    /// The node's state now.
    ///
    /// # Errors
    /// The node has stopped.
    pub async fn status(&self) -> Result<Status, Stopped> {
        let (reply, status) = oneshot::channel();
        self.send(Command::Status(reply)).await?;
        status.await.map(|status| *status).map_err(|_| Stopped)
    }

    /// What the node is doing: for the first who asks since it was started,
    /// for others from now on.
    pub fn notices(&self) -> broadcast::Receiver<Notice> {
        let first = self
            .first_notices
            .lock()
            .ok()
            .and_then(|mut first| first.take());
        first.unwrap_or_else(|| self.notices.subscribe())
    }

    /// Every step of every lookup that is asked for from now on. A watcher that
    /// falls far behind loses the oldest.
    pub fn watch_lookups(&self) -> broadcast::Receiver<LookupMoment> {
        self.moments.subscribe()
    }

    /// Saves the state, completes the capture and stops. Returns the node's
    /// last state; nothing was sent after it. `None` if it had stopped before.
    pub async fn shutdown(&self) -> Option<Status> {
        let (reply, stopped) = oneshot::channel();
        self.send(Command::Shutdown(reply)).await.ok()?;
        stopped.await.ok().map(|status| *status)
    }

    async fn start(&self, command: impl FnOnce(Sink) -> Command) -> Result<Peers, Stopped> {
        let (peers, found) = mpsc::channel(Self::PEER_BACKLOG);
        let (report, reported) = oneshot::channel();
        self.send(command(Sink { peers, report })).await?;
        Ok(Peers::new(found, reported))
    }

    async fn send(&self, command: Command) -> Result<(), Stopped> {
        self.commands.send(command).await.map_err(|_| Stopped)
    }
}
