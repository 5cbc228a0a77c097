//! What is got against what it costs: a labelled point for each node.

use plotters::prelude::DrawingBackend;
use plotters::style::text_anchor::{HPos, VPos};

use super::beside::LIMIT;
use super::canvas::{Canvas, Drawn, Point, Type, fitted, width};
use super::curves::Frame;
use super::extent::{Extent, in_words};
use super::legend::{Item, Swatch};
use super::style::{GREEN, INK, Look, MUTED, Marker};
use super::{Body, Plot};
use crate::{Axis, Scale};

/// Points over two axes of which less is better.
#[derive(Clone, Debug)]
pub struct Plane {
    /// What it costs.
    pub x: Axis,
    /// What is got for it.
    pub y: Axis,
    /// The nodes.
    pub points: Vec<PlanePoint>,
    /// Those that no other beats on both axes, by ascending x.
    pub front: Vec<(f64, f64)>,
    /// The least that is possible on the vertical axis, and what it is called.
    pub limit: Option<(String, f64)>,
}

/// A node on a [`Plane`].
#[derive(Clone, Debug)]
pub struct PlanePoint {
    /// What it is called.
    pub label: String,
    /// Its place among the nodes: what its colour and marker follow from, as
    /// in [`plots`](super::plots).
    pub number: usize,
    /// Where it is.
    pub at: (f64, f64),
    /// Where it was published to be.
    pub published: Option<(f64, f64)>,
}

/// A plot of `plane` with a name for its file, a title and a note; `None` if
/// no point has a place on the axes.
pub fn plane(name: &str, title: &str, note: &str, plane: Plane) -> Option<Plot> {
    plane.extents()?;
    Some(Plot {
        name: name.to_owned(),
        title: title.to_owned(),
        note: note.to_owned(),
        body: Body::Plane(plane),
    })
}

impl Plane {
    pub(super) const fn size() -> (f64, f64) {
        Frame::size(HEIGHT)
    }

    pub(super) fn legend(&self) -> Vec<Item> {
        let item = |label: &str, swatch| Item {
            label: label.to_owned(),
            swatch,
        };
        let front = (self.front.len() > 1).then(|| item("Pareto front", Swatch::Plain(FRONT)));
        let limit = self.limit.as_ref();
        let limit = limit.map(|(label, value)| {
            let below = if self.is_far_below(*value) {
                ", below"
            } else {
                ""
            };
            let value = in_words((value * 10.0).round() / 10.0);
            item(&format!("{label} ({value}{below})"), Swatch::Plain(LIMIT))
        });
        let mut points = self.points.iter();
        let ring = points.any(|point| point.published.is_some());
        let ring = ring.then(|| item("published", Swatch::Ring(Look::PLAIN)));
        [front, limit, ring].into_iter().flatten().collect()
    }

    fn extents(&self) -> Option<(Extent, Extent)> {
        let published = self.points.iter().filter_map(|point| point.published);
        let places = self.points.iter().map(|point| point.at).chain(published);
        let limit = self.limit.iter().map(|limit| limit.1);
        let limit = limit.filter(|limit| !self.is_far_below(*limit));
        Some((
            Extent::of(places.clone().map(|place| place.0), self.x.scale)?,
            Extent::of(places.map(|place| place.1).chain(limit), self.y.scale)?,
        ))
    }

    /// Whether a limit is so low that to show it would press all points
    /// together; it is drawn at the edge.
    fn is_far_below(&self, limit: f64) -> bool {
        self.y.scale == Scale::Log && self.points.iter().all(|point| point.at.1 > FAR * limit)
    }

    pub(super) fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>, top: f64) -> Drawn {
        let Some((x, y)) = self.extents() else {
            return Ok(());
        };
        let frame = Frame::set(x, y, top, HEIGHT);
        frame.draw_axes(canvas, &self.x, &self.y)?;
        self.draw_lines(canvas, &frame)?;
        let mut labels = Labels::between(frame.inside());
        for pair in self.corners(&frame).windows(2) {
            let ((left, a), (right, b)) = (pair[0], pair[1]);
            let area = [left - 2.0, a.min(b) - 2.0, right + 2.0, a.max(b) + 2.0];
            labels.taken.push(area);
        }
        let of = |at| frame.place(at);
        for point in &self.points {
            let look = Look::of(point.number);
            if let Some(ring) = point.published.and_then(of) {
                let tie = of(point.at).into_iter().chain([ring]).collect::<Vec<_>>();
                canvas.stroke(&tie, look.colour, 0.5)?;
                canvas.ring(ring, &look, 5.0)?;
                labels.taken.push(around(ring, 5.0));
            }
        }
        let placed = || self.points.iter().filter_map(|p| Some((p, of(p.at)?)));
        for (point, place) in placed() {
            canvas.marker(place, &Look::of(point.number), 5.0)?;
            labels.taken.push(around(place, 5.0));
        }
        placed().try_for_each(|(point, place)| labels.draw(canvas, &point.label, place))
    }

    /// The front's corners, from the top to the right.
    fn corners(&self, frame: &Frame) -> Vec<Point> {
        let [_, top, right, _] = frame.inside();
        let mut corners: Vec<Point> = Vec::new();
        for place in self.front.iter().filter_map(|at| frame.place(*at)) {
            let before = corners.last().map_or(top, |corner| corner.1);
            corners.extend([(place.0, before), place]);
        }
        corners.extend(corners.last().copied().map(|corner| (right, corner.1)));
        corners
    }

    /// The front and the limit.
    fn draw_lines<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>, frame: &Frame) -> Drawn {
        let [left, _, right, bottom] = frame.inside();
        let corners = self.corners(frame);
        if self.front.len() > 1 {
            canvas.dashed(&corners, &FRONT, 2.0)?;
        }
        let Some((_, limit)) = &self.limit else {
            return Ok(());
        };
        let first = self.front.first().map_or(0.0, |first| first.0);
        let y = match frame.place((first, *limit)) {
            Some((_, y)) => y,
            None => bottom,
        };
        canvas.dashed(&[(left, y), (right, y)], &LIMIT, 3.0)
    }
}

