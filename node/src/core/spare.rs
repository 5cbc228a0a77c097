//! Memory that is used again, for a driver that gives it back.

use mdht_plugins::routing::Candidate;

/// Most payloads kept: as many as a driver sends at once.
const MOST_PAYLOADS: usize = 64;
/// Longer payloads are not kept.
const LONGEST: usize = 2048;

/// Nothing is kept before the first payload comes back: where there are many
/// nodes in one process, memory for each is worth more than time.
#[derive(Debug, Default)]
pub(crate) struct Spare {
    payloads: Vec<Vec<u8>>,
    candidates: Vec<Candidate>,
    is_wanted: bool,
}

impl Spare {
    /// A payload that the driver gives back.
    pub(crate) fn recycle(&mut self, payload: Vec<u8>) {
        self.is_wanted = true;
        self.keep_payload(payload);
    }

    /// A payload that did not leave.
    pub(crate) fn keep_payload(&mut self, payload: Vec<u8>) {
        let fits = self.payloads.len() < MOST_PAYLOADS && payload.capacity() <= LONGEST;
        if self.is_wanted && fits {
            self.payloads.push(payload);
        }
    }

    /// An empty payload.
    pub(crate) fn payload(&mut self) -> Vec<u8> {
        let mut payload = self.payloads.pop().unwrap_or_default();
        payload.clear();
        payload
    }

    /// A list for contacts, to be handed back; its content means nothing.
    pub(crate) fn candidates(&mut self) -> Vec<Candidate> {
        std::mem::take(&mut self.candidates)
    }

    pub(crate) fn keep_candidates(&mut self, candidates: Vec<Candidate>) {
        if self.is_wanted {
            self.candidates = candidates;
        }
    }
}
