//! Where modelled nodes are found in a range of local addresses, computed both
//! ways: no address is stored.
//!
//! A place of the population has a few addresses of the range, one for each of
//! the nodes that live there one after another; when they are used up, the next
//! node takes the one of the oldest, as on the Internet the next customer does.

use std::net::Ipv4Addr;

use mdht_krpc::Instant;

use super::range::Range;
use crate::draws::{Draws, Permutation, Subject, below};
use crate::population::{Identity, Population};

/// Nodes of a place that can have addresses of their own.
const MOST_SLOTS: u32 = 256;

/// Why a world does not fit a range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{range} holds {places} nodes, but the world has {nodes}; take a wider range, such as 10.0.0.0/8, or fewer nodes"
)]
pub struct TooNarrow {
    range: Range,
    places: u32,
    nodes: u32,
}

/// The mapping between modelled nodes and local addresses.
#[derive(Debug)]
pub(crate) struct LocalPlaces {
    range: Range,
    order: Permutation,
    strays: Draws,
    slots: u32,
}

impl LocalPlaces {
    pub(crate) fn new(range: Range, seed: u64, nodes: u32) -> Result<Self, TooNarrow> {
        let places = range.node_places();
        let slots = (places / nodes.max(1)).min(MOST_SLOTS);
        if slots == 0 {
            return Err(TooNarrow {
                range,
                places,
                nodes,
            });
        }
        let draws = Draws::new(seed, Subject::LocalRange);
        Ok(Self {
            range,
            order: Permutation::new(draws, range.bits().next_multiple_of(2)),
            strays: draws.of(1),
            slots,
        })
    }

    /// The local address of a node.
    pub(crate) fn of_node(&self, identity: Identity) -> Ipv4Addr {
        let number = u64::from(identity.rank) * u64::from(self.slots);
        let number = number + u64::from(self.slot(identity));
        self.walk(number, |number| self.order.apply(number))
    }

    /// The node that has, or last had, a local address; `None` if nobody had.
    pub(crate) fn node(
        &self,
        population: &Population,
        ip: Ipv4Addr,
        now: Instant,
    ) -> Option<Identity> {
        let place = self.range.place(ip)?.checked_sub(self.range.first_node())?;
        let number = self.walk_back(place.into())?;
        let rank = u32::try_from(number / u64::from(self.slots)).ok()?;
        if rank >= population.len() {
            return None;
        }
        let mut there = population.at(rank, now);
        for _ in 0..self.slots {
            if number % u64::from(self.slots) == u64::from(self.slot(there)) {
                return Some(there);
            }
            there = Population::before(there);
        }
        None
    }

    /// A local address for a host that is no node, such as a peer of a swarm.
    pub(crate) fn of_stranger(&self, ip: Ipv4Addr) -> Ipv4Addr {
        let draw = self.strays.one(ip.to_bits().into());
        let place = below(draw, self.range.node_places().into());
        self.at(place)
    }

    /// Which of its place's addresses a node has: the one that left before the
    /// run began the first.
    fn slot(&self, identity: Identity) -> u32 {
        u32::from(identity.generation.wrapping_add(1)) % self.slots
    }

    /// Cycle walking: the permutation is of a few more numbers than there are
    /// places, and is repeated until it comes to one of them.
    fn walk(&self, number: u64, step: impl Fn(u64) -> u64) -> Ipv4Addr {
        let mut number = step(number);
        while number >= u64::from(self.range.node_places()) {
            number = step(number);
        }
        self.at(number)
    }

    fn walk_back(&self, place: u64) -> Option<u64> {
        let places = u64::from(self.range.node_places());
        if place >= places {
            return None;
        }
        let mut number = self.order.invert(place);
        while number >= places {
            number = self.order.invert(number);
        }
        Some(number)
    }

    fn at(&self, place: u64) -> Ipv4Addr {
        // less than the number of places
        let place = u32::try_from(place).unwrap_or(0);
        self.range.address(self.range.first_node() + place)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::parameters::Parameters;

    fn population(nodes: u32) -> Population {
        Population::new(&Parameters {
            nodes,
            ..Parameters::default()
        })
    }

    #[test]
    fn every_node_is_found_at_an_address_of_its_own() {
        let population = population(3000);
        for range in ["10.16.0.0/12", "10.0.0.0/8", "32.0.0.0/3"] {
            let range: Range = range.parse().unwrap();
            let places = LocalPlaces::new(range, 1, 3000).unwrap();
            let mut seen = BTreeSet::new();
            for rank in 0..3000 {
                let there = population.at(rank, Instant::ZERO);
                for identity in [there, Population::before(there)] {
                    let ip = places.of_node(identity);
                    assert!(range.place(ip).unwrap() >= range.first_node());
                    assert!(seen.insert(ip), "{ip} twice");
                    assert_eq!(places.node(&population, ip, Instant::ZERO), Some(identity));
                }
            }
        }
    }

    #[test]
    fn who_comes_later_takes_the_address_of_the_oldest() {
        let population = population(1_000_000);
        let places = LocalPlaces::new(Range::PRIVATE, 1, 1_000_000).unwrap();
        let of = |generation| {
            places.of_node(Identity {
                rank: 7,
                generation,
            })
        };
        assert_eq!(places.slots, 16);
        assert_eq!(of(0), of(16));
        assert_ne!(of(255), of(0));
        let now = Instant::from_micros(40 * 3_600_000_000);
        let there = population.at(7, now);
        assert_eq!(
            places.node(&population, places.of_node(there), now),
            Some(there)
        );
    }

    #[test]
    fn a_narrow_range_is_refused_and_strangers_stay_inside() {
        let range: Range = "10.16.0.0/12".parse().unwrap();
        let refused = LocalPlaces::new(range, 1, 2_000_000).unwrap_err();
        assert!(refused.to_string().contains("1044479"), "{refused}");
        let places = LocalPlaces::new(range, 1, 1000).unwrap();
        for ip in 0..1000 {
            let ip = places.of_stranger(Ipv4Addr::from(0x0808_0000 + ip));
            assert!(range.place(ip).unwrap() >= range.first_node());
        }
    }
}
