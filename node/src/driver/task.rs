//! The task that drives a core: sockets and clock on one side, the API's
//! commands on the other.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use mdht_krpc::{Family, Id, Instant};
use mdht_plugins::lookup::Goal;
use tokio::sync::{broadcast, mpsc, oneshot};

use super::batch::{BATCH, Inbox};
use super::clock::{Clock, wall_clock};
use super::items::{ItemCommand, ItemTasks};
use super::socket::Socket;
use super::state::StateDir;
use super::tap::Tap;
use super::watch::Watch;
use super::{FoundPeer, LookupNews, Notice, Status};
use crate::core::{
    AnnouncePort, Core, Event, LookupId, LookupReport, QueryId, QueryOutcome, SocketId, Transmit,
};

/// Longest sleep. A sleeping machine stops the timer's clock but not ours, so
/// the clock is looked at again this often.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);

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

/// Everything that a live node owns.
pub(crate) struct Task {
    pub(crate) core: Core,
    pub(crate) clock: Clock,
    pub(crate) sockets: Vec<Socket>,
    pub(crate) commands: mpsc::Receiver<Command>,
    /// For tasks that resolve names: they answer with a command.
    pub(crate) own_commands: mpsc::WeakSender<Command>,
    pub(crate) notices: broadcast::Sender<Notice>,
    pub(crate) watch: Watch,
    pub(crate) bootstrap: Vec<String>,
    pub(crate) state: Option<StateDir>,
    pub(crate) tap: Option<Tap>,
    pub(crate) lookups: BTreeMap<LookupId, Sink>,
    pub(crate) items: ItemTasks,
    pub(crate) pings: BTreeMap<QueryId, oneshot::Sender<QueryOutcome>>,
    /// Datagrams that leave with the next call.
    pub(crate) outbox: Vec<Transmit>,
    /// The socket that is looked at first: each in turn, lest a flood on one
    /// starve the others.
    pub(crate) first_socket: usize,
    pub(crate) save_every: Duration,
    pub(crate) next_save: Instant,
    pub(crate) send_fault: Option<io::ErrorKind>,
    pub(crate) save_fault: Option<String>,
}

/// Why the task woke up.
enum Wake {
    Command(Option<Command>),
    Readable(usize),
    Time,
}

impl Task {
    /// Runs until told to stop, or until nobody holds the API any more.
    pub(crate) async fn run(mut self) {
        let mut inbox = Inbox::new();
        self.next_save = self.clock.now() + self.save_every;
        self.resolve_bootstrap();
        self.core.join(self.clock.now());
        let reply = loop {
            self.flush().await;
            match self.wait().await {
                Wake::Command(None) => break None,
                Wake::Command(Some(Command::Shutdown(reply))) => break Some(reply),
                Wake::Command(Some(command)) => self.obey(command),
                Wake::Readable(index) => self.receive(index, &mut inbox).await,
                Wake::Time => {}
            }
            self.core.handle_timeout(self.clock.now());
            self.save_in_time();
        };
        self.save();
        if let Some(tap) = &mut self.tap {
            let _ = tap.flush();
        }
        if let Some(reply) = reply {
            let _ = reply.send(Box::new(self.status()));
        }
    }

    async fn wait(&mut self) -> Wake {
        let due = self
            .core
            .poll_timeout()
            .map_or(LONGEST_SLEEP, |at| at.since(self.clock.now()));
        let mut sleep = pin!(tokio::time::sleep(due.min(LONGEST_SLEEP)));
        let sockets = &self.sockets;
        let order = (self.first_socket..sockets.len()).chain(0..self.first_socket);
        let commands = &mut self.commands;
        poll_fn(|cx| {
            if let Poll::Ready(command) = commands.poll_recv(cx) {
                return Poll::Ready(Wake::Command(command));
            }
            for index in order.clone() {
                if sockets[index].poll_readable(cx).is_ready() {
                    return Poll::Ready(Wake::Readable(index));
                }
            }
            sleep.as_mut().poll(cx).map(|()| Wake::Time)
        })
        .await
    }

