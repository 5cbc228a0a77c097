//! Who waits, who enters, and who makes place [thesis 7.6.1, 8.V.B, 8.V.C].

use std::time::Duration;

use mdht_krpc::{Contact, Instant};

use super::upkeep::asks_newcomers;
use super::{Config, Nice};
use crate::routing::table::{Claim, Entry, List, Moment, Slot};
use crate::routing::{ResponseSeen, RoutingCx, TableChange};

/// Least length of a bucket's waiting list: BEP 5's k, whatever ours is.
const MIN_WAITING: usize = 8;
/// Contacts that may wait for one free place without ever having answered:
/// less than half of them turn out to be reachable for good [thesis 7.5].
const WAITING_PER_PLACE: usize = 2;
/// From this age on a contact is not replaced for its RTT: pymdht's 7200 s.
const FULL_AGE: Duration = Duration::from_secs(2 * 60 * 60);

/// How a verified contact gets into a bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Door {
    /// There is room.
    Open,
    /// In place of the contact of this index, if it is faster than this.
    Faster { than: Duration, index: usize },
    /// In place of the contact of this index, whose ID does not fit its address.
    Misfit { index: usize },
    /// Not at all.
    Shut,
}

impl Door {
    pub(super) fn lets_in(self, rtt: Option<Duration>) -> bool {
        match self {
            Self::Open | Self::Misfit { .. } => true,
            Self::Faster { than, .. } => rtt.is_some_and(|rtt| rtt < than),
            Self::Shut => false,
        }
    }
}

impl Config {
    /// The least is tried first: those that did not fail, then the fastest
    /// under RTT bias, or else the last heard from.
    pub(super) fn replacement_rank(&self, entry: &Entry) -> (u8, Duration) {
        let end_of_time = Instant::from_micros(u64::MAX);
        let order = match self.rtt_bias {
            true => entry.rtt().unwrap_or(Duration::MAX),
            false => end_of_time.since(entry.seen().unwrap_or(Instant::ZERO)),
        };
        (entry.failures, order)
    }
}

impl Nice {
    /// A node answered a query of ours.
    pub(super) fn answered(&mut self, cx: &mut RoutingCx<'_>, seen: &ResponseSeen<'_>) {
        let (contact, rtt) = (&seen.contact, seen.rtt);
        let is_proof = !self.config.localchecker || asks_newcomers(seen.origin);
        let Some(slot) = self.table.locate(&contact.id) else {
            return self.new_responder(cx, contact, rtt);
        };
        let entry = self.table.entry_mut(slot);
        if !entry.is_at(&contact.addr) {
            if !entry.is_verified() {
                self.give_up(cx, slot);
                self.new_responder(cx, contact, rtt);
            }
            return;
        }
        entry.answered(cx.now, rtt);
        if slot.list == List::Main {
            return;
        }
        if is_proof && entry.since.instant() <= cx.now {
            let entry = self.table.take(slot);
            self.verified(cx, entry);
        } else {
            entry.claim = Claim::Responder;
        }
    }

    /// When the quarantine ends that begins now.
    pub(super) fn quarantine_end(&self, now: Instant) -> Moment {
        Moment::not_before(now + self.config.quarantine)
    }

    fn new_responder(&mut self, cx: &mut RoutingCx<'_>, contact: &Contact, rtt: Duration) {
        let mut newcomer = Entry::new(contact, Claim::Responder, self.quarantine_end(cx.now));
        newcomer.answered(cx.now, rtt);
        if self.config.holds_everybody || self.config.localchecker {
            self.wait(cx, newcomer);
        } else {
            self.verified(cx, newcomer);
        }
    }

    /// Another node's answer named this one.
    pub(super) fn found(&mut self, cx: &mut RoutingCx<'_>, contact: &Contact) {
        if self.table.locate(&contact.id).is_none() {
            let due = match self.config.holds_everybody {
                true => self.quarantine_end(cx.now),
                false => Moment::of(cx.now),
            };
            self.wait(cx, Entry::new(contact, Claim::Found, due));
        }
    }

    /// Whether the contact's ID does not fit its address, where that matters.
    pub(super) fn is_misfit(&self, entry: &Entry) -> bool {
        self.config.prefers_fitting && !entry.fits()
    }

    /// How a verified contact, be it a misfit or not, would get into the bucket now.
    pub(super) fn door(&self, bucket: usize, is_misfit: bool, now: Instant) -> Door {
        if self.table.room(bucket) > 0 {
            return Door::Open;
        }
        let main = self.table.buckets()[bucket].main.iter().enumerate();
        let mut misfits = main.clone().filter(|(_, entry)| self.is_misfit(entry));
        if let (false, Some((index, _))) = (is_misfit, misfits.next()) {
            return Door::Misfit { index };
        }
        let rivals = main.filter(|(_, entry)| !is_misfit || self.is_misfit(entry));
        let rated = rivals.filter_map(|(index, entry)| Some((entry.rtt()?, index, entry.since)));
        match rated.max_by_key(|(rtt, ..)| *rtt) {
            Some((rtt, index, since)) if self.config.rtt_bias => {
                let than = if self.config.age_rule {
                    rtt.mul_f64(youth(since, now))
                } else {
                    rtt
                };
                Door::Faster { than, index }
            }
            _ => Door::Shut,
        }
    }

