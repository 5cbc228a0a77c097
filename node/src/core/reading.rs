//! What a node says of itself at any time.

use std::net::SocketAddr;

use mdht_krpc::{Family, Id};
use mdht_plugins::routing::TableEntry;

use super::{Core, ItemCounts, Stats};

impl Core {
    /// Our node ID in a family's overlay; `None` without a socket of that family.
    pub fn id(&self, family: Family) -> Option<Id> {
        self.overlay_ref(family).map(|overlay| overlay.own_id)
    }

    /// What has been counted so far.
    pub const fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Every contact that a family's routing module holds.
    pub fn table(&self, family: Family) -> Vec<TableEntry> {
        let overlay = self.overlay_ref(family);
        overlay
            .map(|overlay| overlay.routing.entries(self.now))
            .unwrap_or_default()
    }

    /// Our address as others agree to see it (BEP 42).
    pub fn external_addr(&self, family: Family) -> Option<SocketAddr> {
        self.overlay_ref(family)
            .and_then(|overlay| overlay.external.agreed())
    }

    /// Whether somebody has answered us, and somebody still does.
    pub fn is_joined(&self, family: Family) -> bool {
        self.overlay_ref(family)
            .is_some_and(|overlay| overlay.joined && overlay.online)
    }

    /// Number of swarms and of peers that others announced to us.
    pub fn stored_peers(&self) -> (usize, usize) {
        self.peers.len()
    }

    /// Number of items that others put here, and their size in bytes (BEP 44).
    pub fn stored_items(&self) -> (usize, usize) {
        self.items.len()
    }

    /// What became of the items that others put here (BEP 44).
    pub const fn item_counts(&self) -> &ItemCounts {
        &self.items.counts
    }

    /// Bytes that the peers announced to us take, without what the allocator
    /// adds.
    pub fn stored_peer_bytes(&self) -> usize {
        self.peers.bytes()
    }

    /// Number of queries that wait for an answer.
    pub fn in_flight(&self) -> usize {
        self.transactions.len()
    }
}
