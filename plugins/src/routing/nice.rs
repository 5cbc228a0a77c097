//! Nice routing-table management and its kin [thesis 8.V.B to 8.V.D].
//!
//! One maintenance action every few seconds keeps the contacts fresh and lets
//! verified newcomers in; who is new waits in quarantine for three minutes
//! first [thesis 7.6.1]. `nice`, `nrtt`, `nr64` and `nr128` are this module
//! with different defaults: `nrtt` replaces contacts by faster ones, the last
//! two have large first buckets besides. `checked` is `nrtt` with the
//! localchecker of thesis 7.6.1 in its quarantine.
//!
//! Where the thesis is silent:
//! - **Actions.** Each tick takes the next of four tasks that has something to
//!   do: ping the stalest contact of the next bucket; a waiting contact whose
//!   quarantine is over; a node that others named; a replacement for a bucket
//!   with room. Never more than one query a tick, and ticks missed are not
//!   caught up with. A bucket whose stalest contact was heard from within
//!   `stale` is passed over. A querier in the table counts as heard from.
//! - **Start-up.** For `startup`, ticks are `startup_refresh` apart. As soon
//!   as somebody has answered, one tick looks up our own ID and the next ones
//!   random IDs in buckets with room (`filling_lookups`). Afterwards there are
//!   no maintenance lookups. There are two exceptions. If nobody answers during
//!   all of start-up, it begins anew with the first answer. And while fewer
//!   than k contacts are known to answer, the lookups are repeated, after 30 s,
//!   60 s, 120 s and so on up to `startup`: where a whole overlay starts at once,
//!   the first round finds nobody.
//! - **Quarantine.** `quarantine_scope=all`, the text: whoever is unknown waits
//!   until its quarantine is over, and enters with an answer after that, be it
//!   to a ping of ours or to a lookup. `queriers`, as pymdht: those that answer
//!   us enter at once, and nodes that others named once they answer. Queriers
//!   are held either way even if they answer: through the hole that their own
//!   query made in their NAT, any node does for a while.
//! - **Localchecker.** Under `localchecker=on` quarantine ends only with an
//!   answer to a ping from another of our sockets, at another port, to which
//!   no packet of the newcomer's has opened a way.
//! - **Who waits.** Up to a bucket's capacity (at least 8).
//!   Responders go before nodes that never answered us; those wait only while
//!   they are fewer than two for each free place. Under
//!   `rtt_bias` a responder waits for a full bucket too if it is faster than
//!   the slowest contact there. A waiting contact that fails is forgotten.
//! - **Replacements.** A verified newcomer without a place, and a contact that
//!   failed `bad_after` times in a row, become replacements, at most k in a
//!   bucket, those that failed last: one more chance, then they are forgotten.
//! - **Age.** Under `age_rule=on` a newcomer must be faster than the contact's
//!   RTT times `1 - age / 2 h`: after two hours none is [pymdht].
//! - `probe=find_node`, as pymdht: half of the actions ask for our own ID, half
//!   for a random ID in a bucket with room, and a ping if there is none.
//! - A contact is known by ID and address together; a second address for an ID
//!   is believed only when it answered us and the first one did not lately.
//!   An error keeps a contact in the table, but lets nobody in.
//! - **Answers.** A table too small for a lookup is helped out by waiting
//!   contacts that answered, so that a node can look things up in its first
//!   three minutes; others are handed verified contacts only.

mod admission;
mod kin;
mod upkeep;

use mdht_krpc::{Id, Instant};

use super::table::{Claim, Entry, List, Shape, Table};
use super::{
    Candidate, ClosestRequest, ContactSource, ErrorSeen, Purpose, QuerySeen, ResponseSeen,
    RoutingCx, RoutingModule, RoutingSetup, SavedTable, Standing, TableChange, TableEntry,
    TimeoutSeen,
};
use crate::Parameters;
use kin::Config;
pub(crate) use kin::{checked, nice, nr64, nr128, nrtt};
use upkeep::Upkeep;

/// The module.
#[derive(Debug)]
struct Nice {
    table: Table,
    config: Config,
    upkeep: Upkeep,
}

