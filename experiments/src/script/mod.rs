//! What to compare: a script in TOML.

mod checks;
mod error;
mod full_nodes;
mod live;
mod places;
mod suggestion;
mod variants;
mod worlds;

use std::path::Path;

use mdht_overlay::parameters::Parameters;
use mdht_plugins::Registry;
use serde::Deserialize;

pub(crate) use checks::check_name;
pub use error::ScriptError;
pub use full_nodes::{FullNodes, Share};
pub use live::LiveSection;
pub use worlds::World;

use places::Places;
use variants::Matrix;
pub(crate) use variants::variants;

use crate::job::Job;

/// Most runs of a script: variants times worlds times repetitions.
pub const MOST_RUNS: usize = 1000;

/// What can be reported, by the keys of `summary.json`.
#[rustfmt::skip] // as many to a line as fit
pub const MEASUREMENTS: [&str; 24] = [
    "all_queries", "bep42_ids", "client_responses", "clients", "closest_ms", "distinct_nodes",
    "get_lookups", "hops", "lookup_cost", "lookup_latency_ms", "lookup_queries", "lookups",
    "maintenance", "needless_queries", "protocol_violations", "query_rate", "received", "rtt_ms",
    "stray_answers", "swarm_latency_ms", "swarm_replicas", "timeouts", "traffic_over_time", "waterfalls",
];

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
    /// The first of the worlds.
    pub overlay: Parameters,
    /// The worlds in which every combination is run, one or more.
    pub worlds: Vec<World>,
    /// On real sockets in place of a world, which then says nothing.
    pub live: Option<LiveSection>,
    /// Who looks up what when.
    pub schedule: Schedule,
    /// The combinations, with the matrix written out, in the first world; then
    /// the same in the next.
    pub variants: Vec<Variant>,
    /// Which captures are kept.
    pub captures: Keep,
    /// Keys of the measurements to report; all if empty.
    pub report: Vec<String>,
    /// The text that it was read from.
    pub text: String,
}

/// Who looks up what when.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Schedule {
    /// Lookups of each node, of as many different `top` swarms.
    pub infohashes: u32,
    /// Seconds between two lookups over all nodes of a round.
    pub interval_s: f64,
    /// Seconds to join before the first lookup.
    pub warm_up_s: f64,
    /// Order of the nodes within a round.
    pub order: Order,
    /// Nodes that take turns. Where there are more variants, they are dealt
    /// into several rounds that go on side by side, so that a node's lookups
    /// are as far apart however many variants there are: `interval_s` times
    /// this. Default: all variants of a world.
    pub nodes_per_round: Option<usize>,
    /// Nodes of each variant that are measured in each world. Figures are
    /// means over them.
    pub nodes_each: u32,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            infohashes: 100,
            interval_s: 10.0,
            warm_up_s: 1800.0,
            order: Order::Random,
            nodes_per_round: None,
            nodes_each: 1,
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
    /// such as `NR128-A`, and the parameters that differ.
    #[serde(default)]
    pub label: String,
    /// The routing module, such as `nr128:refresh=3s`.
    pub routing: String,
    /// The lookup module.
    pub lookup: String,
    /// Number of its world in the script's list.
    #[serde(skip)]
    pub world: usize,
}

/// Which captures are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keep {
    /// None: they are profiled and forgotten.
    #[default]
    None,
    /// All, as they are.
    Pcap,
    /// All, compressed.
    Zst,
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
    #[serde(default = "one")]
    repetitions: u32,
    overlay: Option<toml::Value>,
    live: Option<LiveSection>,
    #[serde(default)]
    world: Vec<toml::Table>,
    #[serde(default)]
    schedule: Schedule,
    #[serde(default)]
    variant: Vec<Variant>,
    matrix: Option<Matrix>,
    #[serde(default)]
    captures: Keep,
    #[serde(default)]
    report: Vec<String>,
}

/// The seed, or the number of repetitions, of a script that gives none.
pub(crate) fn one<T: From<u8>>() -> T {
    T::from(1)
}

/// Whether a script has a section of this name.
pub(crate) fn has_section(text: &str, name: &str) -> bool {
    let document: Result<toml::Table, _> = toml::from_str(text);
    document.is_ok_and(|document| document.contains_key(name))
}

/// The world of a script of one world, the default one if it has no section
/// `[overlay]`.
pub(crate) fn overlay_of(
    written: Option<&toml::Table>,
    text: &str,
) -> Result<Parameters, ScriptError> {
    match written {
        Some(_) => Ok(Parameters::from_toml(text)?),
        None => Ok(Parameters::default()),
    }
}

