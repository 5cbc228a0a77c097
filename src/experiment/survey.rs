//! `mdht experiment run` of a script with a section `[survey]`.

use std::path::Path;
use std::sync::atomic::Ordering;

use mdht_experiments::{SurveyScript, survey, survey_html};
use mdht_plugins::Registry;

use super::RunArgs;
use super::kept::{Kept, stopped_early};
use super::progress_line::ProgressLine;
use crate::joining::stopped_by_ctrl_c;
use crate::output::Failure;

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
    let kept = Kept::make(args.out(&script.name))?;
    let stopped = stopped_by_ctrl_c();
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
    kept.write_summary(&summary)?;
    let html = survey_html(&outcome, concat!("mdht ", env!("CARGO_PKG_VERSION")));
    kept.write("report.html", html.as_bytes())?;
    kept.print(&summary, outcome.to_string().trim_end(), args.format)?;
    stopped_early(outcome.is_whole)
}
