//! `mdht replay`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use mdht_experiments::replay::{Answers, Error, Options, Unknown, replay};
use mdht_krpc::Id;
use mdht_plugins::{Registry, RoutingFactory};
use mdht_profiler::{Input, NodeSpec, Profiler};

use crate::output::{Failure, Format, document, line, note};

/// Feed what a captured node received to routing modules, in the time of the
/// packets: what each would have admitted, quarantined, asked and evicted. The
/// node need not be ours; no packet is sent.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  mdht replay own.pcap --node 192.0.2.7:6881 --routing bep5 --routing nice --routing nr128
  mdht replay day1.pcap.zst day2.pcap.zst --node 192.0.2.7 --routing nr128:refresh=3s,first=256
  mdht replay client.pcapng --node 10.0.0.1:51413 --routing nice --answers lookups --unknown alive
  mdht replay client.pcapng --node 10.0.0.1:51413 --routing nice --format json | jq .modules[0].rows

What the figures are worth: docs/replay.md. The modules: mdht plugins.")]
pub(crate) struct Args {
    /// Captures: pcap or pcapng, also compressed; - is standard input
    #[arg(required = true, value_name = "CAPTURE")]
    captures: Vec<PathBuf>,

    /// The captured node
    #[arg(long, value_name = "IP[:PORT]", value_parser = parse_node)]
    node: NodeSpec,

    /// Routing module, with parameters if wanted; repeat to compare
    #[arg(long, value_name = "MODULE", required = true)]
    routing: Vec<String>,

    /// The captured node's ID (default: as it says in the first message it sends)
    #[arg(long, value_name = "HEX", value_parser = parse_id)]
    id: Option<Id>,

    /// How far from a moment evidence of a contact is looked for, in minutes
    #[arg(long, value_name = "MINUTES", default_value_t = 15, value_parser = clap::value_parser!(u16).range(1..=1440))]
    window: u16,

    /// What becomes of a module's query that the capture says nothing about
    #[arg(long, value_name = "FATE", default_value = "silent")]
    unknown: Fate,

    /// Which of the captured node's own exchanges the modules are told of
    #[arg(long, value_name = "WHICH", default_value = "all")]
    answers: Fed,

    /// How results are written
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

/// `--unknown`.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Fate {
    /// It is not answered
    Silent,
    /// It is answered
    Alive,
}

/// `--answers`.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Fed {
    /// All
    All,
    /// Those of its user's lookups, not its own pings and find_nodes
    Lookups,
}

pub(crate) fn run(args: &Args, registry: &Registry) -> Result<(), Failure> {
    let mut options = Options::new(args.node.clone(), modules(&args.routing, registry)?);
    options.id = args.id;
    options.window = Duration::from_secs(60 * u64::from(args.window));
    options.unknown = match args.unknown {
        Fate::Silent => Unknown::Silent,
        Fate::Alive => Unknown::Alive,
    };
    options.answers = match args.answers {
        Fed::All => Answers::All,
        Fed::Lookups => Answers::Lookups,
    };
    let inputs = args.captures.iter().map(|path| Input::named(path));
    let replayed = replay(inputs.collect(), &options).map_err(|error| match error {
        Error::NoSuchNode(_) => Failure::Failed(format!("{error}{}", there_are(&args.captures))),
        other => Failure::failed(other),
    })?;
    for capture in replayed.captures.iter().filter(|capture| capture.truncated) {
        note(&format!(
            "warning: {} is cut short; it was read up to there",
            capture.path
        ));
    }
    match args.format {
        Format::Json => document(&serde_json::to_value(&replayed).map_err(Failure::failed)?),
        Format::Text => line(replayed.to_string().trim_end()),
    }
}

fn modules(specs: &[String], registry: &Registry) -> Result<Vec<RoutingFactory>, Failure> {
    let modules = specs.iter().map(|spec| registry.routing(spec));
    let modules: Result<_, _> = modules.collect();
    modules.map_err(|error| Failure::Usage(error.to_string()))
}

/// Most addresses that are named where the node is not found.
const MOST_NAMED: usize = 10;

/// The addresses that could have been meant, from a second look.
fn there_are(captures: &[PathBuf]) -> String {
    let again = captures.iter().all(|path| path != Path::new("-"));
    let profile = again.then(|| Profiler::new(Default::default()).run(captures, &mut |_| {}));
    let Some(Ok(profile)) = profile else {
        return String::new();
    };
    let busy = profile.addresses.iter().take(MOST_NAMED);
    let named: Vec<_> = busy.map(|busy| busy.address.to_string()).collect();
    match named.is_empty() {
        true => "; no address there both sends and receives KRPC".to_owned(),
        false => format!(
            "; those that do both there, busiest first: {}",
            named.join(", ")
        ),
    }
}

fn parse_node(text: &str) -> Result<NodeSpec, String> {
    text.parse().map_err(|error| format!("{error}"))
}

fn parse_id(text: &str) -> Result<Id, String> {
    text.parse().map_err(|error| format!("{error}"))
}
