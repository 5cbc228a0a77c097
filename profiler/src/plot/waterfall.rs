//! The waterfall of a lookup: its queries as bars, in the order they were
//! sent.

use plotters::prelude::DrawingBackend;
use plotters::style::text_anchor::{HPos, VPos};

use super::canvas::{Canvas, Drawn, Point, Type, fitted, width};
use super::extent::{Extent, in_words};
use super::legend::{Item, Swatch};
use super::style::{GREEN, GRID, INK, Look, MUTED, Marker, ORANGE, PAPER, SKY, VERMILION};
use crate::{BarOutcome, Scale, WaterfallBar};

/// The queries of a lookup.
#[derive(Clone, Debug)]
pub(crate) struct Waterfall {
    /// By the time of sending, at most [`MAX_BARS`].
    pub(super) bars: Vec<WaterfallBar>,
    /// When the first value came, in milliseconds since the first query.
    pub(super) first_value_ms: Option<f64>,
}

/// What the legend explains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    Query(BarOutcome),
    FirstValue,
}

const OUTCOMES: [(BarOutcome, &str); 5] = [
    (BarOutcome::Values, "values"),
    (BarOutcome::Nodes, "nodes only"),
    (BarOutcome::Error, "error"),
    (BarOutcome::Late, "late answer"),
    (BarOutcome::Timeout, "no answer"),
];

impl Waterfall {
    pub(super) fn legend(&self) -> Vec<Item> {
        let occurs = |outcome| self.bars.iter().any(|bar| bar.outcome == outcome);
        let mut items: Vec<Item> = OUTCOMES
            .into_iter()
            .filter(|(outcome, _)| occurs(*outcome))
            .map(|(outcome, label)| Item {
                label: label.into(),
                swatch: Swatch::Query(Sign::Query(outcome)),
            })
            .collect();
        if self.first_value_ms.is_some() {
            items.push(Item {
                label: "first value".into(),
                swatch: Swatch::Query(Sign::FirstValue),
            });
        }
        items
    }

    pub(super) fn size(&self) -> (f64, f64) {
        (WIDTH, ABOVE + self.height() + BELOW)
    }

    fn height(&self) -> f64 {
        self.bars.len() as f64 * ROW + 6.0
    }

    pub(super) fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>, top: f64) -> Drawn {
        let ends = self.bars.iter().map(|bar| bar.end_ms);
        let Some(extent) = Extent::tight(ends.chain(self.first_value_ms), Scale::Linear) else {
            return Ok(());
        };
        let labels = || {
            self.bars
                .iter()
                .map(|bar| fitted(&bar.label, SMALL, MAX_NAME))
        };
        let left = 12.0 + labels().map(|l| width(&l, SMALL)).fold(20.0, f64::max) + 8.0;
        let room = WIDTH - BEHIND - left;
        let place = |ms: f64| left + extent.position(ms).unwrap_or(0.0).clamp(0.0, 1.0) * room;
        let (top, bottom) = (top + ABOVE, top + ABOVE + self.height());
        let how = |size, h, v| Type {
            size,
            colour: INK,
            anchor: (h, v),
        };
        for tick in extent.ticks(6) {
            let x = place(tick);
            canvas.stroke(&[(x, top), (x, bottom)], GRID, 1.0)?;
            let words = in_words(tick);
            canvas.text(
                &words,
                (x, bottom + 6.0),
                how(SIZE, HPos::Center, VPos::Top),
            )?;
        }
        canvas.stroke(&[(left, bottom), (left + room, bottom)], MUTED, 1.5)?;
        let row = |i: usize| top + 3.0 + (i as f64 + 0.5) * ROW;
        for (i, (bar, label)) in self.bars.iter().zip(labels()).enumerate() {
            let at = (left - 8.0, row(i));
            canvas.text(&label, at, how(SMALL, HPos::Right, VPos::Center))?;
            let (from, to) = (place(bar.start_ms), place(bar.end_ms));
            let shown = (from, to.max(from + 1.5));
            sign(canvas, Sign::Query(bar.outcome), shown, row(i))?;
        }
        if let Some(ms) = self.first_value_ms {
            let x = place(ms);
            upright(canvas, x, (top - 4.0, bottom))?;
            let words = format!("{} ms", in_words((ms * 10.0).round() / 10.0));
            let beside = match x + 6.0 + width(&words, SIZE) < WIDTH {
                true => ((x + 5.0, top - 11.0), HPos::Left),
                false => ((x - 5.0, top - 11.0), HPos::Right),
            };
            canvas.text(&words, beside.0, how(SIZE, beside.1, VPos::Center))?;
        }
        for (i, bar) in self.bars.iter().enumerate() {
            if let Some(distance) = bar.distance_bits {
                let (x, y) = (place(bar.end_ms) + 8.0, row(i));
                let words = format!("d={distance}");
                // upon the line of the first value, not crossed by it
                let end = (x + width(&words, SMALL) + 1.0, y + 6.0);
                canvas.filled_box((x - 1.0, y - 6.0), end, PAPER)?;
                canvas.text(&words, (x, y), how(SMALL, HPos::Left, VPos::Center))?;
            }
        }
        let at = (left + room, bottom + 25.0);
        let words = "milliseconds since the first query; d: bits of the distance to the infohash";
        canvas.text(words, at, how(SMALL, HPos::Right, VPos::Top))
    }
}

/// A query as it looks in the legend and in the figure.
pub(super) fn sign<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    sign: Sign,
    (from, to): Point,
    y: f64,
) -> Drawn {
    let bar = |half: f64, colour| canvas.filled_box((from, y - half), (to, y + half), colour);
    let end = |marker| {
        let look = Look {
            colour: INK,
            dash: &[],
            marker,
        };
        canvas.marker((to, y), &look, 3.5)
    };
    match sign {
        Sign::Query(BarOutcome::Values) => {
            bar(5.0, GREEN)?;
            end(Marker::Diamond)
        }
        Sign::Query(BarOutcome::Nodes) => bar(5.0, SKY),
        Sign::Query(BarOutcome::Error) => {
            bar(5.0, VERMILION)?;
            end(Marker::Cross)
        }
        Sign::Query(BarOutcome::Late) => bar(2.0, ORANGE),
        Sign::Query(BarOutcome::Timeout) => {
            let (t, b) = (y - 4.0, y + 4.0);
            let outline = [(from, t), (to, t), (to, b), (from, b), (from, t)];
            canvas.stroke(&outline, MUTED, 1.0)
        }
        Sign::FirstValue => upright(canvas, (from + to) / 2.0, (y - 8.0, y + 8.0)),
    }
}

fn upright<DB: DrawingBackend>(canvas: &Canvas<'_, DB>, x: f64, (t, b): Point) -> Drawn {
    let look = Look {
        colour: INK,
        dash: &[5.0, 3.0],
        marker: Marker::Cross,
    };
    canvas.dashed(&[(x, t), (x, b)], &look, 1.5)
}

/// Most queries that are shown of one lookup.
pub(super) const MAX_BARS: usize = 100;

const WIDTH: f64 = 720.0;
const ABOVE: f64 = 26.0;
const BELOW: f64 = 46.0;
const ROW: f64 = 17.0;
/// Room for the distance behind a bar.
const BEHIND: f64 = 62.0;
const SIZE: f64 = 14.0;
const SMALL: f64 = 13.0;
const MAX_NAME: f64 = 190.0;
