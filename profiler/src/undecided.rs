//! The beginning of captures that cannot be read twice, kept until it shows
//! which node is busiest.

use mdht_krpc::Message;

use crate::BusyAddress;
use crate::busiest::Tally;
use crate::capture::Datagram;
use crate::kept::Kept;

/// The first messages, and who sends and receives them.
#[derive(Clone, Default)]
pub(crate) struct Undecided {
    tally: Tally,
    kept: Kept<()>,
}

impl Undecided {
    pub(crate) fn add(&mut self, datagram: &Datagram<'_>) {
        self.tally.add(datagram);
        self.kept.add(datagram, ());
    }

    /// Whether no more is to be kept.
    pub(crate) const fn is_full(&self) -> bool {
        self.kept.len() >= MAX_MESSAGES || self.kept.bytes() >= MAX_BYTES
    }

    /// The busiest addresses so far.
    pub(crate) fn busiest(&self) -> Vec<BusyAddress> {
        self.tally.clone().busiest()
    }

    /// Hands out what was kept, in its order.
    pub(crate) fn replay(&self, mut on_message: impl FnMut(&Datagram<'_>, &Message<'_>)) {
        self.kept.each(|datagram, ()| {
            if let Ok(message) = Message::scan(datagram.payload) {
                on_message(datagram, &message);
            }
        });
    }
}

/// Most messages that are kept; about 10 MB with what they hold as a rule.
const MAX_MESSAGES: usize = 1 << 15;

/// Most bytes of messages that are kept.
const MAX_BYTES: usize = 1 << 25;
