//! What a lookup does, step by step, for those who watch it.

use std::net::SocketAddr;
use std::time::Duration;

use mdht_krpc::{Contact, Instant};
use mdht_plugins::lookup::Timeout;

use super::search::Answer;
use super::{Core, Event, LookupId};

/// One step of a lookup, told as [`Event::Step`] while
/// [`Core::watch_lookups`] is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LookupStep {
    /// A query was sent.
    Queried {
        /// To whom.
        contact: Contact,
    },
    /// A response came.
    Answered {
        /// From whom.
        from: SocketAddr,
        /// Round-trip time.
        rtt: Duration,
        /// Contacts in it that can be used.
        nodes: usize,
        /// Whether it held peers.
        has_values: bool,
    },
    /// An error came, or a response that has to be refused.
    Failed {
        /// From whom.
        from: SocketAddr,
    },
    /// No answer came in time.
    Silent {
        /// Whose.
        from: SocketAddr,
        /// Whether it is waited for any longer.
        timeout: Timeout,
    },
}

impl Core {
    /// Tells of each step of every user's lookup from now on, or no longer. Off
    /// at the start: most lookups are watched by nobody.
    pub const fn watch_lookups(&mut self, watch: bool) {
        self.watched = watch;
    }

    pub(crate) fn tell_step(&mut self, user: Option<LookupId>, step: LookupStep) {
        if let (true, Some(lookup)) = (self.watched, user) {
            let at: Instant = self.now;
            self.tell(Event::Step { lookup, at, step });
        }
    }

    pub(crate) fn tell_answered(&mut self, user: Option<LookupId>, answer: &Answer<'_>) {
        let step = LookupStep::Answered {
            from: answer.transaction.to,
            rtt: answer.rtt,
            nodes: answer.nodes.len(),
            has_values: answer.response.has_values(),
        };
        self.tell_step(user, step);
    }
}
