//! `mdht profile diff`.

use std::path::{Path, PathBuf};

use mdht_profiler::diff;
use serde_json::Value;

use crate::output::{Failure, Format, document, line};

/// Two profiles side by side: each figure with its ratio and, for latency and
/// cost, a 95 % bootstrap interval of the difference, so that a change in a
/// client can be judged. Nodes are paired by label, else by place.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  mdht profile before.pcap --format json > before.json
  mdht profile after.pcap --format json > after.json
  mdht profile diff before.json after.json")]
pub(crate) struct Args {
    /// The first profile, as `mdht profile --format json` wrote it
    #[arg(value_name = "A.json")]
    first: PathBuf,

    /// The second profile
    #[arg(value_name = "B.json")]
    second: PathBuf,

    /// How results are written
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let (first, second) = (read(&args.first)?, read(&args.second)?);
    let names = (
        args.first.display().to_string(),
        args.second.display().to_string(),
    );
    let diff = diff(&first, &second, (&names.0, &names.1)).map_err(Failure::failed)?;
    match args.format {
        Format::Json => document(&serde_json::to_value(&diff).map_err(Failure::failed)?),
        Format::Text => line(diff.to_string().trim_end()),
    }
}

fn read(path: &Path) -> Result<Value, Failure> {
    let place = path.display();
    let text = std::fs::read(path);
    let text = text.map_err(|error| Failure::Failed(format!("{place}: {error}")))?;
    serde_json::from_slice(&text).map_err(|error| {
        Failure::Failed(format!(
            "{place}: {error}; make it with `mdht profile CAPTURE --format json > FILE`"
        ))
    })
}
