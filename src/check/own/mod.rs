//! `mdht check self`.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use mdht_connectivity::OwnView;
use mdht_krpc::is_public;
use mdht_node::{Clock, DEFAULT_BOOTSTRAP};

use super::node::seeded;
use super::options::parse_time;
use super::outside::Voice;
use crate::node_args::{parse_bind, parse_host};
use crate::output::{Failure, Format, line, note};

mod lifetime;
mod second_address;
mod told;

use lifetime::Search;
use second_address::Second;
use told::{document, text};

/// Find out what the outside sees of us: our address, the kind of NAT in the
/// words of RFC 4787, and whether others can reach us.
///
/// DHT nodes say where they see us (BEP 42). What a NAT lets in, a second
/// address of this machine that is not behind it can tell (--remote-bind), or
/// `mdht check node` on another machine.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  mdht check self --bind 0.0.0.0:6881
  mdht check self --bind 192.168.1.2:6881 --mapping-lifetime --format json
  mdht check self --bind 192.168.1.2 --remote-bind 198.51.100.2   # what the NAT lets in")]
pub(crate) struct Args {
    /// The socket to find out about, best at the port that the node will have
    #[arg(long, value_name = "ADDR[:PORT]", value_parser = parse_bind, default_value = "0.0.0.0:0")]
    bind: SocketAddr,

    /// Second IP address of this machine, not behind the NAT, from which our
    /// socket is tried
    #[arg(long, value_name = "ADDR[:PORT]", value_parser = parse_bind)]
    remote_bind: Option<SocketAddr>,

    /// Node to ask first; repeat for more
    #[arg(long, value_name = "HOST:PORT", value_parser = parse_host)]
    bootstrap: Vec<String>,

    /// Do not ask the public routers
    #[arg(long)]
    no_default_bootstrap: bool,

    /// Nodes at different addresses whose word is wanted
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u8).range(2..=64))]
    voters: u8,

    /// How long to wait for answers
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = parse_time)]
    timeout: Duration,

    /// Search for the lifetime of the NAT's mapping: takes some times as long
    #[arg(long)]
    mapping_lifetime: bool,

    /// First gap of that search
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = parse_time)]
    first_gap: Duration,

    /// Longest gap of that search
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = parse_time)]
    longest_gap: Duration,

    /// How results are written
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

pub(crate) async fn run(args: &Args) -> Result<(), Failure> {
    if args.timeout.is_zero() {
        return Err(Failure::Usage("--timeout 0 waits for nobody".to_owned()));
    }
    let clock = Clock::start();
    let mut rng = seeded()?;
    let mut own = Voice::bind(args.bind, &mut rng)?;
    let first = resolve(args).await?;
    let source = own.socket.source_toward(first[0]);
    let source = source.unwrap_or(args.bind.ip());
    let local = SocketAddr::new(source, own.socket.local().port());
    let mut view = OwnView::new(local);
    let voter = collect_votes(args, &clock, &mut own, first.clone(), &mut view).await;
    let mut answers_get_in = false;
    if let Some(addr) = args.remote_bind {
        let mut second = Second::bind(addr, source, &mut rng)?;
        let nodes = voter.map_or(first, |voter| vec![voter]);
        let outcome = (&mut view, nodes.as_slice());
        let seen = second.try_out(args, &clock, &mut own, outcome).await;
        answers_get_in = seen.answer == Some(true);
        view.set_second_address(seen);
    }
    if view.votes().is_empty() {
        return Err(Failure::Failed(
            "no node told where it sees us; check that UDP leaves this machine, or name a node \
             with --bootstrap HOST:PORT"
                .to_owned(),
        ));
    }
    let lifetime = match args.mapping_lifetime {
        true => {
            Search::new(args, &mut rng, view.port_preservation(), answers_get_in)?
                .run(&clock, voter)
                .await?
        }
        false => None,
    };
    match args.format {
        Format::Json => line(&document(&view, local, lifetime).to_string()),
        Format::Text => line(text(&view, local, lifetime).trim_end()),
    }
}

async fn resolve(args: &Args) -> Result<Vec<SocketAddr>, Failure> {
    let default = DEFAULT_BOOTSTRAP.iter().map(|host| (*host).to_owned());
    let default = default.filter(|_| !args.no_default_bootstrap);
    let hosts: Vec<_> = args.bootstrap.iter().cloned().chain(default).collect();
    let mut addrs = Vec::new();
    for host in &hosts {
        match tokio::net::lookup_host(host).await {
            Ok(found) => addrs.extend(found.filter(|a| a.is_ipv6() == args.bind.is_ipv6())),
            Err(error) => note(&format!("{host}: {error}")),
        }
    }
    if addrs.is_empty() {
        return Err(Failure::Failed(
            "nobody to ask: no bootstrap node resolves to an address of our family; name one with \
             --bootstrap HOST:PORT"
                .to_owned(),
        ));
    }
    Ok(addrs)
}

/// Asks node after node where it sees us; one that said so.
async fn collect_votes(
    args: &Args,
    clock: &Clock,
    own: &mut Voice,
    first: Vec<SocketAddr>,
    view: &mut OwnView,
) -> Option<SocketAddr> {
    /// Nodes asked at once, rounds, and nodes kept to be asked.
    const AT_ONCE: usize = 16;
    const ROUNDS: usize = 8;
    const MOST: usize = 512;
    let private = first.iter().any(|addr| !is_public(addr.ip()));
    let mut asked = BTreeSet::new();
    let mut candidates = first;
    let mut voters = BTreeSet::<IpAddr>::new();
    let mut voter = None;
    for _ in 0..ROUNDS {
        let fresh = candidates.iter().filter(|addr| !asked.contains(*addr));
        let now: Vec<_> = fresh.copied().take(AT_ONCE).collect();
        if now.is_empty() || voters.len() >= usize::from(args.voters) {
            break;
        }
        asked.extend(now.iter().copied());
        for answer in own.ask(clock, &now, args.timeout).await {
            if let Some(sees) = answer.sees {
                view.vote(answer.from, sees);
                voters.insert(answer.from.ip());
                voter = voter.or(Some(answer.from));
            }
            let can_be = |addr: &SocketAddr| {
                let ip = addr.ip();
                addr.port() != 0
                    && addr.is_ipv6() == args.bind.is_ipv6()
                    && (is_public(ip) || (private && !ip.is_multicast() && !ip.is_unspecified()))
            };
            let nodes = answer.nodes.into_iter().filter(can_be);
            candidates.extend(nodes.take(MOST.saturating_sub(candidates.len())));
        }
        candidates.sort_unstable();
        candidates.dedup();
    }
    voter
}
