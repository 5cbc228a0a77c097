//! `mdht experiment list`.

use mdht_experiments::{AttackScript, Script, ScriptError, SurveyScript, shipped};
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
        let listed = Listed::of(shipped.text, registry);
        // a registry with fewer modules than ours may lack some
        all.push(listed.map_err(|error| Failure::failed(format!("{}: {error}", shipped.name)))?);
    }
    match args.format {
        Format::Json => document(&all.iter().map(row).collect()),
        Format::Text => all.iter().try_for_each(|script| line(&text(script))),
    }
}

/// A script in the list.
struct Listed {
    name: String,
    about: String,
    runs: usize,
    hours: f64,
}

impl Listed {
    fn of(text: &str, registry: &Registry) -> Result<Self, ScriptError> {
        if SurveyScript::is_one(text) {
            let script = SurveyScript::parse(text)?;
            return Ok(Self {
                name: script.name,
                about: script.about,
                runs: 1,
                hours: script.length.as_secs_f64() / 3600.0,
            });
        }
        if AttackScript::is_one(text) {
            let script = AttackScript::parse(text, registry)?;
            return Ok(Self {
                runs: script.sieges() * script.repetitions as usize,
                hours: script.virtual_time().as_secs_f64() / 3600.0,
                name: script.name,
                about: script.about,
            });
        }
        let script = Script::parse(text, registry)?;
        Ok(Self {
            runs: script.runs(),
            hours: script.virtual_time().as_secs_f64() / 3600.0,
            name: script.name,
            about: script.about,
        })
    }
}

fn row(script: &Listed) -> Value {
    json!({
        "name": script.name,
        "about": script.about,
        "runs": script.runs,
        "virtual_hours": script.hours,
    })
}

fn text(script: &Listed) -> String {
    let Listed {
        name,
        about,
        runs,
        hours,
    } = script;
    format!("{name:<18} {runs:>3} runs, {hours:>5.0} virtual hours  {about}")
}
