//! What a contact is worth, by all that was learned.

use mdht_krpc::Instant;

use super::chances::Chances;
use super::record::Record;
use crate::network_rtt::NetworkRtt;

/// Everything learned about contacts in general.
#[derive(Debug, Default)]
pub(super) struct Judge {
    pub(super) chances: Chances,
    pub(super) rtts: NetworkRtt,
}

impl Judge {
    /// Probability that it answers a query sent now.
    pub(super) fn chance(&self, record: &Record, now: Instant) -> f32 {
        self.chances.of(record.evidence(), record.age(now))
    }

    /// Answers a second, as it were, if it answers. Between times far below
    /// those of most contacts there is little to choose.
    pub(super) fn speed(&self, record: &Record) -> f32 {
        let delay = match record.rtt() {
            Some(rtt) => rtt.as_secs_f32(),
            None => {
                let forecast = self.rtts.forecast(record.contact.addr.ip());
                self.rtts.worth(forecast)
            }
        };
        1.0 / (self.rtts.grain() + delay)
    }

    /// What it is worth to remember it.
    pub(super) fn worth(&self, record: &Record, now: Instant) -> f32 {
        self.chance(record, now) * self.speed(record)
    }
}