impl Nice {
    fn new(parameters: &Parameters, setup: RoutingSetup) -> Self {
        let config = Config::new(parameters);
        let shape = Shape::new(parameters, parameters.integer("first"));
        Self {
            table: Table::new(setup.own_id, shape),
            config,
            upkeep: Upkeep::default(),
        }
    }
}

impl ContactSource for Nice {
    fn closest(&self, request: &ClosestRequest, out: &mut Vec<Candidate>) {
        let held = self.table.len();
        let include = |list, entry: &Entry| match (request.purpose, list) {
            (Purpose::Lookup, List::Main) => true,
            (Purpose::Serve, List::Main) => entry.is_verified(),
            (Purpose::Lookup, List::Waiting) => held < request.count && entry.is_verified(),
            (Purpose::Serve, List::Waiting) => held == 0 && entry.is_verified(),
        };
        self.table
            .closest(&request.target, request.count, include, out);
    }
}

impl RoutingModule for Nice {
    fn on_query(&mut self, cx: &mut RoutingCx<'_>, seen: &QuerySeen<'_>) {
        if seen.read_only {
            return;
        }
        match self.table.locate(&seen.contact.id) {
            Some(slot) => {
                let entry = self.table.entry_mut(slot);
                if entry.is_at(&seen.contact.addr) {
                    entry.sighted(cx.now);
                }
            }
            None => {
                let due = self.quarantine_end(cx.now);
                let mut newcomer = Entry::new(&seen.contact, Claim::Querier, due);
                newcomer.sighted(cx.now);
                self.wait(cx, newcomer);
            }
        }
    }

    fn on_response(&mut self, cx: &mut RoutingCx<'_>, seen: &ResponseSeen<'_>) {
        if let Some(old_id) = seen.abandoned_id()
            && let Some(slot) = self.table.locate_at(&seen.contact.addr, Some(&old_id))
        {
            self.give_up(cx, slot);
        }
        self.answered(cx, seen);
        for contact in seen.nodes {
            self.found(cx, contact);
        }
    }

    fn on_error(&mut self, cx: &mut RoutingCx<'_>, seen: &ErrorSeen) {
        match self.table.locate_at(&seen.addr, seen.expected_id.as_ref()) {
            Some(slot) if slot.list == List::Main => {
                self.table.entry_mut(slot).answered(cx.now, seen.rtt);
            }
            // Of no use to a lookup, and due for a ping again and again.
            Some(slot) => self.give_up(cx, slot),
            None => {}
        }
    }

    fn on_timeout(&mut self, cx: &mut RoutingCx<'_>, seen: &TimeoutSeen) {
        if !cx.online {
            return;
        }
        let Some(slot) = self.table.locate_at(&seen.addr, seen.expected_id.as_ref()) else {
            return;
        };
        let entry = self.table.entry_mut(slot);
        entry.failures = entry.failures.saturating_add(1);
        match slot.list {
            List::Waiting => self.give_up(cx, slot),
            List::Main if usize::from(entry.failures) >= self.config.bad_after => {
                self.evict(cx, slot);
            }
            List::Main => {}
        }
    }

    fn do_maintenance(&mut self, cx: &mut RoutingCx<'_>) -> Option<Instant> {
        Some(self.tick(cx))
    }

    fn rename(&mut self, cx: &mut RoutingCx<'_>, own_id: Id) -> bool {
        for homeless in self.table.rename(own_id, cx.now) {
            homeless.report(TableChange::Replaced, cx);
        }
        true
    }

    fn entries(&self, _now: Instant) -> Vec<TableEntry> {
        self.table.listed(|list, entry| match list {
            List::Waiting => Standing::Waiting,
            List::Main if entry.is_verified() => Standing::Good,
            List::Main => Standing::Questionable,
        })
    }

    fn save(&self, now: Instant) -> SavedTable {
        self.table.saved(now)
    }

    /// They passed quarantine in an earlier run: they enter at once, as not yet
    /// heard from, and so are the first to be refreshed.
    fn restore(&mut self, cx: &mut RoutingCx<'_>, saved: &SavedTable) {
        for contact in &saved.contacts {
            if let Some((bucket, entry)) = self.table.restored(contact, cx.now)
                && self.table.room(bucket) > 0
            {
                entry.report(TableChange::Admitted, cx);
                self.table.bucket_mut(bucket, cx.now).main.push(entry);
            }
        }
    }
}

#[cfg(test)]
mod tests;
