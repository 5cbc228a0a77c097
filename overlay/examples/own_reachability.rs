//! How often nodes that look for it find out whether others reach them, by
//! what was planted between them and the world.
//!
//! ```text
//! cargo run --release -p mdht-overlay --example own_reachability -- [nodes=1000000] [seeds=5]
//!     [hours=12] [each=4] [routing=nr128] [lookups=0] [world=modelled]
//! ```
//!
//! In each of `seeds` worlds of `nodes` modelled nodes, `each` full nodes of
//! every class and lifetime of mappings are run for `hours` virtual hours with
//! `read_only_if_unreachable` at its defaults, and look up `lookups` random
//! keys an hour. With `world=full` nobody is modelled: the `nodes` around them
//! are full ones as well, of `bep5` and `nr128`, which look up two keys an hour.

use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use mdht_krpc::{Family, Id, Instant, Rng};
use mdht_node::core::{Config, Event, ReachabilityWatch};
use mdht_overlay::parameters::{Class, Connectivity, Parameters};
use mdht_overlay::{FullNodeSetup, FullWorld, NodeIndex, PluginShare, Simulation, World};
use mdht_plugins::Registry;
use mdht_plugins::lookup::Goal;

const MINUTE: Duration = Duration::from_secs(60);

/// What is run.
struct Plan {
    nodes: u32,
    seeds: u64,
    hours: u64,
    each: u64,
    lookups: u64,
    routing: String,
    is_full: bool,
}

impl Plan {
    fn from_args() -> Result<Self, Box<dyn Error>> {
        let mut plan = Self {
            nodes: 1_000_000,
            seeds: 5,
            hours: 12,
            each: 4,
            lookups: 0,
            routing: "nr128".to_owned(),
            is_full: false,
        };
        for arg in env::args().skip(1) {
            match arg.split_once('=') {
                Some(("nodes", n)) => plan.nodes = n.parse()?,
                Some(("seeds", n)) => plan.seeds = n.parse()?,
                Some(("hours", n)) => plan.hours = n.parse()?,
                Some(("each", n)) => plan.each = n.parse()?,
                Some(("lookups", n)) => plan.lookups = n.parse()?,
                Some(("world", "full")) => plan.is_full = true,
                Some(("world", "modelled")) => plan.is_full = false,
                Some(("routing", name)) => name.clone_into(&mut plan.routing),
                _ => return Err(format!("{arg}: not understood").into()),
            }
        }
        Ok(plan)
    }
}

/// What came of the nodes of a class.
#[derive(Default)]
struct Found {
    nodes: u32,
    joined: u32,
    decisions: u32,
    reachable: u32,
    /// Minutes that nodes were decided, and of them those as read-only or on
    /// trial, and those as reachable.
    decided_min: u32,
    held_reachable_min: u32,
    read_only_min: u32,
    first_min: Vec<u32>,
}

