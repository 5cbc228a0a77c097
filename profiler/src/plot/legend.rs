//! The legend: between the title and what is drawn, never upon it.

use plotters::prelude::DrawingBackend;
use plotters::style::text_anchor::{HPos, VPos};

use super::canvas::{Canvas, Drawn, Type, fitted, width};
use super::style::{INK, Look};
use super::waterfall::{self, Sign};

/// An entry of the legend.
pub(super) struct Item {
    pub(super) label: String,
    pub(super) swatch: Swatch,
}

/// What stands before an entry.
#[derive(Clone, Copy)]
pub(super) enum Swatch {
    Line(Look),
    Points(Look),
    Bar(Look),
    Query(Sign),
    /// A line without markers.
    Plain(Look),
    /// A ring round a place.
    Ring(Look),
}

impl Swatch {
    const fn length(self) -> f64 {
        match self {
            Self::Points(_) | Self::Ring(_) => POINT,
            Self::Line(_) | Self::Bar(_) | Self::Query(_) | Self::Plain(_) => SWATCH,
        }
    }
}

/// Entries with their places, in rows.
pub(super) struct Legend {
    placed: Vec<(f64, f64, Item)>,
    height: f64,
}

impl Legend {
    /// Sets `items` in rows of `room` units.
    pub(super) fn set(items: Vec<Item>, room: f64) -> Self {
        let (mut x, mut y) = (0.0, 0.0);
        let mut placed = Vec::new();
        for mut item in items {
            item.label = fitted(&item.label, SIZE, MAX_LABEL);
            let length = item.swatch.length() + GAP + width(&item.label, SIZE);
            if x > 0.0 && x + length > room {
                (x, y) = (0.0, y + ROW);
            }
            placed.push((x, y, item));
            x += length + BETWEEN;
        }
        let height = if placed.is_empty() { 0.0 } else { y + ROW };
        Self { placed, height }
    }

    pub(super) const fn height(&self) -> f64 {
        self.height
    }

    pub(super) fn draw<DB: DrawingBackend>(
        &self,
        canvas: &Canvas<'_, DB>,
        left: f64,
        top: f64,
    ) -> Drawn {
        let how = Type {
            size: SIZE,
            colour: INK,
            anchor: (HPos::Left, VPos::Center),
        };
        for (x, y, Item { label, swatch }) in &self.placed {
            let (x, y) = (left + x, top + y + ROW / 2.0);
            match swatch {
                Swatch::Line(look) => {
                    canvas.dashed(&[(x, y), (x + SWATCH, y)], look, 2.0)?;
                    canvas.marker((x + SWATCH / 2.0, y), look, 4.0)?;
                }
                Swatch::Points(look) => canvas.marker((x + POINT / 2.0, y), look, 4.5)?,
                Swatch::Ring(look) => canvas.ring((x + POINT / 2.0, y), look, 5.5)?,
                Swatch::Plain(look) => canvas.dashed(&[(x, y), (x + SWATCH, y)], look, 2.0)?,
                Swatch::Bar(look) => {
                    canvas.filled_box((x, y - 5.0), (x + SWATCH - 8.0, y + 5.0), look.colour)?;
                    canvas.marker((x + SWATCH - 3.0, y), look, 4.0)?;
                }
                Swatch::Query(sign) => waterfall::sign(canvas, *sign, (x, x + SWATCH - 4.0), y)?,
            }
            canvas.text(label, (x + swatch.length() + GAP, y), how)?;
        }
        Ok(())
    }
}

const SIZE: f64 = 14.0;
const ROW: f64 = 21.0;
/// Room for a line or a query.
const SWATCH: f64 = 38.0;
/// Room for a point.
const POINT: f64 = 10.0;
const GAP: f64 = 6.0;
const BETWEEN: f64 = 16.0;
const MAX_LABEL: f64 = 200.0;
