//! Side by side: a modelled world and one of full nodes.

use std::error::Error;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use mdht_krpc::{Family, Instant};
use mdht_overlay::parameters::Parameters;
use mdht_overlay::{FullWorld, PluginShare, Simulation, World, run_all};
use mdht_plugins::Registry;
use mdht_plugins::routing::Standing;

use super::measured::{Measured, measure};
use super::statistics::{critical, distance, median, percentile};

const NODES_UNDER_TEST: [(&str, &str); 2] = [("bep5", "standard"), ("nr128", "aggressive")];
/// Before anybody is measured: until tables restored from an earlier life have
/// come to life, which takes `bep5` a quarter of an hour.
const WARM_UP: Duration = Duration::from_secs(2700);
/// Mean lookups an hour of each full node's user.
const USER_LOOKUPS: f64 = 4.0;

pub(crate) fn print(lookups: u32, nodes: u32, plugins: &str) -> Result<(), Box<dyn Error>> {
    let world = Arc::new(World::new(Parameters {
        nodes,
        ..Parameters::default()
    }));
    let full = full_world(plugins)?;
    println!("{nodes} nodes, {lookups} lookups, full nodes: {plugins}\n");
    let runs = run_all(2 * NODES_UNDER_TEST.len(), threads(), |number| {
        let modules = NODES_UNDER_TEST[number / 2];
        let simulation = match number % 2 {
            0 => Simulation::new(Arc::clone(&world), 1),
            _ => warmed_up(&world, full.clone()),
        };
        let tables = (number == 1).then(|| tables(&simulation));
        (measure(simulation, modules, lookups), tables)
    });
    for (number, pair) in runs.chunks(2).enumerate() {
        let (routing, lookup) = NODES_UNDER_TEST[number];
        println!("{routing} {lookup}");
        compare(&pair[0].0, &pair[1].0);
    }
    if let Some(tables) = runs.into_iter().find_map(|run| run.1) {
        print!("{tables}");
    }
    Ok(())
}

fn threads() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

fn full_world(plugins: &str) -> Result<FullWorld, Box<dyn Error>> {
    let registry = Registry::builtin();
    let pair = |text: &str| -> Result<PluginShare, Box<dyn Error>> {
        let (routing, share) = text.rsplit_once('=').ok_or("a share is MODULE=SHARE")?;
        Ok(PluginShare::new(
            &registry,
            routing,
            "standard",
            share.parse()?,
        )?)
    };
    let pairs = plugins.split(',').map(pair).collect::<Result<_, _>>()?;
    Ok(FullWorld {
        lookups_per_hour: USER_LOOKUPS,
        ..FullWorld::new(pairs)
    })
}

fn warmed_up(world: &Arc<World>, full: FullWorld) -> Simulation {
    let mut simulation = Simulation::of_full_nodes(Arc::clone(world), 1, full).unwrap();
    simulation.run_until(Instant::ZERO + WARM_UP);
    simulation
}

/// What the tables of full nodes hold, beside the shares the model is given.
fn tables(simulation: &Simulation) -> String {
    let population = simulation.world().population();
    let (mut good, mut all, mut online, mut contacts, mut joined) = (0, 0, 0, 0, 0);
    for node in simulation.full_nodes() {
        let core = simulation.node(node);
        joined += usize::from(core.is_joined(Family::V4));
        for entry in core.table(Family::V4) {
            if entry.standing == Standing::Waiting {
                continue;
            }
            contacts += 1;
            let std::net::SocketAddr::V4(addr) = entry.contact.addr else {
                continue;
            };
            let is_online = population
                .by_addr(addr)
                .is_some_and(|identity| population.is_online(identity, simulation.now()));
            all += 1;
            online += usize::from(is_online);
            good += usize::from(entry.standing == Standing::Good);
        }
    }
    let nodes = simulation.full_nodes().count();
    let percent = |part: usize| 100.0 * part as f64 / all as f64;
    format!(
        "full nodes after the warm-up: {:.1} % joined, {:.0} contacts each, of which {:.1} % \
         online, {:.1} % good to their owner\nmodelled tables: {:.0} % good\n",
        100.0 * joined as f64 / nodes as f64,
        contacts as f64 / joined as f64,
        percent(online),
        percent(good),
        100.0 * simulation.world().parameters().tables.good,
    )
}

/// One of the samples of a node under test.
type Sample = fn(&Measured) -> &[f64];

fn compare(modelled: &Measured, full: &Measured) {
    println!(
        "{:<22}{:>12}{:>12}{:>8}{:>8}",
        "", "modelled", "full", "KS", "5 %"
    );
    let samples: [(&str, Sample); 6] = [
        ("latency, ms", |m| &m.latency_ms),
        ("cost", |m| &m.cost),
        ("time to closest, ms", |m| &m.closest_ms),
        ("queries", |m| &m.queries),
        ("replicas", |m| &m.replicas),
        ("peers", |m| &m.peers),
    ];
    for (name, of) in samples {
        let (a, b) = (of(modelled), of(full));
        let (ks, limit) = (distance(a, b), critical(a, b));
        let label = format!("{name} p50");
        println!(
            "{label:<22}{:>12.1}{:>12.1}{ks:>8.3}{limit:>8.3}",
            median(a),
            median(b)
        );
        if name.starts_with("latency") {
            let p98 = |sample| percentile(sample, 98.0);
            println!("{:<22}{:>12.1}{:>12.1}", "latency, ms p98", p98(a), p98(b));
        }
    }
    let line = |name: &str, of: fn(&Measured) -> f64| {
        println!("{name:<22}{:>12.2}{:>12.2}", of(modelled), of(full));
    };
    line("without a value", |m| m.no_value as f64);
    line("answered, %", |m| m.answered_pct);
    line("contacts in answers", |m| m.contacts);
    line("hops to closest, mean", |m| m.hops);
    println!();
}
