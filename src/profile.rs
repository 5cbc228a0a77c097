//! `mdht profile`.

use std::collections::BTreeSet;
use std::num::NonZero;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mdht_krpc::Id;
use mdht_profiler::measurement::Connectivity;
use mdht_profiler::{Input, NodeSpec, Options, Profile, Profiler, Progress, Running};
use mdht_profiler::{plot, report};

use crate::joining::stop_at_ctrl_c;
use crate::output::{Failure, Format, document, line, note};
use crate::profile_parquet::Export;
use crate::terminal::{one_line, redraws};

/// Measure any node from a capture of its packets: lookup latency and cost,
/// maintenance, response rates. The node need not be ours and is not asked.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(after_help = "Examples:
  mdht profile own.pcap
  mdht profile client.pcapng --node 192.0.2.7:6881 --report client.html
  mdht profile both.pcap.zst --node 10.0.0.1:6881=NR128-A --node 10.0.0.2:6881=UT --format json
  tcpdump -i eth0 -U -w - udp | mdht profile -
  mdht profile client.pcap --parquet rows/    (then: duckdb -c \"FROM 'rows/lookups.parquet'\")
  mdht profile diff before.json after.json")]
pub(crate) struct Args {
    #[command(subcommand)]
    diff: Option<Command>,

    /// Captures: pcap or pcapng, also compressed; - is standard input
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

    /// Threads: 1, or 2 of which one reads files and one measures (default:
    /// 2 if there is more than one core)
    #[arg(long, value_name = "N")]
    threads: Option<NonZero<usize>>,

    /// How results are written
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,

    /// Write a self-contained page with tables, figures and waterfalls
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,

    /// Write each figure as SVG and PNG into this folder
    #[arg(long, value_name = "DIR")]
    plots: Option<PathBuf>,

    /// Write each table as CSV into this folder
    #[arg(long, value_name = "DIR")]
    csv: Option<PathBuf>,

    /// Write messages, exchanges and lookups as Parquet files into this folder
    #[arg(long, value_name = "DIR")]
    parquet: Option<PathBuf>,

    /// Tell which of the addresses that query the node can be reached, and
    /// which only when they have just sent something
    #[arg(long)]
    connectivity: bool,

    /// Slowest lookups that get a waterfall in report and plots
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(..=1000))]
    waterfalls: u16,

    /// Infohash whose lookups get a waterfall too; repeat for more
    #[arg(long, value_name = "INFOHASH", value_parser = crate::node_args::parse_info_hash)]
    waterfall: Vec<Id>,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Two profiles side by side, with the ratio of each figure
    Diff(crate::profile_diff::Args),
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    if let Some(Command::Diff(diff)) = &args.diff {
        return crate::profile_diff::run(diff);
    }
    let inputs = args
        .captures
        .iter()
        .map(|path| Input::named(path))
        .collect();
    let export = Export::begin(args.parquet.as_deref())?;
    let mut profiler = export.filled_by(Profiler::new(options(args)?));
    if args.connectivity {
        profiler = profiler.with_measurement(|_| Box::<Connectivity>::default());
    }
    let mut screen = Screen::new(args.format);
    let profile = profiler.watch(inputs, &mut |running| screen.show(running));
    screen.clear();
    let profile = profile.map_err(Failure::failed)?;
    warn(&profile);
    // the files are wanted even where the results have no reader, as with `| head`
    let shown = show(args.format, &profile);
    let written = write_files(args, &profile);
    let exported = export.finish();
    written.and(exported).and(shown)
}

fn show(format: Format, profile: &Profile) -> Result<(), Failure> {
    match format {
        Format::Json => document(&serde_json::to_value(profile).map_err(Failure::failed)?),
        Format::Text => line(&profile.to_string()),
    }
}

fn options(args: &Args) -> Result<Options, Failure> {
    let drawn = args.report.is_some() || args.plots.is_some();
    Ok(Options {
        nodes: args.nodes.clone(),
        timeout: args.timeout,
        lookup_gap: args.lookup_gap,
        refresh_max_queries: args.refresh_max_queries,
        infohashes: args
            .infohashes
            .as_deref()
            .map(read_infohashes)
            .transpose()?,
        waterfalls: if drawn { args.waterfalls.into() } else { 0 },
        waterfall_infohashes: args.waterfall.iter().copied().collect(),
        threads: args.threads,
        ..Options::default()
    })
}

