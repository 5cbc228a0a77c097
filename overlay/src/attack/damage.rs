//! What became of a node under attack.

use std::time::Duration;

use mdht_node::core::Stats;

/// A lookup of the node under attack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// From its first query to the first peer that is not false.
    pub true_value: Option<Duration>,
    /// To the first peer, false ones included.
    pub any_value: Option<Duration>,
    /// Queries sent.
    pub queries: u32,
    /// Distinct peers found that are not false.
    pub true_peers: u32,
    /// Distinct false ones.
    pub false_peers: u32,
    /// Of the three nodes nearest to the key that answered: those to announce
    /// to.
    pub closest: u32,
    /// Attackers among them.
    pub hostile_closest: u32,
    /// Nodes announced to.
    pub announces: u32,
    /// Of those, the honest ones that are among the twenty nearest to the key of
    /// all that are online: where others will ask.
    pub near_announces: u32,
}

/// UDP payload between the node and the adversary, forged sources included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Datagrams to the node.
    pub received: u64,
    /// Their bytes.
    pub bytes_received: u64,
    /// Answers to them: responses and errors.
    pub answers: u64,
    /// Their bytes.
    pub bytes_answered: u64,
    /// Queries to the adversary or to forged sources.
    pub queries: u64,
}

impl Traffic {
    /// Bytes answered for each byte received.
    pub fn amplification(&self) -> Option<f64> {
        #[allow(clippy::cast_precision_loss)] // exact up to 9 PB
        let ratio = self.bytes_answered as f64 / self.bytes_received as f64;
        (self.bytes_received > 0).then_some(ratio)
    }
}

/// What the node held when the siege ended, and the most it held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Store {
    /// Contacts in the table; those that wait to enter are none.
    pub contacts: usize,
    /// Attackers and forged sources among them.
    pub hostile_contacts: usize,
    /// Most contacts at any time, those waiting to enter included.
    pub most_contacts: usize,
    /// Swarms of which peers are stored.
    pub swarms: usize,
    /// Peers stored.
    pub peers: usize,
    /// Bytes that the peer store takes, the most at any time.
    pub most_peer_bytes: usize,
    /// Items stored, the most at any time (BEP 44).
    pub most_items: usize,
    /// Bytes of their values, the most at any time.
    pub most_item_bytes: usize,
    /// Most queries in flight at once.
    pub most_in_flight: usize,
}

/// What became of a node under attack.
#[derive(Clone, Debug, Default)]
pub struct Damage {
    /// Its lookups, in their order.
    pub lookups: Vec<Looked>,
    /// What it exchanged with the adversary while it looked up.
    pub traffic: Traffic,
    /// What it held.
    pub store: Store,
    /// What it counted.
    pub stats: Stats,
    /// Honest swarms that it held peers of when the attack began.
    pub planted: usize,
    /// As many honest queries for these as it answered, each from another
    /// address, when the attack had gone on for half of the warm-up.
    pub answered: usize,
    /// Those answers that held their peers.
    pub kept: usize,
}

impl Damage {
    /// Lookups that found a peer which is not false.
    pub fn successes(&self) -> usize {
        let found = self.lookups.iter();
        found.filter(|looked| looked.true_value.is_some()).count()
    }

    /// Time to the first peer that is not false, of the lookups that had one,
    /// in milliseconds.
    pub fn latencies_ms(&self) -> Vec<f64> {
        let found = self.lookups.iter().filter_map(|looked| looked.true_value);
        found.map(|time| 1e3 * time.as_secs_f64()).collect()
    }
}
