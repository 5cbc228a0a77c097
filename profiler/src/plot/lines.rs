//! Lines through given points, for whoever compares something else than
//! profiles.

use super::curves::{Curves, Kind, Series};
use super::style::Look;
use super::{Body, Plot};
use crate::Axis;

/// A plot of a line for each label through its points, in the order of x;
/// `None` if no point has a place on the axes. With `is_share`, the vertical
/// axis goes from 0 to 1.
pub fn lines(
    (name, title, note): (&str, &str, &str),
    (x, y): (Axis, Axis),
    series: Vec<(String, Vec<(f64, f64)>)>,
    is_share: bool,
) -> Option<Plot> {
    let series = series.into_iter().enumerate();
    let series = series.map(|(number, (label, points))| Series {
        label,
        look: Look::of(number),
        kind: Kind::Line,
        points,
    });
    let curves = Curves {
        x,
        y,
        series: series.collect(),
        x_end: None,
        is_share,
        rings: Vec::new(),
    };
    curves.extents()?;
    Some(Plot {
        name: name.to_owned(),
        title: title.to_owned(),
        note: note.to_owned(),
        body: Body::Curves(curves),
    })
}
