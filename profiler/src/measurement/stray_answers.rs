//! Answers that came too late, twice, or to no query.

use serde_json::json;

use super::{Hooks, Measurement, Row, Section, Span};
use crate::{Distribution, Exchange, Observed, Outcome, Stray};

/// Answers after the timeout to queries of any kind, second answers to a
/// query, and answers that match none in transaction ID, address and socket.
#[derive(Clone, Debug)]
pub(super) struct StrayAnswers {
    late: Distribution,
    duplicate: u64,
    unmatched: u64,
}

impl Default for StrayAnswers {
    fn default() -> Self {
        Self {
            late: Distribution::of_durations(),
            duplicate: 0,
            unmatched: 0,
        }
    }
}

impl Measurement for StrayAnswers {
    fn hooks(&self) -> Hooks {
        Hooks::EXCHANGES
    }

    fn on_exchange(&mut self, exchange: &Exchange<'_>) {
        if let Outcome::AnsweredLate(answer) = &exchange.outcome {
            self.late.add_duration(answer.rtt);
        }
    }

    fn on_stray(&mut self, _: &Observed<'_>, stray: Stray) {
        match stray {
            Stray::Duplicate => self.duplicate += 1,
            Stray::Unmatched => self.unmatched += 1,
        }
    }

    fn finish(mut self: Box<Self>, _: &Span) -> Section {
        let (duplicate, unmatched) = (self.duplicate, self.unmatched);
        let late = self.late.count();
        Section {
            key: "stray_answers",
            json: json!({
                "duplicate": duplicate,
                "unmatched": unmatched,
                "late": late,
                "late_ms": self.late.percentiles_json(&[50, 98]),
            }),
            rows: vec![Row::line(
                "stray answers",
                format!("{duplicate} duplicate, {unmatched} to no query, {late} late"),
            )],
            ..Section::default()
        }
    }
}
