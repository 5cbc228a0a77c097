//! `mdht experiment`.

use std::io::{IsTerminal as _, Write as _, stderr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use mdht_experiments::report::{self, Repeat};
use mdht_experiments::{Experiment, Outcome, Progress, Script, run as run_experiment};
use mdht_plugins::Registry;
use serde_json::Value;

use crate::joining::stop_at_ctrl_c;
use crate::output::{Failure, Format, document, line, note};

/// Compare combinations of plug-ins in the emulated overlay, from their
/// packets alone.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Run a script
    Run(RunArgs),
}

#[derive(clap::Args)]
#[command(after_help = "Examples:
  mdht experiment run experiments/scripts/compare.toml
  mdht experiment run mine.toml --out results/mine --format json")]
struct RunArgs {
    /// The script
    #[arg(value_name = "FILE")]
    script: PathBuf,

    /// Folder for everything that is kept (default: results/NAME)
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Go on with an interrupted run in the same folder
    #[arg(long)]
    resume: bool,

    /// How results are written
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

pub(crate) fn run(args: &Args, registry: &Registry) -> Result<(), Failure> {
    let Command::Run(args) = &args.command;
    let script = Script::read(&args.script, registry).map_err(Failure::failed)?;
    let default = || PathBuf::from("results").join(&script.name);
    let out = args.out.clone().unwrap_or_else(default);
    let experiment = Experiment {
        script: &script,
        registry,
        out: &out,
        resume: args.resume,
        threads: std::thread::available_parallelism().map_or(1, usize::from),
    };
    let screen = Screen::new();
    let stopped = Arc::new(AtomicBool::new(false));
    stop_at_ctrl_c(Arc::clone(&stopped));
    let outcome = run_experiment(&experiment, &|progress| {
        screen.show(progress);
        !stopped.load(Ordering::Relaxed)
    });
    screen.clear();
    let outcome = outcome.map_err(Failure::failed)?;
    let summary = outcome.summary();
    keep(&outcome, &summary, &args.script, &out)?;
    match args.format {
        Format::Json => document(&summary)?,
        Format::Text => line(&outcome.to_string())?,
    }
    note(&format!("kept in {}", out.display()));
    Ok(())
}

/// Writes `summary.json`, `report.html` and `plots/`.
fn keep(outcome: &Outcome, summary: &Value, script: &Path, out: &Path) -> Result<(), Failure> {
    let path = out.join("summary.json");
    let text = serde_json::to_string_pretty(summary).map_err(Failure::failed)?;
    std::fs::write(&path, text)
        .map_err(|error| Failure::failed(format!("{}: {error}", path.display())))?;
    let script = std::fs::read_to_string(script).unwrap_or_default();
    let words = std::env::args().skip(1).map(|word| quoted(&word));
    let repeat = Repeat {
        command: &format!("mdht {}", words.collect::<Vec<_>>().join(" ")),
        script: &script,
        program: concat!("mdht ", env!("CARGO_PKG_VERSION")),
    };
    report::write(outcome, &repeat, out).map_err(Failure::failed)
}

/// A word of a command as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

/// A line on the terminal that says how far it is.
struct Screen {
    start: Instant,
    shown: Mutex<Option<Instant>>,
    is_terminal: bool,
}

impl Screen {
    /// Time between two looks of the line.
    const PAUSE: Duration = Duration::from_millis(200);

    fn new() -> Self {
        Self {
            start: Instant::now(),
            shown: Mutex::new(None),
            is_terminal: stderr().is_terminal(),
        }
    }

    fn show(&self, progress: &Progress) {
        let Ok(mut shown) = self.shown.lock() else {
            return;
        };
        if !self.is_terminal || shown.is_some_and(|shown| shown.elapsed() < Self::PAUSE) {
            return;
        }
        *shown = Some(Instant::now());
        let passed = self.start.elapsed().as_secs_f64();
        let done = progress.virtual_time.as_secs_f64();
        let speed = done / passed.max(1e-3);
        let left = (progress.virtual_total.as_secs_f64() - done) / speed.max(1e-3);
        let text = format!(
            "\r\x1b[K{:.1} of {:.1} virtual hours, {} of {} lookups, {speed:.0} times real time, {left:.0} s left",
            done / 3600.0,
            progress.virtual_total.as_secs_f64() / 3600.0,
            progress.lookups,
            progress.lookups_total,
        );
        // a progress line that cannot be shown is no failure
        let _ = stderr().write_all(text.as_bytes());
    }

    fn clear(&self) {
        if self.is_terminal {
            let _ = stderr().write_all(b"\r\x1b[K");
        }
    }
}
