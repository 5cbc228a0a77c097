//! Peers that others announced to us.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use mdht_krpc::{Family, Id, Instant, Rng, is_public};

/// Bounds of the peer store.
#[derive(Clone, Copy, Debug)]
pub struct PeerStoreConfig {
    /// Swarms kept; beyond it the one announced to least recently goes.
    /// Default 2,000, as libtorrent.
    pub max_swarms: usize,
    /// Peers kept of one swarm; beyond it the one announced least recently
    /// goes. Default 500, as libtorrent.
    pub max_peers: usize,
    /// Peers kept of one swarm and one IP address; beyond it the one announced
    /// least recently goes. Default 1, as BEP 33 asks: nobody fills a swarm
    /// from one host. Addresses that are not on the public Internet are exempt.
    pub max_per_ip: usize,
    /// How long an announce counts. Default 30 min, the field's habit.
    pub lifetime: Duration,
}

impl Default for PeerStoreConfig {
    fn default() -> Self {
        Self {
            max_swarms: 2000,
            max_peers: 500,
            max_per_ip: 1,
            lifetime: Duration::from_secs(30 * 60),
        }
    }
}

#[derive(Debug, Default)]
struct Swarm {
    /// In order of announce, the latest last.
    peers: Vec<Announced>,
}

/// One peer of a swarm.
#[derive(Clone, Copy, Debug)]
struct Announced {
    peer: SocketAddr,
    at: Instant,
    /// It has the whole torrent (BEP 33).
    seed: bool,
}

impl Swarm {
    fn of(&self, family: Family) -> impl Iterator<Item = &Announced> {
        let of_family = move |known: &&Announced| Family::of(&known.peer) == family;
        self.peers.iter().filter(of_family)
    }

    /// Lets go of whom the newcomer takes the place of, if that is needed.
    fn make_room(&mut self, newcomer: SocketAddr, config: &PeerStoreConfig) {
        let ip = newcomer.ip();
        let mut of_host = self.peers.iter().enumerate();
        let oldest = of_host.find(|(_, known)| known.peer.ip() == ip);
        let oldest = oldest.map(|(index, _)| index);
        let held = 1 + of_host.filter(|(_, known)| known.peer.ip() == ip).count();
        match oldest {
            Some(index) if is_public(ip) && held >= config.max_per_ip => {
                self.peers.remove(index);
            }
            _ if self.peers.len() >= config.max_peers => _ = self.peers.remove(0),
            _ => {}
        }
    }
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

    /// Stores or renews an announce.
    pub(crate) fn announce(&mut self, now: Instant, info_hash: Id, peer: SocketAddr, seed: bool) {
        let swarm = self.swarms.entry(info_hash).or_default();
        if let Some(latest) = swarm.peers.last() {
            self.by_age.remove(&(latest.at, info_hash));
        }
        swarm.peers.retain(|other| other.peer != peer);
        swarm.make_room(peer, &self.config);
        swarm.peers.push(Announced {
            peer,
            at: now,
            seed,
        });
        self.by_age.insert((now, info_hash));
        if self.swarms.len() > self.config.max_swarms
            && let Some((_, oldest)) = self.by_age.pop_first()
        {
            self.swarms.remove(&oldest);
        }
    }

    /// Every infohash with a peer of the family.
    pub(crate) fn swarms(&self, family: Family) -> impl Iterator<Item = Id> {
        let has_one = move |(_, swarm): &(&Id, &Swarm)| swarm.of(family).next().is_some();
        self.swarms.iter().filter(has_one).map(|(id, _)| *id)
    }

    /// The peers of a swarm and family, each with whether it is a seed.
    pub(crate) fn peers(
        &self,
        info_hash: &Id,
        family: Family,
    ) -> impl Iterator<Item = (SocketAddr, bool)> {
        let swarm = self.swarms.get(info_hash).into_iter();
        swarm.flat_map(move |swarm| swarm.of(family).map(|known| (known.peer, known.seed)))
    }

    /// At most `most` peers of a swarm and family, a random choice if there are
    /// more. Seeds only where they are wanted (BEP 33).
    pub(crate) fn sample(
        &self,
        info_hash: &Id,
        family: Family,
        most: usize,
        seeds: bool,
        rng: &mut Rng,
    ) -> Vec<SocketAddr> {
        let all = self.peers(info_hash, family);
        let wanted = all.filter(|(_, seed)| seeds || !seed);
        let mut peers: Vec<_> = wanted.map(|(peer, _)| peer).collect();
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
            let latest = swarm.peers.last().map(|known| known.at);
            swarm.peers.retain(|known| now.since(known.at) < lifetime);
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
        store.announce(minute(0), key(1), peer(1), false);
        store.announce(minute(0), key(1), peer(2), false);
        store.announce(minute(20), key(1), peer(1), false);
        store.expire(minute(30));
        assert_eq!(
            store.sample(&key(1), Family::V4, 9, true, &mut rng),
            [peer(1)]
        );
        assert!(
            store
                .sample(&key(1), Family::V6, 9, true, &mut rng)
                .is_empty()
        );
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
            store.announce(now, key(n), peer(1), false);
            store.announce(now, key(n), peer(2), false);
            store.announce(now, key(n), peer(3), false);
        }
        assert_eq!(store.len(), (3, 6));
        assert_eq!(store.by_age.len(), 3);
        assert!(
            store
                .sample(&key(1), Family::V4, 9, true, &mut rng)
                .is_empty()
        );
        assert_eq!(
            store.sample(&key(4), Family::V4, 9, true, &mut rng),
            [peer(2), peer(3)]
        );
        assert_eq!(
            store.sample(&key(4), Family::V4, 1, true, &mut rng).len(),
            1
        );
    }

    #[test]
    fn one_public_host_is_one_peer_of_a_swarm() {
        let mut store = PeerStore::new(PeerStoreConfig::default());
        let now = Instant::ZERO;
        let at = |port| SocketAddr::from(([8, 8, 8, 8], port));
        store.announce(now, key(1), at(1), false);
        store.announce(now, key(1), at(2), true);
        store.announce(now, key(2), at(3), false);
        let of = |n| store.peers(&key(n), Family::V4).collect::<Vec<_>>();
        assert_eq!(of(1), [(at(2), true)], "port and seed are renewed");
        assert_eq!(of(2), [(at(3), false)]);
    }

    #[test]
    fn seeds_are_left_out_where_they_are_not_wanted() {
        let mut store = PeerStore::new(PeerStoreConfig::default());
        let mut rng = Rng::from_u64(1);
        store.announce(Instant::ZERO, key(1), peer(1), true);
        store.announce(Instant::ZERO, key(1), peer(2), false);
        assert_eq!(
            store.sample(&key(1), Family::V4, 9, false, &mut rng),
            [peer(2)]
        );
        assert_eq!(
            store.sample(&key(1), Family::V4, 9, true, &mut rng).len(),
            2
        );
        assert_eq!(store.swarms(Family::V4).count(), 1);
        assert_eq!(store.swarms(Family::V6).count(), 0);
    }
}
