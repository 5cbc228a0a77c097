//! CDFs, cumulative counts, lines and points.

use plotters::prelude::DrawingBackend;
use plotters::style::text_anchor::{HPos, VPos};

use super::canvas::{Canvas, Drawn, Point, Type, fitted, width};
use super::extent::{Extent, in_words};
use super::legend::{Item, Swatch};
use super::style::{GRID, INK, Look, MUTED};
use super::thinning;
use crate::Axis;

/// Series over two axes.
#[derive(Clone, Debug)]
pub(crate) struct Curves {
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) series: Vec<Series>,
    /// Where the horizontal axis ends, if not at the last point.
    pub(super) x_end: Option<f64>,
    /// Whether the vertical axis goes from 0 to 1.
    pub(super) is_share: bool,
    /// Places that curves are to be compared with.
    pub(super) rings: Vec<(Look, (f64, f64))>,
}

/// What is drawn of one node.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) label: String,
    pub(super) look: Look,
    pub(super) kind: Kind,
    /// Places by the axes; for steps and lines in the order of x.
    pub(super) points: Vec<(f64, f64)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Keeps its value up to the next point.
    Steps,
    Line,
    Points,
}

/// Where on the canvas the axes are.
pub(super) struct Frame {
    x: Extent,
    y: Extent,
    left: f64,
    top: f64,
    height: f64,
}

impl Curves {
    pub(super) fn legend(&self) -> Vec<Item> {
        let items = self.series.iter().map(|series| Item {
            label: series.label.clone(),
            swatch: match series.kind {
                Kind::Points => Swatch::Points(series.look),
                Kind::Steps | Kind::Line => Swatch::Line(series.look),
            },
        });
        let ring = self.rings.first().map(|_| Item {
            label: "published".to_owned(),
            swatch: Swatch::Ring(Look::PLAIN),
        });
        items.chain(ring).collect()
    }

    pub(super) const fn size() -> (f64, f64) {
        Frame::size(HEIGHT)
    }

    /// `None` if nothing of it has a place on the axes.
    pub(super) fn extents(&self) -> Option<(Extent, Extent)> {
        let rings = self.rings.iter().map(|(_, place)| place);
        let points = || {
            let series = self.series.iter().flat_map(|series| &series.points);
            series.chain(rings.clone())
        };
        let last = self.x_end.unwrap_or(f64::INFINITY);
        let x = Extent::tight(points().map(|p| p.0.min(last)), self.x.scale)?;
        let y = match self.is_share {
            true => Extent::exactly(0.0, 1.0),
            false => Extent::of(points().map(|p| p.1), self.y.scale)?,
        };
        Some((x, y))
    }

    pub(super) fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>, top: f64) -> Drawn {
        let Some((x, y)) = self.extents() else {
            return Ok(());
        };
        let frame = Frame::set(x, y, top, HEIGHT);
        frame.draw_axes(canvas, &self.x, &self.y)?;
        self.series
            .iter()
            .enumerate()
            .try_for_each(|(i, series)| match series.kind {
                Kind::Points => series.draw_points(canvas, &frame, i),
                Kind::Steps | Kind::Line => series.draw_curve(canvas, &frame, i),
            })?;
        let mut rings = self.rings.iter();
        rings.try_for_each(|(look, place)| match frame.place(*place) {
            Some(place) => canvas.ring(place, look, 5.5),
            None => Ok(()),
        })
    }
}

impl Frame {
    /// Axes below `top`, with room for what stands above and beside them.
    pub(super) fn set(x: Extent, y: Extent, top: f64, height: f64) -> Self {
        let widths = y
            .ticks(Y_TICKS)
            .into_iter()
            .map(|t| width(&in_words(t), TICK));
        Self {
            x,
            y,
            left: widths.fold(20.0, f64::max) + 12.0,
            top: top + ABOVE,
            height,
        }
    }

    /// Width and height of a figure whose axes are `height` high.
    pub(super) const fn size(height: f64) -> (f64, f64) {
        (WIDTH, ABOVE + height + BELOW)
    }

    /// Left, top, right and bottom of what is between the axes.
    pub(super) fn inside(&self) -> [f64; 4] {
        let (right, bottom) = (WIDTH - RIGHT, self.top + self.height);
        [self.left, self.top, right, bottom]
    }

    /// Where the values are on the canvas; `None` if outside the axes.
    pub(super) fn place(&self, (x, y): (f64, f64)) -> Option<Point> {
        let (x, y) = (self.x.position(x)?, self.y.position(y)?);
        let on = |position: f64| (-1e-9..=1.0 + 1e-9).contains(&position);
        (on(x) && on(y)).then(|| (self.x_at(x), self.y_at(y)))
    }

    fn width(&self) -> f64 {
        WIDTH - RIGHT - self.left
    }

    fn x_at(&self, position: f64) -> f64 {
        self.left + position.clamp(0.0, 1.0) * self.width()
    }

    fn y_at(&self, position: f64) -> f64 {
        self.top + (1.0 - position.clamp(0.0, 1.0)) * self.height
    }

