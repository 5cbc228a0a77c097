//! Timeouts by cause, as far as packets tell it.

use std::time::Duration;

use serde_json::json;

use super::{Measurement, Row, Section, Span};
use crate::{Axis, Exchange, Figure, FigureData, Observed, Options, Outcome, Remotes, Timestamp};

/// Queries of every kind that were never answered, by what else came from
/// the queried address, and how many of them were sent less than the timeout
/// before the end of the capture. ICMP messages are not looked at.
#[derive(Clone, Debug)]
pub(super) struct Timeouts {
    timeout: Duration,
    latest: Timestamp,
    /// When the last unanswered queries were sent, and some before them.
    last: Vec<Timestamp>,
    causes: [u64; 5],
    complete: bool,
}

impl Timeouts {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            timeout: options.timeout,
            latest: Timestamp::default(),
            last: Vec::new(),
            causes: [0; 5],
            complete: false,
        }
    }
}

/// The causes in the order of [`Timeouts::causes`], by key and in words.
const CAUSES: [(&str, &str); 5] = [
    // nothing ever came from the IP address: gone, or behind a NAT
    ("never_heard", "never heard from"),
    // the IP address sent something, this address never answered: a NAT or
    // firewall that lets only its own queries out
    ("never_answered", "heard from, never answering"),
    // it answered a later query: not up yet, or lost
    ("before_first_answer", "before the first answer"),
    // it answered before and after: lost, or limited in rate
    ("between_answers", "between answers"),
    // it answered until then: gone, or limited in rate
    ("after_last_answer", "after the last answer"),
];

/// Unanswered queries after which those that were not cut short are dropped.
const MIN_LAST: usize = 1024;

impl Measurement for Timeouts {
    fn on_message(&mut self, observed: &Observed<'_>) {
        self.latest = observed.time;
    }

    fn on_exchange(&mut self, exchange: &Exchange<'_>) {
        if !matches!(exchange.outcome, Outcome::Unanswered) {
            return;
        }
        self.last.push(exchange.query.time);
        if self.last.len() == self.last.capacity() {
            let (latest, timeout) = (self.latest, self.timeout);
            self.last.retain(|sent| latest.since(*sent) < timeout);
            self.last.reserve(MIN_LAST);
        }
    }

    fn on_remotes(&mut self, remotes: &Remotes) {
        for address in remotes.queried() {
            let before = match (address.sender, address.answered + address.answered_late) {
                (None, 0) => 0,
                (_, 0) => 1,
                _ => 2,
            };
            self.causes[before] += u64::from(address.timeouts_before);
            self.causes[3] += u64::from(address.timeouts_between);
            self.causes[4] += u64::from(address.timeouts_after);
        }
        self.complete = remotes.queried_complete();
    }

    fn finish(self: Box<Self>, _: &Span) -> Section {
        let total: u64 = self.causes.iter().sum();
        let was_cut_short = |sent: &&Timestamp| self.latest.since(**sent) < self.timeout;
        let cut_short = self.last.iter().filter(was_cut_short).count();
        let mut json = json!({ "total": total });
        let mut words = Vec::new();
        let mut bars = Vec::new();
        for ((key, name), count) in CAUSES.into_iter().zip(self.causes) {
            json[key] = count.into();
            words.push(format!("{count} {name}"));
            bars.push((name.to_owned(), count as f64));
        }
        json["cut_short"] = cut_short.into();
        json["complete"] = self.complete.into();
        let figure = Figure {
            name: "timeouts",
            title: "Timeouts by what else came from the address",
            x: Axis::linear("cause"),
            y: Axis::linear("queries"),
            data: FigureData::Bars(bars),
            note: "",
        };
        Section {
            key: "timeouts",
            json,
            rows: vec![Row::line(
                "timeouts",
                format!("{total}: {}", words.join(", ")),
            )],
            figures: vec![figure],
            ..Section::default()
        }
    }
}
