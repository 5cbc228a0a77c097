//! What the API asks of the task, and what becomes of it.

use std::net::SocketAddr;
use std::time::Duration;

use mdht_krpc::Id;
use mdht_plugins::lookup::Goal;
use tokio::sync::{mpsc, oneshot};

use super::items::ItemCommand;
use super::task::Task;
use super::{FoundPeer, LookupNews, Status};
use crate::core::{AnnouncePort, LookupId, LookupReport, QueryOutcome};

/// What the API asks of the task.
pub(crate) enum Command {
    GetPeers {
        info_hash: Id,
        goal: Goal,
        sink: Sink,
    },
    Announce {
        info_hash: Id,
        port: AnnouncePort,
        seed: bool,
        sink: Sink,
    },
    Scrape {
        info_hash: Id,
        sink: Sink,
    },
    FindNode {
        target: Id,
        sink: Sink,
    },
    Ping {
        addr: SocketAddr,
        timeout: Duration,
        reply: oneshot::Sender<QueryOutcome>,
    },
    Item(ItemCommand),
    Sample {
        addr: SocketAddr,
        target: Id,
        timeout: Duration,
        reply: oneshot::Sender<QueryOutcome>,
    },
    Bootstrap(Vec<SocketAddr>),
    Status(oneshot::Sender<Box<Status>>),
    Shutdown(oneshot::Sender<Box<Status>>),
}

/// Where a lookup's results go.
pub(crate) struct Sink {
    pub(crate) peers: mpsc::Sender<FoundPeer>,
    pub(crate) report: oneshot::Sender<LookupReport>,
}

impl Task {
    pub(super) fn obey(&mut self, command: Command) {
        let now = self.clock.now();
        self.core.watch_lookups(self.watch.wants_steps());
        match command {
            Command::GetPeers {
                info_hash,
                goal,
                sink,
            } => {
                let lookup = self.core.get_peers(now, info_hash, goal);
                self.begin(lookup, info_hash, sink);
            }
            Command::Announce {
                info_hash,
                port,
                seed,
                sink,
            } => {
                let lookup = self.core.announce_as(now, info_hash, port, seed);
                self.begin(lookup, info_hash, sink);
            }
            Command::Scrape { info_hash, sink } => {
                let lookup = self.core.scrape(now, info_hash);
                self.begin(lookup, info_hash, sink);
            }
            Command::FindNode { target, sink } => {
                let lookup = self.core.find_node(now, target);
                self.begin(lookup, target, sink);
            }
            Command::Ping {
                addr,
                timeout,
                reply,
            } => {
                let query = self.core.ping(now, addr, timeout);
                self.pings.insert(query, reply);
            }
            Command::Item(command) => self.items.obey(&mut self.core, now, command),
            Command::Sample {
                addr,
                target,
                timeout,
                reply,
            } => {
                let query = self.core.sample_infohashes(now, addr, target, timeout);
                self.pings.insert(query, reply);
            }
            Command::Bootstrap(addrs) => self.core.add_bootstrap(now, &addrs),
            Command::Status(reply) => drop(reply.send(Box::new(self.status()))),
            Command::Shutdown(_) => {}
        }
        self.cancel_abandoned();
    }

    fn begin(&mut self, lookup: LookupId, target: Id, sink: Sink) {
        self.lookups.insert(lookup, sink);
        self.watch.begun(self.clock.now(), lookup, target);
    }

    /// Lookups whose user has gone away end here.
    pub(super) fn cancel_abandoned(&mut self) {
        let now = self.clock.now();
        let abandoned = self
            .lookups
            .iter()
            .filter(|(_, sink)| sink.report.is_closed());
        let abandoned: Vec<_> = abandoned.map(|(id, _)| *id).collect();
        for lookup in abandoned {
            self.lookups.remove(&lookup);
            self.core.cancel(now, lookup);
            self.watch.tell(now, lookup, LookupNews::GivenUp);
        }
        self.items.cancel_abandoned(&mut self.core, now);
    }
}
