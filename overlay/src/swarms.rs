//! Swarms, and which nodes hold their peers.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use foldhash::fast::FixedState;
use mdht_krpc::{Id, Instant, is_public};

use crate::draws::{Draws, Permutation, Subject, below, unit};
use crate::parameters::Swarms;
use crate::population::prefix_of;

/// Bits of a background infohash that are zero before the permutation: what
/// tells an infohash that exists from one that does not.
const CHECK_BITS: u32 = 24;
/// How long announced peers are held, and peers stay in a swarm at least: the
/// holders of a swarm are drawn anew after this.
const PERIOD: Duration = Duration::from_secs(30 * 60);

/// All swarms of the world.
#[derive(Debug)]
pub struct SwarmPlan {
    parameters: Swarms,
    nodes: f64,
    top_ids: Draws,
    top: HashMap<u64, u32, FixedState>,
    background: u64,
    background_ids: Permutation,
    background_draws: Draws,
    replicas: Draws,
    peers: Draws,
}

/// A swarm's size and the draws of its peers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Swarm {
    size: f64,
    peers: Draws,
    prefix: u64,
}

/// What a node that holds peers of a swarm holds follows from this.
struct Holding {
    reach: f64,
    draws: Draws,
    period: u64,
}

impl SwarmPlan {
    pub(crate) fn new(seed: u64, parameters: &Swarms, nodes: u32) -> Self {
        let top_ids = Draws::new(seed, Subject::TopSwarm);
        let background_draws = Draws::new(seed, Subject::BackgroundSwarm);
        let top = (0..parameters.top).map(|rank| (top_ids.draw(rank.into(), 0), rank));
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // at most 2²⁴
        let background =
            (parameters.background_per_node * f64::from(nodes)).min(f64::from(1 << 24)) as u64;
        Self {
            top: top.collect(),
            top_ids,
            background,
            background_ids: Permutation::new(background_draws, 48),
            background_draws,
            replicas: Draws::new(seed, Subject::Replica),
            peers: Draws::new(seed, Subject::Peer),
            nodes: nodes.into(),
            parameters: parameters.clone(),
        }
    }

    /// The infohash of the `rank`th most popular swarm, from 0: those that
    /// nodes under test look up.
    pub fn top_infohash(&self, rank: u32) -> Id {
        self.infohash(self.top_ids, rank.into(), self.top_ids.draw(rank.into(), 0))
    }

    /// Peers of the `rank`th most popular swarm.
    pub fn top_size(&self, rank: u32) -> f64 {
        let Swarms {
            top_largest,
            top_flat,
            top_exponent,
            ..
        } = self.parameters;
        top_largest * (1.0 + f64::from(rank) / top_flat).powf(-top_exponent)
    }

    /// Number of background swarms.
    pub const fn background(&self) -> u64 {
        self.background
    }

    /// The infohash of a background swarm, and `None` past the last.
    pub fn background_infohash(&self, number: u64) -> Option<Id> {
        let prefix = self.background_ids.apply(number << CHECK_BITS) << 16;
        (number < self.background).then(|| self.infohash(self.background_draws, number, prefix))
    }

    fn infohash(&self, draws: Draws, number: u64, prefix: u64) -> Id {
        let mut id = [0; Id::LEN];
        id[..8].copy_from_slice(&prefix.to_be_bytes());
        id[8..16].copy_from_slice(&draws.draw(number, 1).to_be_bytes());
        id[16..].copy_from_slice(&draws.draw(number, 2).to_be_bytes()[..4]);
        Id::new(id)
    }

    /// Peers of the swarm with an infohash; 0 if there is none.
    pub fn size(&self, infohash: &Id) -> f64 {
        let prefix = prefix_of(infohash);
        if let Some(rank) = self.top.get(&prefix) {
            let known = self.top_infohash(*rank) == *infohash;
            return if known { self.top_size(*rank) } else { 0.0 };
        }
        let number = self.background_ids.invert(prefix >> 16);
        let is_valid = number.trailing_zeros() >= CHECK_BITS;
        let number = number >> CHECK_BITS;
        if !is_valid || self.background_infohash(number) != Some(*infohash) {
            return 0.0;
        }
        // geometric, at least one
        let draw = unit(self.background_draws.draw(number, 3));
        1.0 + ((1.0 - draw).ln() / (1.0 - 1.0 / self.parameters.background_mean).ln()).floor()
    }

