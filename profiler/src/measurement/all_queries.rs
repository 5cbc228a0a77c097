//! Queries of every kind, and traffic.

use serde_json::json;

use super::{HOUR, Hooks, Measurement, Row, Section, Span, in_words};
use crate::{Direction, Observed};
use mdht_krpc::Body;

/// Queries of every kind that were sent, and the bytes of all KRPC messages,
/// queries and answers, each way: IP packets with their headers, without the
/// link layer's.
#[derive(Clone, Debug, Default)]
pub(super) struct AllQueries {
    sent: u64,
    bytes_out: u64,
    bytes_in: u64,
}

impl Measurement for AllQueries {
    fn hooks(&self) -> Hooks {
        Hooks::MESSAGES
    }

    fn on_message(&mut self, observed: &Observed<'_>) {
        let bytes = observed.ip_len as u64;
        match observed.direction {
            Direction::Sent => {
                self.bytes_out += bytes;
                self.sent += u64::from(matches!(observed.message.body, Body::Query(_)));
            }
            Direction::Received => self.bytes_in += bytes,
        }
    }

    fn finish(self: Box<Self>, span: &Span) -> Section {
        let Self {
            sent,
            bytes_out,
            bytes_in,
        } = *self;
        let per_hour = span.rate(sent, HOUR);
        let rate = in_words(per_hour, 0);
        Section {
            key: "all_queries",
            json: json!({
                "sent": sent,
                "per_hour": per_hour,
                "bytes_out": bytes_out,
                "bytes_in": bytes_in,
            }),
            rows: vec![
                Row::line("all queries", format!("{sent} sent ({rate} an hour)")),
                Row::line("traffic", format!("{bytes_out} bytes out, {bytes_in} in")),
            ],
            ..Section::default()
        }
    }
}
