//! A contact within a lookup.

use std::time::Duration;

use mdht_krpc::{Contact, Distance, Instant};

use super::outlook::Outlook;

/// What has become of a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Unasked,
    InFlight,
    /// Not answered in the time that it was worth waiting for.
    Overdue,
    /// Answered, or given up.
    Over,
}

/// A contact that may be asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prospect {
    pub(super) contact: Contact,
    pub(super) distance: Distance,
    /// When values may come by way of it if it answers.
    pub(super) outlook: Outlook,
    /// Probability that it answers.
    pub(super) chance: f32,
    /// When its answer is overdue.
    pub(super) overdue: Duration,
    pub(super) state: State,
    /// When it was asked.
    pub(super) asked: Instant,
}
