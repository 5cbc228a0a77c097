//! The terminal's view of a running node: a few lines, drawn anew each second.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _, stdout};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mdht_node::{OverlayStatus, Status};

use super::View;
use super::document::{buckets, rtt_percentiles};
use super::model::{Lookup, Model};
use crate::joining::status_text;
use crate::output::ms;

/// Lookups and notices shown, the newest.
const LOOKUPS: usize = 6;
const NOTICES: usize = 4;
/// Buckets shown of each table.
const BUCKETS: usize = 24;

/// A part of the terminal that is drawn over.
pub(crate) struct Screen {
    model: Arc<Mutex<Model>>,
    /// Lines drawn last.
    drawn: usize,
}

impl Screen {
    /// A screen, if standard output is a terminal that can move its cursor.
    pub(crate) fn new(view: &View) -> Option<Self> {
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        let model = view.model.clone();
        (stdout().is_terminal() && !is_dumb).then_some(Self { model, drawn: 0 })
    }

    /// Draws what is known now. A terminal that is gone is no fault.
    pub(crate) fn draw(&mut self) {
        let Ok(model) = self.model.lock() else {
            return;
        };
        let lines = lines(&model);
        drop(model);
        let width = width();
        let mut text = String::new();
        if self.drawn > 0 {
            let _ = write!(text, "\x1b[{}A", self.drawn);
        }
        for line in &lines {
            let cut: String = line.chars().take(width).collect();
            let _ = write!(text, "\r{cut}\x1b[K\n");
        }
        text.push_str("\x1b[J");
        self.drawn = lines.len();
        let mut out = stdout().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }
}

fn width() -> usize {
    const USUAL: usize = 80;
    terminal_size::terminal_size().map_or(USUAL, |(width, _)| usize::from(width.0))
}

fn lines(model: &Model) -> Vec<String> {
    let Some(status) = &model.status else {
        return vec!["starting".to_owned()];
    };
    let mut lines = vec![status_text(status), rates_line(model)];
    for overlay in &status.overlays {
        lines.extend(table_lines(overlay));
    }
    lines.push(lookups_line(model, status));
    let shown = model.lookups.iter().rev().take(LOOKUPS);
    lines.extend(shown.map(lookup_line));
    let notices = model.notices.iter().rev().take(NOTICES);
    lines.extend(notices.map(|notice| format!("  {notice}")));
    lines
}

fn rates_line(model: &Model) -> String {
    let rates = model.rates.back().copied().unwrap_or_default();
    format!(
        "a second: {:.1} queries sent, {:.1} received; {:.0} bytes out, {:.0} in",
        rates.queries_sent, rates.queries_received, rates.bytes_sent, rates.bytes_received
    )
}

/// How full the buckets are, as bars of eight heights beside each other.
fn table_lines(overlay: &OverlayStatus) -> Vec<String> {
    const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let buckets = buckets(overlay);
    let counts: Vec<usize> = buckets.iter().map(|bucket| bucket.iter().sum()).collect();
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    let bar = |count: &usize| BARS[(count * 8).div_ceil(most)];
    let bars: String = counts.iter().take(BUCKETS).map(bar).collect();
    let rtts = rtt_percentiles(overlay).map_or_else(
        || "none measured".to_owned(),
        |rtts| {
            let [low, middle, high] = rtts.map(ms);
            format!("{low:.0}, {middle:.0}, {high:.0} ms (p10, p50, p90)")
        },
    );
    let id = overlay.id.to_string();
    vec![format!(
        "{:?} {}… buckets |{bars}| {} contacts, fullest {most}; RTT {rtts}",
        overlay.family,
        &id[..8],
        overlay.table.len(),
    )]
}

fn lookups_line(model: &Model, status: &Status) -> String {
    let over = model
        .lookups
        .iter()
        .filter(|lookup| lookup.is_over())
        .count();
    match model.lookups.len() {
        0 => "no lookups so far".to_owned(),
        _ => format!("lookups: {} running, last {over} ended:", status.lookups),
    }
}

fn lookup_line(lookup: &Lookup) -> String {
    let target = lookup.target.to_string();
    let first = lookup.report.as_ref().and_then(|report| report.latency);
    let first = first.or(lookup.first_peer);
    let state = match (&lookup.report, lookup.given_up) {
        (_, true) => "given up",
        (Some(_), _) => "over",
        (None, _) => "running",
    };
    format!(
        "  {}… {state:8} {:>5} peers, first after {:>7}; {} queries, {} answered",
        &target[..8],
        lookup.peers,
        first.map_or_else(
            || "-".to_owned(),
            |time: Duration| format!("{:.0} ms", ms(time))
        ),
        lookup.sent,
        lookup.answered(),
    )
}
