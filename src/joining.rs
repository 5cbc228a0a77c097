//! Running a node from the command line: its notices, and giving up clearly.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use mdht_node::core::{ByMethod, Event, Stats};
use mdht_node::{Dht, Notice, Status};
use mdht_plugins::Registry;
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;

use crate::live::{Places, View};
use crate::node_args::NodeArgs;
use crate::output::{Failure, Format, document, note};

/// Runs a command that needs tokio.
pub(crate) fn block_on(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.map_err(Failure::failed)?.block_on(command)
}

/// Prints the node's notices on standard error as they come, and remembers
/// what went wrong with joining.
#[derive(Clone, Default)]
pub(crate) struct Troubles {
    all: Arc<Mutex<Vec<String>>>,
    /// Who shows the notices, and whether nobody else should.
    view: Option<(View, bool)>,
    /// Whether it does not matter that nobody lets us in.
    need_not_join: bool,
}

impl Troubles {
    pub(crate) fn watch(dht: &Dht) -> Self {
        Self::default().told_by(dht)
    }

    /// As [`Self::watch`], for a command that asks named nodes only.
    pub(crate) fn watch_unjoined(dht: &Dht) -> Self {
        let need_not_join = true;
        let troubles = Self {
            need_not_join,
            ..Self::default()
        };
        troubles.told_by(dht)
    }

    /// As [`Self::watch`], for a view that shows them, perhaps on a screen that
    /// must not be disturbed.
    pub(crate) fn watch_for(dht: &Dht, view: Option<(View, bool)>) -> Self {
        let troubles = Self {
            view,
            ..Self::default()
        };
        troubles.told_by(dht)
    }

    fn told_by(self, dht: &Dht) -> Self {
        let (own, mut notices) = (self.clone(), dht.notices());
        tokio::spawn(async move {
            loop {
                match notices.recv().await {
                    Ok(notice) => own.note(&notice),
                    Err(RecvError::Lagged(missed)) => note(&format!("({missed} notices missed)")),
                    Err(RecvError::Closed) => return,
                }
            }
        });
        self
    }

    fn note(&self, notice: &Notice) {
        if self.need_not_join && matches!(notice, Notice::Core(Event::JoinFailed { .. })) {
            return;
        }
        let text = notice.to_string();
        if let Some((view, _)) = &self.view {
            view.on_notice(text.clone());
        }
        // a name that cannot be resolved is looked up again at each attempt to join
        let is_told = match notice {
            Notice::CannotResolve { .. } => !self.remember(&text),
            Notice::CannotSend(_) => {
                self.remember(&text);
                false
            }
            _ => false,
        };
        if !is_told && !matches!(self.view, Some((_, true))) {
            note(&text);
        }
    }

    /// Whether it is the first of its kind.
    fn remember(&self, trouble: &str) -> bool {
        /// Enough to see the pattern.
        const MOST: usize = 16;
        let Ok(mut all) = self.all.lock() else {
            return true;
        };
        let is_new = !all.iter().any(|known| known == trouble);
        if is_new && all.len() < MOST {
            all.push(trouble.to_owned());
        }
        is_new
    }

    /// What to say when nobody let us in.
    pub(crate) fn not_joined(&self, args: &NodeArgs) -> Failure {
        let mut text = format!(
            "could not join the DHT within {} s; tried ",
            args.join_timeout
        );
        match args.sources().as_slice() {
            [] => text.push_str("nobody, since no --bootstrap was given"),
            sources => text.push_str(&sources.join(", ")),
        }
        if let Ok(all) = self.all.lock() {
            all.iter()
                .for_each(|trouble| text.push_str(&format!("\n  {trouble}")));
        }
        text.push_str(
            "\ncheck that UDP leaves this machine, or name a node with --bootstrap HOST:PORT",
        );
        Failure::Failed(text)
    }
}

/// Runs `work` on a node of its own until it is done or the user stops it;
/// either way the node ends properly.
pub(crate) async fn with_node(
    args: &NodeArgs,
    registry: &Registry,
    work: impl AsyncFnOnce(&Dht, &Troubles) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let stop = stop_requested();
    let dht = args.start(registry).await?;
    let troubles = Troubles::watch(&dht);
    if args.metrics.is_some() {
        let metrics = args.metrics;
        let places = Places {
            metrics,
            ..Places::default()
        };
        View::follow(&dht).serve(&dht, &places).await?;
    }
    let result = tokio::select! {
        result = work(&dht, &troubles) => result,
        () = stop => {
            note("stopped");
            Ok(())
        }
    };
    result.and(finish(&dht, args).await)
}

/// Ends a command's node: the counters for programs, the capture's address for
/// people, the state to disk.
pub(crate) async fn finish(dht: &Dht, args: &NodeArgs) -> Result<(), Failure> {
    let stopped = || Failure::Failed("the node has stopped".to_owned());
    let status = dht.shutdown().await.ok_or_else(stopped)?;
    if let Some(file) = &args.capture {
        for node in &status.capture_nodes {
            note(&format!(
                "captured; now: mdht profile {} --node {node}",
                file.display()
            ));
        }
    }
    if args.format == Format::Json {
        document(&stats_document("stats", &status))?;
    }
    let not_saved = |why| Failure::Failed(format!("state not saved: {why}"));
    status.save_fault.map_or(Ok(()), |why| Err(not_saved(why)))
}

