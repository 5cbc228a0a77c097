//! `mdht check survey`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use mdht_connectivity::{Event, Limits, Port, Tally};
use mdht_krpc::Instant;
use mdht_node::DEFAULT_BOOTSTRAP;
use mdht_plugins::Registry;
use tokio::sync::mpsc;

use super::options::{CheckArgs, parse_time};
use super::progress::Line;
use super::records::Records;
use super::station::Station;
use super::{document, table};
use crate::joining::stop_requested;
use crate::node_args::{BRIEF_ROUTING, parse_bind, parse_host};
use crate::output::{Failure, Format, line, note};

mod sockets;
mod sums;

/// Run instrumented nodes and check every node that queries them, as in the
/// thesis's chapter 7.
///
/// Each node is checked once, by IP address and node ID. The results go to
/// DIR/nodes.jsonl, one document a line, as they come; DIR/survey.json,
/// DIR/figure5.svg (and .png) and the table at the end sum them up, and
/// DIR/nodes.parquet has the nodes as columns. Stopped with ctrl-C or SIGTERM,
/// a survey goes on with --resume: nodes that were checked are not checked
/// again.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  mdht check survey --out survey --bind 198.51.100.1 --remote-bind 198.51.100.2 --duration 24h --identities 16
  mdht check survey --out survey --resume --survival 15m,60m
  mdht check survey --out test --bind 127.0.0.1 --remote-bind 127.0.0.2 --bootstrap 127.0.0.9:6881 --no-default-bootstrap")]
pub(crate) struct Args {
    /// Folder for the results
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// Go on with a survey in that folder
    #[arg(long)]
    resume: bool,

    /// Instrumented nodes; the first four bits of their IDs differ
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=16))]
    identities: u8,

    /// Address of an instrumented node, ADDR or ADDR:PORT; with several, the
    /// identities are spread over them, at ports one above the other
    #[arg(long, value_name = "ADDR[:PORT]", value_parser = parse_bind)]
    bind: Vec<SocketAddr>,

    /// How long nodes are taken in; checks that are open then are completed
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    duration: Option<Duration>,

    /// Node to join by; repeat for more
    #[arg(long, value_name = "HOST:PORT", value_parser = parse_host)]
    bootstrap: Vec<String>,

    /// Do not join by the public routers
    #[arg(long)]
    no_default_bootstrap: bool,

    /// Routing module of the instrumented nodes
    #[arg(long, value_name = "MODULE", default_value = BRIEF_ROUTING)]
    routing: String,

    /// Check nodes at private addresses even if ours are public
    #[arg(long)]
    allow_private: bool,

    /// Most checks at once; beyond that the oldest is dropped
    #[arg(long, value_name = "N", default_value_t = Limits::default().open)]
    most_open: usize,

    /// Most probes a second
    #[arg(long, value_name = "N", default_value_t = Limits::default().probes_per_second)]
    probes_per_second: u32,

    /// Nodes remembered so that none is checked twice; 60 bytes each
    #[arg(long, value_name = "N", default_value_t = Limits::default().remembered)]
    remember: usize,

    /// Most node IDs checked at one IP address
    #[arg(long, value_name = "N", default_value_t = Limits::default().ids_per_ip)]
    ids_per_ip: u16,

    #[command(flatten)]
    checks: CheckArgs,
}

pub(crate) async fn run(args: &Args, registry: &Registry) -> Result<(), Failure> {
    let mut stop = pin!(stop_requested());
    let mut station = sockets::open(args, registry)?;
    let mut tally = Tally::default();
    let records = Records::open(&args.out, args.resume, |record| {
        if let Some(id) = &record.id {
            station.checker.remember(record.ip, id);
        }
        tally.add_pattern(record.pattern);
        tally.add_survival(&record.survival);
    })?;
    if args.resume {
        note(&format!(
            "{} nodes of {} are known and not checked again",
            tally.nodes(),
            records.path().display()
        ));
    }
    for (port, addr) in station.addresses() {
        note(&format!("{} {addr}", name(port)));
    }
    let mut survey = Survey {
        args,
        tally,
        records,
        screen: Line::new(),
        addrs: resolving(args),
        ends: args.duration.map(|duration| station.now() + duration),
        flushed: Instant::ZERO,
    };
    tokio::select! {
        result = survey.all(&mut station) => result?,
        () = &mut stop => note(&format!(
            "stopped; {} checks were not over, and are begun anew with --resume",
            station.checker.open()
        )),
    }
    survey.finish(&station)
}

