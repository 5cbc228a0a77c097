//! `mdht experiment run` of a script with sections `[[attack]]`.

use std::num::NonZero;
use std::path::Path;
use std::sync::atomic::Ordering;

use mdht_experiments::{AttackScript, attacks};
use mdht_plugins::Registry;
use mdht_profiler::plot;

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
    if args.resume || args.keep.is_some() {
        let reason = "attacks are played without captures: --resume and --keep are of no use";
        return Err(Failure::Usage(reason.to_owned()));
    }
    let script = AttackScript::parse(text, registry);
    let mut script = script.map_err(|error| Failure::Usage(error.of(path).to_string()))?;
    if let Some(seed) = args.seed {
        script.seed = seed;
    }
    let kept = Kept::make(args.out(&script.name))?;
    let stopped = stopped_by_ctrl_c();
    let cores = std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
    let threads = args.threads.unwrap_or(cores);
    let screen = ProgressLine::new();
    let outcome = attacks(&script, registry, threads, &|over, all| {
        screen.show_text(|_| format!("{over} of {all} sieges"));
        !stopped.load(Ordering::Relaxed)
    });
    screen.clear();
    let outcome = outcome.map_err(Failure::failed)?;
    let summary = outcome.summary();
    kept.write_summary(&summary)?;
    plot::write(&outcome.plots(), &kept.path().join("plots")).map_err(Failure::failed)?;
    kept.print(&summary, outcome.to_string().trim_end(), args.format)?;
    stopped_early(outcome.is_whole)
}
