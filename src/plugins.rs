//! `mdht plugins`.

use std::collections::BTreeSet;

use mdht_plugins::{Kind, ModuleInfo, Parameter, Registry, Value, did_you_mean};
use serde_json::json;

use crate::output::{Failure, Format, document, line};

/// List the routing and lookup modules with their parameters. A module and
/// its parameters are given as NAME:PARAMETER=VALUE,PARAMETER=VALUE.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  mdht plugins
  mdht plugins nr128
  mdht plugins --format json
  mdht lookup INFOHASH --routing nr128:refresh=3s,first=256 --lookup aggressive:beta=5")]
pub(crate) struct Args {
    /// Only the module of this name
    #[arg(value_name = "NAME")]
    name: Option<String>,

    /// How results are written
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

pub(crate) fn run(args: &Args, registry: &Registry) -> Result<(), Failure> {
    let wanted = |info: &&ModuleInfo| args.name.as_ref().is_none_or(|name| name == info.name);
    let routing: Vec<_> = registry.routing_modules().filter(wanted).collect();
    let lookup: Vec<_> = registry.lookup_modules().filter(wanted).collect();
    if let (true, true, Some(name)) = (routing.is_empty(), lookup.is_empty(), &args.name) {
        let all = registry.routing_modules().chain(registry.lookup_modules());
        let names: BTreeSet<_> = all.map(|info| info.name).collect();
        let meant = did_you_mean(name, names.iter().copied());
        let names = names.into_iter().collect::<Vec<_>>().join(", ");
        return Err(Failure::Usage(format!(
            "there is no module `{name}`; there are {names}{meant}"
        )));
    }
    match args.format {
        Format::Json => {
            let describe =
                |modules: &[&ModuleInfo]| modules.iter().map(|m| module(m)).collect::<Vec<_>>();
            document(&json!({"routing": describe(&routing), "lookup": describe(&lookup)}))
        }
        Format::Text => {
            print("Routing modules", &routing)?;
            print("Lookup modules", &lookup)
        }
    }
}

fn print(title: &str, modules: &[&ModuleInfo]) -> Result<(), Failure> {
    if modules.is_empty() {
        return Ok(());
    }
    line(title)?;
    for info in modules {
        line(&format!(
            "\n  {:<12}{} [{}]",
            info.name, info.summary, info.source
        ))?;
        for parameter in &info.parameters {
            let assignment = format!("{}={}", parameter.name, parameter.default);
            let live = parameter.live.map_or_else(String::new, |live| {
                format!("; {live} for a node on the Internet")
            });
            line(&format!(
                "      {assignment:<31}{}{live}; {}",
                parameter.help, parameter.kind
            ))?;
        }
    }
    line("")
}

fn module(info: &ModuleInfo) -> serde_json::Value {
    json!({
        "name": info.name,
        "label": info.label,
        "summary": info.summary,
        "source": info.source,
        "parameters": info.parameters.iter().map(parameter).collect::<Vec<_>>(),
    })
}

/// Times are in seconds, as the unit says.
fn parameter(parameter: &Parameter) -> serde_json::Value {
    let value = |value: Value| match value {
        Value::Integer(n) => json!(n),
        Value::Duration(time) => json!(time.as_secs_f64()),
        Value::Choice(word) => json!(word),
        other => json!(other.to_string()),
    };
    let (min, max, choices) = match &parameter.kind {
        Kind::Integer { min, max, .. } => (json!(min), json!(max), json!(null)),
        Kind::Duration { min, max } => (
            json!(min.as_secs_f64()),
            json!(max.as_secs_f64()),
            json!(null),
        ),
        Kind::Choice(choices) => (json!(null), json!(null), json!(choices)),
        _ => (json!(null), json!(null), json!(null)),
    };
    json!({
        "name": parameter.name,
        "type": parameter.kind.type_name(),
        "unit": parameter.kind.unit(),
        "default": value(parameter.default),
        "default_live": value(parameter.live.unwrap_or(parameter.default)),
        "min": min,
        "max": max,
        "choices": choices,
        "help": parameter.help,
    })
}