/// What is right of a class; `None` where nothing is.
const fn right(class: Class) -> Option<bool> {
    match class {
        Class::Open | Class::FullCone => Some(true),
        Class::RestrictedCone
        | Class::PortRestrictedCone
        | Class::Symmetric
        | Class::LateForOthers => Some(false),
        // no answer ever comes in, or now this and now that
        Class::Firewalled | Class::Late | Class::Erratic => None,
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let plan = Plan::from_args()?;
    let mut found: BTreeMap<(Class, u32), Found> = BTreeMap::new();
    for seed in 1..=plan.seeds {
        run(&plan, seed, &mut found)?;
    }
    println!(
        "{} {} nodes, {} worlds, {} virtual hours, {}, {} lookups an hour\n",
        plan.nodes,
        if plan.is_full { "full" } else { "modelled" },
        plan.seeds,
        plan.hours,
        plan.routing,
        plan.lookups
    );
    println!(
        "planted                      nodes  joined  decisions  reachable  right %  time right %  \
         read-only %  first after, min"
    );
    for ((class, timeout), found) in &mut found {
        print_row(*class, *timeout, found);
    }
    Ok(())
}

fn run(
    plan: &Plan,
    seed: u64,
    found: &mut BTreeMap<(Class, u32), Found>,
) -> Result<(), Box<dyn Error>> {
    let world = Arc::new(World::new(Parameters {
        nodes: plan.nodes,
        seed,
        ..Parameters::default()
    })?);
    let mut rng = Rng::from_u64(seed);
    let mut simulation = match plan.is_full {
        true => Simulation::of_full_nodes(Arc::clone(&world), seed, full_world()?)?,
        false => Simulation::new(Arc::clone(&world), seed),
    };
    let mut planted = BTreeMap::new();
    for what in &world.parameters().connectivity {
        for _ in 0..plan.each {
            let setup = setup(plan, &world, planted.len() as u64, *what, &mut rng)?;
            let node = simulation.add(setup);
            simulation.bootstrap(node);
            planted.insert(node, (what.class, what.mapping_timeout_s));
        }
    }
    watch(plan, &mut simulation, &planted, &mut rng, found);
    for (node, class) in planted {
        let found = found.entry(class).or_default();
        found.nodes += 1;
        found.joined += u32::from(simulation.node(node).is_joined(Family::V4));
    }
    Ok(())
}

fn full_world() -> Result<FullWorld, Box<dyn Error>> {
    let registry = Registry::builtin();
    let pair = |routing| PluginShare::new(&registry, routing, "standard", 0.5);
    let mut world = FullWorld::new(vec![pair("bep5")?, pair("nr128")?]);
    world.lookups_per_hour = 2.0;
    Ok(world)
}

fn setup(
    plan: &Plan,
    world: &World,
    number: u64,
    what: Connectivity,
    rng: &mut Rng,
) -> Result<FullNodeSetup, Box<dyn Error>> {
    let registry = Registry::builtin();
    let addr = world.free_addr(number);
    let routing = registry.routing(&plan.routing)?;
    let lookup = registry.lookup("standard")?;
    let mut config = Config::new(vec![addr.into()], routing, lookup);
    config.read_only_if_unreachable = Some(ReachabilityWatch::default());
    let mut seed = [0; 32];
    rng.fill(&mut seed);
    let mut setup = FullNodeSetup::new(addr, config, seed);
    setup.connectivity = what;
    Ok(setup)
}

/// Lets the time pass and notes what the nodes find.
fn watch(
    plan: &Plan,
    simulation: &mut Simulation,
    planted: &BTreeMap<NodeIndex, (Class, u32)>,
    rng: &mut Rng,
    found: &mut BTreeMap<(Class, u32), Found>,
) {
    let mut seen = BTreeMap::new();
    for minute in 0..plan.hours * 60 {
        if plan.lookups > 0 && minute % (60 / plan.lookups).max(1) == 0 {
            for node in planted.keys() {
                let key = Id::random(rng);
                simulation.with(*node, |core, now| core.get_peers(now, key, Goal::Closest));
            }
        }
        simulation.run_for(MINUTE);
        for (node, at, event) in simulation.take_events() {
            let is_reachable = match event {
                Event::Reachable { .. } => true,
                Event::Unreachable { .. } => false,
                _ => continue,
            };
            let found = found.entry(planted[&node]).or_default();
            found.decisions += 1;
            found.reachable += u32::from(is_reachable);
            if seen.insert(node, is_reachable).is_none() {
                let since = at.since(Instant::ZERO).as_secs() / 60;
                found.first_min.push(u32::try_from(since).unwrap_or(0));
            }
        }
        for (node, is_reachable) in &seen {
            let found = found.entry(planted[node]).or_default();
            let is_read_only = simulation.node(*node).is_read_only(Family::V4);
            found.decided_min += 1;
            found.held_reachable_min += u32::from(*is_reachable);
            found.read_only_min += u32::from(is_read_only);
        }
    }
}

fn print_row(class: Class, timeout: u32, found: &mut Found) {
    let share = |part: u32, whole: u32| match whole {
        0 => "-".to_owned(),
        _ => format!("{:.1}", 100.0 * f64::from(part) / f64::from(whole)),
    };
    let counts = |is_reachable: bool, reachable: u32, all: u32| match is_reachable {
        true => share(reachable, all),
        false => share(all - reachable, all),
    };
    let (decisions, time) = match right(class) {
        None => ("-".to_owned(), "-".to_owned()),
        Some(right) => (
            counts(right, found.reachable, found.decisions),
            counts(right, found.held_reachable_min, found.decided_min),
        ),
    };
    found.first_min.sort_unstable();
    let median = found.first_min.get(found.first_min.len() / 2);
    let median = median.map_or_else(|| "-".to_owned(), ToString::to_string);
    println!(
        "{:<28}{:>6}{:>8}{:>11}{:>11}{decisions:>9}{time:>14}{:>13}{median:>18}",
        format!("{class:?}, {timeout} s"),
        found.nodes,
        found.joined,
        found.decisions,
        found.reachable,
        share(found.read_only_min, found.decided_min),
    );
}