/// Reads a script's text as its sections are written; where each key stands
/// comes with it, for what is refused later.
pub(crate) fn read<T: serde::de::DeserializeOwned>(
    text: &str,
) -> Result<(T, Places<'_>), ScriptError> {
    let places = Places::of(text)?;
    let written = toml::from_str(text).map_err(|error| {
        let mut refused = places.refused(&error);
        refused.reason = suggestion::with_suggestion(&refused.reason);
        refused
    })?;
    Ok((written, places))
}

impl Script {
    /// Reads a script and checks it against the modules of `registry`.
    ///
    /// # Errors
    /// The file cannot be read, or what it says cannot be run.
    pub fn read(path: &Path, registry: &Registry) -> Result<Self, ScriptError> {
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|error| ScriptError::new("", error.to_string()).of(path))?;
        Self::parse(&text, registry).map_err(|error| error.of(path))
    }

    /// Reads a script from its text.
    ///
    /// # Errors
    /// What it says cannot be run. The error names line and key.
    pub fn parse(text: &str, registry: &Registry) -> Result<Self, ScriptError> {
        let (written, places) = read::<Written>(text)?;
        written
            .into_script(text, registry, &places)
            .map_err(|error| places.locate(error))
    }

    /// The same script with another seed, in its text too.
    ///
    /// # Errors
    /// The seed is too large.
    pub fn with_seed(&self, seed: u64, registry: &Registry) -> Result<Self, ScriptError> {
        let seeded = Self::parse(&Places::of(&self.text)?.with_seed(seed), registry)?;
        Ok(Self {
            captures: self.captures,
            ..seeded
        })
    }

    /// Whether a run of this script and one of the other leave the same
    /// captures under the same names, kept or not.
    pub fn runs_as(&self, other: &Self) -> bool {
        let bare = |script: &Self| Self {
            about: String::new(),
            captures: Keep::None,
            report: Vec::new(),
            text: String::new(),
            ..script.clone()
        };
        bare(self) == bare(other)
    }

    /// The seed of a repetition.
    pub(crate) const fn seed_of(&self, repetition: u32) -> u64 {
        self.seed.wrapping_add(repetition as u64)
    }

    /// Nodes of each variant that are measured, over all repetitions.
    pub const fn samples(&self) -> usize {
        (self.repetitions as usize).saturating_mul(self.schedule.nodes_each as usize)
    }

    /// Nodes that are measured in all.
    pub const fn runs(&self) -> usize {
        self.samples().saturating_mul(self.variants.len())
    }

    /// The world in which a variant lives.
    pub(crate) fn world_of(&self, variant: usize) -> &World {
        &self.worlds[self.variants[variant].world]
    }

    /// Place of a node among all of its world.
    pub(crate) const fn seat(&self, job: Job) -> usize {
        self.combination(job.variant) + job.node as usize * self.combinations()
    }

    /// Number of combinations, each of which is run in every world.
    pub(crate) const fn combinations(&self) -> usize {
        self.variants.len() / self.worlds.len()
    }

    /// Place of a variant among the combinations of its world.
    pub(crate) const fn combination(&self, variant: usize) -> usize {
        variant % self.combinations()
    }

    /// Virtual time of all runs together.
    pub fn virtual_time(&self) -> std::time::Duration {
        let runs = u32::try_from(self.runs()).unwrap_or(u32::MAX);
        crate::schedule::length(self).saturating_mul(runs)
    }
}

impl Written {
    fn into_script(
        self,
        text: &str,
        registry: &Registry,
        places: &Places<'_>,
    ) -> Result<Script, ScriptError> {
        let overlay = self.overlay.as_ref();
        let live = LiveSection::checked(self.live, overlay, self.world.len())?;
        let overlay = overlay.and_then(toml::Value::as_table);
        let worlds = worlds::worlds(self.seed, overlay, &self.world, places, registry)?;
        let combinations = variants::variants(self.matrix.as_ref(), self.variant, registry)?;
        let [first, ..] = worlds.as_slice() else {
            return Err(ScriptError::new("world", "there is none"));
        };
        let script = Script {
            name: self.name,
            about: self.about,
            seed: self.seed,
            repetitions: self.repetitions,
            overlay: first.overlay.clone(),
            schedule: self.schedule,
            variants: in_all_worlds(&combinations, &worlds),
            worlds,
            live,
            captures: self.captures,
            report: self.report,
            text: text.to_owned(),
        };
        script.check()?;
        Ok(script)
    }
}

/// Every combination in the first world, then in the next.
fn in_all_worlds(combinations: &[Variant], worlds: &[World]) -> Vec<Variant> {
    let here = |(number, world): (usize, &World)| {
        let label = world.label.clone();
        combinations.iter().map(move |variant| Variant {
            label: format!("{} {label}", variant.label).trim_end().to_owned(),
            world: number,
            ..variant.clone()
        })
    };
    // no more than could be run: the check that follows counts them
    let all = worlds.iter().enumerate().flat_map(here);
    all.take(MOST_RUNS + combinations.len()).collect()
}