    pub(super) fn draw_axes<DB: DrawingBackend>(
        &self,
        canvas: &Canvas<'_, DB>,
        x_axis: &Axis,
        y_axis: &Axis,
    ) -> Drawn {
        let (right, bottom) = (WIDTH - RIGHT, self.top + self.height);
        let up = |x: f64| [(x, self.top), (x, bottom)];
        let across = |y: f64| [(self.left, y), (right, y)];
        let of_x = |v: f64| self.x.position(v).map(|p| self.x_at(p));
        let of_y = |v: f64| self.y.position(v).map(|p| self.y_at(p));
        for x in self.x.minor_ticks().into_iter().filter_map(of_x) {
            canvas.stroke(&up(x), GRID, 0.5)?;
        }
        for y in self.y.minor_ticks().into_iter().filter_map(of_y) {
            canvas.stroke(&across(y), GRID, 0.5)?;
        }
        let how = |h, v| Type {
            size: TICK,
            colour: INK,
            anchor: (h, v),
        };
        let mut free = f64::NEG_INFINITY;
        for (tick, x) in self
            .x
            .ticks(X_TICKS)
            .into_iter()
            .filter_map(|t| Some((t, of_x(t)?)))
        {
            canvas.stroke(&up(x), GRID, 1.0)?;
            let words = in_words(tick);
            let half = width(&words, TICK) / 2.0;
            let at = x.min(WIDTH - 2.0 - half);
            if at - half > free {
                free = at + half + 6.0;
                canvas.text(&words, (at, bottom + 7.0), how(HPos::Center, VPos::Top))?;
            }
        }
        for (tick, y) in self
            .y
            .ticks(Y_TICKS)
            .into_iter()
            .filter_map(|t| Some((t, of_y(t)?)))
        {
            canvas.stroke(&across(y), GRID, 1.0)?;
            let at = (self.left - 7.0, y);
            canvas.text(&in_words(tick), at, how(HPos::Right, VPos::Center))?;
        }
        canvas.stroke(&across(bottom), MUTED, 1.5)?;
        canvas.stroke(&up(self.left), MUTED, 1.5)?;
        let label = |axis: &Axis| fitted(axis.label, LABEL, WIDTH - 2.0 * RIGHT);
        let large = |h| Type {
            size: LABEL,
            ..how(h, VPos::Top)
        };
        canvas.text(
            &label(y_axis),
            (RIGHT, self.top - ABOVE + 3.0),
            large(HPos::Left),
        )?;
        let under = (right, bottom + 27.0);
        canvas.text(&label(x_axis), under, large(HPos::Right))
    }
}

impl Series {
    /// The corners of the curve on the canvas.
    fn path(&self, frame: &Frame) -> Vec<Point> {
        let steps = self.kind == Kind::Steps;
        let mut before: Option<f64> = None;
        let corners = self.points.iter().flat_map(|&(x, y)| {
            let x = match (frame.x.position(x), steps) {
                (Some(x), _) => Some(x),
                // before the beginning of a logarithmic axis
                (None, true) => Some(0.0),
                (None, false) => None,
            };
            // beyond the end, steps go on as they are and a line stops
            let beyond = x.is_some_and(|x| x > 1.0 + 1e-9);
            let place = x
                .zip(frame.y.position(y))
                .map(|(x, y)| (frame.x_at(x), frame.y_at(y)));
            let corner = place
                .zip(before)
                .map(|((x, _), y)| (x, y))
                .filter(|_| steps);
            if !beyond {
                before = place.map(|p| p.1).or(before);
            }
            [corner, place.filter(|_| !beyond)].into_iter().flatten()
        });
        thinning::curve(corners)
    }

    fn draw_curve<DB: DrawingBackend>(
        &self,
        canvas: &Canvas<'_, DB>,
        frame: &Frame,
        number: usize,
    ) -> Drawn {
        let path = self.path(frame);
        canvas.dashed(&path, &self.look, 2.0)?;
        if self.kind == Kind::Line && path.len() <= 2 * MARKS {
            let mut all = path.iter();
            return all.try_for_each(|place| canvas.marker(*place, &self.look, 3.5));
        }
        let shift = 0.12 * (number % 5) as f64;
        let marks = (0..MARKS).map(|i| (i as f64 + 0.3 + shift) / MARKS as f64);
        let (Some(first), Some(last)) = (path.first(), path.last()) else {
            return Ok(());
        };
        for mark in marks {
            let x = first.0 + mark * (last.0 - first.0);
            let next = path.partition_point(|p| p.0 < x);
            if let Some(place) = along(&path, next, x) {
                canvas.marker(place, &self.look, 3.5)?;
            }
        }
        Ok(())
    }

    /// Smaller from node to node, so that none hides those before it.
    fn draw_points<DB: DrawingBackend>(
        &self,
        canvas: &Canvas<'_, DB>,
        frame: &Frame,
        number: usize,
    ) -> Drawn {
        let radius = (3.8 - 0.8 * number as f64).max(1.8);
        let places = self.points.iter().filter_map(|&(x, y)| {
            let (x, y) = (frame.x.position(x)?, frame.y.position(y)?);
            Some((frame.x_at(x), frame.y_at(y)))
        });
        let mut thin = thinning::cloud(places).into_iter();
        thin.try_for_each(|place| canvas.marker(place, &self.look, radius))
    }
}

/// The place on `path` at `x`, before its corner `next`.
fn along(path: &[Point], next: usize, x: f64) -> Option<Point> {
    let (to, from) = (path.get(next)?, path.get(next.checked_sub(1)?)?);
    let part = (x - from.0) / (to.0 - from.0);
    Some((x, from.1 + part * (to.1 - from.1))).filter(|_| part.is_finite())
}

/// Narrow, so that the text can be read on a small screen.
const WIDTH: f64 = 520.0;
const HEIGHT: f64 = 250.0;
const ABOVE: f64 = 30.0;
const BELOW: f64 = 48.0;
const RIGHT: f64 = 14.0;

const TICK: f64 = 14.0;
const LABEL: f64 = 14.0;
const X_TICKS: usize = 6;
const Y_TICKS: usize = 5;

/// Markers on a curve.
const MARKS: usize = 6;