    pub(crate) fn swarm(&self, infohash: &Id) -> Option<Swarm> {
        let size = self.size(infohash);
        (size > 0.0).then(|| Swarm {
            size,
            peers: self.peers.of(prefix_of(infohash)),
            prefix: prefix_of(infohash),
        })
    }

    /// Chance that one peer's announces have reached a node: it falls with the
    /// number of nodes that are nearer to the key.
    fn reach(&self, swarm: &Swarm, node_prefix: u64) -> f64 {
        #[allow(clippy::cast_precision_loss)]
        let distance = (swarm.prefix ^ node_prefix) as f64 / 2_f64.powi(64);
        let rank = distance * self.nodes;
        1.0 / (1.0 + (rank / self.parameters.replica_reach).powf(self.parameters.replica_spread))
    }

    /// Puts the peers that a node holds into `peers`; none if it holds none.
    pub(crate) fn held(
        &self,
        swarm: &Swarm,
        node: (u64, u64),
        now: Instant,
        peers: &mut Vec<SocketAddrV4>,
    ) {
        let Some(Holding {
            reach,
            draws,
            period,
        }) = self.holding(swarm, node, now)
        else {
            return;
        };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // small, positive
        let (count, size) = (
            (reach * swarm.size)
                .ceil()
                .min(self.parameters.most_values.into()) as u64,
            swarm.size.ceil() as u64,
        );
        let first = draws.draw(period, 2);
        peers.extend((0..count).map(|i| self.peer(swarm, (below(first, size) + i) % size)));
    }

    /// Whether a node holds peers of a swarm.
    pub(crate) fn holds(&self, swarm: &Swarm, node: (u64, u64), now: Instant) -> bool {
        self.holding(swarm, node, now).is_some()
    }

    fn holding(&self, swarm: &Swarm, node: (u64, u64), now: Instant) -> Option<Holding> {
        let (number, prefix) = node;
        let reach = self.reach(swarm, prefix);
        // far away, and by far the most: spare the power
        if reach * swarm.size < 1e-4 {
            return None;
        }
        let draws = self.replicas.of(swarm.prefix).of(number);
        let phase = below(draws.one(0), micros(PERIOD));
        let period = (now.as_micros() + phase) / micros(PERIOD);
        let holds = 1.0 - (1.0 - reach).powf(swarm.size);
        (unit(draws.one(period + 1)) < holds).then_some(Holding {
            reach,
            draws,
            period,
        })
    }

    /// A peer's address: any on the Internet.
    fn peer(&self, swarm: &Swarm, number: u64) -> SocketAddrV4 {
        let addr = |attempt| {
            let [a, b, c, d, high, low, ..] = swarm.peers.draw(number, attempt).to_be_bytes();
            let port = u16::from_be_bytes([high | 4, low]);
            SocketAddrV4::new(Ipv4Addr::new(a, b, c, d), port)
        };
        let found = (0..64)
            .map(addr)
            .find(|addr| is_public((*addr.ip()).into()));
        found.unwrap_or_else(|| addr(0))
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> SwarmPlan {
        SwarmPlan::new(3, &Swarms::default(), 100_000)
    }

    #[test]
    fn infohashes_are_known_again() {
        let plan = plan();
        let mut total = 0.0;
        for number in 0..50_000 {
            let infohash = plan.background_infohash(number).unwrap();
            total += plan.size(&infohash);
        }
        let mean = total / 5e4;
        assert!((6.3..6.7).contains(&mean), "{mean}");
        assert_eq!(plan.background_infohash(50_000), None);
        let largest = plan.parameters.top_largest;
        assert!((plan.size(&plan.top_infohash(0)) - largest).abs() < 1e-9);
        assert_eq!(plan.size(&Id::new([7; 20])), 0.0);
    }

    #[test]
    fn holders_are_near_the_key_and_more_of_popular_ones() {
        let plan = plan();
        let holders = |rank: u32| {
            let swarm = plan.swarm(&plan.top_infohash(rank)).unwrap();
            let draws = Draws::new(8, Subject::Id);
            let mut peers = Vec::new();
            let near = |i: u64| {
                // nodes at XOR ranks up to 1000
                let prefix = swarm.prefix ^ (draws.one(i) / 100);
                peers.clear();
                plan.held(&swarm, (i, prefix), Instant::ZERO, &mut peers);
                u32::from(!peers.is_empty())
            };
            (0..1000).map(near).sum::<u32>()
        };
        assert!(
            holders(0) > 3 * holders(3000),
            "{} {}",
            holders(0),
            holders(3000)
        );
        assert!(holders(3000) >= 8);
    }
}
