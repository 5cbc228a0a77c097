//! A group of bars for each name, a bar for each node.

use plotters::prelude::DrawingBackend;
use plotters::style::text_anchor::{HPos, VPos};

use super::canvas::{Canvas, Drawn, Type, fitted, width};
use super::extent::{Extent, in_words};
use super::legend::{Item, Swatch};
use super::style::{GRID, INK, Look, MUTED};
use crate::Scale;

/// Bars in groups.
#[derive(Clone, Debug)]
pub(crate) struct Bars {
    /// What the bars count.
    pub(super) label: &'static str,
    pub(super) scale: Scale,
    /// The nodes.
    pub(super) series: Vec<(String, Look)>,
    /// For each name the length of the bar of each node.
    pub(super) groups: Vec<(String, Vec<Option<f64>>)>,
}

impl Bars {
    pub(super) fn legend(&self) -> Vec<Item> {
        let items = self.series.iter().map(|(label, look)| Item {
            label: label.clone(),
            swatch: Swatch::Bar(*look),
        });
        items.collect()
    }

    pub(super) fn size(&self) -> (f64, f64) {
        (WIDTH, ABOVE + self.height() + BELOW)
    }

    pub(super) fn extent(&self) -> Option<Extent> {
        let values = self.groups.iter().flat_map(|group| &group.1);
        Extent::of(values.copied().flatten(), self.scale)
    }

    fn group_height(&self) -> f64 {
        (self.series.len() as f64 * BAR).max(16.0) + 10.0
    }

    fn height(&self) -> f64 {
        self.groups.len() as f64 * self.group_height()
    }

    pub(super) fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>, top: f64) -> Drawn {
        let Some(extent) = self.extent() else {
            return Ok(());
        };
        let widths = self.groups.iter().map(|group| width(&group.0, SIZE));
        let left = 12.0 + widths.fold(30.0, f64::max).min(MAX_NAME) + 8.0;
        let room = WIDTH - VALUE - left;
        let place = |value: f64| {
            extent
                .position(value)
                .map(|p| left + p.clamp(0.0, 1.0) * room)
        };
        let how = |h, v| Type {
            size: SIZE,
            colour: INK,
            anchor: (h, v),
        };
        let (top, bottom) = (top + ABOVE, top + ABOVE + self.height());
        for (tick, x) in extent
            .ticks(4)
            .into_iter()
            .filter_map(|t| Some((t, place(t)?)))
        {
            canvas.stroke(&[(x, top), (x, bottom)], GRID, 1.0)?;
            let at = (x, bottom + 6.0);
            canvas.text(&in_words(tick), at, how(HPos::Center, VPos::Top))?;
        }
        for (i, (name, values)) in self.groups.iter().enumerate() {
            let middle = top + (i as f64 + 0.5) * self.group_height();
            let name = fitted(name, SIZE, MAX_NAME);
            canvas.text(&name, (left - 8.0, middle), how(HPos::Right, VPos::Center))?;
            let first = middle - values.len() as f64 * BAR / 2.0;
            for (j, value) in values.iter().enumerate() {
                let Some((value, end)) = value.and_then(|v| Some((v, place(v)?))) else {
                    continue;
                };
                let (look, y) = (&self.series[j].1, first + j as f64 * BAR);
                canvas.filled_box((left, y + 1.5), (end, y + BAR - 1.5), look.colour)?;
                canvas.marker((end + 6.0, y + BAR / 2.0), look, 3.5)?;
                let at = (end + 14.0, y + BAR / 2.0);
                canvas.text(&short(value), at, how(HPos::Left, VPos::Center))?;
            }
        }
        canvas.stroke(&[(left, top), (left, bottom)], MUTED, 1.5)?;
        let label = fitted(self.label, SIZE, WIDTH - 24.0);
        let at = (WIDTH - 14.0, bottom + 26.0);
        canvas.text(&label, at, how(HPos::Right, VPos::Top))
    }
}

/// A value at the end of its bar.
fn short(value: f64) -> String {
    match value.abs() {
        small if small < 10.0 => in_words((value * 100.0).round() / 100.0),
        large if large < 1000.0 => in_words((value * 10.0).round() / 10.0),
        _ => in_words(value.round()),
    }
}

/// Most names that are shown.
pub(super) const MAX_GROUPS: usize = 20;

const WIDTH: f64 = 520.0;
const ABOVE: f64 = 8.0;
const BELOW: f64 = 48.0;
const SIZE: f64 = 14.0;
const BAR: f64 = 17.0;
/// Room for a value behind the longest bar.
const VALUE: f64 = 84.0;
const MAX_NAME: f64 = 220.0;
