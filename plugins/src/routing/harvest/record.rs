//! What is remembered of one contact.

use std::time::Duration;

use mdht_krpc::{Contact, Instant};

use crate::routing::{SavedContact, Standing};

/// What the belief that a contact answers rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Evidence {
    /// Others named it.
    Named,
    /// It queried us, which one behind a NAT can do as well.
    Queried,
    /// It queried us, and others named it: it is there, and others reach it.
    Vouched,
    /// It answered us.
    Answered,
    /// It answered us once, and failed to since.
    Doubted,
    /// It failed and never answered, or failed again and again.
    Bad,
}

/// Kinds of [`Evidence`].
pub(super) const KINDS: usize = 6;

/// Failures in a row after which a contact that once answered is bad: with one,
/// a lost packet would do.
const BAD_AFTER: u8 = 2;

/// A contact and its past.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    pub(super) contact: Contact,
    /// Microseconds; 0 is not measured.
    rtt_micros: u32,
    /// Seconds since the run began; below zero for what an earlier run saw.
    seen_s: i32,
    /// When it last queried us.
    queried_s: i32,
    /// When maintenance last asked it.
    asked_s: i32,
    /// Queries in a row that it left unanswered.
    failures: u8,
    has_answered: bool,
    has_queried: bool,
    is_named: bool,
    /// Answered in this run, not only in an earlier one.
    pub(super) is_verified: bool,
}

impl Record {
    /// A contact of which nothing is known yet.
    pub(super) fn new(contact: Contact, now: Instant) -> Self {
        Self {
            contact,
            rtt_micros: 0,
            seen_s: seconds(now),
            queried_s: i32::MIN,
            asked_s: i32::MIN,
            failures: 0,
            has_answered: false,
            has_queried: false,
            is_named: false,
            is_verified: false,
        }
    }

    /// A contact of an earlier run.
    pub(super) fn restored(saved: &SavedContact, now: Instant) -> Self {
        let idle = i32::try_from(saved.idle.as_secs()).unwrap_or(i32::MAX);
        Self {
            rtt_micros: saved.rtt.map_or(0, micros),
            seen_s: seconds(now).saturating_sub(idle),
            has_answered: true,
            ..Self::new(saved.contact, now)
        }
    }

    /// Somebody has it in its table.
    pub(super) fn named(&mut self, now: Instant) {
        self.is_named = true;
        if self.evidence() == Evidence::Named {
            self.seen_s = seconds(now);
        }
    }

    pub(super) fn queried(&mut self, now: Instant) {
        self.queried_s = seconds(now);
        self.has_queried = true;
        if !self.is_bad() {
            self.seen_s = seconds(now);
        }
    }

    pub(super) fn asked(&mut self, now: Instant) {
        self.asked_s = seconds(now);
    }

    /// Time since maintenance asked it; very long if it never did.
    pub(super) fn since_asked(&self, now: Instant) -> Duration {
        since(self.asked_s, now)
    }

    pub(super) fn answered(&mut self, now: Instant, rtt: Duration) {
        self.rtt_micros = micros(rtt);
        self.seen_s = seconds(now);
        self.failures = 0;
        self.has_answered = true;
        self.is_verified = true;
    }

    pub(super) fn failed(&mut self) {
        self.failures = self.failures.saturating_add(1);
    }

    pub(super) fn evidence(&self) -> Evidence {
        match (self.has_answered, self.failures) {
            (true, 0) => Evidence::Answered,
            (true, 1..BAD_AFTER) => Evidence::Doubted,
            (false, 0) => match (self.has_queried, self.is_named) {
                (true, true) => Evidence::Vouched,
                (true, false) => Evidence::Queried,
                (false, _) => Evidence::Named,
            },
            _ => Evidence::Bad,
        }
    }

    pub(super) fn is_bad(&self) -> bool {
        self.evidence() == Evidence::Bad
    }

    /// Time since the evidence was fresh.
    pub(super) fn age(&self, now: Instant) -> Duration {
        since(self.seen_s, now)
    }

    /// Time since it last queried us; very long if it never did.
    pub(super) fn since_query(&self, now: Instant) -> Duration {
        since(self.queried_s, now)
    }

    pub(super) fn rtt(&self) -> Option<Duration> {
        (self.rtt_micros > 0).then(|| Duration::from_micros(self.rtt_micros.into()))
    }

    pub(super) fn last_seen(&self) -> Option<Instant> {
        let seen = u64::try_from(self.seen_s).ok();
        seen.filter(|_| self.has_answered || self.has_queried)
            .map(|s| Instant::from_micros(s * 1_000_000))
    }

    pub(super) fn standing(&self) -> Standing {
        match self.evidence() {
            Evidence::Answered if self.is_verified => Standing::Good,
            Evidence::Answered | Evidence::Doubted => Standing::Questionable,
            Evidence::Named | Evidence::Queried | Evidence::Vouched => Standing::Waiting,
            Evidence::Bad => Standing::Bad,
        }
    }

    pub(super) fn saved(&self, now: Instant) -> SavedContact {
        SavedContact {
            contact: self.contact,
            rtt: self.rtt(),
            idle: self.age(now),
        }
    }
}

fn seconds(at: Instant) -> i32 {
    i32::try_from(at.as_micros() / 1_000_000).unwrap_or(i32::MAX)
}

fn since(then_s: i32, now: Instant) -> Duration {
    let secs = i64::from(seconds(now)) - i64::from(then_s);
    Duration::from_secs(u64::try_from(secs).unwrap_or(0))
}

fn micros(rtt: Duration) -> u32 {
    u32::try_from(rtt.as_micros()).unwrap_or(u32::MAX).max(1)
}
