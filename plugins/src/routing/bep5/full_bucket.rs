//! A newcomer and the bucket it belongs to: room, a bad contact, or pings to
//! the questionable ones [thesis 8.V.A].

use mdht_krpc::{Contact, Id, Instant};

use super::Bep5;
use crate::routing::table::{Entry, List, Slot};
use crate::routing::{
    Ask, MaintenanceQuery, Origin, RoutingAction, RoutingCx, TableChange, Vantage,
};

/// "If any of them fail to respond after two ping attempts" [thesis 8.V.A].
const PING_ATTEMPTS: u8 = 2;

/// Tag of a ping to a questionable contact of a full bucket.
const TAG_QUESTIONABLE: u64 = 0;
/// Tag of a ping to the newcomer instead.
pub(super) const TAG_NEWCOMER: u64 = 1;

/// A full bucket's questionable contact that is being pinged for a newcomer's sake.
#[derive(Debug)]
pub(super) struct Check {
    bucket: usize,
    contact: Contact,
    attempts: u8,
    /// When the last ping's outcome must have come.
    until: Instant,
}

/// A place for a newcomer.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// There is room.
    Free,
    /// That of the contact of this index, which leaves so.
    Of(usize, TableChange),
    /// That of a contact that fails to answer one of so many pings.
    AfterPings(usize),
}

impl Bep5 {
    /// A contact that is not held wants in.
    pub(super) fn newcomer(&mut self, cx: &mut RoutingCx<'_>, newcomer: Entry, may_ping: bool) {
        let Some(bucket) = self.table.bucket_of(&newcomer.id) else {
            return;
        };
        let Some(place) = self.place_for(&newcomer, bucket, cx.now) else {
            return;
        };
        let ip = newcomer.ip();
        // the whole table is looked through for that, so it comes last
        if !self.table.ip_may_wait(ip) || !self.table.subnet_may_wait(ip, bucket) {
            return;
        }
        match place {
            Place::Free => self.admit(cx, bucket, newcomer),
            Place::Of(index, change) => self.replace(cx, (bucket, index), change, newcomer),
            Place::AfterPings(_) if !self.config.ping_newcomer => self.wait(cx, bucket, newcomer),
            Place::AfterPings(pings) if may_ping => {
                (0..pings).for_each(|_| self.ping(cx, newcomer.contact(), TAG_NEWCOMER));
            }
            Place::AfterPings(_) => {}
        }
    }

    /// What place there may be for a newcomer, if any.
    fn place_for(&self, newcomer: &Entry, bucket: usize, now: Instant) -> Option<Place> {
        if self.table.room(bucket) > 0 {
            return Some(Place::Free);
        }
        let main = &self.table.buckets()[bucket].main;
        if let Some(index) = main.iter().position(|entry| self.config.is_bad(entry)) {
            return Some(Place::Of(index, TableChange::Evicted));
        }
        // only for one that has answered: queries are easily forged
        if self.config.prefers_fitting
            && newcomer.has_answered()
            && newcomer.fits()
            && let Some(index) = main.iter().position(|entry| !entry.fits())
        {
            return Some(Place::Of(index, TableChange::Replaced));
        }
        let is_questionable = |entry: &&Entry| self.config.is_questionable(entry, now);
        let pings = main.iter().filter(is_questionable).count();
        (pings > 0).then_some(Place::AfterPings(pings))
    }

    /// The newcomer takes the place of a contact in the table.
    fn replace(
        &mut self,
        cx: &mut RoutingCx<'_>,
        (bucket, index): (usize, usize),
        change: TableChange,
        newcomer: Entry,
    ) {
        let list = List::Main;
        let old = self.table.take(Slot {
            bucket,
            list,
            index,
        });
        old.report(change, cx);
        self.admit(cx, bucket, newcomer);
    }

