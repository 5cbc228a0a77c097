//! A node under test in a world, and what its packets tell.

use std::io::Cursor;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mdht_krpc::{Body, Instant, Message, Rng};
use mdht_node::AnnouncePort;
use mdht_node::core::{Config, VERSION};
use mdht_overlay::{CaptureTap, FullNodeSetup, Simulation, Tap};
use mdht_plugins::Registry;
use mdht_profiler::{Input, NodeSpec, Options, Profiler};

/// From one lookup to the next: they do not overlap. (The thesis's 90 s would
/// only make the full nodes' world take longer.)
const PAUSE: Duration = Duration::from_secs(20);
/// Before the first lookup: the start-up of the node under test.
const SETTLING: Duration = Duration::from_secs(900);

/// What the profiler and the tap found of one node under test; each sample
/// sorted.
pub(crate) struct Measured {
    pub(crate) latency_ms: Vec<f64>,
    pub(crate) cost: Vec<f64>,
    pub(crate) closest_ms: Vec<f64>,
    pub(crate) queries: Vec<f64>,
    pub(crate) replicas: Vec<f64>,
    pub(crate) peers: Vec<f64>,
    pub(crate) no_value: usize,
    pub(crate) answered_pct: f64,
    /// Mean contacts in a response to the node under test.
    pub(crate) contacts: f64,
    /// Mean hops to the closest node that answered.
    pub(crate) hops: f64,
}

/// Runs `lookups` lookups of top swarms by a node with these modules.
pub(crate) fn measure(
    mut simulation: Simulation,
    (routing, lookup): (&str, &str),
    lookups: u32,
) -> Measured {
    let world = Arc::clone(simulation.world());
    let registry = Registry::builtin();
    let modules = (
        registry.routing(routing).unwrap(),
        registry.lookup(lookup).unwrap(),
    );
    let addr = world.free_addr(1);
    let mut config = Config::new(vec![], modules.0, modules.1);
    config.rate_limit = None;
    let capture = Arc::new(Mutex::new(CaptureTap::new(Vec::new()).unwrap()));
    let answers = Arc::new(Mutex::new(Answers::default()));
    let mut setup = FullNodeSetup::new(addr, config, [9; 32]);
    let (tap, seen) = (Arc::clone(&capture), Arc::clone(&answers));
    setup.tap = Some(Box::new(move |at: Instant, from, to, payload: &[u8]| {
        tap.lock().unwrap().datagram(at, from, to, payload);
        seen.lock().unwrap().note(payload);
    }));
    let node = simulation.add(setup);
    simulation.bootstrap(node);
    simulation.run_for(SETTLING);
    let mut order: Vec<u32> = (0..world.parameters().swarms.top).collect();
    Rng::from_u64(99).shuffle(&mut order);
    for rank in order.into_iter().take(lookups as usize) {
        let key = world.swarms().top_infohash(rank);
        simulation.with(node, |core, now| {
            core.announce(now, key, AnnouncePort::Implied)
        });
        simulation.run_for(PAUSE);
        simulation.take_events();
    }
    drop(simulation);
    let capture = Arc::into_inner(capture).unwrap().into_inner().unwrap();
    let answers = Arc::into_inner(answers).unwrap().into_inner().unwrap();
    profile(capture.finish().unwrap(), &addr.to_string(), &answers)
}

fn profile(capture: Vec<u8>, node: &str, answers: &Answers) -> Measured {
    let spec: NodeSpec = node.parse().unwrap();
    let options = Options {
        nodes: vec![spec],
        ..Options::default()
    };
    let input = Input::reader("capture", Cursor::new(capture));
    let mut watch = |_: &mdht_profiler::Running| ControlFlow::Continue(());
    let profile = Profiler::new(options)
        .watch(vec![input], &mut watch)
        .unwrap();
    let node = serde_json::to_value(&profile.nodes[0]).unwrap();
    let lookups = node["lookups"].as_array().cloned().unwrap_or_default();
    let sample = |key: &str| {
        let values = lookups.iter().filter_map(|lookup| lookup[key].as_f64());
        let mut values: Vec<_> = values.collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let figure = |section: &str, key: &str| node[section][key].as_f64().unwrap_or(f64::NAN);
    let latency_ms = sample("latency_ms");
    Measured {
        no_value: lookups.len() - latency_ms.len(),
        latency_ms,
        cost: sample("cost"),
        closest_ms: sample("closest_ms"),
        queries: sample("queries"),
        replicas: sample("replicas"),
        peers: sample("peers"),
        answered_pct: figure("lookup_queries", "answered_pct"),
        contacts: answers.contacts as f64 / answers.responses.max(1) as f64,
        hops: node["hops"]["closest"]["mean"].as_f64().unwrap_or(f64::NAN),
    }
}

/// Responses with contacts that reached the node.
#[derive(Default)]
struct Answers {
    responses: u64,
    contacts: u64,
}

impl Answers {
    fn note(&mut self, payload: &[u8]) {
        let Ok(message) = Message::scan(payload) else {
            return;
        };
        if let Body::Response(response) = message.body
            && let Some(nodes) = response.nodes
            // not the node's own answers
            && message.version != Some(&VERSION)
        {
            self.responses += 1;
            self.contacts += nodes.iter().count() as u64;
        }
    }
}
