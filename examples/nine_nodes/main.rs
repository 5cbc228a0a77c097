//! The thesis's measurement in small: eight combinations of plug-ins in the
//! emulated overlay, each profiled from its packets, beside the published
//! figures [thesis 8.VI].
//!
//! ```text
//! cargo run --release --example nine_nodes -- [LOOKUPS [NODES [OVERLAY.toml]]]
//! ```

use std::error::Error;
use std::io::Cursor;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant as Clock};

use mdht_krpc::Rng;
use mdht_node::AnnouncePort;
use mdht_node::core::{Config, Event};
use mdht_overlay::parameters::Parameters;
use mdht_overlay::{CaptureTap, FullNodeSetup, Simulation, World};
use mdht_plugins::Registry;
use mdht_profiler::{Input, NodeSpec, Options, Profile, Profiler};

const VARIANTS: [(&str, &str); 8] = [
    ("bep5", "standard"),
    ("nice", "standard"),
    ("nrtt", "standard"),
    ("nr128", "standard"),
    ("bep5", "aggressive"),
    ("nice", "aggressive"),
    ("nrtt", "aggressive"),
    ("nr128", "aggressive"),
];

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let lookups: u32 = args.next().map_or(Ok(100), |n| n.parse())?;
    let nodes: u32 = args.next().map_or(Ok(1_000_000), |n| n.parse())?;
    let mut parameters: Parameters = match args.next() {
        Some(path) => toml::from_str(&std::fs::read_to_string(path)?)?,
        None => Parameters::default(),
    };
    parameters.nodes = nodes;
    let clock = Clock::now();
    let world = Arc::new(World::new(parameters)?);
    eprintln!("world: {:?}", clock.elapsed());
    let results = Mutex::new(vec![None; VARIANTS.len()]);
    let next = Mutex::new(0..VARIANTS.len());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some(n) = next.lock().unwrap().next() else {
                        return;
                    };
                    let result = measure(&world, n, lookups);
                    results.lock().unwrap()[n] = Some(result);
                }
            });
        }
    });
    for (profile, told) in results.into_inner()?.into_iter().flatten() {
        print(&profile, &told);
    }
    eprintln!("all: {:?}", clock.elapsed());
    Ok(())
}

fn measure(world: &Arc<World>, variant: usize, lookups: u32) -> (Profile, String) {
    let (routing, lookup) = VARIANTS[variant];
    let registry = Registry::builtin();
    let (routing, lookup) = (
        registry.routing(routing).unwrap(),
        registry.lookup(lookup).unwrap(),
    );
    let label = format!("{}-{}", routing.label(), lookup.label());
    let mut simulation = Simulation::new(Arc::clone(world), 1);
    let addr = world.free_addr(variant as u64);
    let mut config = Config::new(vec![addr.into()], routing, lookup);
    config.rate_limit = None;
    let mut seed = [0; 32];
    Rng::from_u64(variant as u64).fill(&mut seed);
    let capture = Arc::new(Mutex::new(CaptureTap::new(Vec::new()).unwrap()));
    let mut setup = FullNodeSetup::new(addr, config, seed);
    let tap = Arc::clone(&capture);
    setup.tap = Some(Box::new(move |at, from, to, payload: &[u8]| {
        use mdht_overlay::Tap;
        tap.lock().unwrap().datagram(at, from, to, payload);
    }));
    let node = simulation.add(setup);
    let routers: Vec<_> = world
        .routers()
        .iter()
        .map(|router| (*router).into())
        .collect();
    simulation.with(node, |core, now| core.add_bootstrap(now, &routers));
    let clock = Clock::now();
    simulation.run_for(Duration::from_secs(1800));
    let mut order: Vec<u32> = (0..3078).collect();
    Rng::from_u64(99).shuffle(&mut order);
    let mut keys = Vec::new();
    for top in order.into_iter().take(lookups as usize) {
        let key = world.swarms().top_infohash(top);
        keys.push(key);
        simulation.with(node, |core, now| {
            core.announce(now, key, AnnouncePort::Implied)
        });
        simulation.run_for(Duration::from_secs(90));
        simulation.take_events().iter().for_each(|(_, _, event)| {
            if let Event::Offline { .. } = event {
                eprintln!("{label} offline")
            }
        });
    }
    let told = format!(
        "{:?} known {:?} table {} virtual {:?} wall {:?}",
        simulation.counters(),
        simulation.known_by(node),
        simulation.node(node).table(mdht_krpc::Family::V4).len(),
        simulation.now(),
        clock.elapsed()
    );
    drop(simulation);
    let bytes = Arc::try_unwrap(capture)
        .unwrap()
        .into_inner()
        .unwrap()
        .finish()
        .unwrap();
    let spec: NodeSpec = format!("{addr}={label}").parse().unwrap();
    let options = Options {
        nodes: vec![spec],
        ..Options::default()
    };
    let input = Input::reader("capture", Cursor::new(bytes));
    let mut watch = |_: &mdht_profiler::Running| std::ops::ControlFlow::Continue(());
    let profile = Profiler::new(options)
        .watch(vec![input], &mut watch)
        .unwrap();
    (profile, told)
}

fn print(profile: &Profile, told: &str) {
    let node = &profile.nodes[0];
    let get = |section: &str, key: &str| {
        node.section(section)
            .and_then(|s| s[key].as_f64())
            .unwrap_or(f64::NAN)
    };
    let latency = ["p50", "p75", "p98", "p99", "no_value"].map(|p| get("lookup_latency_ms", p));
    println!(
        "{:9} p50 {:5.0} p75 {:5.0} p98 {:5.0} p99 {:5.0} none {} | cost {:4.1} queries {:6.0} answered {:4.1} % | closest {:5.0} | rtt {:4.1} {:4.0} {:4.0} {:4.0} {:4.0} | maint {:5.1}/min",
        node.node.label.as_deref().unwrap_or(""),
        latency[0],
        latency[1],
        latency[2],
        latency[3],
        latency[4],
        get("lookup_cost", "mean"),
        get("lookup_queries", "sent"),
        get("lookup_queries", "answered_pct"),
        get("closest_ms", "p50"),
        get("rtt_ms", "p2"),
        get("rtt_ms", "p25"),
        get("rtt_ms", "p50"),
        get("rtt_ms", "p75"),
        get("rtt_ms", "p98"),
        get("maintenance", "per_minute"),
    );
    eprintln!("   {told}");
}