fn name(port: Port) -> String {
    match port {
        Port::Own(identity) => format!("instrumented node {identity}"),
        Port::Local(identity) => format!("localchecker {identity}"),
        Port::Remote => "remotechecker".to_owned(),
    }
}

/// Addresses of bootstrap nodes, as they are found; asked for by sending.
struct Resolving {
    ask: mpsc::Sender<()>,
    found: mpsc::Receiver<Vec<SocketAddr>>,
}

fn resolving(args: &Args) -> Resolving {
    let (ask, mut asked) = mpsc::channel(1);
    let (find, found) = mpsc::channel(1);
    let default = DEFAULT_BOOTSTRAP.iter().map(|host| (*host).to_owned());
    let default = default.filter(|_| !args.no_default_bootstrap);
    let hosts: Vec<_> = args.bootstrap.iter().cloned().chain(default).collect();
    tokio::spawn(async move {
        while let Some(()) = asked.recv().await {
            let mut addrs = Vec::new();
            for host in &hosts {
                match tokio::net::lookup_host(host).await {
                    Ok(resolved) => addrs.extend(resolved),
                    Err(error) => note(&format!("{host}: {error}")),
                }
            }
            if find.send(addrs).await.is_err() {
                return;
            }
        }
    });
    let _ = ask.try_send(());
    Resolving { ask, found }
}

/// A survey under way.
struct Survey<'a> {
    args: &'a Args,
    tally: Tally,
    records: Records,
    screen: Line,
    addrs: Resolving,
    /// When no more nodes are taken in.
    ends: Option<Instant>,
    flushed: Instant,
}

impl Survey<'_> {
    /// How often results are written out, and whatever else is looked after.
    const LOOK: Duration = Duration::from_secs(1);

    /// Until the time is over and every check is.
    async fn all(&mut self, station: &mut Station) -> Result<(), Failure> {
        loop {
            let next_look = station.now() + Self::LOOK;
            station.turn(Some(next_look)).await;
            while let Some(event) = station.checker.poll_event() {
                if let Event::Finished(report) = event {
                    self.tally.add(&report);
                    let document = document::document(&report);
                    self.records.add(&document)?;
                    if self.args.checks.format == Format::Json {
                        crate::output::document(&document)?;
                    }
                }
            }
            let now = station.now();
            if now.since(self.flushed) >= Self::LOOK {
                self.flushed = now;
                self.records.flush()?;
                self.look_after_joining(station, now);
            }
            let (tally, shown) = (&self.tally, &*station);
            self.screen.show(now, || sums::screen(tally, shown, now));
            if self.ends.is_some_and(|ends| now >= ends) {
                station.checker.stop_taking_in();
                if station.checker.open() == 0 {
                    return Ok(());
                }
            }
        }
    }

    fn look_after_joining(&mut self, station: &mut Station, now: Instant) {
        if station.instrument.needs_bootstrap() {
            // being asked already is as good
            let _ = self.addrs.ask.try_send(());
        }
        if let Ok(addrs) = self.addrs.found.try_recv() {
            station.instrument.add_bootstrap(now, &addrs);
        }
    }

    /// Writes the sums, and prints them.
    fn finish(mut self, station: &Station) -> Result<(), Failure> {
        self.screen.clear();
        self.records.flush()?;
        let mut document = table::document(&self.tally);
        document["counters"] = sums::counters(station.checker.stats());
        let path = self.args.out.join("survey.json");
        let written = std::fs::write(&path, format!("{document}\n"));
        written.map_err(|error| {
            Failure::Failed(format!("cannot write {}: {error}", path.display()))
        })?;
        sums::figure_5(&self.tally, &self.args.out)?;
        #[cfg(feature = "parquet")]
        super::rows::write(self.records.path())?;
        match self.args.checks.format {
            Format::Json => Ok(()),
            Format::Text => line(table::text(&self.tally).trim_end()),
        }
    }
}
