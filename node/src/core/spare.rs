//! Memory that is used again, for a driver that gives it back.

use std::net::SocketAddr;

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
    peers: Vec<SocketAddr>,
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

    /// A list for the peers of an answer, as that for contacts.
    pub(crate) fn peers(&mut self) -> Vec<SocketAddr> {
        std::mem::take(&mut self.peers)
    }

    pub(crate) fn keep_peers(&mut self, peers: Vec<SocketAddr>) {
        if self.is_wanted {
            self.peers = peers;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_kept_before_something_came_back_and_never_without_bound() {
        let mut spare = Spare::default();
        spare.keep_payload(Vec::with_capacity(100));
        spare.keep_candidates(Vec::with_capacity(8));
        assert_eq!(spare.payload().capacity(), 0);
        assert_eq!(spare.candidates().capacity(), 0);
        for _ in 0..1000 {
            spare.recycle(vec![1; 100]);
        }
        spare.recycle(Vec::with_capacity(LONGEST + 1));
        assert_eq!(spare.payloads.len(), MOST_PAYLOADS);
        let payload = spare.payload();
        assert!(payload.is_empty() && payload.capacity() >= 100);
        spare.keep_candidates(Vec::with_capacity(8));
        assert_eq!(spare.candidates().capacity(), 8);
    }
}
