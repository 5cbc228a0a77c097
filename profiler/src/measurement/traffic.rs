//! Traffic over time.

use super::{Hooks, Measurement, Section, Span};
use crate::{Axis, DataTable, Direction, Figure, FigureData, Observed, Series};

/// Bytes of all KRPC messages each way, by interval: IP packets with their
/// headers, without the link layer's.
#[derive(Clone, Debug, Default)]
pub(super) struct Traffic(Series<2>);

impl Measurement for Traffic {
    fn hooks(&self) -> Hooks {
        Hooks::MESSAGES
    }

    fn on_message(&mut self, observed: &Observed<'_>) {
        let which = match observed.direction {
            Direction::Sent => 0,
            Direction::Received => 1,
        };
        self.0.add(observed.time, which, observed.ip_len as u64);
    }

    fn finish(self: Box<Self>, span: &Span) -> Section {
        let figure = |which, name, title| Figure {
            name,
            title,
            x: Axis::linear("time (s)"),
            y: Axis::linear("bytes per second"),
            data: FigureData::Line(self.0.per_second(which, span)),
            note: "",
        };
        Section {
            key: "traffic_over_time",
            json: self.0.json(["bytes_out", "bytes_in"], span),
            figures: vec![
                figure(0, "traffic_out", "Traffic sent"),
                figure(1, "traffic_in", "Traffic received"),
            ],
            tables: vec![DataTable {
                name: "traffic_over_time",
                title: "Traffic by interval",
                columns: vec!["start_s", "bytes_out", "bytes_in"],
                rows: self.0.rows(span),
            }],
            ..Section::default()
        }
    }
}
