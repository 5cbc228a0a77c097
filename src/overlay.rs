//! `mdht overlay`.

#[cfg(target_os = "linux")]
mod serve;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mdht_overlay::World;
use mdht_overlay::describe::{Comparison, MakeUp, validate};
use mdht_overlay::parameters::Parameters;
use serde_json::json;

use crate::output::{Failure, Format, document, line};

/// The emulated overlay: a DHT of up to 16 million modelled nodes in one
/// process.
#[derive(clap::Args)]
#[command(arg_required_else_help = false)]
#[command(after_help = "Examples:
  mdht overlay describe
  mdht overlay describe --nodes 1000000 --validate
  mdht overlay serve --nodes 100000 --bind-range 127.0.0.0/8")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Print what a world is made of, and whether it shows what was planted
    Describe(DescribeArgs),
    /// Serve the world in real time on real UDP
    #[cfg(target_os = "linux")]
    Serve(serve::Args),
}

/// Which world.
#[derive(clap::Args)]
struct WorldArgs {
    /// Modelled nodes online at once
    #[arg(long, value_name = "N")]
    nodes: Option<u32>,

    /// Everything is drawn from this
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// File with a section [overlay]; what it leaves out has its default
    #[arg(long, value_name = "FILE.toml")]
    parameters: Option<PathBuf>,
}

/// Build a world and print its make-up: size, clients, connectivity, round-trip
/// times, sessions, swarms, tables, and how a node under test becomes known.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  mdht overlay describe
  mdht overlay describe --nodes 10000000 --seed 7 --format json
  mdht overlay describe --print-parameters > world.toml
  mdht overlay describe --parameters world.toml --validate

The parameters and the keys of the JSON are described in docs/overlay.md.")]
struct DescribeArgs {
    #[command(flatten)]
    world: WorldArgs,

    /// Sample the world and print planted beside observed
    #[arg(long)]
    validate: bool,

    /// Print all parameters as TOML with comments, and nothing else
    #[arg(long, conflicts_with_all = ["validate", "format"])]
    print_parameters: bool,

    /// How results are written
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    match &args.command {
        Command::Describe(args) => describe(args),
        #[cfg(target_os = "linux")]
        Command::Serve(args) => serve::run(args),
    }
}

fn describe(args: &DescribeArgs) -> Result<(), Failure> {
    let parameters = parameters(&args.world)?;
    if args.print_parameters {
        return line(parameters.to_toml().trim_end());
    }
    let before = resident("VmRSS");
    let (world, build) = timed(|| World::new(parameters));
    let world = world.map_err(|error| Failure::Usage(error.to_string()))?;
    let cost = Cost::new(before, build, world.population().len());
    let make_up = MakeUp::of(&world);
    let comparisons = args.validate.then(|| timed(|| validate(&world)));
    match args.format {
        Format::Json => print_json(&make_up, &cost, comparisons),
        Format::Text => print_text(&make_up, &cost, comparisons),
    }
}

/// From the file, or the defaults, with what the command line says on top.
fn parameters(args: &WorldArgs) -> Result<Parameters, Failure> {
    let mut parameters = match &args.parameters {
        Some(path) => read(path)?,
        None => Parameters::default(),
    };
    parameters.nodes = args.nodes.unwrap_or(parameters.nodes);
    parameters.seed = args.seed.unwrap_or(parameters.seed);
    let checked = parameters.check();
    checked.map_err(|error| Failure::Usage(error.to_string()))?;
    Ok(parameters)
}

fn read(path: &Path) -> Result<Parameters, Failure> {
    let place = path.display();
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|error| Failure::Failed(format!("{place}: {error}")))?;
    Parameters::from_toml(&text).map_err(|error| Failure::Usage(format!("{place}: {error}")))
}

/// What it took to build the world; memory is known on Linux only.
struct Cost {
    build: Duration,
    bytes_per_node: Option<f64>,
    peak_bytes: Option<u64>,
}

impl Cost {
    fn new(before: Option<u64>, build: Duration, nodes: u32) -> Self {
        let grown = before.and_then(|before| resident("VmRSS")?.checked_sub(before));
        Self {
            build,
            bytes_per_node: grown.map(|bytes| bytes as f64 / f64::from(nodes)),
            peak_bytes: resident("VmHWM"),
        }
    }
}

/// A size in bytes from what Linux says of this process.
fn resident(key: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let found = status.lines().find_map(|line| line.strip_prefix(key))?;
    let kilobytes = found.trim_start_matches(':').trim_end_matches("kB").trim();
    Some(kilobytes.parse::<u64>().ok()? * 1024)
}

#[allow(clippy::disallowed_methods)] // a person waits in real time
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begun = Instant::now();
    let done = work();
    (done, begun.elapsed())
}

fn print_json(
    make_up: &MakeUp,
    cost: &Cost,
    validation: Option<(Vec<Comparison>, Duration)>,
) -> Result<(), Failure> {
    let mut value = serde_json::to_value(make_up).map_err(Failure::failed)?;
    value["build_s"] = json!(cost.build.as_secs_f64());
    value["resident_bytes_per_node"] = json!(cost.bytes_per_node);
    value["peak_resident_bytes"] = json!(cost.peak_bytes);
    if let Some((comparisons, took)) = validation {
        value["validation"] = json!(comparisons);
        value["validation_s"] = json!(took.as_secs_f64());
    }
    document(&value)
}

fn print_text(
    make_up: &MakeUp,
    cost: &Cost,
    validation: Option<(Vec<Comparison>, Duration)>,
) -> Result<(), Failure> {
    line(make_up.to_string().trim_end())?;
    let mut built = format!("\nBuilt in {:.2} s", cost.build.as_secs_f64());
    if let Some(bytes) = cost.bytes_per_node {
        built += &format!("; the process grew by {bytes:.1} bytes a node");
    }
    if let Some(peak) = cost.peak_bytes {
        built += &format!(" and took {:.0} MB at most", peak as f64 / 1e6);
    }
    line(&built)?;
    let Some((comparisons, took)) = validation else {
        return Ok(());
    };
    for comparison in comparisons {
        line(&format!("\n{}", comparison.to_string().trim_end()))?;
    }
    line(&format!("\nSampled in {:.1} s", took.as_secs_f64()))
}
