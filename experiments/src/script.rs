//! What to compare: a script in TOML.

use std::path::Path;

use mdht_overlay::parameters::{ParameterError, Parameters};
use mdht_plugins::Registry;
use serde::Deserialize;

/// What to compare.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    /// Its name, of letters, digits, `-` and `_`: it names the output folder.
    pub name: String,
    /// What it is for, in a line.
    pub about: String,
    /// Everything random follows from this.
    pub seed: u64,
    /// How often everything is run, each time in another world.
    pub repetitions: u32,
    /// The world.
    pub overlay: Parameters,
    /// Who looks up what when.
    pub schedule: Schedule,
    /// The combinations, with the matrix written out.
    pub variants: Vec<Variant>,
    /// Which captures are kept.
    pub captures: Keep,
}

/// Who looks up what when.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Schedule {
    /// Lookups of each node, of as many different `top` swarms.
    pub infohashes: u32,
    /// Seconds between two lookups over all nodes.
    pub interval_s: f64,
    /// Seconds to join before the first lookup.
    pub warm_up_s: f64,
    /// Order of the nodes within a round.
    pub order: Order,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            infohashes: 100,
            interval_s: 10.0,
            warm_up_s: 1800.0,
            order: Order::Random,
        }
    }
}

/// Order of the nodes within a round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Another one in each round [8.VI].
    #[default]
    Random,
    /// As they stand in the script.
    Fixed,
}

/// A combination of plug-ins.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// Its name in reports and of its capture. Default: the modules' labels,
    /// such as `NR128-A`.
    #[serde(default)]
    pub label: String,
    /// The routing module, such as `nr128:refresh=3s`.
    pub routing: String,
    /// The lookup module.
    pub lookup: String,
}

/// Which captures are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keep {
    /// None: they are profiled and forgotten.
    #[default]
    None,
    /// All, compressed.
    Zst,
}

/// What is wrong with a script.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ScriptError(String);

impl From<ParameterError> for ScriptError {
    fn from(error: ParameterError) -> Self {
        Self(error.to_string())
    }
}

/// A script as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    #[serde(default)]
    about: String,
    #[serde(default = "one")]
    seed: u64,
    #[serde(default = "one_repetition")]
    repetitions: u32,
    #[serde(default)]
    overlay: toml::Table,
    #[serde(default)]
    schedule: Schedule,
    #[serde(default)]
    variant: Vec<Variant>,
    matrix: Option<Matrix>,
    #[serde(default)]
    captures: Keep,
}

const fn one() -> u64 {
    1
}

const fn one_repetition() -> u32 {
    1
}

/// Every routing module with every lookup module.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Matrix {
    routing: Vec<String>,
    lookup: Vec<String>,
}

impl Script {
    /// Reads a script and checks it against the modules of `registry`.
    ///
    /// # Errors
    /// The file cannot be read, or what it says cannot be run.
    pub fn read(path: &Path, registry: &Registry) -> Result<Self, ScriptError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| ScriptError(format!("{}: {error}", path.display())))?;
        Self::parse(&text, registry)
            .map_err(|ScriptError(error)| ScriptError(format!("{}: {error}", path.display())))
    }

    /// Reads a script from its text.
    ///
    /// # Errors
    /// What it says cannot be run.
    pub fn parse(text: &str, registry: &Registry) -> Result<Self, ScriptError> {
        let written: Written =
            toml::from_str(text).map_err(|error| ScriptError(error.to_string()))?;
        let mut overlay = Parameters::from_section(&written.overlay)?;
        overlay.seed = written.seed;
        let mut variants = written.variant;
        if let Some(matrix) = written.matrix {
            variants.extend(matrix.written_out());
        }
        if variants.is_empty() {
            return Err(ScriptError(
                "there is nothing to compare; add a [[variant]] or a [matrix] with routing and lookup".to_owned(),
            ));
        }
        for variant in &mut variants {
            variant.check(registry)?;
        }
        Ok(Self {
            name: written.name,
            about: written.about,
            seed: written.seed,
            repetitions: written.repetitions,
            overlay,
            schedule: written.schedule,
            variants,
            captures: written.captures,
        })
    }

    /// The seed of a repetition.
    pub(crate) const fn seed_of(&self, repetition: u32) -> u64 {
        self.seed.wrapping_add(repetition as u64)
    }
}

impl Matrix {
    fn written_out(self) -> Vec<Variant> {
        let Self { routing, lookup } = self;
        let pairs = lookup
            .iter()
            .flat_map(|lookup| routing.iter().map(move |routing| (routing, lookup)));
        pairs
            .map(|(routing, lookup)| Variant {
                label: String::new(),
                routing: routing.clone(),
                lookup: lookup.clone(),
            })
            .collect()
    }
}

impl Variant {
    fn check(&mut self, registry: &Registry) -> Result<(), ScriptError> {
        let told = |error: mdht_plugins::SpecError| ScriptError(error.to_string());
        let routing = registry.routing(&self.routing).map_err(told)?;
        let lookup = registry.lookup(&self.lookup).map_err(told)?;
        if self.label.is_empty() {
            self.label = format!("{}-{}", routing.label(), lookup.label());
        }
        Ok(())
    }
}
