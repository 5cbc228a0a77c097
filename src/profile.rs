//! `mdht profile`.

use std::collections::BTreeSet;
use std::io::{IsTerminal as _, stderr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use mdht_krpc::Id;
use mdht_profiler::{NodeSpec, Options, Profile, Profiler, Progress};

use crate::output::{Failure, Format, document, line, note};

/// Measure any node from a capture of its packets: lookup latency and cost,
/// maintenance, response rates. The node need not be ours and is not asked.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  mdht profile own.pcap
  mdht profile client.pcap --node 192.0.2.7:6881
  mdht profile both.pcap --node 10.0.0.1:6881=NR128-A --node 10.0.0.2:6881=UT --format json
  tcpdump -i any -w client.pcap udp port 6881     # makes a capture, with -i naming one interface")]
pub(crate) struct Args {
    /// Captures, classic pcap over Ethernet or raw IP
    #[arg(required = true, value_name = "CAPTURE")]
    captures: Vec<PathBuf>,

    /// Node under test; repeat for more (default: the busiest in the capture)
    #[arg(long = "node", value_name = "IP[:PORT][=LABEL]", value_parser = parse_node)]
    nodes: Vec<NodeSpec>,

    /// An answer after this many seconds is late
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = parse_seconds)]
    timeout: Duration,

    /// A get_peers query this many seconds after the last for the same
    /// infohash starts a new lookup
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = parse_seconds)]
    lookup_gap: Duration,

    /// Most queries of a get_peers group that is refresh and no lookup
    #[arg(long, value_name = "N", default_value_t = 1)]
    refresh_max_queries: u64,

    /// File that names the infohashes that were looked up, one a line
    #[arg(long, value_name = "FILE")]
    infohashes: Option<PathBuf>,

    /// How results are written
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let options = Options {
        nodes: args.nodes.clone(),
        timeout: args.timeout,
        lookup_gap: args.lookup_gap,
        refresh_max_queries: args.refresh_max_queries,
        infohashes: args
            .infohashes
            .as_deref()
            .map(read_infohashes)
            .transpose()?,
        ..Options::default()
    };
    let mut bar = Bar::default();
    let profile = Profiler::new(options).run(&args.captures, &mut |progress| bar.show(progress));
    bar.clear();
    let profile = profile.map_err(Failure::failed)?;
    warn(&profile);
    match args.format {
        Format::Json => document(&serde_json::to_value(&profile).map_err(Failure::failed)?),
        Format::Text => line(&profile.to_string()),
    }
}

fn warn(profile: &Profile) {
    for node in profile.nodes.iter().filter(|node| node.messages == 0) {
        note(&format!(
            "warning: {} neither sends nor receives a KRPC message here",
            node.node
        ));
    }
}

/// One infohash a line; empty lines and those that begin with `#` are passed over.
fn read_infohashes(path: &Path) -> Result<BTreeSet<Id>, Failure> {
    let place = path.display();
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|error| Failure::Failed(format!("{place}: {error}")))?;
    let mut infohashes = BTreeSet::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if !line.is_empty() && !line.starts_with('#') {
            let id = line.parse::<Id>();
            let wrong = |error| Failure::Failed(format!("{place}, line {}: {error}", number + 1));
            infohashes.insert(id.map_err(wrong)?);
        }
    }
    Ok(infohashes)
}

fn parse_node(text: &str) -> Result<NodeSpec, String> {
    text.parse().map_err(|error| format!("{error}"))
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok().filter(|s| *s > 0.0);
    let time = seconds.and_then(|s| Duration::try_from_secs_f64(s).ok());
    time.ok_or_else(|| "it takes a number of seconds above 0, such as 2 or 0.5".to_owned())
}

/// A progress line on standard error, where that is a terminal.
#[derive(Default)]
struct Bar {
    shown: bool,
}

impl Bar {
    fn show(&mut self, progress: Progress) {
        let done = progress.bytes_done.saturating_mul(100) / progress.bytes_total.max(1);
        if stderr().is_terminal() && progress.bytes_done < progress.bytes_total {
            self.shown = true;
            eprint!("\r{done:>3} %, {} packets", progress.packets);
        }
    }

    fn clear(&self) {
        if self.shown {
            eprint!("\r{:40}\r", "");
        }
    }
}
