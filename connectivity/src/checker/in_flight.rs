//! Probes whose answers are waited for.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use foldhash::fast::FixedState;
use mdht_krpc::{Instant, Rng};

use super::Port;

/// Length of a probe's transaction ID in bytes. Some clients answer no other
/// (the crate `mainline` 8 reads a number of 32 bits).
pub(super) const LEN: usize = 4;

/// One ping to a node under check, from one vantage point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Probe {
    /// The check, by its slot and number.
    pub(super) slot: u32,
    pub(super) number: u64,
    /// The socket that it left by.
    pub(super) port: Port,
    /// Which burst, and which of its pings; `None` searches for the lifetime of
    /// a mapping.
    pub(super) ping: Option<(u8, u8)>,
}

/// The probes in flight, by their transaction IDs.
///
/// No more are held than may be sent in the time that they are waited for.
#[derive(Debug)]
pub(super) struct InFlight {
    probes: HashMap<u32, Probe, FixedState>,
    /// When each is forgotten, in that order.
    order: VecDeque<(Instant, u32)>,
    patience: Duration,
}

impl InFlight {
    /// Waits for each answer as long as `patience`.
    pub(super) fn new(patience: Duration, rng: &mut Rng) -> Self {
        Self {
            probes: HashMap::with_hasher(FixedState::with_seed(rng.next_u64())),
            order: VecDeque::new(),
            patience,
        }
    }

    /// Takes up a probe that is sent now; the transaction ID that it is to bear.
    pub(super) fn add(&mut self, now: Instant, probe: Probe, rng: &mut Rng) -> [u8; LEN] {
        loop {
            let mut drawn = [0; LEN];
            rng.fill(&mut drawn);
            let id = u32::from_be_bytes(drawn);
            if let Entry::Vacant(entry) = self.probes.entry(id) {
                entry.insert(probe);
                self.order.push_back((now + self.patience, id));
                return drawn;
            }
        }
    }

    /// The probe that an answer with this transaction ID belongs to. It stays,
    /// so that a second answer is known as one.
    pub(super) fn find(&self, transaction: &[u8]) -> Option<Probe> {
        let id = <[u8; LEN]>::try_from(transaction).ok()?;
        self.probes.get(&u32::from_be_bytes(id)).copied()
    }

    /// Forgets those that nobody waits for any more.
    pub(super) fn forget(&mut self, now: Instant) {
        while let Some((until, id)) = self.order.front().copied()
            && until <= now
        {
            self.order.pop_front();
            self.probes.remove(&id);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.probes.len()
    }
}
