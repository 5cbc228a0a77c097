//! `mdht experiment`.

mod attacks;
mod kept;
mod list;
mod progress_line;
mod survey;

use std::io::ErrorKind;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use clap::ValueEnum;
use mdht_experiments::report::{self, Repeat};
use mdht_experiments::script::Keep;
use mdht_experiments::{
    AttackScript, Error, Experiment, Outcome, Script, Shipped, SurveyScript, run as run_experiment,
    shipped, write_whole,
};
use mdht_plugins::{Registry, nearest_name};

use crate::joining::stopped_by_ctrl_c;
use crate::output::{Failure, Format, document, line, note};
use progress_line::ProgressLine;

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
    /// List the scripts that come with the command
    List(list::ListArgs),
}

#[derive(clap::Args)]
#[command(after_help = "Examples:
  mdht experiment run compare
  mdht experiment run experiments/scripts/thesis.toml --out results/thesis --keep zst
  mdht experiment run mine.toml --seed 2 --format json
  mdht experiment run mine.toml --resume

Ctrl-C stops after a moment, reports the runs that were finished and exits with
code 1; the same command with --resume goes on. So it does after a kill, and
after a disk was full. docs/experiments.md tells how scripts are written.")]
struct RunArgs {
    /// The script: a file, or the name of one that `experiment list` lists
    #[arg(value_name = "FILE|NAME")]
    script: PathBuf,

    /// Folder for everything that is kept (default: results/NAME)
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Go on with an interrupted run of the same script in the same folder
    #[arg(long)]
    resume: bool,

    /// In place of the script's seed
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Captures to keep, in place of what the script says
    #[arg(long, value_name = "WHICH")]
    keep: Option<Captures>,

    /// Variants that run at the same time (default: one for each core)
    #[arg(long, value_name = "N")]
    threads: Option<NonZero<usize>>,

    /// How results are written
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

impl RunArgs {
    /// The folder for everything that is kept.
    fn out(&self, name: &str) -> PathBuf {
        let default = || PathBuf::from("results").join(name);
        self.out.clone().unwrap_or_else(default)
    }
}

/// Captures that are kept.
#[derive(Clone, Copy, ValueEnum)]
enum Captures {
    /// They are profiled and removed
    None,
    /// As pcap
    Pcap,
    /// As pcap, compressed with zstd
    Zst,
}

impl From<Captures> for Keep {
    fn from(captures: Captures) -> Self {
        match captures {
            Captures::None => Self::None,
            Captures::Pcap => Self::Pcap,
            Captures::Zst => Self::Zst,
        }
    }
}

pub(crate) fn run(args: &Args, registry: &Registry) -> Result<(), Failure> {
    match &args.command {
        Command::Run(args) => run_script(args, registry),
        Command::List(args) => list::run(args, registry),
    }
}

fn run_script(args: &RunArgs, registry: &Registry) -> Result<(), Failure> {
    let (text, path) = text(&args.script)?;
    if SurveyScript::is_one(&text) {
        return survey::run(args, &text, &path, registry);
    }
    if AttackScript::is_one(&text) {
        return attacks::run(args, &text, &path, registry);
    }
    let script = script(args, &text, &path, registry)?;
    let out = args.out(&script.name);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let experiment = Experiment {
        script: &script,
        registry,
        out: &out,
        resume: args.resume,
        threads: args.threads.map_or(cores, usize::from),
    };
    let line = ProgressLine::new();
    let stopped = stopped_by_ctrl_c();
    let outcome = run_experiment(&experiment, &|progress| {
        line.show(progress);
        !stopped.load(Ordering::Relaxed)
    });
    line.clear();
    let outcome = outcome.map_err(|error| told(&error))?;
    hand_over(&outcome, &out, args.format)?;
    if outcome.is_whole {
        return Ok(());
    }
    Err(Failure::failed(
        "stopped before the end; what was finished is kept, and the same command with --resume goes on",
    ))
}

/// The script with what the command line puts in its place.
fn script(args: &RunArgs, text: &str, path: &Path, registry: &Registry) -> Result<Script, Failure> {
    let usage = |error: &dyn std::fmt::Display| Failure::Usage(error.to_string());
    let in_file = |error: mdht_experiments::ScriptError| usage(&error.of(path));
    let mut script = Script::parse(text, registry).map_err(in_file)?;
    if let Some(seed) = args.seed {
        script = script
            .with_seed(seed, registry)
            .map_err(|error| usage(&error))?;
    }
    if let Some(keep) = args.keep {
        script.captures = keep.into();
    }
    Ok(script)
}

/// Text and name of a file, or of a shipped script.
fn text(path: &Path) -> Result<(String, PathBuf), Failure> {
    let name = path.to_str().unwrap_or_default();
    let is_name = !name.contains(['/', '\\', '.']);
    if is_name && !path.is_file() {
        let shipped = Shipped::named(name).map_err(Failure::Usage)?;
        return Ok((
            shipped.text.to_owned(),
            PathBuf::from(format!("{name}.toml")),
        ));
    }
    match std::fs::read_to_string(path) {
        Ok(text) => Ok((text, path.to_owned())),
        Err(error) => {
            let meant = match error.kind() {
                ErrorKind::NotFound => shipped_like(path),
                _ => String::new(),
            };
            let place = path.display();
            Err(Failure::Failed(format!("{place}: {error}{meant}")))
        }
    }
}

/// What to run in place of a file that is not there, if a shipped script has
/// nearly its name.
fn shipped_like(path: &Path) -> String {
    let given = path.file_stem().and_then(|stem| stem.to_str());
    let names = shipped().iter().map(|script| script.name);
    let near = given.and_then(|given| nearest_name(given, names));
    near.map_or_else(String::new, |near| {
        format!("; shipped is `{near}`: mdht experiment run {near}")
    })
}

/// Writes the summary and prints the comparison.
fn hand_over(outcome: &Outcome, out: &Path, format: Format) -> Result<(), Failure> {
    let summary = outcome.summary();
    let path = out.join("summary.json");
    let text = serde_json::to_string_pretty(&summary).map_err(Failure::failed)?;
    write_whole(&path, text.as_bytes()).map_err(|source| told(&Error::File { path, source }))?;
    write_report(outcome, out)?;
    match format {
        Format::Json => document(&summary)?,
        Format::Text => line(&outcome.to_string())?,
    }
    note(&format!("kept in {}", out.display()));
    Ok(())
}

/// Writes `report.html` and `plots/`.
fn write_report(outcome: &Outcome, out: &Path) -> Result<(), Failure> {
    let script = std::fs::read_to_string(out.join("script.toml")).unwrap_or_default();
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

/// An error with what to do.
fn told(error: &Error) -> Failure {
    let to_do = match error {
        Error::File { .. } => {
            "; what was finished is kept: make room or name another folder with --out, \
             and the same command with --resume goes on"
        }
        _ => "",
    };
    Failure::failed(format!("{error}{to_do}"))
}