/// What the node counted of itself: `{"event":"stats",…}` at the end,
/// `{"event":"status",…}` while it runs.
pub(crate) fn stats_document(event: &str, status: &Status) -> Value {
    let Stats {
        queries_sent,
        queries_received,
        ..
    } = status.stats;
    let stats = &status.stats;
    let nodes = status.overlays.iter().map(|overlay| {
        json!({
            "id": overlay.id.to_string(),
            "joined": overlay.joined,
            "read_only": overlay.read_only,
            "reachable": overlay.reachable,
            "external_addr": overlay.external_addr.map(|addr| addr.to_string()),
            "contacts": overlay.table.len(),
        })
    });
    json!({
        "event": event,
        "uptime_s": status.uptime.as_secs_f64(),
        "local": status.local.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "overlays": nodes.collect::<Vec<_>>(),
        "queries_sent": by_method(&queries_sent),
        "queries_received": by_method(&queries_received),
        "responses_sent": stats.responses_sent,
        "errors_sent": stats.errors_sent,
        "responses_received": stats.responses_received,
        "errors_received": stats.errors_received,
        "timeouts": stats.timeouts,
        "unmatched": stats.unmatched,
        "refused_responses": stats.refused_responses,
        "malformed": stats.malformed,
        "oversized": stats.oversized,
        "noncanonical": stats.noncanonical,
        "bad_source": stats.bad_source,
        "bad_tokens": stats.bad_tokens,
        "rate_limited": stats.rate_limited,
        "unsolicited_queries": stats.unsolicited_queries,
        "read_only_turns": stats.read_only_turns,
        "reachability_trials": stats.reachability_trials,
        "answers_trimmed": stats.answers_trimmed,
        "answers_refused": stats.answers_refused,
        "answers_unsent": stats.answers_unsent,
        "queries_postponed": stats.queries_postponed,
        "queries_unsent": stats.queries_unsent,
        "dropped": stats.dropped,
        "bytes_sent": stats.bytes_sent,
        "bytes_received": stats.bytes_received,
        "stored_swarms": status.stored_swarms,
        "stored_peers": status.stored_peers,
        "stored_items": status.stored_items,
        "items": {
            "stored": status.items.stored,
            "renewed": status.items.renewed,
            "refused": status.items.refused,
            "evicted": status.items.evicted,
            "expired": status.items.expired,
        },
    })
}

fn by_method(queries: &ByMethod) -> Value {
    json!({
        "ping": queries.ping,
        "find_node": queries.find_node,
        "get_peers": queries.get_peers,
        "announce_peer": queries.announce_peer,
        "get": queries.get,
        "put": queries.put,
        "other": queries.other,
    })
}

/// Resolves when the user wants to stop: ctrl-C or SIGTERM. They are heeded
/// from the call on, so call it before there is anything to lose.
#[cfg(unix)]
pub(crate) fn stop_requested() -> impl Future<Output = ()> {
    use tokio::signal::unix::{Signal, SignalKind, signal};
    async fn arrival(signal: Option<Signal>) {
        match signal {
            Some(mut signal) => drop(signal.recv().await),
            None => std::future::pending().await,
        }
    }
    let interrupt = signal(SignalKind::interrupt()).ok();
    let terminate = signal(SignalKind::terminate()).ok();
    async {
        tokio::select! {
            () = arrival(interrupt) => {}
            () = arrival(terminate) => {}
        }
    }
}

/// Resolves when the user wants to stop: ctrl-C.
#[cfg(not(unix))]
pub(crate) async fn stop_requested() {
    let _ = tokio::signal::ctrl_c().await;
}

/// One line for people about a running node.
pub(crate) fn status_text(status: &Status) -> String {
    let contacts: usize = status
        .overlays
        .iter()
        .map(|overlay| overlay.table.len())
        .sum();
    let joined = status.overlays.iter().any(|overlay| overlay.joined);
    format!(
        "up {} s, {}, {contacts} contacts, queries {} sent {} received, {} swarms with {} peers stored",
        status.uptime.as_secs(),
        if joined { "joined" } else { "not joined" },
        status.stats.queries_sent.total(),
        status.stats.queries_received.total(),
        status.stored_swarms,
        status.stored_peers,
    )
}

/// What the first ctrl-C sets, for work that is not async: what was done is
/// wanted.
pub(crate) fn stopped_by_ctrl_c() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    stop_at_ctrl_c(Arc::clone(&stop));
    stop
}

/// The first ctrl-C sets `stop`.
pub(crate) fn stop_at_ctrl_c(stop: Arc<AtomicBool>) {
    std::thread::spawn(move || {
        let asked = block_on(async {
            stop_requested().await;
            Ok(())
        });
        stop.store(asked.is_ok(), Ordering::Relaxed);
    });
}
