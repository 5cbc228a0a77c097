//! Which hooks of a measurement are called.

use std::ops::BitOr;

use mdht_krpc::Body;

use crate::{Direction, Observed};

/// A set of the hooks that are called for nearly every packet: by kind of
/// message those of [`on_message`](super::Measurement::on_message), and
/// [`on_exchange`](super::Measurement::on_exchange). All others are always
/// called.
///
/// ```
/// # use mdht_profiler::measurement::Hooks;
/// let queries = Hooks::SENT_QUERIES | Hooks::RECEIVED_QUERIES;
/// assert!(Hooks::MESSAGES.contains(queries) && !queries.contains(Hooks::EXCHANGES));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hooks(u8);

impl Hooks {
    /// None of them: for what is told of lookups or remotes only.
    pub const NONE: Self = Self(0);
    /// Queries that the node sent.
    pub const SENT_QUERIES: Self = Self(1);
    /// Responses and errors that the node sent.
    pub const SENT_ANSWERS: Self = Self(1 << 1);
    /// Queries that the node received.
    pub const RECEIVED_QUERIES: Self = Self(1 << 2);
    /// Responses and errors that the node received.
    pub const RECEIVED_ANSWERS: Self = Self(1 << 3);
    /// Every message that the node sent or received.
    pub const MESSAGES: Self = Self(0b1111);
    /// Every exchange.
    pub const EXCHANGES: Self = Self(1 << 4);
    /// All of them.
    pub const ALL: Self = Self(0b1_1111);

    /// Whether every hook of `other` is in `self`.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for Hooks {
    type Output = Self;

    fn bitor(self, rhs: Self) -> Self {
        Self(self.0 | rhs.0)
    }
}

/// The kinds of message that are told apart, by [`kind_of`].
pub(crate) const KINDS: [Hooks; 4] = [
    Hooks::SENT_QUERIES,
    Hooks::SENT_ANSWERS,
    Hooks::RECEIVED_QUERIES,
    Hooks::RECEIVED_ANSWERS,
];

/// Index into [`KINDS`].
#[inline]
pub(crate) fn kind_of(observed: &Observed<'_>) -> usize {
    let is_received = observed.direction == Direction::Received;
    let is_answer = !matches!(observed.message.body, Body::Query(_));
    2 * usize::from(is_received) + usize::from(is_answer)
}
