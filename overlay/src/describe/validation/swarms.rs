//! Sizes of swarms, and how many nodes hold them.

use mdht_krpc::{Id, Instant};

use super::sampler::{Sampler, percent};
use super::{Comparison, Row};
use crate::describe::make_up::background_swarms;
use crate::draws::below;
use crate::population::prefix_of;
use crate::swarms::Swarm;

/// Background swarms whose size is looked at.
const SIZES: u64 = 100_000;
/// Swarms around each rank whose holders are counted.
const SWARMS: u32 = 16;
/// Nodes near a key that are all asked.
const NEAR: usize = 4096;
/// Nodes asked of each subtree farther away.
const FAR: u64 = 512;
/// Contacts of an answer: the nearest nodes.
const NEAREST: usize = 8;

pub(super) fn all(sampler: &Sampler<'_>) -> Vec<Comparison> {
    vec![sizes(sampler), replicas(sampler)]
}

fn sizes(sampler: &Sampler<'_>) -> Comparison {
    let (world, all) = (sampler.world, background_swarms(sampler.world));
    let samples = SIZES.min(all);
    let size = |i| {
        let number = below(sampler.draw(i), all);
        let infohash = world.swarms().background_infohash(number);
        infohash.map_or(0.0, |infohash| world.swarms().size(&infohash))
    };
    let sum: f64 = (0..samples).map(size).sum();
    let planted = world.parameters().swarms.background_mean;
    let row = Row::new(
        "mean of background swarms",
        planted,
        sum / samples.max(1) as f64,
    )
    .published(Some(6.5))
    .samples(samples);
    Comparison {
        subject: "sizes of swarms",
        unit: "peers",
        rows: if samples == 0 { Vec::new() } else { vec![row] },
    }
}

/// Nodes that hold values, by size of swarm. The parameters ask for no number
/// of holders, only for how it comes about.
fn replicas(sampler: &Sampler<'_>) -> Comparison {
    let world = sampler.world;
    let top = world.parameters().swarms.top;
    let around = |quarter: u32| {
        let last = u64::from(top.saturating_sub(SWARMS));
        let first = u32::try_from(last * u64::from(quarter) / 4).unwrap_or(0);
        (first..top.min(first + SWARMS)).map(|rank| world.swarms().top_infohash(rank))
    };
    let mut rows = Vec::new();
    if top > 0 {
        rows.extend((0..=4).flat_map(|quarter| holders(sampler, "top", around(quarter))));
    }
    let background =
        (0..SWARMS.into()).filter_map(|number| world.swarms().background_infohash(number));
    rows.extend(holders(sampler, "background", background));
    Comparison {
        subject: "replicas",
        unit: "nodes, or % of nodes",
        rows,
    }
}

/// Mean number of holders of some swarms, and the share of the eight nodes
/// nearest to the key that hold them.
fn holders(sampler: &Sampler<'_>, name: &str, infohashes: impl Iterator<Item = Id>) -> Vec<Row> {
    let (mut count, mut peers, mut all, mut nearest) = (0_u64, 0.0, 0.0, 0);
    for (i, infohash) in (0..).zip(infohashes) {
        let Some(swarm) = sampler.world.swarms().swarm(&infohash) else {
            continue;
        };
        let asked = Asked {
            sampler,
            swarm,
            key: prefix_of(&infohash),
            at: sampler.moment(i),
        };
        count += 1;
        peers += sampler.world.swarms().size(&infohash);
        all += asked.holders();
        nearest += asked.nearest();
    }
    if count == 0 {
        return Vec::new();
    }
    let name = format!("{name} swarms of {:.0} peers", peers / count as f64);
    let near = percent(nearest, count * NEAREST as u64);
    vec![
        Row::new(format!("{name}: holders"), None, all / count as f64).samples(count),
        Row::new(format!("{name}: % of nearest 8"), None, near).samples(count),
    ]
}

/// A swarm that nodes are asked for at a moment.
struct Asked<'a> {
    sampler: &'a Sampler<'a>,
    swarm: Swarm,
    key: u64,
    at: Instant,
}

impl Asked<'_> {
    fn holds(&self, rank: u32) -> bool {
        let world = self.sampler.world;
        let identity = world.population().at(rank, self.at);
        let node = (identity.number(), world.population().prefix(rank));
        let mut peers = Vec::new();
        world.swarms().held(&self.swarm, node, self.at, &mut peers);
        !peers.is_empty()
    }

    /// Number of nodes that hold it: all near ones are asked, of the others
    /// some, subtree by subtree.
    fn holders(&self) -> f64 {
        let population = self.sampler.world.population();
        let depth = self.near_depth();
        let near = population.subtree(self.key, depth);
        let mut sum = near.filter(|rank| self.holds(*rank)).count() as f64;
        for bit in 0..depth {
            let far = population.subtree(self.key ^ (1 << (63 - bit)), bit + 1);
            let size = far.len() as u64;
            let asked = FAR.min(size);
            let held = (0..asked).filter(|i| {
                let step = u32::try_from(i * size / asked).unwrap_or(0);
                self.holds(far.start + step)
            });
            sum += held.count() as f64 * size as f64 / asked.max(1) as f64;
        }
        sum
    }

    /// How many of the nearest nodes hold it.
    fn nearest(&self) -> u64 {
        let population = self.sampler.world.population();
        let mut ranks: Vec<u32> = population.subtree(self.key, self.near_depth()).collect();
        ranks.sort_by_key(|rank| population.prefix(*rank) ^ self.key);
        let nearest = ranks.into_iter().take(NEAREST);
        nearest.filter(|rank| self.holds(*rank)).count() as u64
    }

    /// Depth of the subtree in which all are asked.
    fn near_depth(&self) -> u32 {
        let population = self.sampler.world.population();
        let small = |depth: &u32| population.subtree(self.key, *depth).len() <= NEAR;
        (0..64).find(small).unwrap_or(64)
    }
}
