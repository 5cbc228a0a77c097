//! `mdht experiment run` of a script with a section `[survey]`.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mdht_experiments::{SurveyScript, survey, survey_html, write_whole};
use mdht_plugins::Registry;

use super::RunArgs;
use super::progress_line::ProgressLine;
use crate::joining::stop_at_ctrl_c;
use crate::output::{Failure, Format, document, line, note};

pub(super) fn run(
    args: &RunArgs,
    text: &str,
    path: &Path,
    registry: &Registry,
) -> Result<(), Failure> {
    if args.resume || args.keep.is_some() || args.threads.is_some() {
        let reason =
            "a survey is one run without captures: --resume, --keep and --threads are of no use";
        return Err(Failure::Usage(reason.to_owned()));
    }
    let script = SurveyScript::parse(text);
    let mut script = script.map_err(|error| Failure::Usage(error.of(path).to_string()))?;
    if let Some(seed) = args.seed {
        script.overlay.seed = seed;
    }
    let out = args.out(&script.name);
    std::fs::create_dir_all(&out)
        .map_err(|error| Failure::failed(format!("{}: {error}", out.display())))?;
    let stopped = Arc::new(AtomicBool::new(false));
    stop_at_ctrl_c(Arc::clone(&stopped));
    let screen = ProgressLine::new();
    let hours = |time: std::time::Duration| time.as_secs_f64() / 3600.0;
    let outcome = survey(&script, registry, &|passed, nodes| {
        screen.show_text(|_| {
            let (passed, all) = (hours(passed), hours(script.length));
            format!("{passed:.2} of {all:.1} virtual hours, {nodes} nodes checked")
        });
        !stopped.load(Ordering::Relaxed)
    });
    screen.clear();
    let outcome = outcome.map_err(Failure::failed)?;
    let summary = outcome.summary();
    let path = out.join("summary.json");
    let text = serde_json::to_string_pretty(&summary).map_err(Failure::failed)?;
    write_whole(&path, text.as_bytes())
        .map_err(|error| Failure::failed(format!("{}: {error}", path.display())))?;
    let path = out.join("report.html");
    let html = survey_html(&outcome, concat!("mdht ", env!("CARGO_PKG_VERSION")));
    write_whole(&path, html.as_bytes())
        .map_err(|error| Failure::failed(format!("{}: {error}", path.display())))?;
    match args.format {
        Format::Json => document(&summary)?,
        Format::Text => line(outcome.to_string().trim_end())?,
    }
    note(&format!("kept in {}", out.display()));
    match outcome.is_whole {
        true => Ok(()),
        false => Err(Failure::failed(
            "stopped before the end; the figures are of what was done",
        )),
    }
}
