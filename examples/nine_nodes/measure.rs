//! One node under test in the overlay, measured from its packets.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Cursor;
use std::net::{SocketAddr, SocketAddrV4};
use std::ops::ControlFlow;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mdht_krpc::{Family, Instant, Rng};
use mdht_node::AnnouncePort;
use mdht_node::core::Config;
use mdht_overlay::{CaptureTap, FullNodeSetup, Kind, NodeIndex, Simulation, Tap, World};
use mdht_plugins::Registry;
use mdht_profiler::{Input, NodeSpec, Options, Profile, Profiler};

/// Time to join before the first lookup.
const WARM_UP: Duration = Duration::from_secs(30 * 60);
/// Time between two lookups of a node [8.VI].
const INTERVAL: Duration = Duration::from_secs(90);

/// A combination of plug-ins, and the randomness of its run.
#[derive(Clone)]
pub struct Variant {
    pub routing: String,
    pub lookup: String,
    pub number: u64,
}

/// What came of a run.
pub struct Measured {
    pub label: String,
    pub profile: Profile,
    /// Kinds of the contacts in the routing table at the end, which no packet
    /// tells: they explain, they are no result.
    pub table: BTreeMap<String, usize>,
    /// Tables that the node is in, and queries of strangers.
    pub known: (usize, u64),
}

impl Measured {
    /// A figure of the profile.
    pub fn get(&self, section: &str, key: &str) -> f64 {
        let section = self.profile.nodes[0].section(section);
        section
            .and_then(|section| section[key].as_f64())
            .unwrap_or(f64::NAN)
    }
}

/// Lets a node join, look up `lookups` top swarms and measures it.
pub fn measure(
    world: &Arc<World>,
    variant: &Variant,
    lookups: usize,
) -> Result<Measured, Box<dyn Error>> {
    let registry = Registry::builtin();
    let (routing, lookup) = (
        registry.routing(&variant.routing)?,
        registry.lookup(&variant.lookup)?,
    );
    let label = format!("{}-{}", routing.label(), lookup.label());
    let addr = world.free_addr(variant.number);
    let mut config = Config::new(vec![addr.into()], routing, lookup);
    config.rate_limit = None;
    let mut seed = [0; 32];
    Rng::from_u64(variant.number).fill(&mut seed);
    let mut setup = FullNodeSetup::new(addr, config, seed);
    let capture = Arc::new(Mutex::new(CaptureTap::new(Vec::new())?));
    setup.tap = Some(Box::new(tap_into(&capture)));
    let mut simulation = Simulation::new(Arc::clone(world), variant.number);
    let node = simulation.add(setup);
    run(&mut simulation, node, lookups);
    let (table, known) = (kinds(&simulation, node), simulation.known_by(node));
    drop(simulation);
    let capture = Arc::into_inner(capture).ok_or("the tap is still there")?;
    let capture = capture.into_inner()?.finish()?;
    Ok(Measured {
        profile: profile(capture, addr, &label)?,
        label,
        table,
        known,
    })
}

fn tap_into(
    capture: &Arc<Mutex<CaptureTap<Vec<u8>>>>,
) -> impl FnMut(Instant, SocketAddr, SocketAddr, &[u8]) + Send + 'static {
    let capture = Arc::clone(capture);
    move |at, from, to, payload| {
        if let Ok(mut capture) = capture.lock() {
            capture.datagram(at, from, to, payload);
        }
    }
}

fn run(simulation: &mut Simulation, node: NodeIndex, lookups: usize) {
    let world = Arc::clone(simulation.world());
    let routers: Vec<_> = world
        .routers()
        .iter()
        .copied()
        .map(SocketAddr::V4)
        .collect();
    simulation.with(node, |core, now| core.add_bootstrap(now, &routers));
    simulation.run_for(WARM_UP);
    let mut top: Vec<u32> = (0..world.parameters().swarms.top).collect();
    Rng::from_u64(1).shuffle(&mut top);
    for rank in top.into_iter().take(lookups) {
        let key = world.swarms().top_infohash(rank);
        simulation.with(node, |core, now| {
            core.announce(now, key, AnnouncePort::Implied)
        });
        simulation.run_for(INTERVAL);
        simulation.take_events();
    }
}

fn profile(capture: Vec<u8>, addr: SocketAddrV4, label: &str) -> Result<Profile, Box<dyn Error>> {
    let node: NodeSpec = format!("{addr}={label}").parse()?;
    let options = Options {
        nodes: vec![node],
        ..Options::default()
    };
    let input = Input::reader(label, Cursor::new(capture));
    Ok(Profiler::new(options).watch(vec![input], &mut |_| ControlFlow::Continue(()))?)
}

/// What the contacts of a node's table are.
fn kinds(simulation: &Simulation, node: NodeIndex) -> BTreeMap<String, usize> {
    let population = simulation.world().population();
    let mut kinds = BTreeMap::new();
    for entry in simulation.node(node).table(Family::V4) {
        let SocketAddr::V4(addr) = entry.contact.addr else {
            continue;
        };
        let kind = match population.by_addr(addr) {
            None => "Mapped".to_owned(),
            Some(identity) if !population.is_online(identity, simulation.now()) => {
                format!("{:?}", Kind::Stale)
            }
            Some(identity) => format!("{:?}", Kind::of(population.connectivity(identity).class)),
        };
        *kinds.entry(kind).or_insert(0) += 1;
    }
    kinds
}

/// Measures all variants on two threads; the results stand in their order.
pub fn measure_all(
    world: &Arc<World>,
    variants: &[Variant],
    lookups: usize,
) -> Result<Vec<Measured>, Box<dyn Error>> {
    let next = Mutex::new(0..variants.len());
    let (sender, results) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                while let Some(index) = next.lock().ok().and_then(|mut next| next.next()) {
                    let result = measure(world, &variants[index], lookups);
                    // the receiver outlives this scope
                    let _ = sender.send((index, result.map_err(|error| error.to_string())));
                }
            });
        }
    });
    drop(sender);
    let mut results: Vec<_> = results.into_iter().collect();
    results.sort_by_key(|(index, _)| *index);
    let measured: Result<Vec<_>, String> = results.into_iter().map(|(_, result)| result).collect();
    Ok(measured?)
}
