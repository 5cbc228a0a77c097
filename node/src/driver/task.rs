//! The task that drives a core: sockets and clock on one side, the API's
//! commands on the other.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use mdht_krpc::{Family, Instant};
use tokio::sync::{broadcast, mpsc, oneshot};

use super::batch::Inbox;
use super::clock::{Clock, wall_clock};
use super::command::{Command, Sink};
use super::items::ItemTasks;
use super::socket::Socket;
use super::state::StateDir;
use super::tap::Tap;
use super::watch::Watch;
use super::{FoundPeer, LookupNews, Notice};
use crate::core::{Core, Event, LookupId, QueryId, QueryOutcome, Transmit};

/// Longest sleep. A sleeping machine stops the timer's clock but not ours, so
/// the clock is looked at again this often.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);

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

    pub(super) fn take_events(&mut self) {
        while let Some(event) = self.core.poll_event() {
            self.on_event(event);
        }
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

    pub(super) fn notify(&self, notice: Notice) {
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
}
