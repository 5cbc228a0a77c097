//! `mdht experiment list`.

use mdht_experiments::{Script, shipped};
use mdht_plugins::Registry;
use serde_json::{Value, json};

use crate::output::{Failure, Format, document, line};

#[derive(clap::Args)]
#[command(after_help = "Examples:
  mdht experiment list
  mdht experiment list --format json")]
pub(super) struct ListArgs {
    /// How the list is written
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &ListArgs, registry: &Registry) -> Result<(), Failure> {
    let mut all = Vec::new();
    for shipped in shipped() {
        // a registry with fewer modules than ours may lack some
        let script = Script::parse(shipped.text, registry);
        all.push(script.map_err(|error| Failure::failed(format!("{}: {error}", shipped.name)))?);
    }
    match args.format {
        Format::Json => document(&all.iter().map(row).collect()),
        Format::Text => all.iter().try_for_each(|script| line(&text(script))),
    }
}

fn hours(script: &Script) -> f64 {
    script.virtual_time().as_secs_f64() / 3600.0
}

fn row(script: &Script) -> Value {
    json!({
        "name": script.name,
        "about": script.about,
        "runs": script.runs(),
        "virtual_hours": hours(script),
    })
}

fn text(script: &Script) -> String {
    format!(
        "{:<18} {:>3} runs, {:>5.0} virtual hours  {}",
        script.name,
        script.runs(),
        hours(script),
        script.about
    )
}
