//! Peers that others announced to us.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use mdht_krpc::{Family, Id, Instant, Rng, is_public};

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

#[derive(Debug)]
struct Swarm {
    /// In order of announce, the latest last.
    peers: Vec<Announced>,
    /// The network that announced it first.
    opener: IpAddr,
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
    pub(crate) fn announce(&mut self, now: Instant, info_hash: Id, peer: SocketAddr, seed: bool) {
        let swarm = self.swarms.entry(info_hash).or_insert_with(|| Swarm {
            peers: Vec::new(),
            opener: network(peer.ip()),
        });
        let opener = swarm.opener;
        if let Some(latest) = swarm.peers.last() {
            self.ages.remove(opener, (latest.at, info_hash));
        }
        swarm.peers.retain(|other| other.peer != peer);
        swarm.make_room(peer, &self.config);
        swarm.peers.push(Announced {
            peer,
            at: now,
            seed,
        });
        self.ages.insert(opener, (now, info_hash));
        if self.swarms.len() > self.config.max_swarms
            && let Some(age) = self.ages.to_go()
            && let Some(swarm) = self.swarms.remove(&age.1)
        {
            self.ages.remove(swarm.opener, age);
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
        let ages = &mut self.ages;
        self.swarms.retain(|info_hash, swarm| {
            let latest = swarm.peers.last().map(|known| known.at);
            swarm.peers.retain(|known| now.since(known.at) < lifetime);
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
            store.announce(now, key(n), peer(1), false);
            store.announce(now, key(n), peer(2), false);
            store.announce(now, key(n), peer(3), false);
        }
        assert_eq!(store.len(), (3, 6));
        assert_eq!(store.ages.all.len(), 3);
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
            store.announce(second(0), key(n), home(n), false);
        }
        // ten addresses of one network, and one each of ten
        for n in 0..20_000_u32 {
            let place = u8::try_from(n % 10).unwrap();
            let ip = match n.is_multiple_of(2) {
                true => [45, 0, 0, place],
                false => [45, place, 0, 1],
            };
            let flood = Id::random(&mut rng);
            store.announce(second(1 + u64::from(n)), flood, (ip, 1).into(), false);
        }
        assert_eq!(store.len().0, 100);
        assert_eq!(store.ages.all.len(), 100);
        let kept = (0..40).filter(|n| {
            !store
                .sample(&key(*n), Family::V4, 1, true, &mut rng)
                .is_empty()
        });
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
            store.announce(Instant::from_micros(n.into()), key(n), home, false);
        }
        let held: Vec<_> = store.swarms.keys().copied().collect();
        assert_eq!(held, [key(2), key(3), key(4)]);
        assert_eq!(store.ages.by_opener.len(), 3);
    }
}
