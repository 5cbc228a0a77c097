//! What curves are to be compared with: published figures and limits.

use super::curves::{Kind, Series};
use super::overlay::distribution;
use super::style::{INK, Look, Marker};
use super::{Body, Plot};

impl Plot {
    /// Rings at `places`, by the values of the axes, in the look of the curve
    /// called `label`, or in black if there is none. Nothing is changed where
    /// there are no axes.
    pub fn add_published(&mut self, label: &str, places: &[(f64, f64)]) {
        let Body::Curves(curves) = &mut self.body else {
            return;
        };
        let same = curves.series.iter().find(|series| series.label == label);
        let look = same.map_or(Look::PLAIN, |series| series.look);
        curves
            .rings
            .extend(places.iter().map(|place| (look, *place)));
    }

    /// The CDF of `samples` as one more curve, dotted in black: a limit, not
    /// something that a node did. Nothing is changed where there is no CDF.
    pub fn add_limit(&mut self, label: &str, samples: &[f64]) {
        if let Body::Curves(curves) = &mut self.body
            && curves.is_share
            && !samples.is_empty()
        {
            curves.series.push(Series {
                label: label.to_owned(),
                look: LIMIT,
                kind: Kind::Steps,
                points: distribution(samples),
            });
        }
    }
}

/// How a limit looks.
pub(super) const LIMIT: Look = Look {
    colour: INK,
    dash: &[1.5, 3.0],
    marker: Marker::Cross,
};
