//! The outcome as one HTML page and as figures.
//!
//! ```text
//! sections   what the page says, in its order
//! tables     the comparison, and the thesis's tables rebuilt
//! worlds     worlds of full nodes, and addresses met
//! judged     verdicts and score
//! figures    the profiler's figures, published ones marked in them
//! planes     what is got against what it costs
//! pareto     who is beaten by nobody
//! pooled     the repetitions of a variant as one
//! ```
//!
//! Page, tables and figures are drawn by the profiler.

mod figures;
mod judged;
mod pareto;
mod planes;
mod pooled;
mod sections;
mod tables;
mod worlds;

use std::path::Path;

use mdht_profiler::plot::{self, Plot, PlotError};
use mdht_profiler::report;

use crate::outcome::Outcome;

pub(crate) use judged::ranking;
pub(crate) use tables::table;

/// How to get the same outcome again.
#[derive(Clone, Copy, Debug)]
pub struct Repeat<'r> {
    /// The command, as it is typed.
    pub command: &'r str,
    /// The text of the script.
    pub script: &'r str,
    /// What was run, with its version.
    pub program: &'r str,
}

/// The outcome as one self-contained HTML page.
pub fn html(outcome: &Outcome, repeat: &Repeat<'_>) -> String {
    let title = format!("Experiment {}", outcome.script.name);
    let footer = format!("Made by {}.", repeat.program);
    report::page(&title, &footer, &sections::all(outcome, repeat))
}

/// Every figure of the outcome.
pub fn plots(outcome: &Outcome) -> Vec<Plot> {
    let nodes = pooled::nodes(outcome);
    let mut all = planes::all(outcome);
    all.extend(figures::all(outcome, &nodes));
    all.extend(plot::waterfalls(&nodes));
    all
}

/// Writes `report.html` and, as SVG and PNG, `plots/` into a folder.
///
/// # Errors
/// A figure cannot be drawn or a file cannot be written.
pub fn write(outcome: &Outcome, repeat: &Repeat<'_>, dir: &Path) -> Result<(), PlotError> {
    plot::write(&plots(outcome), &dir.join("plots"))?;
    report::write_page(&html(outcome, repeat), &dir.join("report.html"))
}
