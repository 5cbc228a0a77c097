//! Queries and responses of lookups [thesis 8.VIII.C].

use serde_json::json;

use super::{Hooks, Measurement, Row, Section, Span, in_words, percentage};
use crate::Lookup;

/// get_peers queries of lookups, and how many were answered: within the
/// timeout, and later. The percentage is of those answered within it.
#[derive(Clone, Debug, Default)]
pub(super) struct LookupQueries {
    sent: u64,
    answered: u64,
    answered_late: u64,
}

impl Measurement for LookupQueries {
    fn hooks(&self) -> Hooks {
        Hooks::NONE
    }

    fn on_lookup(&mut self, lookup: &Lookup) {
        self.sent += lookup.queries;
        self.answered += lookup.answered;
        self.answered_late += lookup.answered_late;
    }

    fn finish(self: Box<Self>, _: &Span) -> Section {
        let Self {
            sent,
            answered,
            answered_late,
        } = *self;
        let answered_pct = percentage(answered, sent);
        let share = in_words(answered_pct, 1);
        Section {
            key: "lookup_queries",
            json: json!({
                "sent": sent,
                "answered": answered,
                "answered_late": answered_late,
                "answered_pct": answered_pct,
            }),
            rows: vec![Row::line(
                "lookup queries",
                format!("{sent} sent, {answered} answered ({share} %), {answered_late} late"),
            )],
            ..Section::default()
        }
    }
}
