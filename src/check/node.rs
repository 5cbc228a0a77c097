//! `mdht check node`.

use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::time::Duration;

use mdht_connectivity::{
    Checker, Config, Event, Identity, MISSED_BY_LOCALCHECKER_PERCENT, Port, Report,
};
use mdht_krpc::{Id, Instant, Rng};

use super::document;
use super::instrument::{Instrument, Stub};
use super::options::{CheckArgs, parse_time};
use super::progress::Line;
use super::station::{NamedSocket, Station};
use crate::joining::stop_requested;
use crate::node_args::parse_bind;
use crate::output::{Failure, Format, line, note};

/// Check given nodes from up to three sockets of ours, twice.
///
/// The pattern has six letters, R(eachable) or U(nreachable): from our own
/// socket, from another port of the same address (localchecker), from another
/// address (remotechecker); then the same three after five minutes. A node
/// behind a NAT lets in only answers to what it sent itself: unless it is open,
/// it must have queried our own socket before (--bind, --await-query).
#[derive(clap::Args)]
#[command(after_help = "Examples:
  mdht check node 192.0.2.7:6881 router.bittorrent.com:6881
  mdht check node 192.0.2.7:6881 --bind 198.51.100.1:6881 --remote-bind 198.51.100.2 --format json
  mdht check node 203.0.113.9 --bind 198.51.100.1:6881 --await-query 10m   # when it queries us
  mdht check node 192.0.2.7:6881 --survival 1m,5m,15m,60m --mapping-lifetime")]
pub(crate) struct Args {
    /// Nodes to check; with --await-query an IP address will do
    #[arg(required = true, value_name = "HOST:PORT")]
    nodes: Vec<String>,

    /// Our own socket
    #[arg(long, value_name = "ADDR[:PORT]", value_parser = parse_bind)]
    bind: Option<SocketAddr>,

    /// Our node ID, 40 hexadecimal digits (default: random)
    #[arg(long, value_name = "HEX")]
    id: Option<Id>,

    /// Send nothing to a node before it queries our own socket, and wait so
    /// long for that: the check then says what its NAT lets back in
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    await_query: Option<Duration>,

    #[command(flatten)]
    checks: CheckArgs,
}

pub(crate) async fn run(args: &Args) -> Result<(), Failure> {
    let stop = pin!(stop_requested());
    let nodes = resolve_all(args).await?;
    let mut station = open(args, &nodes)?;
    if args.checks.remote_bind.is_none() {
        note(&format!(
            "no second address (--remote-bind), so the remote letters are `?`; the localchecker \
             alone finds all but {MISSED_BY_LOCALCHECKER_PERCENT} % of the nodes that others \
             cannot reach [thesis 7.6.1]"
        ));
    }
    for (port, addr) in station.addresses() {
        let what = match port {
            Port::Own(_) => "own socket",
            Port::Local(_) => "localchecker",
            Port::Remote => "remotechecker",
        };
        note(&format!("{what} {addr}"));
    }
    let mut run = Run::begin(args, &mut station, nodes)?;
    tokio::select! {
        result = run.all(args, &mut station) => result,
        () = stop => {
            note("stopped");
            Err(Failure::Failed(format!("{} checks were not over", run.left)))
        }
    }
}

/// The nodes to check; port 0 is any port.
async fn resolve_all(args: &Args) -> Result<Vec<SocketAddr>, Failure> {
    let mut nodes: Vec<SocketAddr> = Vec::new();
    for host in &args.nodes {
        let addr = match host.parse::<IpAddr>() {
            Ok(ip) if args.await_query.is_some() => SocketAddr::new(ip, 0),
            _ => resolve(host, args.bind).await?,
        };
        if nodes.contains(&addr) {
            note(&format!("{host} is named twice, and checked once"));
        } else {
            nodes.push(addr);
        }
    }
    Ok(nodes)
}

async fn resolve(host: &str, bind: Option<SocketAddr>) -> Result<SocketAddr, Failure> {
    let port = host.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
    if !matches!(port, Some(Ok(1..))) {
        return Err(Failure::Usage(format!(
            "`{host}` is no node: it takes HOST:PORT with a port from 1 to 65535, such as \
             192.0.2.7:6881; with --await-query an IP address will do"
        )));
    }
    let addrs = tokio::net::lookup_host(host).await;
    let addrs = addrs.map_err(|error| Failure::Failed(format!("{host}: {error}")))?;
    let addrs: Vec<_> = addrs.collect();
    let v6 = bind.map(|bind| bind.is_ipv6());
    let fits = addrs
        .iter()
        .find(|addr| v6.is_none_or(|v6| addr.is_ipv6() == v6));
    let fits = fits.or(addrs.first()).copied();
    fits.ok_or_else(|| Failure::Failed(format!("{host} has no address")))
}