/// Left, top, right, bottom.
type Area = [f64; 4];

/// Texts beside points, none upon another as long as there is room.
struct Labels {
    inside: Area,
    taken: Vec<Area>,
}

impl Labels {
    const fn between(inside: Area) -> Self {
        let taken = Vec::new();
        Self { inside, taken }
    }

    fn draw<DB: DrawingBackend>(
        &mut self,
        canvas: &Canvas<'_, DB>,
        label: &str,
        (x, y): Point,
    ) -> Drawn {
        let label = fitted(label, SIZE, MAX_LABEL);
        let (wide, high) = (width(&label, SIZE) + 2.0, SIZE + 1.0);
        let candidates = DISTANCES.iter().flat_map(|distance| {
            DIRECTIONS.iter().map(move |(dx, dy)| {
                let middle = (
                    x + dx * (distance + wide / 2.0),
                    y + dy * (distance + high / 2.0),
                );
                let (left, top) = (middle.0 - wide / 2.0, middle.1 - high / 2.0);
                (*distance, [left, top, left + wide, top + high])
            })
        });
        let best = candidates.min_by(|a, b| self.cover(a.1).total_cmp(&self.cover(b.1)));
        let Some((distance, area)) = best else {
            return Ok(());
        };
        self.taken.push(area);
        let [left, top, right, bottom] = area;
        if distance > DISTANCES[0] {
            let end = (x.clamp(left, right), y.clamp(top, bottom));
            canvas.stroke(&[(x, y), end], MUTED, 0.5)?;
        }
        let how = Type {
            size: SIZE,
            colour: INK,
            anchor: (HPos::Left, VPos::Center),
        };
        canvas.text(&label, (left + 1.0, f64::midpoint(top, bottom)), how)
    }

    /// How much of an area is taken already or lies outside.
    fn cover(&self, area: Area) -> f64 {
        let [left, top, right, bottom] = area;
        let whole = (right - left) * (bottom - top);
        let outside = whole - common(area, self.inside);
        let taken = self.taken.iter().map(|taken| common(area, *taken));
        10.0 * outside.max(0.0) + taken.sum::<f64>()
    }
}

/// What two areas have in common.
fn common(a: Area, b: Area) -> f64 {
    let wide = a[2].min(b[2]) - a[0].max(b[0]);
    let high = a[3].min(b[3]) - a[1].max(b[1]);
    wide.max(0.0) * high.max(0.0)
}

fn around((x, y): Point, half: f64) -> Area {
    [x - half, y - half, x + half, y + half]
}

const FRONT: Look = Look {
    colour: GREEN,
    dash: &[],
    marker: Marker::Circle,
};

/// A limit lower by this factor than every point is far below.
const FAR: f64 = 8.0;

const HEIGHT: f64 = 330.0;
const SIZE: f64 = 14.0;
const MAX_LABEL: f64 = 150.0;
/// From a point to its label; the nearest that is free is taken.
const DISTANCES: [f64; 5] = [7.0, 16.0, 28.0, 42.0, 60.0];
/// In which direction a label is tried.
const DIRECTIONS: [(f64, f64); 8] = [
    (1.0, 0.0),
    (-1.0, 0.0),
    (0.0, -1.0),
    (0.0, 1.0),
    (1.0, -1.0),
    (1.0, 1.0),
    (-1.0, -1.0),
    (-1.0, 1.0),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_near_points_do_not_cover_each_other() {
        let mut labels = Labels::between([0.0, 0.0, 500.0, 330.0]);
        let area = [100.0, 100.0, 160.0, 115.0];
        assert!(labels.cover(area).abs() < 1e-9);
        labels.taken.push([150.0, 90.0, 200.0, 110.0]);
        assert!((labels.cover(area) - 100.0).abs() < 1e-9);
        let outside = [-60.0, 100.0, 0.0, 115.0];
        assert!(labels.cover(outside) > labels.cover(area));
    }
}
