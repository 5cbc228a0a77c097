//! Standard routing-table management [thesis 8.V.A; BEP 5, "Routing Table"].
//!
//! Every query or response seen updates its bucket. A newcomer enters a
//! bucket that has room, or takes the place of a *bad* contact; a bucket full
//! of *good* contacts drops it; *questionable* ones are pinged first. Buckets
//! not touched for 15 minutes are refreshed by a maintenance lookup.
//!
//! Where thesis and BEP 5 are silent:
//! - Only an answer ends a row of failures: a node that queries us need not
//!   be reachable for us. An error is an answer.
//! - While a full bucket's questionable contacts are pinged, one at a time and
//!   least recently heard from first as BEP 5 has it, one newcomer waits;
//!   further ones are dropped, so that a flood of them sets off no flood of pings.
//! - Bad contacts keep their place until a newcomer takes it: one that failed
//!   twice and may be back is better than an empty place.
//! - A contact is known by ID and address together. A second address for an ID
//!   is believed only when it answered us and the first is bad.
//! - Nodes that others name in their answers do not enter: only messages count.
//! - A bucket that was refreshed counts as touched even if nobody answered,
//!   else an empty one would be looked up without end. Refreshes are at least
//!   2 s apart, so that buckets due together (after a sleep) set off no burst,
//!   and none starts while we are offline.
//! - The first contact sets off a maintenance lookup for our own ID, as BEP 5
//!   asks of a node that joins.
//! - Answers to others hold good contacts only [BEP 5, "find_node"].
//!
//! `full_bucket_ping=newcomer` is what the thesis's own code did, whose
//! measurements Table I shows: it pings the newcomer once for each
//! questionable contact of the full bucket, and the contact keeps its place.
//! There, too, a query ends a row of failures (`mended_by=any`), and only a
//! contact's first ten queries, answers and failures are kept (`judged_by=10`):
//! one that has answered that often stays for ever, gone or not.
//!
//! Some clients look up their own ID and random ones now and then, besides:
//! `own_lookup`, `random_lookup`.

mod config;
mod full_bucket;
mod periodic;

use std::time::Duration;

use config::Config;
pub(super) use config::parameters;
use full_bucket::{Check, TAG_NEWCOMER};
use mdht_krpc::{Contact, Id, Instant};
use periodic::Periodic;

use super::table::{Claim, Entry, List, Moment, Shape, Slot, Table};
use super::{
    Build, Candidate, ClosestRequest, ContactSource, ErrorSeen, Origin, Purpose, QuerySeen,
    ResponseSeen, RoutingCx, RoutingModule, RoutingSetup, SavedTable, Standing, TableChange,
    TableEntry, TimeoutSeen,
};
use crate::{ModuleInfo, Parameters};

/// The module `bep5`.
pub(crate) fn definition() -> (ModuleInfo, Build) {
    let info = ModuleInfo {
        name: "bep5",
        label: "BEP5",
        summary: "the routing table of BEP 5: buckets of 8, refreshed by lookups",
        source: "thesis 8.V.A, BEP 5",
        parameters: parameters(),
    };
    (info, |parameters, setup| {
        Box::new(Bep5::new(parameters, setup))
    })
}

/// The module.
#[derive(Debug)]
pub(super) struct Bep5 {
    table: Table,
    config: Config,
    /// At most one for each bucket.
    checks: Vec<Check>,
    /// Whether the lookup for our own ID was asked for.
    has_joined: bool,
    next_refresh: Instant,
    own_lookup: Periodic,
    random_lookup: Periodic,
}

/// How a contact was heard from.
#[derive(Clone, Copy, Debug)]
enum Sign {
    Query,
    Answer { rtt: Duration, origin: Origin },
}

impl Bep5 {
    fn new(parameters: &Parameters, setup: RoutingSetup) -> Self {
        let shape = Shape::new(parameters, parameters.integer("k"));
        Self {
            table: Table::new(setup.own_id, shape),
            config: Config::new(parameters),
            checks: Vec::new(),
            has_joined: false,
            next_refresh: Instant::ZERO,
            own_lookup: Periodic::new(parameters.duration("own_lookup")),
            random_lookup: Periodic::new(parameters.duration("random_lookup")),
        }
    }

    /// One whose buckets another module keeps fresh.
    pub(super) fn without_refresh(parameters: &Parameters, setup: RoutingSetup) -> Self {
        let mut bep5 = Self::new(parameters, setup);
        bep5.config.refreshes_buckets = false;
        bep5
    }

    pub(super) const fn table(&self) -> &Table {
        &self.table
    }

    fn heard(&mut self, cx: &mut RoutingCx<'_>, contact: &Contact, sign: Sign) {
        if let Some(slot) = self.table.locate(&contact.id) {
            let entry = self.table.entry_mut(slot);
            match sign {
                Sign::Query if entry.is_at(&contact.addr) => {
                    entry.sighted(cx.now);
                    if self.config.judges(entry) && self.config.mended_by_query {
                        entry.failures = 0;
                    }
                    return;
                }
                Sign::Query => return,
                Sign::Answer { rtt, .. } if entry.is_at(&contact.addr) => {
                    return self.answered(cx, slot, rtt);
                }
                Sign::Answer { .. } if self.config.is_bad(entry) => self.drop_entry(cx, slot),
                Sign::Answer { .. } => return,
            }
        }
        let mut newcomer = Entry::new(contact, Claim::Querier, Moment::of(cx.now));
        match sign {
            Sign::Query => newcomer.sighted(cx.now),
            Sign::Answer { rtt, .. } => newcomer.answered(cx.now, rtt),
        }
        // A newcomer's answer to our ping must not set off the next ping to it.
        let pinged = |origin| origin == Origin::Routing(TAG_NEWCOMER);
        let may_ping = !matches!(sign, Sign::Answer { origin, .. } if pinged(origin));
        self.newcomer(cx, newcomer, may_ping);
    }

