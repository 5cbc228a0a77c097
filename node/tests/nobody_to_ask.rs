//! A lookup that finds nobody to ask, though the node has joined: the one
//! contact of a node that has just joined may have been lost again.

#![allow(clippy::unwrap_used)] // a panic fails the test

mod world;

use std::time::Duration;

use mdht_krpc::{Contact, Id};
use mdht_node::core::{Event, LookupReport};
use mdht_plugins::lookup::{
    Goal, Lookup, LookupAction, LookupCx, LookupModule, LookupRequest, LookupResponse, Timeout,
};
use mdht_plugins::{ModuleInfo, Registry};
use world::{World, addr, config};

/// Has nobody to ask in its first lookup.
struct NobodyAtFirst {
    inner: Box<dyn LookupModule>,
    begun: u32,
}

impl LookupModule for NobodyAtFirst {
    fn make(&mut self, request: &LookupRequest) -> Box<dyn Lookup> {
        self.begun += 1;
        if self.begun == 1 {
            return Box::new(Nobody);
        }
        self.inner.make(request)
    }
}

struct Nobody;

impl Lookup for Nobody {
    fn start(&mut self, cx: &mut LookupCx<'_>) {
        cx.actions.push(LookupAction::Finish);
    }

    fn on_response(&mut self, _: &mut LookupCx<'_>, _: &LookupResponse<'_>) {}

    fn on_error(&mut self, _: &mut LookupCx<'_>, _: &Contact) {}

    fn on_timeout(&mut self, _: &mut LookupCx<'_>, _: &Contact, _: Timeout) {}
}

/// Two nodes, of which the second looks something up while it knows nobody.
fn looking_up() -> World {
    let mut registry = Registry::builtin();
    let inner = registry.lookup("standard").unwrap();
    let info = ModuleInfo {
        name: "nobody",
        label: "N",
        summary: "nobody to ask at first",
        source: "this test",
        parameters: Vec::new(),
    };
    registry.add_lookup(info, move |_| {
        let inner = inner.make();
        Box::new(NobodyAtFirst { inner, begun: 0 })
    });
    let mut world = World::new(1);
    world.add(config(0, "bep5", "standard"));
    let mut config = config(1, "bep5", "standard");
    config.lookup = registry.lookup("nobody").unwrap();
    world.add(config);
    world.with(1, |node, now| node.add_bootstrap(now, &[addr(0)]));
    world.run_for(Duration::from_secs(60));
    world.with(1, |node, now| {
        node.get_peers(now, Id::new([7; 20]), Goal::Closest)
    });
    world
}

fn reports(world: &World) -> Vec<LookupReport> {
    world.events_of(1, |event| match event {
        Event::LookupDone { report, .. } => Some(report.clone()),
        _ => None,
    })
}

#[test]
fn it_waits_for_somebody_who_answers() {
    let mut world = looking_up();
    world.run_for(Duration::from_secs(5));
    assert!(reports(&world).is_empty());
    let patience = Duration::from_secs(1);
    world.with(1, |node, now| node.ping(now, addr(0), patience));
    world.run_for(Duration::from_secs(5));
    let reports = reports(&world);
    assert_eq!((reports[0].queries, reports[0].responses), (1, 1));
}

#[test]
fn it_ends_where_nobody_does() {
    let mut world = looking_up();
    world.cut.insert(0);
    world.run_for(Duration::from_secs(29));
    assert!(reports(&world).is_empty());
    world.run_for(Duration::from_secs(2));
    let reports = reports(&world);
    assert_eq!(
        (reports.len(), reports[0].queries, reports[0].joined),
        (1, 0, true)
    );
}
