//! A node's state at one moment.

use std::net::SocketAddr;
use std::time::Duration;

use mdht_krpc::{Family, Id, Instant};
use mdht_plugins::routing::TableEntry;

use super::Socket;
use super::task::Task;
use crate::core::{ItemCounts, Stats};

/// A node's state, for people and statistics.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Status {
    /// Time since the node was started.
    pub uptime: Duration,
    /// Counters.
    pub stats: Stats,
    /// One entry for each family that the node is bound in.
    pub overlays: Vec<OverlayStatus>,
    /// Swarms that others announced to us.
    pub stored_swarms: usize,
    /// Peers that others announced to us.
    pub stored_peers: usize,
    /// Items that others put here (BEP 44).
    pub stored_items: usize,
    /// What became of the items that others put here.
    pub items: ItemCounts,
    /// Queries that wait for an answer.
    pub in_flight: usize,
    /// Lookups running.
    pub lookups: usize,
    /// Addresses bound to, in the order given.
    pub local: Vec<SocketAddr>,
    /// What to hand to the profiler's `--node` for the capture being written.
    pub capture_nodes: Vec<SocketAddr>,
    /// Why the state could not be saved, if the last attempt failed.
    pub save_fault: Option<String>,
}

/// A node's part in one family's overlay.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OverlayStatus {
    /// The family.
    pub family: Family,
    /// Our node ID in it.
    pub id: Id,
    /// Whether we have been answered, and still are.
    pub joined: bool,
    /// Our address as others agree to see it (BEP 42).
    pub external_addr: Option<SocketAddr>,
    /// Whether we answer nobody now (BEP 43).
    pub read_only: bool,
    /// Whether others reach us, where that was to be found out and was.
    pub reachable: Option<bool>,
    /// The routing table.
    pub table: Vec<TableEntry>,
}

impl Task {
    pub(super) fn status(&self) -> Status {
        let families = Family::ALL.into_iter().filter_map(|family| {
            Some(OverlayStatus {
                family,
                id: self.core.id(family)?,
                joined: self.core.is_joined(family),
                external_addr: self.core.external_addr(family),
                read_only: self.core.is_read_only(family),
                reachable: self.core.is_reachable(family),
                table: self.core.table(family),
            })
        });
        let (swarms, peers) = self.core.stored_peers();
        Status {
            uptime: self.clock.now().since(Instant::ZERO),
            stats: *self.core.stats(),
            overlays: families.collect(),
            stored_swarms: swarms,
            stored_peers: peers,
            stored_items: self.core.stored_items().0,
            items: *self.core.item_counts(),
            in_flight: self.core.in_flight(),
            lookups: self.lookups.len() + self.items.len(),
            local: self.sockets.iter().map(Socket::local).collect(),
            capture_nodes: self
                .tap
                .as_ref()
                .map(|t| t.nodes(&self.sockets))
                .unwrap_or_default(),
            save_fault: self.save_fault.clone(),
        }
    }
}