    /// Takes the datagrams that are there, a batch at most, and sends all that
    /// they set off. Nothing is waited for, so that nothing is late.
    async fn receive(&mut self, index: usize, inbox: &mut Inbox) {
        self.first_socket = (index + 1) % self.sockets.len();
        // an error is none, or that of an earlier datagram: silence will tell
        if self.sockets[index].try_receive_batch(inbox).is_err() {
            return;
        }
        let now = self.clock.now();
        for n in 0..inbox.len() {
            let asked = self.core.stats().queries_sent.total();
            let (received, payload) = inbox.datagram(n);
            if let Some(tap) = &mut self.tap {
                let (socket, addrs) = (&self.sockets[index], (received.from, received.to));
                let written = tap.received((&self.clock, now), (index, socket), addrs, payload);
                self.check_tap(written);
            }
            self.core
                .handle_datagram(now, SocketId(index), received.from, payload);
            while let Some(transmit) = self.core.poll_transmit() {
                self.outbox.push(transmit);
            }
            self.take_events();
            // answers may wait for each other; queries leave at once, so that
            // what was asked before an answer came is so on the wire too
            let has_asked = self.core.stats().queries_sent.total() > asked;
            if has_asked || self.outbox.len() >= BATCH {
                self.send_outbox().await;
            }
        }
        self.send_outbox().await;
    }

    /// Sends what is to be sent, and tells what is to be told.
    async fn flush(&mut self) {
        while let Some(transmit) = self.core.poll_transmit() {
            self.outbox.push(transmit);
        }
        self.send_outbox().await;
        self.take_events();
        if let Some(tap) = &mut self.tap {
            let flushed = tap.flush();
            self.check_tap(flushed);
        }
    }

    fn take_events(&mut self) {
        while let Some(event) = self.core.poll_event() {
            self.on_event(event);
        }
    }

    /// Sends all that waits, in order, with one call for as many as leave by
    /// the same socket. The core gets their memory back.
    async fn send_outbox(&mut self) {
        let outbox = std::mem::take(&mut self.outbox);
        for datagrams in outbox.chunk_by(|a, b| a.socket == b.socket) {
            for datagrams in datagrams.chunks(BATCH) {
                self.send_by_one_socket(datagrams).await;
            }
        }
        self.outbox = outbox;
        for transmit in self.outbox.drain(..) {
            self.core.recycle(transmit.payload);
        }
    }

    async fn send_by_one_socket(&mut self, mut datagrams: &[Transmit]) {
        let index = datagrams.first().map_or(0, |first| first.socket.0);
        if self.tap.is_some() {
            self.record_sent(index, datagrams);
        }
        while !datagrams.is_empty() {
            let sent = self.sockets[index].send_batch(datagrams).await;
            // one that cannot be sent keeps no other from leaving
            let done = sent.as_ref().map_or(1, |sent| (*sent).max(1));
            datagrams = &datagrams[done.min(datagrams.len())..];
            self.note_sent(sent.map(drop));
        }
    }

    fn record_sent(&mut self, index: usize, datagrams: &[Transmit]) {
        let clock = self.clock;
        let at = (&clock, clock.now());
        for Transmit { to, payload, .. } in datagrams {
            if let Some(tap) = &mut self.tap {
                let written = tap.sent(at, (index, &self.sockets[index]), *to, payload);
                self.check_tap(written);
            }
        }
    }

    /// Tells of a fault in sending once, and of its end.
    fn note_sent(&mut self, sent: io::Result<()>) {
        let fault = sent.as_ref().err().map(io::Error::kind);
        if fault != self.send_fault {
            self.send_fault = fault;
            self.notify(match sent {
                Ok(()) => Notice::SendingAgain,
                Err(error) => Notice::CannotSend(error.to_string()),
            });
        }
    }

    /// A full disk ends the capture, not the node.
    fn check_tap(&mut self, written: io::Result<()>) {
        if let Err(error) = written
            && let Some(tap) = self.tap.take()
        {
            let path = tap.path().display().to_string();
            self.notify(Notice::CaptureStopped(format!("{path}: {error}")));
        }
    }

