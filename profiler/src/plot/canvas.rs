//! Strokes, areas and text on a plotters backend, in units of which two
//! pixels make one.

use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind};
use plotters::element::{Circle, PathElement, Polygon};
use plotters::prelude::DrawingBackend;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, IntoFont, RGBColor, ShapeStyle, TextStyle};

use super::PlotError;
use super::style::{FONT, Look, Marker, PAPER};

/// A place, in units from the top left corner.
pub(super) type Point = (f64, f64);

pub(super) type Drawn = Result<(), PlotError>;

/// Pixels of a unit. SVG is drawn on the same pixels and scaled down.
pub(super) const PIXELS: f64 = 2.0;

/// A drawing area in units.
pub(super) struct Canvas<'a, DB: DrawingBackend> {
    pub(super) area: &'a DrawingArea<DB, Shift>,
    /// How much the backend draws text too high, in its size.
    pub(super) text_drop: f64,
}

/// What a text looks like and which of its points is at the place given.
#[derive(Clone, Copy)]
pub(super) struct Type {
    pub(super) size: f64,
    pub(super) colour: RGBColor,
    pub(super) anchor: (HPos, VPos),
}

impl<DB: DrawingBackend> Canvas<'_, DB> {
    pub(super) fn clear(&self) -> Drawn {
        self.area.fill(&PAPER).map_err(refused)
    }

    /// A solid line.
    pub(super) fn stroke(&self, points: &[Point], colour: RGBColor, width: f64) -> Drawn {
        let mut path: Vec<_> = points.iter().map(|p| pixel(*p)).collect();
        path.dedup();
        let style = colour.stroke_width(whole(width * PIXELS).max(1).unsigned_abs());
        let draw = |part: &[(i32, i32)]| {
            let part = PathElement::new(part, style);
            self.area.draw(&part).map_err(refused)
        };
        let mut start = 0;
        for (i, turn) in path.windows(3).enumerate() {
            if is_sharp(turn) {
                draw(&path[start..i + 2])?;
                start = i + 1;
            }
        }
        match path.len() {
            0 | 1 => Ok(()),
            _ => draw(&path[start..]),
        }
    }

    /// A line in the dashes and colour of `look`.
    pub(super) fn dashed(&self, points: &[Point], look: &Look, width: f64) -> Drawn {
        if look.dash.is_empty() {
            return self.stroke(points, look.colour, width);
        }
        let mut strokes = dashes(points, look.dash).into_iter();
        strokes.try_for_each(|dash| self.stroke(&dash, look.colour, width))
    }

    pub(super) fn area(&self, corners: &[Point], colour: RGBColor) -> Drawn {
        let corners: Vec<_> = corners.iter().map(|p| pixel(*p)).collect();
        let style: ShapeStyle = colour.filled();
        self.area
            .draw(&Polygon::new(corners, style))
            .map_err(refused)
    }

    /// A box from its left top to its right bottom corner.
    pub(super) fn filled_box(&self, (l, t): Point, (r, b): Point, colour: RGBColor) -> Drawn {
        self.area(&[(l, t), (r, t), (r, b), (l, b)], colour)
    }

    pub(super) fn marker(&self, (x, y): Point, look: &Look, radius: f64) -> Drawn {
        let r = radius;
        match look.marker {
            Marker::Circle => {
                let radius = whole(r * PIXELS);
                let circle = Circle::new(pixel((x, y)), radius, look.colour.filled());
                self.area.draw(&circle).map_err(refused)
            }
            Marker::Square => {
                let r = r * 0.9;
                self.filled_box((x - r, y - r), (x + r, y + r), look.colour)
            }
            Marker::Triangle => {
                let corners = [
                    (x, y - 1.2 * r),
                    (x + 1.1 * r, y + 0.9 * r),
                    (x - 1.1 * r, y + 0.9 * r),
                ];
                self.area(&corners, look.colour)
            }
            Marker::Inverted => {
                let corners = [
                    (x, y + 1.2 * r),
                    (x + 1.1 * r, y - 0.9 * r),
                    (x - 1.1 * r, y - 0.9 * r),
                ];
                self.area(&corners, look.colour)
            }
            Marker::Diamond => {
                let r = r * 1.25;
                self.area(
                    &[(x, y - r), (x + r, y), (x, y + r), (x - r, y)],
                    look.colour,
                )
            }
            Marker::Cross => {
                self.stroke(&[(x - r, y - r), (x + r, y + r)], look.colour, 1.5)?;
                self.stroke(&[(x - r, y + r), (x + r, y - r)], look.colour, 1.5)
            }
        }
    }

    /// A marker of which only the rim is drawn.
    pub(super) fn ring(&self, at: Point, look: &Look, radius: f64) -> Drawn {
        let marker = match look.marker {
            Marker::Cross => Marker::Circle,
            marker => marker,
        };
        let rim = Look { marker, ..*look };
        let inside = Look {
            colour: PAPER,
            ..rim
        };
        self.marker(at, &rim, radius)?;
        self.marker(at, &inside, 0.55 * radius)
    }

    pub(super) fn text(&self, text: &str, at: Point, how: Type) -> Drawn {
        let font = (FONT, how.size * PIXELS * EM).into_font();
        let (h, v) = how.anchor;
        let (x, y) = (at.0, at.1 + self.text_drop * how.size);
        let text: String = text.chars().map(printable).collect();
        let style = TextStyle::from(font).color(&how.colour).pos(Pos::new(h, v));
        self.area
            .draw_text(&text, &style, pixel((x, y)))
            .map_err(refused)
    }
}

