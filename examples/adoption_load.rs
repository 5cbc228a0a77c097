//! What everybody bears as more and more nodes of a world run other modules:
//! queries received by each full node and their distribution, queries sent, and
//! how many of the contacts handed out have left. What the nodes under test gain
//! is measured by the script `adoption`; this looks at all the others.
//!
//! ```text
//! cargo run --release --example adoption_load -- nodes=600 hours=2 routing=harvest lookup=hedged
//! ```

use std::collections::BTreeSet;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mdht_krpc::{Body, Contact, Instant, Message};
use mdht_node::core::{AnnouncePort, Config};
use mdht_overlay::parameters::Parameters;
use mdht_overlay::{FullNodeSetup, FullWorld, PluginShare, Simulation, World};
use mdht_plugins::Registry;

/// Shares of the nodes that run the other modules.
const SHARES: [f64; 4] = [0.0, 0.1, 0.5, 1.0];
/// Lookups of each node's user an hour.
const LOOKUPS_PER_HOUR: f64 = 4.0;
/// Time from one look at who is online to the next.
const STEP: Duration = Duration::from_secs(30);
/// Steps from one lookup of the node under test to its next.
const LOOKUP_EVERY: u64 = 2;

/// What the command line asks for.
struct Options {
    nodes: u32,
    warm_up: Duration,
    measured: Duration,
    routing: String,
    lookup: String,
    seed: u64,
}

impl Options {
    fn parse() -> Result<Self, Box<dyn Error>> {
        let mut options = Self {
            nodes: 600,
            warm_up: Duration::from_secs(3600),
            measured: Duration::from_secs(3600),
            routing: "harvest".to_owned(),
            lookup: "hedged".to_owned(),
            seed: 1,
        };
        for argument in std::env::args().skip(1) {
            match argument.split_once('=') {
                Some(("nodes", value)) => options.nodes = value.parse()?,
                Some(("hours", value)) => {
                    options.measured = Duration::from_secs_f64(3600.0 * value.parse::<f64>()?);
                }
                Some(("warm_up_hours", value)) => {
                    options.warm_up = Duration::from_secs_f64(3600.0 * value.parse::<f64>()?);
                }
                Some(("routing", value)) => value.clone_into(&mut options.routing),
                Some(("lookup", value)) => value.clone_into(&mut options.lookup),
                Some(("seed", value)) => options.seed = value.parse()?,
                _ => {
                    return Err(format!(
                        "{argument}: nodes=N, hours=H, warm_up_hours=H, routing=MODULE, \
                         lookup=MODULE or seed=S"
                    )
                    .into());
                }
            }
        }
        Ok(options)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse()?;
    println!(
        "{} full nodes, {LOOKUPS_PER_HOUR} lookups an hour each; a share runs {} with {}, the \
         others bep5 with standard",
        options.nodes, options.routing, options.lookup
    );
    println!(
        "{:>7}{:>8}{:>34}{:>14}{:>16}",
        "share", "nodes", "received an hour: mean", "sent an hour", "of contacts"
    );
    println!(
        "{:>7}{:>8}{:>10}{:>8}{:>8}{:>8}{:>14}{:>16}",
        "%", "", "mean", "p50", "p99", "max", "mean", "gone, %"
    );
    for share in SHARES {
        println!("{}", run(&options, share)?);
    }
    Ok(())
}

/// Contacts that answers named, each with when.
type Named = Arc<Mutex<Vec<Contact>>>;

/// One world; its line of the table.
fn run(options: &Options, share: f64) -> Result<String, Box<dyn Error>> {
    let registry = Registry::builtin();
    let pair =
        |routing: &str, lookup: &str, share| PluginShare::new(&registry, routing, lookup, share);
    let mut full = FullWorld::new(vec![
        pair("bep5", "standard", 1.0 - share)?,
        pair(&options.routing, &options.lookup, share)?,
    ]);
    full.lookups_per_hour = LOOKUPS_PER_HOUR;
    let parameters = Parameters {
        nodes: options.nodes,
        seed: options.seed,
        ..Parameters::default()
    };
    let world = Arc::new(World::new(parameters)?);
    let mut simulation = Simulation::of_full_nodes(Arc::clone(&world), 0, full)?;
    simulation.run_for(options.warm_up);

    let named = Named::default();
    let addr = world.free_addr(0);
    let (routing, lookup) = (registry.routing("bep5")?, registry.lookup("standard")?);
    let config = Config::new(vec![addr.into()], routing, lookup);
    let mut setup = FullNodeSetup::new(addr, config, [7; 32]);
    setup.tap = Some(Box::new(listener(addr.into(), &named)));
    let node_under_test = simulation.add(setup);
    simulation.bootstrap(node_under_test);

    let before = received(&simulation);
    let from = simulation.now();
    let (mut all, mut gone) = (0, 0);
    let mut step = 0;
    while simulation.now().since(from) < options.measured {
        if step % LOOKUP_EVERY == 0
            && let Some(key) = world.swarms().background_infohash(step)
        {
            simulation.with(node_under_test, |core, now| {
                core.announce(now, key, AnnouncePort::Implied)
            });
        }
        step += 1;
        simulation.run_for(STEP);
        let online: BTreeSet<SocketAddr> = simulation
            .full_nodes()
            .map(|node| simulation.addr(node).into())
            .collect();
        let named = std::mem::take(&mut *named.lock().unwrap_or_else(PoisonError::into_inner));
        all += named.len();
        gone += named.iter().filter(|c| !online.contains(&c.addr)).count();
    }
    let hours = simulation.now().since(from).as_secs_f64() / 3600.0;
    Ok(line(
        share,
        hours,
        &before,
        &received(&simulation),
        (gone, all),
    ))
}

/// Notes the contacts that answers to a node name.
fn listener(
    own: SocketAddr,
    named: &Named,
) -> impl FnMut(Instant, SocketAddr, SocketAddr, &[u8]) + Send + 'static {
    let named = Arc::clone(named);
    move |_, _, to, payload| {
        let Ok(message) = Message::scan(payload) else {
            return;
        };
        if to == own
            && let Body::Response(response) = message.body
        {
            let contacts = response.nodes.iter().flat_map(|nodes| nodes.iter());
            let mut named = named.lock().unwrap_or_else(PoisonError::into_inner);
            named.extend(contacts);
        }
    }
}

