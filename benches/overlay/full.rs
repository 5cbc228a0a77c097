//! Worlds of full nodes only.

use std::sync::Arc;
use std::time::Duration;

use mdht_krpc::{Family, Instant};
use mdht_overlay::parameters::Parameters;
use mdht_overlay::{FullWorld, PluginShare, Simulation, World};
use mdht_plugins::Registry;

use super::process::{mib, resident, seconds};
use super::report;

const MINUTE: Duration = Duration::from_secs(60);

/// 10,000 nodes that maintain their tables, the start-up left out.
pub(crate) fn an_hour_of_nice() {
    let mut simulation = full_world(10_000, "nice");
    simulation.run_for(15 * MINUTE);
    let before = simulation.counters();
    let ((), time) = seconds(|| simulation.run_for(60 * MINUTE));
    let sent = simulation.counters().sent - before.sent;
    report(
        "an hour of 10,000 full NICE nodes",
        &format!("{time:.1} s"),
        "< 60 s",
    );
    report(
        "  datagrams in it",
        &format!("{:.1} M", sent as f64 / 1e6),
        "",
    );
    report(
        "  datagrams a second",
        &format!("{:.0} k/s", sent as f64 / time / 1e3),
        "",
    );
}

/// Memory a few minutes after all have started: every node has joined, and
/// its table and whoever waits for a place in it is there.
pub(crate) fn hundred_thousand() {
    for routing in ["bep5", "nice"] {
        memory(100_000, routing, "< 2048 MiB");
    }
}

/// Up to 20 GiB.
pub(crate) fn million() {
    memory(1_000_000, "nice", "< 20480 MiB");
}

fn memory(nodes: u32, routing: &str, target: &str) {
    let before = resident();
    let mut simulation = full_world(nodes, routing);
    for minutes in [2, 5] {
        let until = Instant::ZERO + minutes * MINUTE;
        let ((), time) = seconds(|| simulation.run_until(until));
        let held = resident() - before;
        let what = format!("{nodes} full {routing} nodes after {minutes} min");
        report(&what, &format!("{:.0} MiB", mib(held)), target);
        let each = held as f64 / f64::from(nodes) / 1024.0;
        report("  a node", &format!("{each:.1} KiB"), "");
        report(
            "  contacts it holds",
            &format!("{:.0}", contacts(&simulation)),
            "",
        );
        report("  processor time", &format!("{time:.0} s"), "");
    }
}

/// Mean number of contacts of every hundredth node.
fn contacts(simulation: &Simulation) -> f64 {
    let held = |node| simulation.node(node).table(Family::V4).len();
    let held: Vec<_> = simulation.full_nodes().step_by(100).map(held).collect();
    held.iter().sum::<usize>() as f64 / held.len() as f64
}

fn full_world(nodes: u32, routing: &str) -> Simulation {
    let world = Arc::new(World::new(Parameters {
        nodes,
        ..Parameters::default()
    }));
    let pair = PluginShare::new(&Registry::builtin(), routing, "standard", 1.0).unwrap();
    Simulation::of_full_nodes(world, 1, FullWorld::new(vec![pair])).unwrap()
}