/// Width of `text` in units, as wide as any common font makes it.
pub(super) fn width(text: &str, size: f64) -> f64 {
    let font = (FONT, size * PIXELS * EM).into_font();
    match font.box_size(text) {
        Ok((width, _)) => f64::from(width) / PIXELS,
        Err(_) => 0.65 * size * text.chars().count() as f64,
    }
}

/// `text`, cut in the middle if it is wider than `most`.
pub(super) fn fitted(text: &str, size: f64, most: f64) -> String {
    let chars: Vec<char> = text.chars().take(MAX_CHARS).collect();
    let mut keep = chars.len();
    loop {
        let cut = match keep == chars.len() && text.chars().nth(keep).is_none() {
            true => text.to_owned(),
            false => {
                let (head, tail) = (keep - keep / 2, keep / 2);
                let head = chars[..head].iter().collect::<String>();
                head + "…" + &chars[chars.len() - tail..].iter().collect::<String>()
            }
        };
        if keep == 0 || width(&cut, size) <= most {
            return cut;
        }
        keep -= 1;
    }
}

/// `points` in pieces by the lengths of `pattern`, a stroke and a gap in turn.
fn dashes(points: &[Point], pattern: &[f64]) -> Vec<Vec<Point>> {
    let mut lengths = pattern.iter().copied().cycle();
    let (mut left, mut on) = (lengths.next().unwrap_or(f64::INFINITY), true);
    let mut done = Vec::new();
    let mut open: Vec<Point> = points.first().copied().into_iter().collect();
    for pair in points.windows(2) {
        let ((mut x, mut y), (to_x, to_y)) = (pair[0], pair[1]);
        loop {
            let length = (to_x - x).hypot(to_y - y);
            if length < left {
                left -= length;
                if on {
                    open.push((to_x, to_y));
                }
                break;
            }
            let part = left / length;
            (x, y) = (x + (to_x - x) * part, y + (to_y - y) * part);
            if on {
                open.push((x, y));
                done.push(std::mem::take(&mut open));
            } else {
                open = vec![(x, y)];
            }
            (left, on) = (lengths.next().unwrap_or(f64::INFINITY), !on);
        }
    }
    if on {
        done.push(open);
    }
    done
}

/// Whether a line turns back at the middle of three points; what fills the
/// outside of such a corner would stick out of it.
fn is_sharp(turn: &[(i32, i32)]) -> bool {
    let &[a, b, c] = turn else { return false };
    let step = |from: (i32, i32), to: (i32, i32)| {
        (
            f64::from(to.0) - f64::from(from.0),
            f64::from(to.1) - f64::from(from.1),
        )
    };
    let ((ax, ay), (bx, by)) = (step(a, b), step(b, c));
    ax * bx + ay * by < 0.0
}

/// `c`, if XML and HTML have room for it.
pub(super) fn printable(c: char) -> char {
    if c.is_control() { '\u{fffd}' } else { c }
}

fn pixel((x, y): Point) -> (i32, i32) {
    (whole(x * PIXELS), whole(y * PIXELS))
}

#[allow(clippy::cast_possible_truncation)] // saturates, and nothing is drawn so far out
pub(super) fn whole(length: f64) -> i32 {
    length.round() as i32
}

#[allow(clippy::needless_pass_by_value)] // as `map_err` hands it over
fn refused<E: std::error::Error + Send + Sync>(error: DrawingAreaErrorKind<E>) -> PlotError {
    PlotError::Drawing(error.to_string())
}

/// What plotters takes for the size of a font is its height.
const EM: f64 = 1.24;

/// Most characters of a text that are drawn.
const MAX_CHARS: usize = 160;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_go_round_corners() {
        let corner = [(0.0, 0.0), (4.0, 0.0), (4.0, 9.0)];
        let pieces = dashes(&corner, &[5.0, 2.0]);
        assert_eq!(pieces.len(), 2);
        assert_eq!(pieces[0], [(0.0, 0.0), (4.0, 0.0), (4.0, 1.0)]);
        assert_eq!(pieces[1], [(4.0, 3.0), (4.0, 8.0)]);
    }

    #[test]
    fn long_texts_lose_their_middle() {
        super::super::style::register().unwrap();
        let long = "an address that is far too long for the place";
        let cut = fitted(long, 13.0, 120.0);
        assert!(width(&cut, 13.0) <= 120.0 && cut.contains('…'), "{cut}");
        assert!(cut.starts_with("an ") && cut.ends_with('e'), "{cut}");
        assert_eq!(fitted("short", 13.0, 120.0), "short");
        let endless = "é".repeat(100_000);
        assert!(fitted(&endless, 13.0, 120.0).chars().count() < 40);
    }
}
