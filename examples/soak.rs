//! A node's life among ten times its usual traffic, in virtual time: does
//! anything grow, is any valid query left unanswered?
//!
//! ```text
//! cargo run --release --example soak -- [HOURS] [TIMES] [ROUTING] [LOOKUP]
//! ```
//!
//! Each hour it prints what the node counted and held. The traffic is that of
//! modelled nodes which meet it and ask it things, with strangers' queries
//! `TIMES` as frequent as in the thesis's world; it looks up a popular swarm
//! each minute. Exit code 1 if a query was left unanswered that no rate limit
//! explains, or if what is held grew in the second half.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use mdht_krpc::Family;
use mdht_node::core::{Config, Core};
use mdht_overlay::parameters::Parameters;
use mdht_overlay::{FullNodeSetup, Simulation, World};
use mdht_plugins::Registry;
use mdht_plugins::lookup::Goal;

/// What the thesis's own world has, and its usual rate of strangers.
const NODES: u32 = 1_000_000;
/// Share of the tokens given out that an announce follows.
const ANNOUNCES: f64 = 0.2;
const MINUTE: Duration = Duration::from_secs(60);

/// What a node holds.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    in_flight: usize,
    contacts: usize,
    swarms: usize,
    peers: usize,
}

impl Held {
    fn of(core: &Core) -> Self {
        let (swarms, peers) = core.stored_peers();
        Self {
            in_flight: core.in_flight(),
            contacts: core.table(Family::V4).len(),
            swarms,
            peers,
        }
    }

    /// All that takes memory, as one number.
    const fn sum(&self) -> usize {
        self.in_flight + self.contacts + self.swarms + self.peers
    }
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let hours: usize = words.next().map_or(Ok(24), |word| word.parse())?;
    let times: f64 = words.next().map_or(Ok(10.0), |word| word.parse())?;
    let routing = words.next().unwrap_or_else(|| "nr128".to_owned());
    let lookup = words.next().unwrap_or_else(|| "aggressive".to_owned());

    let usual = Parameters::default();
    let mut parameters = Parameters {
        nodes: NODES,
        ..usual
    };
    parameters.acquaintances.strangers_per_s *= times;
    // nobody announces in the thesis's world; here the peer store is to be filled
    parameters.acquaintances.announces = ANNOUNCES;
    let world = Arc::new(World::new(parameters)?);
    let registry = Registry::builtin();
    let config = Config::new(
        vec![],
        registry.routing(&routing)?,
        registry.lookup(&lookup)?,
    );
    let mut simulation = Simulation::new(Arc::clone(&world), 1);
    let node = simulation.add(FullNodeSetup::new(world.free_addr(1), config, [1; 32]));
    simulation.bootstrap(node);

    println!(
        "hour  queries in  answered  rate limit  unanswered  in flight  contacts  swarms   peers"
    );
    let mut held = Vec::new();
    let mut unexplained = 0;
    for hour in 1..=hours {
        for minute in 0..60 {
            let rank = u32::try_from((hour * 60 + minute) % 1000)?;
            let key = world.swarms().top_infohash(rank);
            simulation.with(node, |core, now| core.get_peers(now, key, Goal::Closest));
            simulation.run_for(MINUTE);
            simulation.take_events();
        }
        let core = simulation.node(node);
        let stats = core.stats();
        let asked = stats.queries_received.total();
        let answered = stats.responses_sent + stats.errors_sent;
        unexplained = asked - answered - stats.rate_limited;
        let now = Held::of(core);
        println!(
            "{hour:4}  {asked:10}  {answered:8}  {:10}  {unexplained:10}  {:9}  {:8}  {:6}  {:6}",
            stats.rate_limited, now.in_flight, now.contacts, now.swarms, now.peers
        );
        held.push(now);
    }
    let (first, second) = held.split_at(hours / 2);
    let most = |held: &[Held]| held.iter().map(Held::sum).max().unwrap_or(0);
    let (before, after) = (most(first), most(second));
    println!("most held: {before} in the first half, {after} in the second");
    let grew = before > 0 && after as f64 > before as f64 * 1.1;
    Ok(match (unexplained, grew) {
        (0, false) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}
