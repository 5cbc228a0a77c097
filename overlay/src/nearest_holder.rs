//! The nearest node that holds values: what no lookup can beat.

use std::net::Ipv4Addr;
use std::time::Duration;

use mdht_krpc::{Id, Instant};

use crate::population::{Access, prefix_of};
use crate::tables::Kind;
use crate::world::World;

/// Most places that are looked at for one key.
const MOST_PLACES: usize = 8192;

impl World {
    /// Round-trip time, without jitter, from a host to the nearest node that is
    /// online at `at` and holds peers of the swarm with infohash `key`; `None`
    /// if none does, or if there is no such swarm.
    ///
    /// A lookup cannot have a value sooner: this is seen from outside, with
    /// knowledge that no node has. Only nodes that answer anybody count: one behind
    /// a NAT lets in whom it happened to query lately, so a lucky lookup may be
    /// faster yet. What full nodes announced is not looked at.
    ///
    /// It looks at the largest subtree around the key with at most 8,192
    /// places, so what it finds is at most a little more than the least. Holders
    /// get rare with distance: beyond, a swarm of 10,000 peers has a third of
    /// its holders, one of 200 fewer than one in twenty. A call takes up to half
    /// a millisecond.
    pub fn nearest_holder(
        &self,
        from: (Ipv4Addr, Access),
        key: &Id,
        at: Instant,
    ) -> Option<Duration> {
        let swarm = self.swarms().swarm(key)?;
        let population = self.population();
        let prefix = prefix_of(key);
        let places = (0..64)
            .map(|bits| population.subtree(prefix, bits))
            .find(|places| places.len() <= MOST_PLACES)?;
        let holders = places.filter_map(|rank| {
            let node = population.at(rank, at);
            let is_holder =
                self.swarms()
                    .holds(&swarm, (node.number(), population.prefix(rank)), at);
            let is_open = || Kind::of(population.connectivity(node).class) == Kind::Good;
            (is_holder && is_open()).then_some(node)
        });
        holders
            .map(|node| {
                let (addr, _) = population.contact(node);
                population.rtt(from, (*addr.ip(), Access::Home))
            })
            .min()
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddrV4;

    use super::*;
    use crate::parameters::Parameters;

    const FROM: (Ipv4Addr, Access) = (Ipv4Addr::new(130, 237, 50, 1), Access::Laboratory);

    fn world(nodes: u32) -> World {
        let parameters = Parameters {
            nodes,
            seed: 5,
            ..Parameters::default()
        };
        World::new(parameters).expect("a world")
    }

    /// By what every node of the world would answer.
    fn by_answers(world: &World, key: &Id, at: Instant) -> Option<Duration> {
        let population = world.population();
        let mut peers: Vec<SocketAddrV4> = Vec::new();
        let nodes = (0..population.len()).map(|rank| population.at(rank, at));
        let times = nodes.filter_map(|node| {
            peers.clear();
            let place = (node.number(), population.prefix(node.rank));
            world
                .swarms()
                .held(&world.swarms().swarm(key)?, place, at, &mut peers);
            let answers = Kind::of(population.connectivity(node).class) == Kind::Good;
            let host = (*population.contact(node).0.ip(), Access::Home);
            (answers && !peers.is_empty()).then(|| population.rtt(FROM, host))
        });
        times.min()
    }

    #[test]
    fn in_a_tiny_world_it_is_what_asking_everybody_finds() {
        let world = world(3000);
        for rank in [0, 1, 50, 700, 3077] {
            let key = world.swarms().top_infohash(rank);
            for hours in [0, 1, 30] {
                let at = Instant::ZERO + Duration::from_secs(3600 * hours);
                let found = world.nearest_holder(FROM, &key, at);
                assert!(found.is_some());
                assert_eq!(found, by_answers(&world, &key, at), "{rank} {hours}");
            }
        }
    }

    #[test]
    fn what_the_bound_leaves_out_is_seldom_nearer() {
        let world = world(60_000);
        let is_missed = |rank: &u32| {
            let key = world.swarms().top_infohash(*rank);
            let found = world.nearest_holder(FROM, &key, Instant::ZERO);
            let nearest = by_answers(&world, &key, Instant::ZERO);
            assert!(found >= nearest, "{found:?} before {nearest:?}");
            found != nearest
        };
        let missed = (0..40).map(|i| i * 70).filter(is_missed).count();
        assert!(missed <= 40 / 3, "{missed} of 40");
    }

    #[test]
    fn nobody_holds_what_is_no_swarm() {
        let key = Id::new([7; Id::LEN]);
        assert_eq!(world(500).nearest_holder(FROM, &key, Instant::ZERO), None);
    }
}
