//! Answers that belong to no query.

use serde_json::json;

use super::{Measurement, Row, Section, Span};
use crate::{Observed, Stray};

/// Second answers to a query, and answers that match none in transaction ID,
/// address and socket.
#[derive(Debug, Default)]
pub(super) struct StrayAnswers {
    duplicate: u64,
    unmatched: u64,
}

impl Measurement for StrayAnswers {
    fn on_stray(&mut self, _: &Observed<'_>, stray: Stray) {
        match stray {
            Stray::Duplicate => self.duplicate += 1,
            Stray::Unmatched => self.unmatched += 1,
        }
    }

    fn finish(self: Box<Self>, _: &Span) -> Section {
        let Self {
            duplicate,
            unmatched,
        } = *self;
        Section {
            key: "stray_answers",
            json: json!({ "duplicate": duplicate, "unmatched": unmatched }),
            rows: vec![Row::line(
                "stray answers",
                format!("{duplicate} duplicate, {unmatched} to no query"),
            )],
        }
    }
}
