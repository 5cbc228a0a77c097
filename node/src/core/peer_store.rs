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
    /// In no order: answers draw from them.
    peers: Vec<Announced>,
    /// When the last of them was announced.
    latest: Instant,
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
        let of_host = || self.peers.iter().filter(|known| known.peer.ip() == ip);
        let goes = if is_public(ip) && of_host().count() >= config.max_per_ip.max(1) {
            self.oldest(|known| known.peer.ip() == ip)
        } else if self.peers.len() >= config.max_peers {
            self.oldest(|_| true)
        } else {
            None
        };
        goes.map(|index| self.peers.remove(index));
    }

    /// Where the peer is that was announced least recently, of some.
    fn oldest(&self, is_one: impl Fn(&Announced) -> bool) -> Option<usize> {
        let some = self.peers.iter().enumerate();
        let some = some.filter(|(_, known)| is_one(known));
        let oldest = some.min_by_key(|(_, known)| known.at)?;
        Some(oldest.0)
    }

    /// Puts `most` of the peers that are wanted first, each as likely as any
    /// other, in random order; all of them if there are no more. Returns how
    /// many. However large the swarm, little more is looked at than is drawn.
    fn draw(
        &mut self,
        most: usize,
        is_wanted: impl Fn(&Announced) -> bool,
        rng: &mut Rng,
    ) -> usize {
        let is_choice = self.peers.len() > most;
        let (mut drawn, mut end) = (0, self.peers.len());
        while drawn < most.min(end) {
            let next = drawn + if is_choice { rng.below(end - drawn) } else { 0 };
            if is_wanted(&self.peers[next]) {
                self.peers.swap(drawn, next);
                drawn += 1;
            } else {
                end -= 1;
                self.peers.swap(next, end);
            }
        }
        drawn
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
            latest: now,
            opener: network(peer.ip()),
        });
        let opener = swarm.opener;
        self.ages.remove(opener, (swarm.latest, info_hash));
        swarm.latest = now;
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

    /// Puts at most `most` peers of a swarm and family into `out`, a random
    /// choice if there are more. Seeds only where they are wanted (BEP 33).
    pub(crate) fn sample(
        &mut self,
        info_hash: &Id,
        family: Family,
        (most, seeds): (usize, bool),
        rng: &mut Rng,
        out: &mut Vec<SocketAddr>,
    ) {
        out.clear();
        let Some(swarm) = self.swarms.get_mut(info_hash) else {
            return;
        };
        let is_wanted =
            |known: &Announced| Family::of(&known.peer) == family && (seeds || !known.seed);
        let drawn = swarm.draw(most, is_wanted, rng);
        out.extend(swarm.peers[..drawn].iter().map(|known| known.peer));
    }

    /// Forgets announces older than their lifetime.
    pub(crate) fn expire(&mut self, now: Instant) {
        let lifetime = self.config.lifetime;
        let ages = &mut self.ages;
        self.swarms.retain(|info_hash, swarm| {
            swarm.peers.retain(|known| now.since(known.at) < lifetime);
            if swarm.peers.is_empty() {
                ages.remove(swarm.opener, (swarm.latest, *info_hash));
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
mod tests;
