//! The regular actions: start-up, then one task after the other [thesis 8.V.B].

use std::time::Duration;

use mdht_krpc::{Contact, Id, Instant};

use super::Nice;
use crate::routing::table::{Claim, Entry};
use crate::routing::{Ask, MaintenanceQuery, Origin, RoutingAction, RoutingCx, Vantage};

/// What a tick can do; the number is the tag of its query.
#[derive(Clone, Copy, Debug)]
enum Task {
    /// The stalest contact of the next bucket.
    Refresh,
    /// A responder or querier whose quarantine is over.
    Quarantine,
    /// A node that others named.
    Found,
    /// A replacement for a bucket with room.
    Replacement,
}

impl Task {
    /// Whether it is there to learn if a newcomer may enter.
    const fn asks_newcomers(self) -> bool {
        matches!(self, Self::Quarantine | Self::Found)
    }
}

/// Whether a query of this origin was sent to learn if a newcomer may enter.
pub(super) fn asks_newcomers(origin: Origin) -> bool {
    let Origin::Routing(tag) = origin else {
        return false;
    };
    let task = usize::try_from(tag).ok().and_then(|tag| TASKS.get(tag));
    task.is_some_and(|task| task.asks_newcomers())
}

/// How soon the lookups of start-up are repeated while the table is thin; the
/// wait doubles each time, up to the length of start-up.
const FIRST_REPEAT: Duration = Duration::from_secs(30);

const TASKS: [Task; 4] = [
    Task::Refresh,
    Task::Quarantine,
    Task::Found,
    Task::Replacement,
];

/// Where the regular actions have got to.
#[derive(Debug, Default)]
pub(super) struct Upkeep {
    /// When start-up began.
    began: Option<Instant>,
    /// When the next tick is due.
    next: Instant,
    /// Filling lookups still to come; `None` before the lookup for our own ID.
    lookups_left: Option<usize>,
    /// When these lookups may be repeated, and the last wait for that.
    repeat_at: Instant,
    repeat_after: Duration,
    /// Bucket to begin with when looking for one to fill.
    fill_from: usize,
    /// Bucket to begin with when looking for one to refresh.
    refresh_from: usize,
    /// Task to begin with.
    turn: usize,
    /// Whom we have asked, and when the answer must have come.
    asked: Vec<(Id, Instant)>,
}

impl Nice {
    /// Does what is due; returns when to call next.
    pub(super) fn tick(&mut self, cx: &mut RoutingCx<'_>) -> Instant {
        if cx.now >= self.upkeep.next {
            let is_startup = self.is_startup(cx.now);
            if !self.lookup(cx, is_startup) {
                self.next_task(cx);
            }
            let period = if is_startup {
                self.config.startup_refresh
            } else {
                self.config.refresh
            };
            self.upkeep.next = cx.now + period;
        }
        self.upkeep.next
    }

    fn is_startup(&mut self, now: Instant) -> bool {
        let began = *self.upkeep.began.get_or_insert(now);
        if now < began + self.config.startup {
            return true;
        }
        let is_late = self.upkeep.lookups_left.is_none() && self.somebody_answered();
        if is_late {
            self.upkeep.began = Some(now);
        }
        is_late && !self.config.startup.is_zero()
    }

    fn somebody_answered(&self) -> bool {
        self.table.entries().any(|(_, entry)| entry.is_verified())
    }

    /// Fewer than k contacts are known to answer: hardly enough for a lookup.
    fn is_thin(&self) -> bool {
        let entries = self.table.entries().map(|(_, entry)| entry);
        let answering = entries.filter(|entry| entry.has_answered() && entry.failures == 0);
        answering.take(self.config.k).count() < self.config.k
    }

    /// Asks for the next lookup, if there is one to come.
    fn lookup(&mut self, cx: &mut RoutingCx<'_>, is_startup: bool) -> bool {
        let target = match self.upkeep.lookups_left {
            None if is_startup => self.first_lookup(cx.now),
            Some(0) if self.is_thin() => self.first_lookup(cx.now),
            None | Some(0) => None,
            Some(left) => self.filling_lookup(cx, left),
        };
        cx.actions
            .extend(target.map(|target| RoutingAction::Lookup { target }));
        target.is_some()
    }

    /// Our own ID, when it is time to begin with the lookups (again).
    fn first_lookup(&mut self, now: Instant) -> Option<Id> {
        if now < self.upkeep.repeat_at || !self.somebody_answered() {
            return None;
        }
        let longest = self.config.startup.max(FIRST_REPEAT);
        let wait = (2 * self.upkeep.repeat_after).clamp(FIRST_REPEAT, longest);
        self.upkeep.repeat_after = wait;
        self.upkeep.repeat_at = now + wait;
        self.upkeep.lookups_left = Some(self.config.filling_lookups);
        Some(self.table.own_id())
    }

    /// A random ID in the next bucket with room.
    fn filling_lookup(&mut self, cx: &mut RoutingCx<'_>, left: usize) -> Option<Id> {
        let buckets = in_turn(self.upkeep.fill_from, self.table.buckets().len());
        let with_room = { buckets }.find(|bucket| self.table.room(*bucket) > 0);
        self.upkeep.lookups_left = Some(with_room.map_or(0, |_| left - 1));
        self.upkeep.fill_from = with_room? + 1;
        Some(self.table.own_id().random_in_bucket(with_room?, cx.rng))
    }

