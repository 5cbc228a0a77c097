//! Each class between two full nodes, as the checker of the thesis would see
//! it [7.4.1].

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::Duration;

use mdht_node::core::{Event, QueryOutcome};
use mdht_overlay::parameters::{Class, Connectivity};
use mdht_overlay::{NodeIndex, Simulation, World};

use super::{Seen, setup, watched, world};

const PATIENCE: Duration = Duration::from_secs(4);

/// A guarded node, the one it pings, another port of that host, and somebody
/// else.
struct Scene {
    simulation: Simulation,
    guarded: NodeIndex,
    vantages: [NodeIndex; 3],
    seen: [Seen; 3],
}

fn addr(text: &str) -> SocketAddrV4 {
    text.parse().unwrap()
}

impl Scene {
    fn new(world: &Arc<World>, class: Class, mapping_timeout_s: u32) -> Self {
        let mut simulation = Simulation::new(Arc::clone(world), 1);
        let mut guarded = setup(addr("77.1.1.1:7777"), "bep5", "standard", 1);
        guarded.connectivity = Connectivity {
            class,
            mapping_timeout_s,
            share: 1.0,
        };
        let guarded = simulation.add(guarded);
        let addrs = ["88.2.2.2:1000", "88.2.2.2:2000", "99.3.3.3:1000"].map(addr);
        let [a, b, c] = addrs.map(|addr| watched(setup(addr, "bep5", "standard", 2)));
        let seen = [a.1, b.1, c.1];
        let vantages = [a.0, b.0, c.0].map(|setup| simulation.add(setup));
        Self {
            simulation,
            guarded,
            vantages,
            seen,
        }
    }

    /// Whether `to` answers a ping of `from`.
    fn ping(&mut self, from: NodeIndex, to: SocketAddrV4) -> bool {
        let timeout = Duration::from_secs(3);
        self.simulation.take_events();
        let query = self
            .simulation
            .with(from, |core, now| core.ping(now, to.into(), timeout));
        self.simulation.run_for(PATIENCE);
        let events = self.simulation.take_events();
        events.iter().any(|(_, _, event)| {
            matches!(event, Event::QueryDone { query: done, outcome: QueryOutcome::Response { .. }, .. } if *done == query)
        })
    }

    /// The guarded node pings the first vantage point, which sees it under the
    /// address given back.
    fn knock(&mut self) -> (bool, SocketAddrV4) {
        let first = self.simulation.addr(self.vantages[0]);
        let answered = self.ping(self.guarded, first);
        let last = self.seen[0].lock().unwrap();
        let shown = last.iter().rev().find(|(_, _, to)| *to == first);
        (answered, shown.unwrap().1)
    }
}

/// A letter for each vantage point: R if it can ping the guarded node's mapping
/// so long after that was made. Each in a scene of its own: an answer is sent
/// too, and renews a mapping.
fn letters(world: &Arc<World>, class: (Class, u32), pause: u64) -> String {
    let letter = |vantage: usize| {
        let mut scene = Scene::new(world, class.0, class.1);
        let (answered, shown) = scene.knock();
        // a node behind these hears nothing back
        let deaf = matches!(class.0, Class::Firewalled | Class::Late);
        assert_eq!(answered, !deaf, "{class:?}");
        scene.simulation.run_for(Duration::from_secs(pause));
        let reached = scene.ping(scene.vantages[vantage], shown);
        if reached { 'R' } else { 'U' }
    };
    (0..3).map(letter).collect()
}

#[test]
fn every_class_filters_as_it_should() {
    let world = world(1000);
    for (class, timeout, soon, later) in [
        (Class::Open, 0, "RRR", "RRR"),
        (Class::FullCone, 120, "RRR", "UUU"),
        (Class::FullCone, 600, "RRR", "RRR"),
        (Class::RestrictedCone, 120, "RRU", "UUU"),
        (Class::RestrictedCone, 600, "RRU", "RRU"),
        (Class::PortRestrictedCone, 120, "RUU", "UUU"),
        (Class::PortRestrictedCone, 600, "RUU", "RUU"),
        (Class::Symmetric, 120, "RUU", "UUU"),
        (Class::Firewalled, 0, "UUU", "UUU"),
        (Class::Late, 0, "UUU", "RRR"),
        (Class::LateForOthers, 0, "RRU", "RRR"),
    ] {
        let class = (class, timeout);
        assert_eq!(letters(&world, class, 0), soon, "{class:?}");
        assert_eq!(letters(&world, class, 300), later, "{class:?} later");
    }
}

#[test]
fn a_symmetric_nat_shows_everybody_another_port() {
    let mut scene = Scene::new(&world(1000), Class::Symmetric, 120);
    let home = scene.simulation.addr(scene.guarded);
    let dests = scene.vantages.map(|vantage| scene.simulation.addr(vantage));
    let mut shown = Vec::new();
    for (number, dest) in dests.into_iter().enumerate() {
        assert!(scene.ping(scene.guarded, dest), "answers lead back");
        let seen = scene.seen[number].lock().unwrap();
        shown.push(seen.iter().find(|(_, _, to)| *to == dest).unwrap().1);
    }
    for (number, addr) in shown.clone().into_iter().enumerate() {
        assert_eq!(addr.ip(), home.ip());
        assert!(addr != home && !shown[number + 1..].contains(&addr));
        let mut reached = scene.vantages.map(|vantage| scene.ping(vantage, addr));
        assert!(
            std::mem::take(&mut reached[number]),
            "its own port leads in"
        );
        assert_eq!(reached, [false; 3], "nobody else's does");
    }
    assert!(!scene.ping(scene.vantages[0], home), "nothing is at home");
}
