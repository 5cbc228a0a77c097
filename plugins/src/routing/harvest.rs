//! A large passive store of contacts.
//!
//! Every contact that a response names, that queries us or that answers us is
//! remembered, up to `contacts` of them, evenly over the ID space. What each is
//! worth follows from how likely it is to answer and how fast:
//! - **Chance.** Answers and failures are counted by what was known of the
//!   contact when it was asked (named by others, queried us, answered us,
//!   answered and then failed) and by how long ago that was. So the chance of a
//!   contact follows the churn that there is.
//! - **Round-trip time.** Measured, or forecast from the contact's network.
//! - **Room.** In a full cell of the ID space the contact of the least chance
//!   over round-trip time leaves. Contacts that failed are remembered as bad,
//!   so that they are not tried anew whenever somebody names them, until they
//!   are in the way.
//! - **Maintenance.** Once in `refresh` one find_node for a random ID goes to
//!   the contact about which there is most to learn: one not measured that is
//!   likely to answer fast, or a fast one that may have left; nobody twice in an
//!   hour. Its answer names others, which go into the store. When several queries
//!   in a row were in vain, one goes to somebody who most likely answers. There is a quarantine for those that
//!   queried us: asked too soon, one behind a NAT answers [thesis 7.6.1].
//! - **Start.** As soon as somebody has answered, there is a lookup for our own
//!   ID. Until `learn` contacts have been measured, those of an earlier run
//!   included, actions are `startup_refresh` apart and go to contacts never
//!   measured, while there are any: what is learned of networks and of contacts
//!   that stay serves for days. After twice as many queries that is over too.
//! - **Answers to others** name contacts that answered us in this run and did
//!   not fail since, within `serve_within`.

mod cells;
mod chances;
mod config;
mod judge;
mod record;
mod upkeep;
mod verified;

use mdht_krpc::{Contact, Id, Instant};

use super::{
    Build, Candidate, ClosestRequest, ContactSource, ErrorSeen, Purpose, QuerySeen, ResponseSeen,
    RoutingAction, RoutingCx, RoutingModule, RoutingSetup, SavedTable, Standing, TableChange,
    TableEntry, TimeoutSeen,
};
use crate::subnet::Subnet;
use crate::{ModuleInfo, Parameters};
use cells::{Cells, Place};
use config::{Config, parameters};
use judge::Judge;
use record::Record;
use upkeep::Upkeep;
use verified::{Verified, VerifiedIndex};

/// The module `harvest`.
pub(crate) fn definition() -> (ModuleInfo, Build) {
    let info = ModuleInfo {
        name: "harvest",
        label: "HARVEST",
        summary: "a large store of contacts met in passing, with chance and round-trip time of each",
        source: "this project, docs/research.md",
        parameters: parameters(),
    };
    (info, |parameters, setup| {
        Box::new(Harvest::new(parameters, setup))
    })
}

/// The module.
#[derive(Debug)]
struct Harvest {
    own_id: Id,
    config: Config,
    cells: Cells,
    judge: Judge,
    upkeep: Upkeep,
    verified: VerifiedIndex,
}

impl Harvest {
    fn new(parameters: &Parameters, setup: RoutingSetup) -> Self {
        Self {
            own_id: setup.own_id,
            config: Config::new(parameters),
            cells: Cells::new(parameters.integer("contacts")),
            judge: Judge::default(),
            upkeep: Upkeep::default(),
            verified: VerifiedIndex::default(),
        }
    }

    /// Remembers a contact that is new.
    fn insert(&mut self, record: Record, now: Instant) {
        let host = record.contact.addr.ip();
        // one host must not fill a cell
        let same = |held: &&Record| held.contact.addr.ip() == host;
        if let Some(held) = self.cells.around(&record.contact.id).iter().find(same) {
            if held.is_verified && !held.is_bad() {
                return;
            }
            let id = held.contact.id;
            self.cells.locate(&id).map(|place| self.cells.take(place));
        }
        if !self.subnet_has_room(&record) {
            return;
        }
        self.cells.insert(record, |held| {
            let class = self.config.class(held);
            (class, self.judge.worth(held, now))
        });
    }

