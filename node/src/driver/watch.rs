//! Lookups as others watch them: subscribers of [`super::Dht::watch_lookups`],
//! and a span of `tracing` for each.

use std::collections::BTreeMap;
use std::time::Duration;

use mdht_krpc::{Id, Instant};
use tokio::sync::broadcast;
use tracing::{Level, Span};

use super::{FoundPeer, Logged};
use crate::core::{LookupId, LookupReport, LookupStep};

/// Something that happened to a lookup.
#[derive(Clone, Debug)]
pub struct LookupMoment {
    /// The lookup.
    pub lookup: LookupId,
    /// What it looks for.
    pub target: Id,
    /// When, since the node was started.
    pub at: Duration,
    /// What happened.
    pub what: LookupNews,
}

/// What happened to a lookup.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum LookupNews {
    /// It was asked for.
    Begun,
    /// It sent a query, or something came of one.
    Step(LookupStep),
    /// It found a peer that it had not found before.
    Peer(FoundPeer),
    /// It is over.
    Done(Box<LookupReport>),
    /// Its user has gone away.
    GivenUp,
}

/// Moments that wait for a slow watcher; the oldest are lost first.
const BACKLOG: usize = 4096;

pub(crate) fn channel() -> broadcast::Sender<LookupMoment> {
    broadcast::channel(BACKLOG).0
}

/// Who watches, and what runs.
pub(crate) struct Watch {
    moments: broadcast::Sender<LookupMoment>,
    running: BTreeMap<LookupId, (Id, Span)>,
    /// Whether logs show addresses whole.
    whole_addresses: bool,
}

impl Watch {
    pub(crate) const fn new(
        moments: broadcast::Sender<LookupMoment>,
        whole_addresses: bool,
    ) -> Self {
        Self {
            moments,
            running: BTreeMap::new(),
            whole_addresses,
        }
    }

    /// Whether single steps are of use to anybody.
    pub(crate) fn wants_steps(&self) -> bool {
        self.moments.receiver_count() > 0 || tracing::enabled!(Level::DEBUG)
    }

    pub(crate) fn begun(&mut self, now: Instant, lookup: LookupId, target: Id) {
        let span = tracing::info_span!("lookup", %target);
        self.running.insert(lookup, (target, span));
        self.tell(now, lookup, LookupNews::Begun);
    }

    /// Writes a moment to the log, and hands it to who watches.
    pub(crate) fn tell(&mut self, at: Instant, lookup: LookupId, what: LookupNews) {
        let Some((target, span)) = self.running.get(&lookup) else {
            return;
        };
        span.in_scope(|| self.log(&what));
        let is_over = matches!(what, LookupNews::Done(_) | LookupNews::GivenUp);
        let moment = LookupMoment {
            lookup,
            target: *target,
            at: at.since(Instant::ZERO),
            what,
        };
        // nobody need be watching
        let _ = self.moments.send(moment);
        if is_over {
            self.running.remove(&lookup);
        }
    }

    fn log(&self, what: &LookupNews) {
        let show = |addr| Logged {
            addr,
            whole: self.whole_addresses,
        };
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        match what {
            LookupNews::Begun => tracing::info!("begun"),
            LookupNews::Step(LookupStep::Queried { contact }) => {
                tracing::debug!(to = %show(contact.addr), id = %contact.id, "queried");
            }
            LookupNews::Step(LookupStep::Answered {
                from,
                rtt,
                nodes,
                has_values,
            }) => {
                let rtt_ms = ms(*rtt);
                tracing::debug!(from = %show(*from), rtt_ms, nodes, values = has_values, "answered");
            }
            LookupNews::Step(LookupStep::Failed { from }) => {
                tracing::debug!(from = %show(*from), "failed");
            }
            LookupNews::Step(LookupStep::Silent { from, timeout }) => {
                tracing::debug!(from = %show(*from), ?timeout, "silent");
            }
            LookupNews::Peer(found) => {
                let elapsed_ms = ms(found.elapsed);
                tracing::debug!(peer = %show(found.peer), from = %show(found.from), elapsed_ms, "peer");
            }
            LookupNews::Done(report) => tracing::info!(
                latency_ms = report.latency.map(ms),
                cost = report.cost,
                queries = report.queries,
                responses = report.responses,
                peers = report.peers,
                joined = report.joined,
                "done"
            ),
            LookupNews::GivenUp => tracing::info!("given up by its user"),
        }
    }
}
