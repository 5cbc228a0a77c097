//! How sets overlap: a group of bars for each part, and below it which sets
//! the part lies in (an UpSet plot: Lex et al., 2014).

use plotters::prelude::DrawingBackend;
use plotters::style::text_anchor::{HPos, VPos};

use super::canvas::{Canvas, Drawn, Type, fitted, width};
use super::legend::{Item, Swatch};
use super::style::{GRID, INK, Look, MUTED};
use super::{Body, Plot};

/// Sets, their parts, and how large each part is in each series.
#[derive(Clone, Debug, PartialEq)]
pub struct Upset {
    /// What the bars count.
    pub label: String,
    /// Names of the sets.
    pub sets: Vec<String>,
    /// Names of the series, such as published and measured.
    pub series: Vec<String>,
    /// The parts.
    pub parts: Vec<UpsetPart>,
}

/// What lies in some of the sets and in no other.
#[derive(Clone, Debug, PartialEq)]
pub struct UpsetPart {
    /// For each set, whether the part lies in it.
    pub inside: Vec<bool>,
    /// Its size in each series, at least 0; `None` if not known.
    pub sizes: Vec<Option<f64>>,
}

/// A plot of `upset` with a name for its file, a title and a note; `None` if
/// no part has a size above 0.
pub fn upset(name: &str, title: &str, note: &str, upset: Upset) -> Option<Plot> {
    upset.largest()?;
    Some(Plot {
        name: name.to_owned(),
        title: title.to_owned(),
        note: note.to_owned(),
        body: Body::Upset(upset),
    })
}

impl Upset {
    pub(super) fn legend(&self) -> Vec<Item> {
        let items = self.series.iter().enumerate().map(|(i, label)| Item {
            label: label.clone(),
            swatch: Swatch::Bar(Look::of(i)),
        });
        items.collect()
    }

    pub(super) fn size(&self) -> (f64, f64) {
        let rows = self.sets.len() as f64 * ROW;
        (WIDTH, ABOVE + BARS + BETWEEN + rows + BELOW)
    }

    fn largest(&self) -> Option<f64> {
        let sizes = self.parts.iter().flat_map(|part| &part.sizes);
        let sizes = sizes.flatten().copied().filter(|size| size.is_finite());
        sizes.reduce(f64::max).filter(|largest| *largest > 0.0)
    }

    pub(super) fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>, top: f64) -> Drawn {
        let Some(largest) = self.largest() else {
            return Ok(());
        };
        let names = self.sets.iter().map(|name| width(name, SIZE));
        let left = 14.0 + names.fold(60.0, f64::max).min(MAX_NAME) + 14.0;
        let step = (WIDTH - 14.0 - left) / self.parts.len().max(1) as f64;
        let base = top + ABOVE + BARS;
        let label = fitted(&self.label, SIZE, WIDTH - 28.0);
        let at = (14.0, top + 2.0);
        canvas.text(&label, at, kind(MUTED, HPos::Left, VPos::Top))?;
        canvas.stroke(&[(left, base), (WIDTH - 14.0, base)], MUTED, 1.5)?;
        for (i, name) in self.sets.iter().enumerate() {
            let y = base + BETWEEN + (i as f64 + 0.5) * ROW;
            let name = fitted(name, SIZE, MAX_NAME);
            let at = (left - 8.0, y);
            canvas.text(&name, at, kind(INK, HPos::Right, VPos::Center))?;
        }
        for (i, part) in self.parts.iter().enumerate() {
            let middle = left + (i as f64 + 0.5) * step;
            self.draw_bars(canvas, part, (middle, base), BARS / largest, step)?;
            draw_members(canvas, part, middle, base + BETWEEN)?;
        }
        Ok(())
    }

    /// The bars of one part, in the order of the series.
    fn draw_bars<DB: DrawingBackend>(
        &self,
        canvas: &Canvas<'_, DB>,
        part: &UpsetPart,
        (middle, base): (f64, f64),
        scale: f64,
        step: f64,
    ) -> Drawn {
        let bar = (0.8 * step / self.series.len().max(1) as f64).min(MAX_BAR);
        let first = middle - bar * self.series.len() as f64 / 2.0;
        for (j, size) in part.sizes.iter().enumerate() {
            let (look, x) = (Look::of(j), first + bar * j as f64);
            let at = (x + bar / 2.0, base - 3.0);
            let Some(size) = size.filter(|size| size.is_finite()) else {
                canvas.text("?", at, kind(MUTED, HPos::Center, VPos::Bottom))?;
                continue;
            };
            let top = base - size.max(0.0) * scale;
            canvas.filled_box((x + 1.0, top), (x + bar - 1.0, base), look.colour)?;
            canvas.marker((at.0, top - 6.0), &look, 3.0)?;
            let text = format!("{size:.1}");
            let how = kind(INK, HPos::Center, VPos::Bottom);
            canvas.text(&text, (at.0, top - 11.0), how)?;
        }
        Ok(())
    }
}

/// A dot for each set, filled and tied where the part lies in it.
fn draw_members<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    part: &UpsetPart,
    x: f64,
    top: f64,
) -> Drawn {
    let place = |i: usize| (x, top + (i as f64 + 0.5) * ROW);
    let first = part.inside.iter().position(|inside| *inside);
    let last = part.inside.iter().rposition(|inside| *inside);
    if let (Some(first), Some(last)) = (first, last) {
        canvas.stroke(&[place(first), place(last)], INK, 2.0)?;
    }
    for (i, inside) in part.inside.iter().enumerate() {
        let colour = if *inside { INK } else { GRID };
        let look = Look {
            colour,
            ..Look::PLAIN
        };
        canvas.marker(place(i), &look, DOT)?;
    }
    Ok(())
}

fn kind(colour: plotters::style::RGBColor, h: HPos, v: VPos) -> Type {
    Type {
        size: SIZE,
        colour,
        anchor: (h, v),
    }
}

const WIDTH: f64 = 560.0;
/// Room for the label and the figures over the highest bar.
const ABOVE: f64 = 52.0;
const BARS: f64 = 190.0;
const BETWEEN: f64 = 12.0;
const ROW: f64 = 24.0;
const BELOW: f64 = 10.0;
const SIZE: f64 = 14.0;
const DOT: f64 = 6.0;
const MAX_BAR: f64 = 40.0;
const MAX_NAME: f64 = 140.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn sets(sizes: [Option<f64>; 2]) -> Upset {
        Upset {
            label: "% of nodes".to_owned(),
            sets: vec!["a".to_owned(), "b".to_owned()],
            series: vec!["published".to_owned()],
            parts: [[true, false], [true, true]]
                .into_iter()
                .zip(sizes)
                .map(|(inside, size)| UpsetPart {
                    inside: inside.to_vec(),
                    sizes: vec![size],
                })
                .collect(),
        }
    }

    #[test]
    fn sizes_are_drawn_and_unknown_ones_marked() {
        let plot = upset("f", "T", "", sets([Some(35.5), None])).unwrap();
        let svg = super::super::svg(&plot).unwrap();
        assert!(svg.contains("35.5") && svg.contains("\n?\n"), "{svg}");
    }

    #[test]
    fn nothing_is_no_plot() {
        for sizes in [[None, None], [Some(0.0), Some(0.0)], [Some(f64::NAN), None]] {
            assert!(upset("f", "T", "", sets(sizes)).is_none());
        }
    }
}