    /// Whether the record's cell may hold one more of its subnet. Those that
    /// failed do not count: nobody keeps others out by names of the dead.
    fn subnet_has_room(&self, record: &Record) -> bool {
        let most = self.config.per_subnet;
        if most == 0 {
            return true;
        }
        let Some(subnet) = Subnet::of(record.contact.addr.ip()) else {
            return true;
        };
        let held = self.cells.around(&record.contact.id).iter();
        let same = held.filter(|held| Subnet::of(held.contact.addr.ip()) == Some(subnet));
        same.filter(|held| !held.is_bad()).count() < most
    }

    /// The record of exactly this contact.
    fn find(&self, contact: &Contact) -> Option<Place> {
        let place = self.cells.locate(&contact.id)?;
        (self.cells.get(place).contact.addr == contact.addr).then_some(place)
    }

    /// Notes something of a contact, which is remembered from now on if it was
    /// not. Not so if its ID is ours, or that of another contact which is
    /// believed to be there.
    fn note(&mut self, contact: &Contact, now: Instant, what: impl Fn(&mut Record)) {
        if contact.id == self.own_id {
            return;
        }
        if let Some(place) = self.cells.locate(&contact.id) {
            let held = self.cells.get_mut(place);
            if held.contact.addr == contact.addr {
                return what(held);
            }
            if matches!(held.standing(), Standing::Good | Standing::Questionable) {
                return;
            }
            self.cells.take(place);
        }
        let mut record = Record::new(*contact, now);
        what(&mut record);
        self.insert(record, now);
    }

    fn candidate(&self, record: &Record, now: Instant) -> Candidate {
        Candidate {
            contact: record.contact,
            rtt: record.rtt(),
            last_seen: record.last_seen(),
            answer_chance: Some(self.judge.chance(record, now)),
        }
    }

    fn may_be_asked(&self, record: &Record, now: Instant) -> bool {
        !record.is_bad() && self.judge.chance(record, now) >= self.config.least_chance
    }

    /// Contacts for others.
    fn closest_verified(&self, request: &ClosestRequest, out: &mut Vec<Candidate>) {
        let is_fresh =
            |entry: &Verified| request.now.since(entry.heard) <= self.config.serve_within;
        let candidate = |entry: &Verified| Candidate {
            contact: entry.contact,
            rtt: None,
            last_seen: Some(entry.heard),
            answer_chance: None,
        };
        self.verified
            .closest(&request.target, request.count, is_fresh, |entry| {
                out.push(candidate(entry));
            });
    }
}

impl ContactSource for Harvest {
    fn closest(&self, request: &ClosestRequest, out: &mut Vec<Candidate>) {
        out.clear();
        if request.purpose == Purpose::Serve {
            return self.closest_verified(request, out);
        }
        let target = &request.target;
        for cell in self.cells.nearest(target) {
            let from = out.len();
            if from >= request.count {
                break;
            }
            let fit = cell.iter().filter(|r| self.may_be_asked(r, request.now));
            out.extend(fit.map(|record| self.candidate(record, request.now)));
            out[from..].sort_unstable_by_key(|c| target.distance(&c.contact.id));
        }
        out.truncate(request.count);
    }

    fn known(&self, contact: &Contact, now: Instant) -> Option<Candidate> {
        let record = self.cells.get(self.find(contact)?);
        Some(self.candidate(record, now))
    }
}

impl RoutingModule for Harvest {
    fn on_query(&mut self, cx: &mut RoutingCx<'_>, seen: &QuerySeen<'_>) {
        if seen.read_only {
            return;
        }
        self.note(&seen.contact, cx.now, |record| record.queried(cx.now));
    }