    /// The newcomer waits while the questionable contacts are pinged, unless
    /// another one does.
    fn wait(&mut self, cx: &mut RoutingCx<'_>, bucket: usize, newcomer: Entry) {
        // A ping whose outcome was lost must not block the bucket for ever.
        let mut checks = self.checks.iter();
        if checks.any(|check| check.bucket == bucket && check.until < cx.now) {
            self.end_check(cx, bucket);
        }
        let waiting = &mut self.table.bucket_mut(bucket, cx.now).waiting;
        if waiting.is_empty() {
            waiting.push(newcomer);
            newcomer.report(TableChange::Quarantined, cx);
            self.check_next(cx, bucket);
        }
    }

    /// Pings the bucket's next questionable contact, or lets the newcomer go
    /// when there is none left.
    fn check_next(&mut self, cx: &mut RoutingCx<'_>, bucket: usize) {
        self.checks.retain(|check| check.bucket != bucket);
        let main = self.table.buckets()[bucket].main.iter();
        let questionable = main.filter(|entry| self.config.is_questionable(entry, cx.now));
        let Some(entry) = questionable.min_by_key(|entry| entry.seen()) else {
            return self.end_check(cx, bucket);
        };
        let contact = entry.contact();
        let until = cx.now + 2 * self.config.timeout;
        self.checks.push(Check {
            bucket,
            contact,
            attempts: 1,
            until,
        });
        self.ping(cx, contact, TAG_QUESTIONABLE);
    }

    /// A contact in the table answered: if it was being checked, the next is.
    pub(super) fn check_passed(&mut self, cx: &mut RoutingCx<'_>, bucket: usize, id: &Id) {
        if self.checks.iter().any(|check| check.contact.id == *id) {
            self.check_next(cx, bucket);
        }
    }

    /// A contact in the table did not answer: if it is out of attempts or bad,
    /// the newcomer that waits takes its place.
    pub(super) fn check_failed(&mut self, cx: &mut RoutingCx<'_>, slot: Slot, origin: Origin) {
        let entry = *self.table.entry(slot);
        let was_ping = origin == Origin::Routing(TAG_QUESTIONABLE);
        let mut checks = self.checks.iter_mut();
        let check = checks.find(|check| was_ping && check.contact.id == entry.id);
        let is_over = check
            .as_ref()
            .is_some_and(|check| check.attempts >= PING_ATTEMPTS);
        let newcomer_waits = !self.table.buckets()[slot.bucket].waiting.is_empty();
        if newcomer_waits && (is_over || self.config.is_bad(&entry)) {
            self.table.take(slot).report(TableChange::Evicted, cx);
            self.give_place(cx, slot.bucket);
        } else if let Some(check) = check {
            check.attempts += 1;
            check.until = cx.now + 2 * self.config.timeout;
            self.ping(cx, entry.contact(), TAG_QUESTIONABLE);
        }
    }

    /// Lets in the newcomer that waits, if one does.
    pub(super) fn give_place(&mut self, cx: &mut RoutingCx<'_>, bucket: usize) {
        if let Some(newcomer) = self.table.bucket_mut(bucket, cx.now).waiting.pop() {
            self.checks.retain(|check| check.bucket != bucket);
            self.admit(cx, bucket, newcomer);
        }
    }

    /// Gives up the newcomer that waits, and the check for it.
    pub(super) fn end_check(&mut self, cx: &mut RoutingCx<'_>, bucket: usize) {
        self.checks.retain(|check| check.bucket != bucket);
        if let Some(newcomer) = self.table.bucket_mut(bucket, cx.now).waiting.pop() {
            newcomer.report(TableChange::Refused, cx);
        }
    }

    fn ping(&self, cx: &mut RoutingCx<'_>, contact: Contact, tag: u64) {
        cx.actions.push(RoutingAction::Query(MaintenanceQuery {
            contact,
            ask: Ask::Ping,
            timeout: self.config.timeout,
            from: Vantage::Main,
            tag,
        }));
    }
}