/// Binds the sockets and makes the checker.
fn open(args: &Args, nodes: &[SocketAddr]) -> Result<Station, Failure> {
    let v6 = nodes.first().is_some_and(SocketAddr::is_ipv6);
    let any = if v6 { "[::]:0" } else { "0.0.0.0:0" };
    let any = any.parse().map_err(Failure::failed)?;
    let bind: SocketAddr = args.bind.unwrap_or(any);
    let own = NamedSocket::bind(Port::Own(0), bind)?;
    let local = NamedSocket::bind(Port::Local(0), SocketAddr::new(bind.ip(), 0))?;
    let remote = args.checks.remote_bind;
    let remote = remote.map(|addr| NamedSocket::bind(Port::Remote, addr));
    let remote = remote.transpose()?;
    refuse_shared_address(&own, remote.as_ref(), nodes)?;
    let mut rng = seeded()?;
    let id = args.id.unwrap_or_else(|| Id::random(&mut rng));
    let waits = args.await_query.is_some();
    let config = Config {
        remote: remote.as_ref().map(|remote| remote.socket.local()),
        timing: args.checks.timing(),
        mapping: args.checks.search(),
        own_answers: waits,
        version: Some(mdht_node::core::VERSION),
        ..Config::new(vec![Identity {
            id,
            own: own.socket.local(),
            local: local.socket.local(),
        }])
    };
    let checker = Checker::new(config, rng);
    let checker = checker.map_err(|error| Failure::Usage(error.to_string()))?;
    let instrument = if waits {
        Instrument::Stub(Stub::new(id))
    } else {
        Instrument::Silent
    };
    let sockets = [own, local].into_iter().chain(remote).collect();
    Station::new(checker, instrument, sockets, args.checks.capture.as_deref())
}

/// An own socket bound to any address may well send from the second one: then
/// there would be no second address.
fn refuse_shared_address(
    own: &NamedSocket,
    remote: Option<&NamedSocket>,
    nodes: &[SocketAddr],
) -> Result<(), Failure> {
    let Some(remote) = remote else { return Ok(()) };
    let remote = remote.socket.local().ip();
    let mut sources = nodes
        .iter()
        .filter_map(|node| own.socket.source_toward(*node));
    if sources.any(|source| source == remote) {
        return Err(Failure::Usage(format!(
            "our own socket would send from {remote} too: name another address with --bind"
        )));
    }
    Ok(())
}

/// A generator seeded by the operating system.
pub(super) fn seeded() -> Result<Rng, Failure> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)
        .map_err(|error| Failure::Failed(format!("no randomness from the system: {error}")))?;
    Ok(Rng::from_seed(seed))
}

/// Checks under way.
struct Run {
    /// Checks that are not over.
    left: usize,
    all: usize,
    /// Nodes whose query is waited for, until then.
    awaited: Vec<SocketAddr>,
    until: Option<Instant>,
    progress: Line,
}

impl Run {
    fn begin(args: &Args, station: &mut Station, nodes: Vec<SocketAddr>) -> Result<Self, Failure> {
        let now = station.now();
        for node in &nodes {
            let any_port = args.await_query.is_some() && node.port() == 0;
            let asked = SocketAddr::new(node.ip(), if any_port { 1 } else { node.port() });
            let begun = match args.await_query {
                Some(_) => station.checker.may_name(0, &asked),
                None => station.checker.check_node(now, 0, *node),
            };
            begun.map_err(|why| Failure::Usage(format!("cannot check {node}: {why}")))?;
            if args.await_query.is_some() {
                station.checker.expect(*node);
            }
        }
        Ok(Self {
            left: nodes.len(),
            all: nodes.len(),
            until: args.await_query.map(|wait| now + wait),
            awaited: args.await_query.map(|_| nodes).unwrap_or_default(),
            progress: Line::new(),
        })
    }

    /// Until every check is over, and nobody is waited for.
    async fn all(&mut self, args: &Args, station: &mut Station) -> Result<(), Failure> {
        let mut silent = Vec::new();
        while self.left > 0 {
            station.turn(self.until).await;
            while let Some(event) = station.checker.poll_event() {
                match event {
                    Event::Finished(report) => self.tell(args, &report)?,
                    Event::Dropped { .. } => self.left = self.left.saturating_sub(1),
                    _ => {}
                }
            }
            let now = station.now();
            self.notice_queries(station);
            if self.until.is_some_and(|until| now >= until) {
                self.until = None;
                self.left -= self.awaited.len();
                silent.append(&mut self.awaited);
            }
            let (left, all) = (self.left, self.all);
            let waiting = self.awaited.len();
            self.progress.show(now, || {
                let minutes = now.since(Instant::ZERO).as_secs_f64() / 60.0;
                format!(
                    "{} of {all} nodes checked, {waiting} not heard of yet, {minutes:.1} min",
                    all - left
                )
            });
        }
        self.progress.clear();
        if silent.is_empty() {
            return Ok(());
        }
        let silent: Vec<_> = silent.iter().map(ToString::to_string).collect();
        Err(Failure::Failed(format!(
            "no query came from {}; does it know our address?",
            silent.join(", ")
        )))
    }

    /// Who has queried us need not be waited for.
    fn notice_queries(&mut self, station: &Station) {
        self.awaited.retain(|node| station.checker.expects(node));
        if self.awaited.is_empty() {
            self.until = None;
        }
    }

    fn tell(&mut self, args: &Args, report: &Report) -> Result<(), Failure> {
        self.left = self.left.saturating_sub(1);
        self.progress.clear();
        match args.checks.format {
            Format::Json => crate::output::document(&document::document(report)),
            Format::Text => line(&document::row(report)),
        }
    }
}