    /// Lets a newcomer wait, if there is hope for it.
    pub(super) fn wait(&mut self, cx: &mut RoutingCx<'_>, newcomer: Entry) {
        let Some(bucket) = self.table.bucket_of(&newcomer.id) else {
            return;
        };
        let may_hope = match newcomer.claim {
            Claim::Responder => self
                .door(bucket, self.is_misfit(&newcomer), cx.now)
                .lets_in(newcomer.rtt()),
            _ => {
                let free = WAITING_PER_PLACE * self.table.room(bucket);
                free > 0 && self.waiting(bucket) < free.min(self.waiting_places(bucket))
            }
        };
        if may_hope
            && self.table.ip_may_wait(newcomer.ip())
            && self.table.subnet_may_wait(newcomer.ip(), bucket)
            && self.make_way(cx, bucket, &newcomer)
        {
            newcomer.report(TableChange::Quarantined, cx);
            self.table.bucket_mut(bucket, cx.now).waiting.push(newcomer);
        }
    }

    /// How many may wait, replacements not counted.
    fn waiting_places(&self, bucket: usize) -> usize {
        self.table.capacity(bucket).max(MIN_WAITING)
    }

    /// How many wait, replacements not counted.
    fn waiting(&self, bucket: usize) -> usize {
        let waiting = self
            .table
            .buckets()
            .get(bucket)
            .map_or(&[][..], |b| &b.waiting);
        waiting
            .iter()
            .filter(|entry| entry.claim != Claim::Replacement)
            .count()
    }

    /// Whether the waiting list takes the newcomer. Where it is full, that is a
    /// responder; it takes the place of a contact with less hope: one that never
    /// answered, the last to come first, or under RTT bias the slowest.
    fn make_way(&mut self, cx: &mut RoutingCx<'_>, bucket: usize, newcomer: &Entry) -> bool {
        if self.waiting(bucket) < self.waiting_places(bucket) {
            return true;
        }
        let waiting = self.table.buckets()[bucket].waiting.iter().enumerate();
        let (responders, others): (Vec<_>, Vec<_>) = waiting
            .filter(|(_, entry)| entry.claim != Claim::Replacement)
            .partition(|(_, entry)| entry.claim == Claim::Responder);
        let slowest = responders.iter().max_by_key(|(_, entry)| entry.rtt());
        let slowest =
            slowest.filter(|(_, entry)| self.config.rtt_bias && newcomer.rtt() < entry.rtt());
        let last = others.iter().max_by_key(|(_, entry)| entry.since);
        let Some((index, _)) = last.or(slowest) else {
            return false;
        };
        self.give_up(
            cx,
            Slot {
                bucket,
                list: List::Waiting,
                index: *index,
            },
        );
        true
    }

    /// A contact that is neither in the table nor waiting has answered, and is
    /// in no quarantine: it enters, or becomes a replacement.
    fn verified(&mut self, cx: &mut RoutingCx<'_>, mut entry: Entry) {
        let Some(bucket) = self.table.bucket_of(&entry.id) else {
            return;
        };
        let door = self.door(bucket, self.is_misfit(&entry), cx.now);
        let ip = entry.ip();
        if !self.table.ip_may_enter(ip) || !self.table.subnet_may_enter(ip, bucket) {
            return report_refusal(&entry, cx);
        }
        if !door.lets_in(entry.rtt()) {
            report_refusal(&entry, cx);
            return self.keep_as_replacement(cx, bucket, entry);
        }
        if let Door::Faster { index, .. } | Door::Misfit { index } = door {
            let slower = self.table.take(Slot {
                bucket,
                list: List::Main,
                index,
            });
            slower.report(TableChange::Replaced, cx);
        }
        entry.since = Moment::of(cx.now);
        entry.report(TableChange::Admitted, cx);
        self.table.bucket_mut(bucket, cx.now).main.push(entry);
    }

    /// A contact in the table failed: it gets one more chance as a replacement.
    pub(super) fn evict(&mut self, cx: &mut RoutingCx<'_>, slot: Slot) {
        let entry = self.table.take(slot);
        entry.report(TableChange::Evicted, cx);
        self.keep_as_replacement(cx, slot.bucket, entry);
    }

    fn keep_as_replacement(&mut self, cx: &mut RoutingCx<'_>, bucket: usize, mut entry: Entry) {
        entry.claim = Claim::Replacement;
        entry.since = Moment::of(cx.now);
        let lists = self.table.bucket_mut(bucket, cx.now);
        let others = lists.waiting.iter().enumerate();
        let others = others.filter(|(_, entry)| entry.claim == Claim::Replacement);
        if others.clone().count() >= self.config.k {
            let ranked = others.map(|(index, other)| (self.config.replacement_rank(other), index));
            let Some((worst, index)) = ranked.max() else {
                return;
            };
            if worst <= self.config.replacement_rank(&entry) {
                return;
            }
            self.table.take(Slot {
                bucket,
                list: List::Waiting,
                index,
            });
        }
        self.table.bucket_mut(bucket, cx.now).waiting.push(entry);
    }

    /// Forgets a contact.
    pub(super) fn give_up(&mut self, cx: &mut RoutingCx<'_>, slot: Slot) {
        let entry = self.table.take(slot);
        match slot.list {
            List::Main => entry.report(TableChange::Evicted, cx),
            List::Waiting => report_refusal(&entry, cx),
        }
    }
}

/// A replacement was reported as refused or evicted when it became one.
fn report_refusal(entry: &Entry, cx: &mut RoutingCx<'_>) {
    if entry.claim != Claim::Replacement {
        entry.report(TableChange::Refused, cx);
    }
}

/// 1 for a contact that just entered, 0 for one of [`FULL_AGE`] and older.
fn youth(since: Moment, now: Instant) -> f64 {
    let age = now.since(since.instant()).as_secs_f64();
    (1.0 - age / FULL_AGE.as_secs_f64()).max(0.0)
}