    fn answered(&mut self, cx: &mut RoutingCx<'_>, slot: Slot, rtt: Duration) {
        let entry = self.table.entry_mut(slot);
        let failures = entry.failures;
        entry.answered(cx.now, rtt);
        if !self.config.judges(entry) {
            entry.failures = failures;
        }
        if slot.list == List::Main {
            let id = entry.id;
            self.table.bucket_mut(slot.bucket, cx.now).touched = Moment::of(cx.now);
            self.check_passed(cx, slot.bucket, &id);
        }
    }

    /// Puts the contact into its bucket, which has room.
    fn admit(&mut self, cx: &mut RoutingCx<'_>, bucket: usize, mut entry: Entry) {
        entry.since = Moment::of(cx.now);
        entry.report(TableChange::Admitted, cx);
        let lists = self.table.bucket_mut(bucket, cx.now);
        lists.main.push(entry);
        lists.touched = Moment::of(cx.now);
        self.join(cx);
    }

    /// Takes out a contact whose ID is no longer good for its address.
    fn drop_entry(&mut self, cx: &mut RoutingCx<'_>, slot: Slot) {
        match slot.list {
            List::Main => {
                self.table.take(slot).report(TableChange::Evicted, cx);
                self.give_place(cx, slot.bucket);
            }
            List::Waiting => self.end_check(cx, slot.bucket),
        }
    }
}

impl ContactSource for Bep5 {
    fn closest(&self, request: &ClosestRequest, out: &mut Vec<Candidate>) {
        let ClosestRequest {
            target,
            count,
            purpose,
            now,
        } = *request;
        let wanted = |list, entry: &Entry| {
            list == List::Main
                && match purpose {
                    Purpose::Serve => self.config.is_good(entry, now),
                    Purpose::Lookup => !self.config.is_bad(entry),
                }
        };
        self.table.closest(&target, count, wanted, out);
        if out.is_empty() && purpose == Purpose::Lookup {
            self.table
                .closest(&target, count, |list, _| list == List::Main, out);
        }
    }
}

impl RoutingModule for Bep5 {
    fn on_query(&mut self, cx: &mut RoutingCx<'_>, seen: &QuerySeen<'_>) {
        if !seen.read_only {
            self.heard(cx, &seen.contact, Sign::Query);
        }
    }

    fn on_response(&mut self, cx: &mut RoutingCx<'_>, seen: &ResponseSeen<'_>) {
        if let Some(old_id) = seen.abandoned_id()
            && let Some(slot) = self.table.locate_at(&seen.contact.addr, Some(&old_id))
        {
            self.drop_entry(cx, slot);
        }
        self.heard(
            cx,
            &seen.contact,
            Sign::Answer {
                rtt: seen.rtt,
                origin: seen.origin,
            },
        );
    }

    fn on_error(&mut self, cx: &mut RoutingCx<'_>, seen: &ErrorSeen) {
        if let Some(slot) = self.table.locate_at(&seen.addr, seen.expected_id.as_ref()) {
            self.answered(cx, slot, seen.rtt);
        }
    }

    fn on_timeout(&mut self, cx: &mut RoutingCx<'_>, seen: &TimeoutSeen) {
        let Some(slot) = self.table.locate_at(&seen.addr, seen.expected_id.as_ref()) else {
            return;
        };
        if slot.list == List::Waiting || !cx.online {
            return self.end_check(cx, slot.bucket);
        }
        let entry = self.table.entry_mut(slot);
        if self.config.judges(entry) {
            entry.failures = entry.failures.saturating_add(1);
        }
        self.check_failed(cx, slot, seen.origin);
    }

    fn do_maintenance(&mut self, cx: &mut RoutingCx<'_>) -> Option<Instant> {
        self.join(cx);
        let lookups = self.look_up(cx);
        let refresh = self.config.refreshes_buckets.then(|| self.refresh(cx));
        [lookups, refresh].into_iter().flatten().min()
    }

    fn rename(&mut self, cx: &mut RoutingCx<'_>, own_id: Id) -> bool {
        self.checks.clear();
        for homeless in self.table.rename(own_id, cx.now) {
            homeless.report(TableChange::Replaced, cx);
        }
        // once more, to be known to our new neighbours
        self.has_joined = false;
        self.join(cx);
        true
    }

    fn entries(&self, now: Instant) -> Vec<TableEntry> {
        self.table.listed(|list, entry| match list {
            List::Waiting => Standing::Waiting,
            List::Main if self.config.is_bad(entry) => Standing::Bad,
            List::Main if self.config.is_good(entry, now) => Standing::Good,
            List::Main => Standing::Questionable,
        })
    }

    fn save(&self, now: Instant) -> SavedTable {
        self.table.saved(now)
    }

    fn restore(&mut self, cx: &mut RoutingCx<'_>, saved: &SavedTable) {
        for contact in &saved.contacts {
            if let Some((bucket, entry)) = self.table.restored(contact, cx.now)
                && self.table.room(bucket) > 0
            {
                self.admit(cx, bucket, entry);
            }
        }
    }
}

#[cfg(test)]
mod tests;
