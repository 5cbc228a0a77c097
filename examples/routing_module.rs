//! A routing module of one's own, in the whole `mdht` command. Hand its arguments on with
//! `cargo run --example routing_module -- lookup INFOHASH --routing latest:per_bucket=16`
use std::{collections::VecDeque, process::ExitCode};

use mdht_krpc::{ID_BITS, Id, Instant};
use mdht_plugins::{ModuleInfo, Parameter, Registry, routing::*};

/// Keeps who answered last, newest first, and asks nobody itself.
struct Latest {
    own_id: Id,
    per_bucket: usize,
    buckets: Vec<VecDeque<TableEntry>>,
}

impl RoutingModule for Latest {
    fn on_response(&mut self, cx: &mut RoutingCx<'_>, seen: &ResponseSeen<'_>) {
        let bucket = self.own_id.common_prefix(&seen.contact.id);
        let entries = &mut self.buckets[bucket];
        entries.retain(|e| e.contact.id != seen.contact.id);
        entries.push_front(TableEntry {
            bucket,
            contact: seen.contact,
            standing: Standing::Good,
            rtt: Some(seen.rtt),
            last_seen: Some(cx.now),
        });
        entries.truncate(self.per_bucket);
    }
    fn on_timeout(&mut self, cx: &mut RoutingCx<'_>, seen: &TimeoutSeen) {
        // while we are offline, silence says nothing about them
        let keep = |e: &TableEntry| !cx.online || e.contact.addr != seen.addr;
        self.buckets.iter_mut().for_each(|b| b.retain(keep));
    }
    fn on_query(&mut self, _: &mut RoutingCx<'_>, _: &QuerySeen<'_>) {}
    fn on_error(&mut self, _: &mut RoutingCx<'_>, _: &ErrorSeen) {}
    fn restore(&mut self, _: &mut RoutingCx<'_>, _: &SavedTable) {}
    fn do_maintenance(&mut self, _: &mut RoutingCx<'_>) -> Option<Instant> {
        None // never call again
    }
    fn entries(&self, _: Instant) -> Vec<TableEntry> {
        self.buckets.iter().flatten().copied().collect()
    }
    fn save(&self, _: Instant) -> SavedTable {
        SavedTable::default()
    }
}

impl ContactSource for Latest {
    fn closest(&self, request: &ClosestRequest, out: &mut Vec<Candidate>) {
        out.extend(self.buckets.iter().flatten().map(|e| Candidate {
            contact: e.contact,
            rtt: e.rtt,
            last_seen: e.last_seen,
            answer_chance: None,
        }));
        out.sort_by_key(|c| c.contact.id.distance(&request.target));
        out.truncate(request.count);
    }
}

fn main() -> ExitCode {
    let per_bucket = Parameter::integer("per_bucket", 8, (1, 128), "contacts", "kept in a bucket");
    let info = ModuleInfo {
        name: "latest",
        label: "LATEST",
        summary: "the nodes that answered last",
        source: "examples/routing_module.rs",
        parameters: vec![per_bucket],
    };
    let mut registry = Registry::builtin();
    registry.add_routing(info, |parameters, setup| {
        Box::new(Latest {
            own_id: setup.own_id,
            per_bucket: parameters.integer("per_bucket"),
            buckets: vec![VecDeque::new(); ID_BITS + 1],
        })
    });
    mdht::run(&registry)
}