    fn obey(&mut self, command: Command) {
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
    fn cancel_abandoned(&mut self) {
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

    fn on_event(&mut self, event: Event) {
        let now = self.clock.now();
        match event {
            Event::Peer {
                lookup,
                peer,
                from,
                elapsed,
            } => {
                let found = FoundPeer {
                    peer,
                    from,
                    elapsed,
                };
                if let Some(sink) = self.lookups.get(&lookup) {
                    // a user that does not keep up loses peers, not the node its memory
                    let _ = sink.peers.try_send(found);
                }
                self.watch.tell(now, lookup, LookupNews::Peer(found));
            }
            Event::Step { lookup, at, step } => {
                self.watch.tell(at, lookup, LookupNews::Step(step));
            }
            Event::LookupDone { lookup, report } => {
                let done = LookupNews::Done(Box::new(report.clone()));
                self.watch.tell(now, lookup, done);
                if let Some(sink) = self.lookups.remove(&lookup) {
                    let _ = sink.report.send(report);
                }
            }
            Event::ItemDone { lookup, report } => self.items.done(lookup, *report),
            Event::Republished {
                id,
                report,
                next_in,
            } => self.items.put_again(id, *report, next_in.is_none()),
            Event::QueryDone { query, outcome, .. } => {
                if let Some(reply) = self.pings.remove(&query) {
                    let _ = reply.send(outcome);
                }
            }
            Event::NeedBootstrap => self.resolve_bootstrap(),
            Event::IdChanged { .. } => {
                // under another ID the saved table is not much use
                self.save();
                self.notify(Notice::Core(event));
            }
            other => self.notify(Notice::Core(other)),
        }
    }

    fn notify(&self, notice: Notice) {
        tracing::info!(target: "mdht_node::notice", "{notice}");
        // nobody need be listening
        let _ = self.notices.send(notice);
    }

    /// Resolves the names of bootstrap nodes in tasks of their own; each
    /// failure is told and stops nothing else.
    fn resolve_bootstrap(&self) {
        for host in self.bootstrap.clone() {
            let (commands, notices) = (self.own_commands.clone(), self.notices.clone());
            let families: Vec<_> = self
                .sockets
                .iter()
                .map(|s| Family::of(&s.local()))
                .collect();
            tokio::spawn(async move {
                let resolved = tokio::net::lookup_host(&host).await;
                let addrs = resolved.map(|addrs| {
                    addrs
                        .filter(|addr| families.contains(&Family::of(addr)))
                        .collect::<Vec<_>>()
                });
                let problem = match addrs {
                    Ok(addrs) if !addrs.is_empty() => {
                        if let Some(commands) = commands.upgrade() {
                            let _ = commands.send(Command::Bootstrap(addrs)).await;
                        }
                        return;
                    }
                    Ok(_) => "has no address of a family that we are bound to".to_owned(),
                    Err(error) => error.to_string(),
                };
                let _ = notices.send(Notice::CannotResolve { host, problem });
            });
        }
    }

    fn save_in_time(&mut self) {
        let now = self.clock.now();
        if now >= self.next_save {
            self.next_save = now + self.save_every;
            self.save();
        }
        self.cancel_abandoned();
    }

    fn save(&mut self) {
        let Some(state) = &self.state else { return };
        let saved = state.save(&self.core.save(), wall_clock());
        self.save_fault = saved.err().map(|error| error.to_string());
        if let Some(why) = &self.save_fault {
            self.notify(Notice::CannotSave(why.clone()));
        }
    }

    fn status(&self) -> Status {
        let families = Family::ALL.into_iter().filter_map(|family| {
            Some(super::OverlayStatus {
                family,
                id: self.core.id(family)?,
                joined: self.core.is_joined(family),
                external_addr: self.core.external_addr(family),
                read_only: self.core.is_read_only(family),
                reachable: self.core.is_reachable(family),
                table: self.core.table(family),
            })
        });
        let (swarms, peers) = self.core.stored_peers();
        Status {
            uptime: self.clock.now().since(Instant::ZERO),
            stats: *self.core.stats(),
            overlays: families.collect(),
            stored_swarms: swarms,
            stored_peers: peers,
            stored_items: self.core.stored_items().0,
            items: *self.core.item_counts(),
            in_flight: self.core.in_flight(),
            lookups: self.lookups.len() + self.items.len(),
            local: self.sockets.iter().map(Socket::local).collect(),
            capture_nodes: self
                .tap
                .as_ref()
                .map(|t| t.nodes(&self.sockets))
                .unwrap_or_default(),
            save_fault: self.save_fault.clone(),
        }
    }
}
