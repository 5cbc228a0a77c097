//! Figures as SVG and PNG, in the forms of thesis 8.
//!
//! ```text
//! overlay      figures of the same name of several nodes -> one plot
//! curves       CDFs, cumulative counts, lines and points
//! bars         a group of bars for each name
//! waterfall    the queries of a lookup
//! lines        lines through given points
//! plane        what is got against what it costs
//! upset        how sets overlap
//! beside       what curves are to be compared with
//! legend       what colours, dashes and markers stand for
//! extent       the part of an axis that is shown, and its ticks
//! thinning     no more points than there are pixels
//! canvas       strokes, areas and text on a plotters backend
//! style        colours, dashes, markers, the font
//! output       SVG text, PNG bytes, files
//! ```
//!
//! The font comes with the program, so that every machine draws the same.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let profile = mdht_profiler::Profiler::new(Default::default()).run(&["run.pcap"], &mut |_| {})?;
//! use mdht_profiler::plot;
//!
//! plot::write_all(&profile, "plots".as_ref())?;        // every figure, SVG and PNG
//! for plot in plot::plots(&profile.nodes) {            // or one by one
//!     println!("{}: {} bytes of SVG", plot.title, plot::svg(&plot)?.len());
//! }
//! # Ok(())
//! # }
//! ```

mod bars;
mod beside;
mod canvas;
mod curves;
mod extent;
mod legend;
mod lines;
mod output;
mod overlay;
mod plane;
mod style;
mod thinning;
mod upset;
mod waterfall;

use std::path::PathBuf;

pub use lines::lines;
pub(crate) use output::replace;
pub use output::{escaped, png, svg, write, write_all};
pub(crate) use overlay::labels;
pub use overlay::{plots, waterfalls};
pub use plane::{Plane, PlanePoint, plane};
pub(crate) use style::THEMED;
pub use upset::{Upset, UpsetPart, upset};

/// A figure that is ready to be drawn.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Plot {
    /// Stem of its file name.
    pub name: String,
    /// What it shows.
    pub title: String,
    /// Where the form is from, and what was left out; may be empty.
    pub note: String,
    pub(crate) body: Body,
}

/// What a [`Plot`] draws.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    Curves(curves::Curves),
    Bars(bars::Bars),
    Waterfall(waterfall::Waterfall),
    Plane(Plane),
    Upset(Upset),
}

/// Why a figure was not drawn or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlotError {
    /// The drawing library refused; most likely the font is broken.
    #[error("the figure cannot be drawn: {0}")]
    Drawing(String),
    /// The pixels cannot be encoded.
    #[error("the figure cannot be written as PNG: {0}")]
    Png(#[from] png::EncodingError),
    /// A file or its directory cannot be written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}