    fn on_response(&mut self, cx: &mut RoutingCx<'_>, seen: &ResponseSeen<'_>) {
        if let Some(id) = seen.abandoned_id() {
            let old = Contact::new(id, seen.contact.addr);
            self.verified.remove(&old);
            self.find(&old).map(|place| self.cells.take(place));
        }
        self.upkeep.in_vain = 0;
        self.judge.rtts.observe(seen.contact.addr.ip(), seen.rtt);
        let mut was = None;
        let mut is_first = true;
        if let Some(place) = self.find(&seen.contact) {
            let record = self.cells.get(place);
            let (evidence, age) = (record.evidence(), record.age(cx.now));
            self.judge.chances.learn(evidence, age, true);
            was = Some(record.standing());
            is_first = record.rtt().is_none();
        }
        self.upkeep.measured += usize::from(is_first);
        let (now, contact) = (cx.now, seen.contact);
        self.note(&contact, now, |record| record.answered(now, seen.rtt));
        if self.find(&contact).is_some() {
            let within = self.config.serve_within;
            self.verified.answered(&contact, now, within);
            if was != Some(Standing::Good) {
                let change = TableChange::Admitted;
                cx.actions.push(RoutingAction::Changed { contact, change });
            }
        }
        for contact in seen.nodes {
            self.note(contact, now, |record| record.named(now));
        }
    }

    fn on_error(&mut self, cx: &mut RoutingCx<'_>, seen: &ErrorSeen) {
        let Some(id) = seen.expected_id else { return };
        let contact = Contact::new(id, seen.addr);
        if let Some(place) = self.find(&contact) {
            let record = self.cells.get_mut(place);
            // an error keeps a contact, but lets nobody in
            if record.is_verified {
                record.answered(cx.now, seen.rtt);
                let within = self.config.serve_within;
                self.verified.answered(&contact, cx.now, within);
            }
        }
    }

    fn on_timeout(&mut self, cx: &mut RoutingCx<'_>, seen: &TimeoutSeen) {
        self.upkeep.in_vain += 1;
        let Some(id) = seen.expected_id.filter(|_| cx.online) else {
            return;
        };
        let contact = Contact::new(id, seen.addr);
        self.verified.remove(&contact);
        if let Some(place) = self.find(&contact) {
            let record = self.cells.get_mut(place);
            self.judge
                .chances
                .learn(record.evidence(), record.age(cx.now), false);
            let was = record.standing();
            record.failed();
            if record.is_bad() && matches!(was, Standing::Good | Standing::Questionable) {
                let change = TableChange::Evicted;
                cx.actions.push(RoutingAction::Changed { contact, change });
            }
        }
    }

    fn do_maintenance(&mut self, cx: &mut RoutingCx<'_>) -> Option<Instant> {
        Some(self.tick(cx))
    }

    fn entries(&self, _now: Instant) -> Vec<TableEntry> {
        let held = self.cells.iter().filter(|record| !record.is_bad());
        held.map(|record| TableEntry {
            bucket: self.own_id.common_prefix(&record.contact.id),
            contact: record.contact,
            standing: record.standing(),
            rtt: record.rtt(),
            last_seen: record.last_seen(),
        })
        .collect()
    }

    fn save(&self, now: Instant) -> SavedTable {
        let answered =
            |record: &&Record| matches!(record.standing(), Standing::Good | Standing::Questionable);
        let mut best: Vec<(f32, &Record)> = self
            .cells
            .iter()
            .filter(answered)
            .map(|record| (self.judge.worth(record, now), record))
            .collect();
        best.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.contact.cmp(&b.1.contact)));
        best.truncate(self.config.save);
        SavedTable {
            contacts: best.iter().map(|(_, record)| record.saved(now)).collect(),
            private: Vec::new(),
        }
    }

    fn restore(&mut self, cx: &mut RoutingCx<'_>, saved: &SavedTable) {
        for contact in &saved.contacts {
            let is_new = self.cells.locate(&contact.contact.id).is_none();
            if is_new && contact.contact.id != self.own_id {
                if let Some(rtt) = contact.rtt {
                    self.upkeep.measured += 1;
                    self.judge.rtts.observe(contact.contact.addr.ip(), rtt);
                }
                self.insert(Record::restored(contact, cx.now), cx.now);
            }
        }
    }
}

#[cfg(test)]
mod tests;
