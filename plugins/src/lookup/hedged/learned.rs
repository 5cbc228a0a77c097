//! What one lookup teaches the next.

use std::time::Duration;

use mdht_krpc::{Contact, Id};

use super::outlook::Outlook;
use crate::network_rtt::NetworkRtt;

/// Times by which what is expected of one who was not measured is described.
const DELAYS: usize = 12;
/// Steps of nearness to a key told apart: two for each bit of the first 32.
pub(super) const STEPS: usize = 64;
/// Responses after which older ones count by half.
const MEMORY: f32 = 2000.0;
/// Responses by which a step is believed by half.
const DOUBT: f32 = 2.0;

/// Learned from all lookups of a node.
#[derive(Debug)]
pub(super) struct Learned {
    rtts: NetworkRtt,
    /// Responses with values and all responses, by nearness of the responder.
    values: [(f32, f32); STEPS],
    /// Steps by which the nearest contact of a response is nearer than the
    /// responder, in the mean.
    gain: f32,
}

impl Default for Learned {
    fn default() -> Self {
        Self {
            rtts: NetworkRtt::default(),
            values: [(0.0, 0.0); STEPS],
            // eight contacts of half the responder's subtree: three bits and one
            gain: 8.0,
        }
    }
}

impl Learned {
    pub(super) fn measured(&mut self, contact: &Contact, rtt: Duration) {
        self.rtts.observe(contact.addr.ip(), rtt);
    }

    /// Seconds after which one who was not measured may answer, equally likely,
    /// and within which this share of such hosts answer.
    pub(super) fn expect(&self, contact: &Contact, share: f32) -> ([f32; DELAYS], f32) {
        let forecast = self.rtts.forecast(contact.addr.ip());
        #[allow(clippy::cast_precision_loss)] // a dozen
        let share_of = |number: usize| (number as f32 + 0.5) / DELAYS as f32;
        let delays = std::array::from_fn(|number| self.rtts.within(forecast, share_of(number)));
        (delays, self.rtts.within(forecast, share))
    }

    /// A responder of this nearness had values, or had none.
    pub(super) fn responded(&mut self, step: usize, has_values: bool) {
        let (with, all) = &mut self.values[step];
        *all += 1.0;
        *with += f32::from(u8::from(has_values));
        if *all > MEMORY {
            *all /= 2.0;
            *with /= 2.0;
        }
    }

    /// The nearest contact of its response was so much nearer.
    pub(super) fn referred(&mut self, steps: f32) {
        self.gain += (steps.clamp(0.0, 24.0) - self.gain) / 256.0;
    }

    /// What to expect of a responder, by its nearness.
    pub(super) fn prospects(&self) -> Prospects {
        let mut values = [0.0; STEPS];
        let mut before = 0.0;
        for (step, (with, all)) in self.values.iter().enumerate() {
            before = (with + DOUBT * before) / (all + DOUBT);
            values[step] = before;
        }
        // from the nearest on: hops to go after one that had no values
        let mut hops = [0.0; STEPS];
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 1 to 24
        let gain = self.gain.max(1.0) as usize;
        for step in (0..STEPS).rev() {
            hops[step] = match values.get(step + gain) {
                Some(value) => 1.0 + (1.0 - value) * hops[step + gain],
                None => 1.0,
            };
        }
        let hop_secs = self.rtts.worth(NetworkRtt::typical());
        Prospects {
            values,
            rest: hops.map(|hops| hops * hop_secs),
        }
    }
}

/// What to expect of responders in one lookup.
#[derive(Debug)]
pub(super) struct Prospects {
    /// Probability of values.
    values: [f32; STEPS],
    /// Seconds until there are values by way of it if it has none itself.
    rest: [f32; STEPS],
}

impl Prospects {
    /// When values may come by way of a contact that answers after one of
    /// `delays` seconds.
    pub(super) fn outlook(&self, step: usize, delays: &[f32]) -> Outlook {
        Outlook::new(delays, self.values[step], self.rest[step])
    }
}

/// How near an ID is to a key: twice the bits shared, and one more if the
/// distance is in the nearer half of those that share as many.
pub(super) fn step(target: &Id, id: &Id) -> usize {
    let prefix = |id: &Id| {
        let [a, b, c, d, e, f, g, h, ..] = *id.as_bytes();
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    };
    let distance = prefix(target) ^ prefix(id);
    let bits = distance.leading_zeros() as usize;
    let is_near = distance
        .checked_shl(distance.leading_zeros() + 1)
        .unwrap_or(0)
        >> 63
        == 0;
    (2 * bits + usize::from(is_near)).min(STEPS - 1)
}
