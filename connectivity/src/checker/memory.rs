//! Which nodes were met, so that each is checked once.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::BuildHasher as _;
use std::net::IpAddr;

use foldhash::fast::FixedState;
use mdht_krpc::{Id, Rng};

/// The nodes met, by (IP, node ID) as in thesis 7.4.1, up to a bound; the one
/// met longest ago is forgotten first. Hashes are kept, not addresses: two
/// nodes are taken for one with a chance of 2⁻⁶⁴.
#[derive(Debug)]
pub(super) struct Memory {
    hasher: FixedState,
    most: usize,
    seen: HashSet<u64, FixedState>,
    order: VecDeque<Names>,
    ids_at_ip: HashMap<u64, u16, FixedState>,
    ips_of_id: HashMap<u64, u16, FixedState>,
}

/// A node's two names, hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Names {
    ip: u64,
    id: u64,
}

impl Memory {
    /// Remembers `most` nodes.
    pub(super) fn new(most: usize, rng: &mut Rng) -> Self {
        // the keys are strangers' choice: they must not be able to aim
        let mut state = || FixedState::with_seed(rng.next_u64());
        Self {
            hasher: state(),
            most: most.max(1),
            seen: HashSet::with_hasher(state()),
            order: VecDeque::new(),
            ids_at_ip: HashMap::with_hasher(state()),
            ips_of_id: HashMap::with_hasher(state()),
        }
    }

    pub(super) fn names(&self, ip: IpAddr, id: &Id) -> Names {
        Names {
            ip: self.hasher.hash_one(ip),
            id: self.hasher.hash_one(id),
        }
    }

    /// One number for both names.
    pub(super) fn key(&self, names: Names) -> u64 {
        self.hasher.hash_one(names)
    }

    pub(super) fn knows(&self, key: u64) -> bool {
        self.seen.contains(&key)
    }

    /// Remembers a node; whether another one had to be forgotten for it.
    pub(super) fn remember(&mut self, names: Names) -> bool {
        if !self.seen.insert(self.key(names)) {
            return false;
        }
        self.order.push_back(names);
        for (map, name) in self.counts(names) {
            let count = map.entry(name).or_default();
            *count = count.saturating_add(1);
        }
        self.order.len() > self.most && self.forget_oldest()
    }

    /// Node IDs met at this node's IP address, and IP addresses at which its
    /// ID was met, itself included.
    pub(super) fn shared(&self, names: Names) -> (u16, u16) {
        let ids = self.ids_at_ip.get(&names.ip).copied().unwrap_or(0);
        let ips = self.ips_of_id.get(&names.id).copied().unwrap_or(0);
        (ids, ips)
    }

    fn counts(&mut self, names: Names) -> [(&mut HashMap<u64, u16, FixedState>, u64); 2] {
        [
            (&mut self.ids_at_ip, names.ip),
            (&mut self.ips_of_id, names.id),
        ]
    }

    fn forget_oldest(&mut self) -> bool {
        let Some(names) = self.order.pop_front() else {
            return false;
        };
        let key = self.key(names);
        self.seen.remove(&key);
        for (map, name) in self.counts(names) {
            if let Some(count) = map.get_mut(&name) {
                *count -= 1;
                if *count == 0 {
                    map.remove(&name);
                }
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_ids_of_an_ip_and_ips_of_an_id_and_forgets_the_oldest() {
        let mut rng = Rng::from_u64(1);
        let mut memory = Memory::new(3, &mut rng);
        let ids: Vec<_> = (0..3).map(|_| Id::random(&mut rng)).collect();
        let ip = |n| IpAddr::from([10, 0, 0, n]);
        let first = memory.names(ip(1), &ids[0]);
        assert!(!memory.remember(first));
        assert!(!memory.remember(first), "known already");
        assert!(!memory.remember(memory.names(ip(1), &ids[1])));
        assert!(!memory.remember(memory.names(ip(2), &ids[0])));
        assert_eq!(memory.shared(first), (2, 2));
        assert!(memory.remember(memory.names(ip(3), &ids[2])));
        assert!(!memory.knows(memory.key(first)));
        assert_eq!(memory.shared(first), (1, 1));
    }
}
