//! `mdht check self`.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use mdht_connectivity::{Behaviour, Lifetime, MappingSearch, OwnView, SearchLimits, SecondAddress};
use mdht_krpc::{Rng, is_public};
use mdht_node::{Clock, DEFAULT_BOOTSTRAP, Socket};
use serde_json::{Value, json};

use super::document::lifetime_text;
use super::node::seeded;
use super::options::parse_time;
use super::outside::{Voice, calls_through};
use crate::node_args::{parse_bind, parse_host};
use crate::output::{Failure, Format, line, note};

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
            "nobody to ask: no bootstrap node has an address of our family; name one with \
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

/// A second address of ours, with two ports.
struct Second {
    known: Voice,
    other_port: Voice,
}

impl Second {
    fn bind(addr: SocketAddr, own: IpAddr, rng: &mut Rng) -> Result<Self, Failure> {
        if addr.ip() == own || addr.ip().is_unspecified() {
            return Err(Failure::Usage(format!(
                "--remote-bind {addr}: it takes another address than {own}, from which our socket sends"
            )));
        }
        Ok(Self {
            known: Voice::bind(addr, rng)?,
            other_port: Voice::bind(SocketAddr::new(addr.ip(), 0), rng)?,
        })
    }

    /// Tries in this order: a call that nobody asked for, our own call there,
    /// an answer, and a call from a port that we never sent to.
    ///
    /// Packets between two addresses of one machine do not leave it, unless it
    /// is told to route them. So without that a machine that has its external
    /// address itself cannot try its firewall, and behind a NAT the call from
    /// outside counts, but those that need one of ours to go out first only if
    /// that is seen to come from the NAT. `nodes` are asked whether what the
    /// second address sends leaves it.
    async fn try_out(
        &mut self,
        args: &Args,
        clock: &Clock,
        own: &mut Voice,
        (view, nodes): (&mut OwnView, &[SocketAddr]),
    ) -> SecondAddress {
        let patience = args.timeout / 2;
        let mut result = SecondAddress::default();
        if view.behind_nat() != Some(true) && self.stays_inside(own) {
            note(
                "as far as is known this machine has its external address itself, and packets \
                 between its two addresses do not leave it, so that --remote-bind shows nothing; \
                 run `mdht check node` on another machine",
            );
            return result;
        }
        let external = view.external_ip();
        let votes = view.votes();
        let mut seen = votes.iter().map(|(addr, _)| *addr);
        if let Some(seen) = seen.find(|addr| Some(addr.ip()) == external) {
            let caller = (&mut self.known, seen);
            let heard = calls_through(clock, caller, own, patience).await;
            result.unsolicited = believed(heard.is_some());
        }
        let answers = self.known.ask(clock, nodes, args.timeout).await;
        result.outside = Some(!answers.is_empty());
        let here = self.known.socket.local();
        let caller = (&mut *own, here);
        let seen = calls_through(clock, caller, &mut self.known, patience).await;
        // where nobody told our address, this is known to have left the machine
        let real = |seen: &SocketAddr| external.is_none_or(|external| seen.ip() == external);
        let Some(seen) = seen.filter(real) else {
            note(&format!(
                "what we send to {here} does not come there from our external address"
            ));
            return result;
        };
        view.vote(here, seen);
        let caller = (&mut self.known, seen);
        let answer = calls_through(clock, caller, own, patience).await;
        result.answer = believed(answer.is_some());
        let caller = (&mut self.other_port, seen);
        let other = calls_through(clock, caller, own, patience).await;
        result.other_port = Some(other.is_some());
        let there = self.other_port.socket.local();
        let caller = (&mut *own, there);
        if let Some(seen) = calls_through(clock, caller, &mut self.other_port, patience).await {
            view.vote(there, seen);
        }
        result
    }

    /// Whether packets between our socket and this address, either way, are
    /// handed over inside the machine, or may be for all that is known: then no
    /// NAT and no firewall has a say.
    fn stays_inside(&self, own: &Voice) -> bool {
        let here = self.known.socket.local();
        let Some(source) = own.socket.source_toward(here) else {
            return true;
        };
        let there = SocketAddr::new(source, own.socket.local().port());
        let ways = [(&own.socket, here), (&self.known.socket, there)];
        let leaves = |(from, to): (&Socket, _)| from.is_short_cut(to) == Some(false);
        !ways.into_iter().all(leaves)
    }
}

/// That nothing got in counts only if the system itself would let it in.
fn believed(heard: bool) -> Option<bool> {
    let counts = heard || takes_own_packets();
    if !counts {
        note(
            "nothing got in, which proves nothing: the system drops packets that come in with an \
             address of its own as their source (on Linux unless net.ipv4.conf.all.accept_local \
             is 1)",
        );
    }
    counts.then_some(heard)
}

/// Whether the system lets packets in whose source is an address of its own:
/// only then does silence say that the NAT dropped them.
fn takes_own_packets() -> bool {
    let setting = std::fs::read_to_string("/proc/sys/net/ipv4/conf/all/accept_local");
    setting.is_ok_and(|setting| setting.trim() == "1")
}

/// A search for the lifetime of our NAT's mapping, with a socket of its own.
struct Search {
    own: Voice,
    /// Who sends after each gap, if there is a second address outside whose
    /// answers get in.
    second: Option<Voice>,
    limits: SearchLimits,
    patience: Duration,
    preserves_ports: Option<bool>,
}

