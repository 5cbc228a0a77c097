//! `mdht check survey`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use mdht_connectivity::{Checker, Config, Event, Identity, Limits, Port, Properties, Stats, Tally};
use mdht_krpc::{Id, Instant, Rng};
use mdht_node::core::Core;
use mdht_node::{DEFAULT_BOOTSTRAP, DhtBuilder};
use mdht_plugins::Registry;
use mdht_profiler::plot;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::instrument::Instrument;
use super::node::seeded;
use super::options::{CheckArgs, parse_time};
use super::progress::Line;
use super::records::Records;
use super::station::{NamedSocket, Station};
use super::{document, table};
use crate::joining::stop_requested;
use crate::node_args::{parse_bind, parse_host};
use crate::output::{Failure, Format, line, note};

/// Run instrumented nodes and check every node that queries them, as in the
/// thesis's chapter 7.
///
/// Each node is checked once, by IP address and node ID. The results go to
/// DIR/nodes.jsonl, one document a line, as they come; DIR/survey.json,
/// DIR/figure5.svg (and .png) and the table at the end sum them up, and
/// DIR/nodes.parquet has the nodes as columns. Stopped with ctrl-C or SIGTERM, a survey goes
/// on with --resume: nodes that were checked are not checked again.
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
    #[arg(long, value_name = "MODULE", default_value = DhtBuilder::DEFAULT_ROUTING)]
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
    let mut station = open(args, registry)?;
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

/// Binds all sockets and makes nodes and checker.
fn open(args: &Args, registry: &Registry) -> Result<Station, Failure> {
    let usage = |error: mdht_plugins::SpecError| Failure::Usage(error.to_string());
    let routing = registry.routing(&args.routing).map_err(usage)?;
    let lookup = registry.lookup(DhtBuilder::DEFAULT_LOOKUP).map_err(usage)?;
    let mut rng = seeded()?;
    let (mut sockets, mut identities, mut nodes) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..u16::from(args.identities) {
        let bind = bind_of(args, number)?;
        let own = NamedSocket::bind(Port::Own(number), bind)?;
        let local = NamedSocket::bind(Port::Local(number), SocketAddr::new(bind.ip(), 0))?;
        let id = spread_id(number, args.identities, &mut rng);
        let addr = own.socket.local();
        identities.push(Identity {
            id,
            own: addr,
            local: local.socket.local(),
        });
        let config = mdht_node::core::Config {
            id: Some(id),
            allow_private: args.allow_private,
            ..mdht_node::core::Config::new(vec![addr], routing.clone(), lookup.clone())
        };
        let mut seed = [0; 32];
        rng.fill(&mut seed);
        nodes.push(Core::new(config, seed, Instant::ZERO));
        sockets.extend([own, local]);
    }
    let remote = args.checks.remote_bind;
    let remote = remote.map(|addr| NamedSocket::bind(Port::Remote, addr));
    let remote = remote.transpose()?;
    if remote.is_some() && identities.iter().any(|id| id.own.ip().is_unspecified()) {
        return Err(Failure::Usage(
            "with --remote-bind, --bind must name an address: packets must not leave from the \
             remotechecker's"
                .to_owned(),
        ));
    }
    let config = Config {
        remote: remote.as_ref().map(|remote| remote.socket.local()),
        timing: args.checks.timing(),
        mapping: args.checks.search(),
        limits: Limits {
            open: args.most_open,
            probes_per_second: args.probes_per_second,
            remembered: args.remember,
            ids_per_ip: args.ids_per_ip,
            ..Limits::default()
        },
        survey: true,
        allow_private: args.allow_private,
        own_answers: true,
        version: Some(mdht_node::core::VERSION),
        ..Config::new(identities)
    };
    let checker = Checker::new(config, rng);
    let checker = checker.map_err(|error| Failure::Usage(error.to_string()))?;
    for node in &mut nodes {
        node.join(Instant::ZERO);
    }
    sockets.extend(remote);
    let capture = args.checks.capture.as_deref();
    Station::new(checker, Instrument::Nodes(nodes), sockets, capture)
}

/// Where the instrumented node of this number is bound.
fn bind_of(args: &Args, number: u16) -> Result<SocketAddr, Failure> {
    let any = [SocketAddr::new([0, 0, 0, 0].into(), 0)];
    let binds = if args.bind.is_empty() {
        &any[..]
    } else {
        &args.bind[..]
    };
    let (turn, place) = (
        usize::from(number) / binds.len(),
        usize::from(number) % binds.len(),
    );
    let bind = binds[place];
    let above = u16::try_from(turn).unwrap_or(u16::MAX);
    let port = match bind.port() {
        0 => Some(0),
        port => port.checked_add(above),
    };
    let port = port.ok_or_else(|| {
        Failure::Usage(format!(
            "{bind}: there is no port for identity {number} above it"
        ))
    })?;
    Ok(SocketAddr::new(bind.ip(), port))
}

