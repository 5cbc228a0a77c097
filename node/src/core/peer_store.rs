//! Peers that others announced to us.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use mdht_krpc::{Family, Id, Instant, Rng};

/// Bounds of the peer store.
#[derive(Clone, Copy, Debug)]
pub struct PeerStoreConfig {
    /// Swarms kept; beyond it the one announced to least recently goes.
    /// Default 2,000, as libtorrent.
    pub max_swarms: usize,
    /// Peers kept of one swarm; beyond it the one announced least recently
    /// goes. Default 500, as libtorrent.
    pub max_peers: usize,
    /// How long an announce counts. Default 30 min, the field's habit.
    pub lifetime: Duration,
}

impl Default for PeerStoreConfig {
    fn default() -> Self {
        Self {
            max_swarms: 2000,
            max_peers: 500,
            lifetime: Duration::from_secs(30 * 60),
        }
    }
}

#[derive(Debug, Default)]
struct Swarm {
    /// In order of announce, the latest last.
    peers: Vec<(SocketAddr, Instant)>,
}

/// Announced peers by infohash, bounded in number and time.
#[derive(Debug)]
pub(crate) struct PeerStore {
    config: PeerStoreConfig,
    swarms: BTreeMap<Id, Swarm>,
    /// Swarms by their latest announce.
    by_age: BTreeSet<(Instant, Id)>,
}

impl PeerStore {
    pub(crate) const fn new(config: PeerStoreConfig) -> Self {
        Self {
            config,
            swarms: BTreeMap::new(),
            by_age: BTreeSet::new(),
        }
    }

    /// Number of swarms and of peers held.
    pub(crate) fn len(&self) -> (usize, usize) {
        (
            self.swarms.len(),
            self.swarms.values().map(|swarm| swarm.peers.len()).sum(),
        )
    }

    /// Bytes that it takes, without what the allocator adds: the peers, and for
    /// each swarm its key in the two maps.
    pub(crate) fn bytes(&self) -> usize {
        let peers = self.swarms.values().map(|swarm| swarm.peers.capacity());
        let entry = size_of::<(Id, Swarm)>() + size_of::<(Instant, Id)>();
        peers.sum::<usize>() * size_of::<(SocketAddr, Instant)>() + self.swarms.len() * entry
    }

    /// Stores or renews an announce.
    pub(crate) fn announce(&mut self, now: Instant, info_hash: Id, peer: SocketAddr) {
        let swarm = self.swarms.entry(info_hash).or_default();
        if let Some((_, latest)) = swarm.peers.last() {
            self.by_age.remove(&(*latest, info_hash));
        }
        swarm.peers.retain(|(other, _)| *other != peer);
        if swarm.peers.len() >= self.config.max_peers {
            swarm.peers.remove(0);
        }
        swarm.peers.push((peer, now));
        self.by_age.insert((now, info_hash));
        if self.swarms.len() > self.config.max_swarms
            && let Some((_, oldest)) = self.by_age.pop_first()
        {
            self.swarms.remove(&oldest);
        }
    }

    /// At most `most` peers of a swarm and family, a random choice if there are more.
    pub(crate) fn sample(
        &self,
        info_hash: &Id,
        family: Family,
        most: usize,
        rng: &mut Rng,
    ) -> Vec<SocketAddr> {
        let Some(swarm) = self.swarms.get(info_hash) else {
            return Vec::new();
        };
        let all = swarm.peers.iter().map(|(peer, _)| *peer);
        let mut peers: Vec<_> = all.filter(|peer| Family::of(peer) == family).collect();
        if peers.len() > most {
            rng.shuffle(&mut peers);
            peers.truncate(most);
        }
        peers
    }

    /// Forgets announces older than their lifetime.
    pub(crate) fn expire(&mut self, now: Instant) {
        let lifetime = self.config.lifetime;
        let by_age = &mut self.by_age;
        self.swarms.retain(|info_hash, swarm| {
            let latest = swarm.peers.last().map(|(_, at)| *at);
            swarm.peers.retain(|(_, at)| now.since(*at) < lifetime);
            if let (true, Some(latest)) = (swarm.peers.is_empty(), latest) {
                by_age.remove(&(latest, *info_hash));
            }
            !swarm.peers.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(n: u8) -> SocketAddr {
        ([10, 0, 0, n], 6881).into()
    }

    fn key(n: u8) -> Id {
        Id::new([n; 20])
    }

    #[test]
    fn announces_expire_and_renewals_do_not() {
        let mut store = PeerStore::new(PeerStoreConfig::default());
        let mut rng = Rng::from_u64(1);
        let minute = |n: u64| Instant::from_micros(n * 60_000_000);
        store.announce(minute(0), key(1), peer(1));
        store.announce(minute(0), key(1), peer(2));
        store.announce(minute(20), key(1), peer(1));
        store.expire(minute(30));
        assert_eq!(store.sample(&key(1), Family::V4, 9, &mut rng), [peer(1)]);
        assert!(store.sample(&key(1), Family::V6, 9, &mut rng).is_empty());
        store.expire(minute(50));
        assert_eq!(store.len(), (0, 0));
        assert!(store.by_age.is_empty());
    }

    #[test]
    fn both_bounds_hold_and_the_oldest_goes() {
        let config = PeerStoreConfig {
            max_swarms: 3,
            max_peers: 2,
            ..Default::default()
        };
        let mut store = PeerStore::new(config);
        let mut rng = Rng::from_u64(1);
        for n in 0..5 {
            let now = Instant::from_micros(n.into());
            store.announce(now, key(n), peer(1));
            store.announce(now, key(n), peer(2));
            store.announce(now, key(n), peer(3));
        }
        assert_eq!(store.len(), (3, 6));
        assert_eq!(store.by_age.len(), 3);
        assert!(store.sample(&key(1), Family::V4, 9, &mut rng).is_empty());
        assert_eq!(
            store.sample(&key(4), Family::V4, 9, &mut rng),
            [peer(2), peer(3)]
        );
        assert_eq!(store.sample(&key(4), Family::V4, 1, &mut rng).len(), 1);
    }
}