impl Search {
    fn new(
        args: &Args,
        rng: &mut Rng,
        preserves_ports: Option<bool>,
        answers_get_in: bool,
    ) -> Result<Self, Failure> {
        let second = args
            .remote_bind
            .filter(|_| answers_get_in)
            .map(|addr| Voice::bind(SocketAddr::new(addr.ip(), 0), rng));
        Ok(Self {
            own: Voice::bind(SocketAddr::new(args.bind.ip(), 0), rng)?,
            second: second.transpose()?,
            limits: SearchLimits {
                first: args.first_gap,
                longest: args.longest_gap,
                pings: 1,
                ..SearchLimits::default()
            },
            patience: args.timeout / 2,
            preserves_ports,
        })
    }

    /// With a second address: does its call still get in after the gap?
    /// Without one: does a node still see the same port? A NAT that keeps
    /// ports gives an ended mapping the same one again, which shows nothing.
    async fn run(
        mut self,
        clock: &Clock,
        voter: Option<SocketAddr>,
    ) -> Result<Option<Lifetime>, Failure> {
        if self.second.is_none() && self.preserves_ports != Some(false) {
            note(
                "the lifetime of a mapping cannot be told from outside where the NAT keeps the \
                 port, or there is none",
            );
            return Ok(None);
        }
        let Some(mut seen) = self.opens(clock, voter).await else {
            return Ok(None);
        };
        if self.is_alive(clock, voter, seen).await.is_none() {
            note("not even an answer at once gets in: there is no mapping to measure");
            return Ok(None);
        }
        let mut search = MappingSearch::new(self.limits, Lifetime::default(), Some(clock.now()));
        while !search.is_over() {
            let Some(next) = search.next(Duration::ZERO) else {
                // the mapping has ended: make a new one
                let Some(new) = self.opens(clock, voter).await else {
                    break;
                };
                seen = new;
                search.heard(clock.now());
                continue;
            };
            tokio::time::sleep(next.since(clock.now())).await;
            let asked = clock.now();
            if search.ping(asked, Duration::ZERO).is_none() {
                continue;
            }
            note(&format!(
                "mapping lives {}",
                lifetime_text(search.lifetime())
            ));
            if let Some(new) = self.is_alive(clock, voter, seen).await {
                seen = new;
                search.answered(clock.now());
            }
        }
        Ok(Some(search.lifetime()))
    }

    /// Sends something out; where it is seen to come from.
    async fn opens(&mut self, clock: &Clock, voter: Option<SocketAddr>) -> Option<SocketAddr> {
        match (&mut self.second, voter) {
            (Some(second), _) => {
                let to = second.socket.local();
                calls_through(clock, (&mut self.own, to), second, self.patience).await
            }
            (None, Some(voter)) => {
                let answers = self.own.ask(clock, &[voter], self.patience).await;
                answers.first()?.sees
            }
            (None, None) => None,
        }
    }

    /// Whether the mapping `seen` lives; where it is seen now that it was used.
    async fn is_alive(
        &mut self,
        clock: &Clock,
        voter: Option<SocketAddr>,
        seen: SocketAddr,
    ) -> Option<SocketAddr> {
        if let Some(second) = &mut self.second {
            let caller = (&mut *second, seen);
            calls_through(clock, caller, &mut self.own, self.patience).await?;
        }
        // what we send renews it
        let now = self.opens(clock, voter).await?;
        (now == seen).then_some(now)
    }
}

fn document(view: &OwnView, local: SocketAddr, lifetime: Option<Lifetime>) -> Value {
    let votes = view
        .votes()
        .into_iter()
        .map(|(addr, voters)| json!({"addr": addr.to_string(), "voters": voters}));
    json!({
        "local": local.to_string(),
        "external_ip": view.external_ip().map(|ip| ip.to_string()),
        "votes": votes.collect::<Vec<_>>(),
        "behind_nat": view.behind_nat(),
        "mapping": view.mapping().map(Behaviour::name),
        "filtering": view.filtering().map(Behaviour::name),
        "port_preservation": view.port_preservation(),
        "mapping_lifetime_s": lifetime.map(|known| json!({
            "at_least": known.at_least.as_secs_f64(),
            "under": known.under.map(|under| under.as_secs_f64()),
        })),
        "carrier_grade_nat_signs": view.carrier_grade_signs(),
        "unsolicited": view.unsolicited(),
        "advice": view.advice(),
    })
}

fn text(view: &OwnView, local: SocketAddr, lifetime: Option<Lifetime>) -> String {
    let yes_no = |known: Option<bool>| match known {
        Some(true) => "yes",
        Some(false) => "no",
        None => "unknown",
    };
    let behaviour = |known: Option<Behaviour>| known.map_or("unknown", Behaviour::name);
    let votes = view.votes().into_iter();
    let votes: Vec<_> = votes
        .map(|(addr, voters)| format!("{addr} ({voters})"))
        .collect();
    let mut text = format!("our socket:           {local}\n");
    text.push_str(&format!("seen from outside as: {}\n", votes.join(", ")));
    let behind = yes_no(view.behind_nat());
    text.push_str(&format!("behind a NAT:         {behind}\n"));
    let mapping = behaviour(view.mapping());
    text.push_str(&format!("mapping:              {mapping}\n"));
    let filtering = behaviour(view.filtering());
    text.push_str(&format!("filtering:            {filtering}\n"));
    let preserved = yes_no(view.port_preservation());
    text.push_str(&format!("port preserved:       {preserved}\n"));
    let lifetime = lifetime.map_or_else(|| "not measured".to_owned(), lifetime_text);
    text.push_str(&format!("mapping lives:        {lifetime}\n"));
    let unasked = yes_no(view.unsolicited());
    text.push_str(&format!("reached unasked:      {unasked}\n"));
    for sign in view.carrier_grade_signs() {
        text.push_str(&format!("carrier-grade NAT?    {sign}\n"));
    }
    for advice in view.advice() {
        text.push_str(&format!("{advice}\n"));
    }
    text
}
