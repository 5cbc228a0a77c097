//! Peers that others announced to us.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use mdht_krpc::{Family, Id, Instant, Rng};

/// Bounds of the peer store.
#[derive(Clone, Copy, Debug)]
pub struct PeerStoreConfig {
    /// Swarms kept; beyond it, of those first announced by the /24 (IPv6: /64)
    /// that first announced most, the one announced to least recently goes.
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

#[derive(Debug)]
struct Swarm {
    /// In order of announce, the latest last.
    peers: Vec<(SocketAddr, Instant)>,
    /// The network that announced it first.
    opener: IpAddr,
}

/// Announced peers by infohash, bounded in number and time.
#[derive(Debug)]
pub(crate) struct PeerStore {
    config: PeerStoreConfig,
    swarms: BTreeMap<Id, Swarm>,
    ages: Ages,
}

impl PeerStore {
    pub(crate) fn new(config: PeerStoreConfig) -> Self {
        Self {
            config,
            swarms: BTreeMap::new(),
            ages: Ages::default(),
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
    /// each swarm its key in the three maps.
    pub(crate) fn bytes(&self) -> usize {
        let peers = self.swarms.values().map(|swarm| swarm.peers.capacity());
        let entry = size_of::<(Id, Swarm)>() + 2 * size_of::<(Instant, Id)>();
        peers.sum::<usize>() * size_of::<(SocketAddr, Instant)>() + self.swarms.len() * entry
    }

    /// Stores or renews an announce.
    pub(crate) fn announce(&mut self, now: Instant, info_hash: Id, peer: SocketAddr) {
        let swarm = self.swarms.entry(info_hash).or_insert_with(|| Swarm {
            peers: Vec::new(),
            opener: network(peer.ip()),
        });
        let opener = swarm.opener;
        if let Some((_, latest)) = swarm.peers.last() {
            self.ages.remove(opener, (*latest, info_hash));
        }
        swarm.peers.retain(|(other, _)| *other != peer);
        if swarm.peers.len() >= self.config.max_peers {
            swarm.peers.remove(0);
        }
        swarm.peers.push((peer, now));
        self.ages.insert(opener, (now, info_hash));
        if self.swarms.len() > self.config.max_swarms
            && let Some(age) = self.ages.to_go()
            && let Some(swarm) = self.swarms.remove(&age.1)
        {
            self.ages.remove(swarm.opener, age);
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
        let ages = &mut self.ages;
        self.swarms.retain(|info_hash, swarm| {
            let latest = swarm.peers.last().map(|(_, at)| *at);
            swarm.peers.retain(|(_, at)| now.since(*at) < lifetime);
            if let (true, Some(latest)) = (swarm.peers.is_empty(), latest) {
                ages.remove(swarm.opener, (latest, *info_hash));
            }
            !swarm.peers.is_empty()
        });
    }
}

/// When a swarm was last announced to, and which it is.
type Age = (Instant, Id);

/// Swarms by their latest announce, over all and for each network that opened
/// some.
#[derive(Debug, Default)]
struct Ages {
    all: BTreeSet<Age>,
    by_opener: BTreeMap<IpAddr, BTreeSet<Age>>,
    /// Networks by the number of swarms that they opened.
    by_count: BTreeSet<(usize, IpAddr)>,
}

impl Ages {
    fn insert(&mut self, opener: IpAddr, age: Age) {
        self.all.insert(age);
        self.change(opener, |opened| opened.insert(age));
    }

    fn remove(&mut self, opener: IpAddr, age: Age) {
        self.all.remove(&age);
        self.change(opener, |opened| opened.remove(&age));
    }

    fn change(&mut self, opener: IpAddr, change: impl FnOnce(&mut BTreeSet<Age>) -> bool) {
        let opened = self.by_opener.entry(opener).or_default();
        self.by_count.remove(&(opened.len(), opener));
        change(opened);
        if opened.is_empty() {
            self.by_opener.remove(&opener);
        } else {
            self.by_count.insert((opened.len(), opener));
        }
    }

    /// Which swarm has to make room: the oldest of the network that opened
    /// most, so that nobody who announces many infohashes drives out what
    /// others announced; the oldest of all where each network opened one.
    fn to_go(&self) -> Option<Age> {
        let (count, opener) = self.by_count.last()?;
        let oldest = match count {
            1 => self.all.first(),
            _ => self.by_opener.get(opener)?.first(),
        };
        oldest.copied()
    }
}

/// What one party has at little cost: an IPv4 /24 or an IPv6 /64.
fn network(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => Ipv4Addr::from_bits(ip.to_bits() & !0xff).into(),
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX)).into(),
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
        assert!(store.ages.all.is_empty() && store.ages.by_opener.is_empty());
        assert!(store.ages.by_count.is_empty());
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
        assert_eq!(store.ages.all.len(), 3);
        assert!(store.sample(&key(1), Family::V4, 9, &mut rng).is_empty());
        assert_eq!(
            store.sample(&key(4), Family::V4, 9, &mut rng),
            [peer(2), peer(3)]
        );
        assert_eq!(store.sample(&key(4), Family::V4, 1, &mut rng).len(), 1);
    }

    #[test]
    fn a_flood_of_infohashes_drives_out_its_own() {
        let config = PeerStoreConfig {
            max_swarms: 100,
            ..Default::default()
        };
        let mut store = PeerStore::new(config);
        let mut rng = Rng::from_u64(1);
        let second = |n: u64| Instant::from_micros(n * 1_000_000);
        let home = |n: u8| SocketAddr::from(([81, n, 0, 1], 6881));
        for n in 0..40 {
            store.announce(second(0), key(n), home(n));
        }
        // ten addresses of one network, and one each of ten
        for n in 0..20_000_u32 {
            let place = u8::try_from(n % 10).unwrap();
            let ip = match n.is_multiple_of(2) {
                true => [45, 0, 0, place],
                false => [45, place, 0, 1],
            };
            let flood = Id::random(&mut rng);
            store.announce(second(1 + u64::from(n)), flood, (ip, 1).into());
        }
        assert_eq!(store.len().0, 100);
        assert_eq!(store.ages.all.len(), 100);
        let kept = (0..40).filter(|n| !store.sample(&key(*n), Family::V4, 1, &mut rng).is_empty());
        assert_eq!(kept.count(), 40);
    }

    #[test]
    fn among_networks_with_one_swarm_each_the_oldest_goes() {
        let config = PeerStoreConfig {
            max_swarms: 3,
            ..Default::default()
        };
        let mut store = PeerStore::new(config);
        for n in 0..5 {
            let home = SocketAddr::from(([81, 200 - n, 0, 1], 6881));
            store.announce(Instant::from_micros(n.into()), key(n), home);
        }
        let held: Vec<_> = store.swarms.keys().copied().collect();
        assert_eq!(held, [key(2), key(3), key(4)]);
        assert_eq!(store.ages.by_opener.len(), 3);
    }
}