/// Who a node of the world is, with the queries that it has received and sent.
fn received(simulation: &Simulation) -> Vec<(SocketAddr, u64, u64)> {
    let residents = simulation
        .full_nodes()
        .filter(|node| simulation.identity(*node).is_some());
    residents
        .map(|node| {
            let stats = simulation.node(node).stats();
            let addr = simulation.addr(node).into();
            (
                addr,
                stats.queries_received.total(),
                stats.queries_sent.total(),
            )
        })
        .collect()
}

/// Only nodes that were there all the time count.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
#[allow(clippy::cast_sign_loss)] // small counts
fn line(
    share: f64,
    hours: f64,
    before: &[(SocketAddr, u64, u64)],
    after: &[(SocketAddr, u64, u64)],
    (gone, all): (usize, usize),
) -> String {
    let stayed = before.iter().zip(after).filter(|(a, b)| a.0 == b.0);
    let (mut loads, sent): (Vec<f64>, Vec<f64>) = stayed
        .map(|(a, b)| ((b.1 - a.1) as f64 / hours, (b.2 - a.2) as f64 / hours))
        .unzip();
    loads.sort_by(f64::total_cmp);
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
    let at = |share: f64| {
        let place = (share * loads.len() as f64) as usize;
        loads
            .get(place.min(loads.len().saturating_sub(1)))
            .copied()
            .unwrap_or(0.0)
    };
    format!(
        "{:>7.0}{:>8}{:>10.0}{:>8.0}{:>8.0}{:>8.0}{:>14.0}{:>16.1}",
        100.0 * share,
        loads.len(),
        mean(&loads),
        at(0.5),
        at(0.99),
        at(1.0),
        mean(&sent),
        100.0 * gone as f64 / all.max(1) as f64
    )
}