/// What was asked for beside the results: each is written even if another
/// fails, and the first failure is told.
fn write_files(args: &Args, profile: &Profile) -> Result<(), Failure> {
    let report = write_file("report", args.report.as_deref(), |path| {
        report::write(profile, path).map_err(Failure::failed)
    });
    let plots = write_file("figures", args.plots.as_deref(), |dir| {
        let written = plot::write_all(profile, dir);
        written.map(drop).map_err(Failure::failed)
    });
    let csv = write_file("tables", args.csv.as_deref(), |dir| {
        let written = profile.write_csv(dir);
        // the other two name the file themselves
        let failed = |error| Failure::Failed(format!("{}: {error}", dir.display()));
        written.map(drop).map_err(failed)
    });
    report.and(plots).and(csv)
}

/// Writes `what` to `place`, if that was asked for, and says so.
fn write_file(
    what: &str,
    place: Option<&Path>,
    write: impl FnOnce(&Path) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let Some(place) = place else { return Ok(()) };
    write(place)?;
    note(&format!("{what} written to {}", place.display()));
    Ok(())
}

fn warn(profile: &Profile) {
    for node in profile.nodes.iter().filter(|node| node.messages == 0) {
        note(&format!(
            "warning: {} neither sends nor receives a KRPC message here; without --node, \
             the busiest nodes are listed",
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

/// What is shown on a terminal while the profiler works: progress through
/// files, or the profile so far of a live capture.
struct Screen {
    terminal: bool,
    /// Redraw the profile itself: results are text and go to this terminal too.
    redraws: bool,
    begun: Instant,
    drawn: Option<Instant>,
    stop: Arc<AtomicBool>,
}

impl Screen {
    const EVERY: Duration = Duration::from_secs(1);

    #[allow(clippy::disallowed_methods)] // a person waits in real time
    fn new(format: Format) -> Self {
        let terminal = redraws();
        let stop = Arc::new(AtomicBool::new(false));
        Self {
            terminal,
            redraws: format == Format::Text,
            begun: Instant::now(),
            drawn: None,
            stop,
        }
    }

    /// Called often; draws about once a second. Ends a live capture at ctrl-C,
    /// so that what was captured is still reported.
    #[allow(clippy::disallowed_methods)] // a person waits in real time
    fn show(&mut self, running: &Running<'_>) -> ControlFlow<()> {
        let progress = running.progress();
        let now = Instant::now();
        if self.drawn.is_none() && progress.live {
            stop_at_ctrl_c(Arc::clone(&self.stop));
        }
        if self.drawn.is_none_or(|drawn| now - drawn >= Self::EVERY) {
            self.drawn = Some(now);
            if self.terminal {
                self.draw(running, &progress);
            }
        }
        match self.stop.load(Ordering::Relaxed) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    fn draw(&self, running: &Running<'_>, progress: &Progress) {
        if !progress.live {
            let line = progress_line(progress, self.begun.elapsed());
            return eprint!("\r{}\x1b[K", one_line(&line));
        }
        if self.redraws
            && let Some(profile) = running.snapshot()
        {
            eprint!("\x1b[H\x1b[2J{profile}\n(live; ctrl-C ends it)\n");
        }
    }

    fn clear(&self) {
        if self.terminal && self.drawn.is_some() {
            eprint!("\r\x1b[K");
        }
    }
}

/// Share done, rate and time left.
#[allow(clippy::cast_precision_loss)] // for a person
fn progress_line(progress: &Progress, elapsed: Duration) -> String {
    let (done, total) = (
        progress.bytes_done as f64,
        progress.bytes_total.max(1) as f64,
    );
    let seconds = elapsed.as_secs_f64().max(0.001);
    let rate = done / seconds;
    let left = if rate > 0.0 {
        (total - done) / rate
    } else {
        0.0
    };
    format!(
        "{:>3.0} %, {} packets, {:.0} MB/s, {left:.0} s left",
        100.0 * done / total,
        progress.packets,
        rate / 1e6,
    )
}
