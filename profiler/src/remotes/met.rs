//! Sets of IP addresses that can be put together.

use std::collections::BTreeSet;
use std::net::IpAddr;

/// Distinct IP addresses that sent something, of one node or of several. Exact
/// as long as it is [complete](Self::is_complete).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetAddresses {
    /// In ascending order.
    v4: Vec<u32>,
    v6: BTreeSet<u128>,
    is_complete: bool,
}

impl Default for MetAddresses {
    fn default() -> Self {
        Self::of(Vec::new(), BTreeSet::new(), true)
    }
}

impl MetAddresses {
    /// Most addresses of each family, 128 MB of IPv4: further ones are left
    /// out. The thesis met 4.44 million with nine nodes [8.VIII.D].
    pub const MOST: usize = 32 << 20;

    pub(super) fn of(mut v4: Vec<u32>, v6: BTreeSet<u128>, is_complete: bool) -> Self {
        v4.sort_unstable();
        Self {
            v4,
            v6,
            is_complete,
        }
    }

    /// Adds those that others met.
    pub fn add(&mut self, other: &Self) {
        self.is_complete &= other.is_complete;
        // runs that are in order already are merged in one go
        self.v4.extend_from_slice(&other.v4);
        self.v4.sort();
        self.v4.dedup();
        self.is_complete &= self.v4.len() <= Self::MOST;
        self.v4.truncate(Self::MOST);
        for ip in &other.v6 {
            match self.v6.len() < Self::MOST || self.v6.contains(ip) {
                true => drop(self.v6.insert(*ip)),
                false => self.is_complete = false,
            }
        }
    }

    /// Number of addresses.
    pub fn len(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether none was left out, here or in what it was made of.
    pub const fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Whether an address is among them.
    pub fn contains(&self, ip: IpAddr) -> bool {
        match ip {
            IpAddr::V4(ip) => self.v4.binary_search(&ip.to_bits()).is_ok(),
            IpAddr::V6(ip) => self.v6.contains(&ip.to_bits()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_several_met_counts_once() {
        let met = |v4: &[u32], v6: &[u128]| {
            MetAddresses::of(v4.to_vec(), v6.iter().copied().collect(), true)
        };
        let mut all = MetAddresses::default();
        assert!(all.is_empty());
        for one in [met(&[9, 1, 5], &[7]), met(&[5, 2], &[7, 8])] {
            all.add(&one);
        }
        assert_eq!(all, met(&[1, 2, 5, 9], &[7, 8]));
        assert_eq!((all.len(), all.is_complete()), (6, true));
        assert!(all.contains("0.0.0.5".parse().unwrap()));
        assert!(!all.contains("::5".parse().unwrap()));
        all.add(&MetAddresses::of(vec![], BTreeSet::new(), false));
        assert!(!all.is_complete());
    }
}
