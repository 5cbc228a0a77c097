//! Stand-in for UTorrent 2.2, which the thesis measured beside its own nodes.
//!
//! The client is closed; **this is an approximation** from its published
//! behaviour only: "every 15 minutes, UTorrent triggers a burst of maintenance
//! messages, approximately 600 messages for a period of 1-2 minutes, and few
//! or no queries between bursts" [thesis 8.VII.C].
//!
//! Chosen here: the table is that of `bep5`, without its refreshes; a burst
//! lasts 90 s, evenly spread; it goes round the table, each contact in turn
//! getting a ping and then a find_node for a random ID in a random bucket,
//! which are the two maintenance queries there are; the first burst begins
//! with the first contact.

use std::time::Duration;

use mdht_krpc::Instant;

use super::bep5::{self, Bep5};
use super::{
    Ask, Build, Candidate, ClosestRequest, ContactSource, ErrorSeen, MaintenanceQuery, QuerySeen,
    ResponseSeen, RoutingAction, RoutingCx, RoutingModule, RoutingSetup, SavedTable, TableEntry,
    TimeoutSeen, Vantage,
};
use crate::{ModuleInfo, Parameter, Parameters};

/// Time between two looks for a first contact.
const START_POLL: Duration = Duration::from_secs(1);
/// Tag of the queries of a burst; those below are `bep5`'s.
const TAG_BURST: u64 = 2;

/// The module `ut22`.
pub(crate) fn definition() -> (ModuleInfo, Build) {
    let mut declared = bep5::parameters();
    declared.extend([
        Parameter::integer("burst", 600, (1, 100_000), "queries", "in one burst"),
        Parameter::duration("every", 900_000, (1000, 86_400_000), "from burst to burst"),
        Parameter::duration("over", 90_000, (1000, 3_600_000), "a burst lasts"),
    ]);
    let info = ModuleInfo {
        name: "ut22",
        label: "UT22",
        summary: "stand-in for UTorrent 2.2: bursts of maintenance queries; an approximation",
        source: "thesis 8.VII.C",
        parameters: declared,
    };
    (info, |parameters, setup| {
        Box::new(Ut22::new(parameters, setup))
    })
}

/// The module.
#[derive(Debug)]
struct Ut22 {
    contacts: Bep5,
    timeout: Duration,
    burst: usize,
    every: Duration,
    /// Time between two queries of a burst.
    gap: Duration,
    /// When the burst began.
    began: Instant,
    /// Queries sent of it.
    sent: usize,
    /// When the next query is due.
    next: Instant,
    /// Queries sent of all bursts.
    turn: usize,
}

impl Ut22 {
    fn new(parameters: &Parameters, setup: RoutingSetup) -> Self {
        let burst = parameters.integer("burst");
        let queries = u32::try_from(burst).unwrap_or(u32::MAX);
        Self {
            contacts: Bep5::without_refresh(parameters, setup),
            timeout: parameters.duration("timeout"),
            burst,
            every: parameters.duration("every"),
            gap: parameters.duration("over") / queries,
            began: Instant::ZERO,
            sent: 0,
            next: Instant::ZERO,
            turn: 0,
        }
    }

    /// Sends the burst's next query and sets the time of the one after it.
    fn query(&mut self, cx: &mut RoutingCx<'_>) {
        if self.sent == 0 {
            self.began = cx.now;
        }
        self.sent += 1;
        self.next = cx.now + self.gap;
        if self.sent == self.burst {
            self.sent = 0;
            self.next = self.next.max(self.began + self.every);
        }
        let table = self.contacts.table();
        let (contact, wants_nodes) = (self.turn / 2 % table.len(), self.turn % 2 == 1);
        self.turn += 1;
        let mut contacts = table.buckets().iter().flat_map(|bucket| &bucket.main);
        let Some(entry) = contacts.nth(contact) else {
            return;
        };
        let bucket = cx.rng.below(table.buckets().len());
        let ask = match wants_nodes {
            true => Ask::FindNode(table.own_id().random_in_bucket(bucket, cx.rng)),
            false => Ask::Ping,
        };
        cx.actions.push(RoutingAction::Query(MaintenanceQuery {
            contact: entry.contact(),
            ask,
            timeout: self.timeout,
            from: Vantage::Main,
            tag: TAG_BURST,
        }));
    }
}

impl ContactSource for Ut22 {
    fn closest(&self, request: &ClosestRequest, out: &mut Vec<Candidate>) {
        self.contacts.closest(request, out);
    }
}

impl RoutingModule for Ut22 {
    fn on_query(&mut self, cx: &mut RoutingCx<'_>, seen: &QuerySeen<'_>) {
        self.contacts.on_query(cx, seen);
    }

    fn on_response(&mut self, cx: &mut RoutingCx<'_>, seen: &ResponseSeen<'_>) {
        self.contacts.on_response(cx, seen);
    }

    fn on_error(&mut self, cx: &mut RoutingCx<'_>, seen: &ErrorSeen) {
        self.contacts.on_error(cx, seen);
    }

    fn on_timeout(&mut self, cx: &mut RoutingCx<'_>, seen: &TimeoutSeen) {
        self.contacts.on_timeout(cx, seen);
    }

    fn do_maintenance(&mut self, cx: &mut RoutingCx<'_>) -> Option<Instant> {
        self.contacts.do_maintenance(cx);
        if self.contacts.table().len() == 0 {
            return Some(cx.now + START_POLL);
        }
        if cx.now >= self.next {
            self.query(cx);
        }
        Some(self.next)
    }

    fn entries(&self, now: Instant) -> Vec<TableEntry> {
        self.contacts.entries(now)
    }

    fn save(&self, now: Instant) -> SavedTable {
        self.contacts.save(now)
    }

    fn restore(&mut self, cx: &mut RoutingCx<'_>, saved: &SavedTable) {
        self.contacts.restore(cx, saved);
    }
}

#[cfg(test)]
mod tests;
