//! The worlds of a script: the section `[overlay]`, or one for each `[[world]]`
//! that changes keys of it.

use mdht_overlay::parameters::Parameters;
use mdht_plugins::Registry;
use toml::{Table, Value};

use super::full_nodes::{self, FullNodes};
use super::places::Places;
use super::{MOST_RUNS, ScriptError};

/// One of the worlds in which everything is run.
#[derive(Clone, Debug, PartialEq)]
pub struct World {
    /// What tells it from the others, such as `nodes=10000`; empty if it is the
    /// only one.
    pub label: String,
    /// Its make-up. The seed is the script's.
    pub overlay: Parameters,
    /// Its nodes, if none of them is modelled.
    pub full_nodes: Option<FullNodes>,
}

/// All worlds, the one of `[overlay]` alone if there is no `[[world]]`.
pub(super) fn worlds(
    seed: u64,
    overlay: Option<&Table>,
    changes: &[Table],
    places: &Places<'_>,
    registry: &Registry,
) -> Result<Vec<World>, ScriptError> {
    if places.has("overlay.seed") {
        let reason = "the world is drawn from the script's own seed";
        return Err(
            ScriptError::new("overlay.seed", reason).allowed("`seed` at the top of the script")
        );
    }
    let section = overlay.cloned().unwrap_or_default();
    if changes.is_empty() {
        let label = String::new();
        let world = world(label, seed, section, Parameters::SECTION, registry)?;
        return Ok(vec![world]);
    }
    if changes.len() > MOST_RUNS {
        return Err(
            ScriptError::new("world", "there are too many").allowed(format!("at most {MOST_RUNS}"))
        );
    }
    // what no world changes is the section's fault
    let mut unchanged = section.clone();
    unchanged.remove(full_nodes::KEY);
    Parameters::from_section(&unchanged)?;
    let changed = changes.iter().enumerate();
    changed
        .map(|(place, changes)| changed_world(place, seed, &section, changes, registry))
        .collect()
}

/// The world of a section.
fn world(
    label: String,
    seed: u64,
    mut section: Table,
    at: &str,
    registry: &Registry,
) -> Result<World, ScriptError> {
    let full_nodes = FullNodes::taken(&mut section, at, registry)?;
    let parameters = Parameters::from_section(&section).map_err(|error| {
        let mut error = ScriptError::from(error);
        error.key = error.key.replacen(Parameters::SECTION, at, 1);
        error
    })?;
    if full_nodes.is_some() {
        FullNodes::check_size(parameters.nodes, at)?;
    }
    Ok(World {
        label,
        overlay: Parameters { seed, ..parameters },
        full_nodes,
    })
}

fn changed_world(
    place: usize,
    seed: u64,
    overlay: &Table,
    changes: &Table,
    registry: &Registry,
) -> Result<World, ScriptError> {
    let at = format!("world[{place}]");
    let mut changes = changes.clone();
    let label = match changes.remove("label") {
        Some(Value::String(label)) => label,
        Some(_) => return Err(ScriptError::new(format!("{at}.label"), "it is not a text")),
        None => label_of(&changes, &at)?,
    };
    if changes.contains_key("seed") {
        let reason = "all worlds are drawn from the script's own seed";
        return Err(ScriptError::new(format!("{at}.seed"), reason));
    }
    let mut section = overlay.clone();
    put_over(&mut section, &changes);
    world(label, seed, section, &at, registry)
}

/// Puts changed keys in the place of others. Tables are changed key by key,
/// but for those with a `model`, whose keys belong together.
fn put_over(section: &mut Table, changes: &Table) {
    for (key, change) in changes {
        match (section.get_mut(key), change) {
            (Some(Value::Table(old)), Value::Table(new)) if !new.contains_key("model") => {
                put_over(old, new);
            }
            _ => {
                section.insert(key.clone(), change.clone());
            }
        }
    }
}

/// The changed values, each with the last part of its key.
fn label_of(changes: &Table, at: &str) -> Result<String, ScriptError> {
    let mut parts = Vec::new();
    for (key, value) in changes {
        let part = match value {
            Value::Table(inner) => label_of(inner, &format!("{at}.{key}"))?,
            Value::Integer(number) => format!("{key}={number}"),
            Value::Float(number) => format!("{key}={number}"),
            Value::String(word) => format!("{key}={word}"),
            _ => {
                let reason = "no label can be made of this value";
                let error = ScriptError::new(format!("{at}.{key}"), reason);
                return Err(error.allowed("it, with a `label` in the same [[world]]"));
            }
        };
        parts.push(part);
    }
    Ok(parts.join(" "))
}
