//! Colours, dashes, markers and the font.

use std::sync::OnceLock;

use plotters::style::{FontStyle, RGBColor, register_font};

use super::PlotError;

pub(super) const PAPER: RGBColor = RGBColor(0xff, 0xff, 0xff);
pub(super) const INK: RGBColor = RGBColor(0x1b, 0x1f, 0x24);
pub(super) const MUTED: RGBColor = RGBColor(0x5c, 0x63, 0x6b);
pub(super) const GRID: RGBColor = RGBColor(0xdd, 0xe1, 0xe6);
pub(super) const BLUE: RGBColor = RGBColor(0x00, 0x72, 0xb2);
pub(super) const VERMILION: RGBColor = RGBColor(0xd5, 0x5e, 0x00);
pub(super) const GREEN: RGBColor = RGBColor(0x00, 0x9e, 0x73);
pub(super) const PURPLE: RGBColor = RGBColor(0xcc, 0x79, 0xa7);
pub(super) const ORANGE: RGBColor = RGBColor(0xe6, 0x9f, 0x00);
pub(super) const SKY: RGBColor = RGBColor(0x56, 0xb4, 0xe9);
const BLACK: RGBColor = RGBColor(0x00, 0x00, 0x00);

/// The colours as SVG writes them, and the variables that stand for them
/// where the page decides between light and dark.
pub(crate) const THEMED: &[(&str, &str)] = &[
    ("\"#FFFFFF\"", "\"var(--paper)\""),
    ("\"#1B1F24\"", "\"var(--ink)\""),
    ("\"#5C636B\"", "\"var(--muted)\""),
    ("\"#DDE1E6\"", "\"var(--grid)\""),
    ("\"#0072B2\"", "\"var(--blue)\""),
    ("\"#D55E00\"", "\"var(--vermilion)\""),
    ("\"#009E73\"", "\"var(--green)\""),
    ("\"#CC79A7\"", "\"var(--purple)\""),
    ("\"#E69F00\"", "\"var(--orange)\""),
    ("\"#56B4E9\"", "\"var(--sky)\""),
    ("\"#000000\"", "\"var(--black)\""),
];

/// Okabe and Ito's colours, which the colour-blind tell apart, but for the
/// yellow, which nobody sees on paper.
const COLOURS: [RGBColor; 7] = [BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK];

/// Lengths of strokes and gaps; none is a solid line.
const DASHES: [&[f64]; 5] = [
    &[],
    &[9.0, 4.0],
    &[2.5, 3.5],
    &[9.0, 3.0, 2.5, 3.0],
    &[16.0, 4.0],
];

/// The shape of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marker {
    Circle,
    Square,
    Triangle,
    Diamond,
    Inverted,
    Cross,
}

const MARKERS: [Marker; 6] = [
    Marker::Circle,
    Marker::Square,
    Marker::Triangle,
    Marker::Diamond,
    Marker::Inverted,
    Marker::Cross,
];

/// How a series looks. Colours, dashes and markers repeat after 7, 5 and 6,
/// so that no two of [`MAX_SERIES`] look the same even in grey.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Look {
    pub(super) colour: RGBColor,
    pub(super) dash: &'static [f64],
    pub(super) marker: Marker,
}

impl Look {
    /// Of what belongs to no series.
    pub(super) const PLAIN: Self = Self {
        colour: INK,
        dash: &[],
        marker: Marker::Circle,
    };

    pub(super) fn of(series: usize) -> Self {
        Self {
            colour: COLOURS[series % COLOURS.len()],
            dash: DASHES[series % DASHES.len()],
            marker: MARKERS[series % MARKERS.len()],
        }
    }
}

/// Most nodes that are laid over each other.
pub(super) const MAX_SERIES: usize = 24;

/// The name that SVG viewers know for what they have of this kind. The font
/// is among the widest of its kind: what has room here has room there.
pub(super) const FONT: &str = "sans-serif";

/// Makes the font known to plotters; once is enough.
pub(super) fn register() -> Result<(), PlotError> {
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    let registered = REGISTERED
        .get_or_init(|| register_font(FONT, FontStyle::Normal, dejavu::sans::regular()).is_ok());
    match registered {
        true => Ok(()),
        false => Err(PlotError::Drawing("the font cannot be read".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_series_look_the_same_even_without_colour() {
        let grey = |i| {
            let Look { dash, marker, .. } = Look::of(i);
            format!("{dash:?} {marker:?}")
        };
        for i in 0..MAX_SERIES {
            for j in 0..i {
                assert_ne!(grey(i), grey(j), "series {i} and {j}");
            }
        }
    }

    #[test]
    fn every_colour_has_a_variable() {
        let others = [PAPER, INK, MUTED, GRID];
        for RGBColor(r, g, b) in COLOURS.into_iter().chain(others) {
            let written = format!("\"#{r:02X}{g:02X}{b:02X}\"");
            assert!(
                THEMED.iter().any(|(colour, _)| *colour == written),
                "{written}"
            );
        }
    }
}