/// A random ID whose first four bits are spread over the ID space [7.4].
fn spread_id(number: u16, of: u8, rng: &mut Rng) -> Id {
    let mut bytes = *Id::random(rng).as_bytes();
    let top = 16 * number / u16::from(of.max(1));
    bytes[0] = (u8::try_from(top).unwrap_or(0) << 4) | (bytes[0] & 0x0f);
    Id::new(bytes)
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
                        line(&document.to_string())?;
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
            self.screen.show(now, || screen(tally, shown, now));
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
        let mut sums = table::document(&self.tally);
        sums["counters"] = counters(station.checker.stats());
        let path = self.args.out.join("survey.json");
        let written = std::fs::write(&path, format!("{sums}\n"));
        written.map_err(|error| {
            Failure::Failed(format!("cannot write {}: {error}", path.display()))
        })?;
        figure_5(&self.tally, &self.args.out)?;
        #[cfg(feature = "parquet")]
        super::rows::write(self.records.path())?;
        match self.args.checks.format {
            Format::Json => Ok(()),
            Format::Text => line(table::text(&self.tally).trim_end()),
        }
    }
}

/// Draws Figure 5 into the folder of results; of no nodes there is none.
fn figure_5(tally: &Tally, dir: &Path) -> Result<(), Failure> {
    let Some(measured) = tally.properties().parts() else {
        return Ok(());
    };
    let inside = [
        [false, false, false],
        [true, false, false],
        [true, false, true],
        [true, true, false],
        [true, true, true],
    ];
    let sizes = Properties::published_parts().into_iter().zip(measured);
    let parts = inside.into_iter().zip(sizes);
    let upset = plot::Upset {
        label: "% of nodes".to_owned(),
        sets: ["reciprocal", "transitive", "persistent"]
            .map(str::to_owned)
            .into(),
        series: ["published", "measured"].map(str::to_owned).into(),
        parts: parts
            .map(|(inside, (published, measured))| plot::UpsetPart {
                inside: inside.into(),
                sizes: vec![Some(published), Some(measured)],
            })
            .collect(),
    };
    let title = format!(
        "Connectivity properties of {} nodes",
        tally.properties().nodes
    );
    let note = "thesis 7, Fig. 5; published: the rows of Table 1, without its 5 % of others";
    let plot = plot::upset("figure5", &title, note, upset);
    let written = plot::write(plot.as_slice(), dir);
    written.map(drop).map_err(Failure::failed)
}

/// What is shown while it runs.
fn screen(tally: &Tally, station: &Station, now: Instant) -> String {
    let stats = station.checker.stats();
    let (joined, nodes) = station.instrument.joined();
    format!(
        "{}{:.1} min, {joined} of {nodes} nodes joined, {} queries, {} checks open, {} done, {} \
         dropped, {} probes",
        table::text(tally),
        now.since(Instant::ZERO).as_secs_f64() / 60.0,
        stats.queries,
        station.checker.open(),
        stats.finished,
        stats.dropped,
        stats.probes,
    )
}

fn counters(stats: &Stats) -> Value {
    json!({
        "queries": stats.queries,
        "started": stats.started,
        "finished": stats.finished,
        "dropped": stats.dropped,
        "repeats": stats.repeats,
        "refused": stats.refused,
        "without_id": stats.without_id,
        "read_only": stats.read_only,
        "flooding": stats.flooding,
        "forgotten": stats.forgotten,
        "not_asked_for": stats.not_asked_for,
        "probes": stats.probes,
        "delayed": stats.delayed,
        "answers": stats.answers,
        "late": stats.late,
        "wrong_source": stats.wrong_source,
        "wrong_socket": stats.wrong_socket,
        "changed_ids": stats.changed_ids,
        "uninvited": stats.uninvited,
        "malformed": stats.malformed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_four_bits_of_all_identities_differ() {
        let mut rng = Rng::from_u64(1);
        for of in 1..=16 {
            let tops = (0..u16::from(of)).map(|n| spread_id(n, of, &mut rng).as_bytes()[0] >> 4);
            let tops: std::collections::BTreeSet<_> = tops.collect();
            assert_eq!(tops.len(), usize::from(of));
        }
    }
}
