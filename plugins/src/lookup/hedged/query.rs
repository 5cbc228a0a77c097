//! A contact within a lookup.

use std::time::Duration;

use mdht_krpc::{Contact, Distance};

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
    /// Seconds in which values may be expected by way of it.
    pub(super) time: f32,
    /// When its answer is overdue.
    pub(super) overdue: Duration,
    pub(super) state: State,
}