    /// Does the next task that has something to do.
    fn next_task(&mut self, cx: &mut RoutingCx<'_>) {
        self.upkeep.asked.retain(|(_, until)| *until > cx.now);
        for index in in_turn(self.upkeep.turn, TASKS.len()) {
            if let Some(contact) = self.pick(TASKS[index], cx.now) {
                self.upkeep.turn = index + 1;
                return self.ask(cx, contact, index);
            }
        }
    }

    /// Whom the task is to ask.
    fn pick(&mut self, task: Task, now: Instant) -> Option<Contact> {
        match task {
            Task::Refresh => self.stalest(now),
            Task::Quarantine => self.due(now, |claim| {
                matches!(claim, Claim::Responder | Claim::Querier)
            }),
            Task::Found => self.due(now, |claim| claim == Claim::Found),
            Task::Replacement => self.replacement(),
        }
    }

    fn is_asked(&self, entry: &Entry) -> bool {
        self.upkeep.asked.iter().any(|(id, _)| *id == entry.id)
    }

    /// The stalest contact of the next bucket that has a stale one; one not
    /// heard from in this run comes first.
    fn stalest(&mut self, now: Instant) -> Option<Contact> {
        let buckets = self.table.buckets();
        let stalest_of = |bucket: usize| {
            let free = buckets[bucket]
                .main
                .iter()
                .filter(|entry| !self.is_asked(entry));
            let stalest = free.min_by_key(|entry| entry.seen())?;
            let is_stale = !stalest.seen_within(self.config.stale, now);
            is_stale.then(|| (bucket, stalest.contact()))
        };
        let (bucket, contact) =
            in_turn(self.upkeep.refresh_from, buckets.len()).find_map(stalest_of)?;
        self.upkeep.refresh_from = bucket + 1;
        Some(contact)
    }

    /// Of the waiting contacts that could enter now, the one whose quarantine
    /// ended first; those that have answered go before those that have not.
    fn due(&self, now: Instant, is_wanted: impl Fn(Claim) -> bool) -> Option<Contact> {
        let buckets = self.table.buckets().iter().enumerate();
        let may_enter = buckets.flat_map(|(index, bucket)| {
            let door = self.door(index, false, now);
            // one door for all where BEP 42 does not matter
            let for_misfits = match self.config.prefers_fitting {
                true => self.door(index, true, now),
                false => door,
            };
            bucket.waiting.iter().filter(move |entry| {
                let door = if self.is_misfit(entry) {
                    for_misfits
                } else {
                    door
                };
                door.lets_in(entry.rtt())
            })
        });
        may_enter
            .filter(|entry| is_wanted(entry.claim) && entry.since.instant() <= now)
            .filter(|entry| !self.is_asked(entry))
            .min_by_key(|entry| (!entry.has_answered(), entry.since))
            .map(Entry::contact)
    }

    /// The best replacement for a bucket with room.
    fn replacement(&self) -> Option<Contact> {
        let buckets = self.table.buckets().iter().enumerate();
        let with_room = buckets.filter(|(index, _)| self.table.room(*index) > 0);
        with_room
            .flat_map(|(_, bucket)| &bucket.waiting)
            .filter(|entry| entry.claim == Claim::Replacement && !self.is_asked(entry))
            .min_by_key(|entry| self.config.replacement_rank(entry))
            .map(Entry::contact)
    }

    fn ask(&mut self, cx: &mut RoutingCx<'_>, contact: Contact, task: usize) {
        let timeout = self.config.timeout;
        self.upkeep.asked.push((contact.id, cx.now + timeout));
        let target = self
            .config
            .asks_for_nodes
            .then(|| self.target_to_ask_for(cx));
        let ask = target.flatten().map_or(Ask::Ping, Ask::FindNode);
        let from = match self.config.localchecker && TASKS[task].asks_newcomers() {
            true if cx.sockets > 1 => Vantage::Other,
            _ => Vantage::Main,
        };
        cx.actions.push(RoutingAction::Query(MaintenanceQuery {
            contact,
            ask,
            timeout,
            from,
            tag: task as u64,
        }));
    }

    /// Our own ID or, as often, a random one in a random bucket with room;
    /// nothing if all are full.
    fn target_to_ask_for(&self, cx: &mut RoutingCx<'_>) -> Option<Id> {
        let own_id = self.table.own_id();
        if cx.rng.below(2) == 0 {
            return Some(own_id);
        }
        let has_room = |bucket: &usize| self.table.room(*bucket) > 0;
        let with_room = || (0..self.table.buckets().len()).filter(has_room);
        let bucket = with_room().nth(cx.rng.below(with_room().count()))?;
        Some(own_id.random_in_bucket(bucket, cx.rng))
    }
}

/// The numbers below `count`, beginning with `first`.
fn in_turn(first: usize, count: usize) -> impl Iterator<Item = usize> {
    (0..count).map(move |step| (first + step) % count)
}
