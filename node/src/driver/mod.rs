//! The tokio driver and the library's API.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mdht_krpc::Id;
use mdht_plugins::lookup::Goal;
use tokio::sync::{broadcast, mpsc, oneshot};

use crate::core::{AnnouncePort, LookupReport, QueryOutcome};

mod batch;
mod builder;
mod clock;
mod command;
mod items;
mod logged;
mod notice;
mod peers;
mod socket;
mod state;
mod status;
mod tap;
mod task;
mod traffic;
mod watch;

pub use builder::{BuildError, DEFAULT_BOOTSTRAP, DhtBuilder};
pub use clock::Clock;
use command::{Command, Sink};
pub use items::Republishing;
pub use logged::Logged;
pub use notice::Notice;
pub use peers::Peers;
pub use socket::{Received, Socket};
pub use state::StateError;
pub use status::{OverlayStatus, Status};
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
        self.announce_as(info_hash, port, false).await
    }

    /// As [`Dht::announce`], as a peer that has the whole torrent (BEP 33).
    ///
    /// # Errors
    /// The node has stopped.
    pub async fn announce_seed(&self, info_hash: Id, port: AnnouncePort) -> Result<Peers, Stopped> {
        self.announce_as(info_hash, port, true).await
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
        self.ask(|reply| Command::Sample {
            addr,
            target,
            timeout,
            reply,
        })
        .await
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
        self.ask(|reply| Command::Ping {
            addr,
            timeout,
            reply,
        })
        .await
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
        self.ask(Command::Status).await.map(|status| *status)
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
        self.ask(Command::Shutdown).await.ok().map(|status| *status)
    }

    async fn announce_as(
        &self,
        info_hash: Id,
        port: AnnouncePort,
        seed: bool,
    ) -> Result<Peers, Stopped> {
        self.start(|sink| Command::Announce {
            info_hash,
            port,
            seed,
            sink,
        })
        .await
    }

    async fn start(&self, command: impl FnOnce(Sink) -> Command) -> Result<Peers, Stopped> {
        let (peers, found) = mpsc::channel(Self::PEER_BACKLOG);
        let (report, reported) = oneshot::channel();
        self.send(command(Sink { peers, report })).await?;
        Ok(Peers::new(found, reported))
    }

    /// Sends a command and waits for the reply to it.
    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, Stopped> {
        let (reply, answer) = oneshot::channel();
        self.send(command(reply)).await?;
        answer.await.map_err(|_| Stopped)
    }

    async fn send(&self, command: Command) -> Result<(), Stopped> {
        self.commands.send(command).await.map_err(|_| Stopped)
    }
}
