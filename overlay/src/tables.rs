//! What a modelled node's routing table holds, derived when somebody asks.
//!
//! An entry is drawn from the nodes of its bucket's subtree, of the kind that
//! the shares of [`Tables`] give it, and is another one after an epoch; each
//! entry's epochs begin at a moment of its own, so a table drifts. In between it
//! ages as real entries do: the node it names may leave.

use mdht_krpc::Instant;

use crate::draws::{Draws, Subject, below, unit};
use crate::parameters::{Class, Parameters, Tables};
use crate::population::{Identity, Population};

/// Contacts in an answer [B5].
pub(crate) const K: usize = 8;
/// Draws for an entry before it stays empty.
const PICKS: u64 = 24;
/// A node knows about this many of those nearest to its ID.
const NEAR: u32 = 16;

/// What an entry names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A node that was online and reachable by anybody when it was entered.
    Good,
    /// One behind a NAT that lets in only whom it sent to.
    Natted,
    /// One behind a firewall.
    Firewalled,
    /// One that had left.
    Stale,
}

impl Kind {
    /// The kind of an online node of a class.
    pub const fn of(class: Class) -> Self {
        match class {
            Class::Open | Class::Late | Class::LateForOthers => Self::Good,
            Class::Firewalled => Self::Firewalled,
            Class::FullCone
            | Class::RestrictedCone
            | Class::PortRestrictedCone
            | Class::Symmetric
            | Class::Erratic => Self::Natted,
        }
    }
}

/// The tables of all modelled nodes.
#[derive(Debug)]
pub(crate) struct TablePlan {
    tables: Tables,
    /// For each client the sizes of its first buckets.
    buckets: Vec<Vec<u16>>,
    entries: Draws,
    picks: Draws,
    phases: Draws,
    epoch: u64,
    near_depth: u32,
    /// Chance that a node near the own ID is known, by what it is.
    near: NearShares,
}

#[derive(Debug)]
struct NearShares {
    good: f64,
    natted: f64,
    firewalled: f64,
    stale: f64,
}

impl NearShares {
    /// Such that the shares of kinds come out as in the rest of the table.
    fn new(parameters: &Parameters) -> Self {
        let tables = &parameters.tables;
        let rows = &parameters.connectivity;
        let share = |kind| {
            let of_kind = rows.iter().filter(|row| Kind::of(row.class) == kind);
            of_kind.map(|row| row.share).sum::<f64>()
        };
        let stale = 1.0 - tables.good - tables.natted - tables.firewalled;
        // entries for each node there is
        let density = tables.near_known * share(Kind::Good) / tables.good.max(1e-9);
        let chance = |entries: f64, nodes: f64| (density * entries / nodes.max(1e-9)).min(1.0);
        Self {
            good: tables.near_known,
            natted: chance(tables.natted, share(Kind::Natted)),
            firewalled: chance(tables.firewalled, share(Kind::Firewalled)),
            stale: chance(stale, 1.0),
        }
    }
}

/// Contacts of an answer, nearest to its target first.
#[derive(Debug, Default)]
pub(crate) struct Closest {
    /// Found, but not yet looked at.
    found: Vec<Identity>,
    distances: Vec<(u64, Identity)>,
    /// The nearest of those looked at, at most [`K`], in order.
    nearest: Vec<(u64, Identity)>,
}

impl Closest {
    fn clear(&mut self) {
        self.found.clear();
        self.nearest.clear();
    }

    /// Looks at those found. The IDs of all of them are fetched before the
    /// first is put in its place: each is a miss of every cache, and they must
    /// not wait for each other.
    fn rank(&mut self, population: &Population, target: u64) {
        let distance = |identity: Identity| (population.prefix(identity.rank) ^ target, identity);
        self.distances.clear();
        self.distances.extend(self.found.drain(..).map(distance));
        for entry in &self.distances {
            let place = self.nearest.partition_point(|nearer| nearer < entry);
            if place < K && self.nearest.get(place) != Some(entry) {
                self.nearest.truncate(K - 1);
                self.nearest.insert(place, *entry);
            }
        }
    }

    pub(crate) fn identities(&self) -> impl Iterator<Item = Identity> {
        self.nearest.iter().map(|(_, identity)| *identity)
    }
}

impl TablePlan {
    pub(crate) fn new(parameters: &Parameters, population: &Population) -> Self {
        let seed = parameters.seed;
        let clients = parameters.clients.iter();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // validated
        let epoch = (parameters.tables.epoch_min * 60e6) as u64;
        Self {
            tables: parameters.tables.clone(),
            buckets: clients.map(|client| client.buckets.clone()).collect(),
            entries: Draws::new(seed, Subject::Entry),
            picks: Draws::new(seed, Subject::EntryPick),
            phases: Draws::new(seed, Subject::Phase),
            epoch: epoch.max(1),
            near_depth: population.depth_of(NEAR),
            near: NearShares::new(parameters),
        }
    }

    /// The contacts nearest to `target` in a node's table.
    pub(crate) fn closest(
        &self,
        population: &Population,
        of: Identity,
        target: u64,
        now: Instant,
        out: &mut Closest,
    ) {
        out.clear();
        let common = (population.prefix(of.rank) ^ target).leading_zeros();
        if common >= self.near_depth {
            self.add_near(population, of, now, &mut out.found);
            out.rank(population, target);
        }
        // buckets farther and farther away until there are enough
        let mut bucket = common.min(self.near_depth.saturating_sub(1));
        loop {
            self.add_bucket(population, of, bucket, now, &mut out.found);
            out.rank(population, target);
            if out.nearest.len() >= K || bucket == 0 {
                break;
            }
            bucket -= 1;
        }
    }

    /// Everything in a node's table, with what it is.
    pub(crate) fn entries(
        &self,
        population: &Population,
        of: Identity,
        now: Instant,
        out: &mut Vec<(Kind, Identity)>,
    ) {
        for bucket in 0..self.near_depth {
            let slots = 0..self.bucket_size(population, of, bucket);
            out.extend(slots.filter_map(|slot| self.entry(population, of, (bucket, slot), now)));
        }
        let mut near = Vec::new();
        self.add_near(population, of, now, &mut near);
        out.extend(near.into_iter().map(|identity| {
            let kind = match population.is_online(identity, now) {
                true => Kind::of(population.connectivity(identity).class),
                false => Kind::Stale,
            };
            (kind, identity)
        }));
    }

    /// Depth of the buckets that hold whoever is near.
    pub(crate) const fn near_depth(&self) -> u32 {
        self.near_depth
    }

    /// Entry `slot` of bucket `bucket` of a node.
    pub(crate) fn entry(
        &self,
        population: &Population,
        of: Identity,
        (bucket, slot): (u32, u16),
        now: Instant,
    ) -> Option<(Kind, Identity)> {
        let place = u64::from(bucket) << 16 | u64::from(slot);
        let (epoch, began) = self.epoch(of.number(), place, now);
        let entry = self.entries.draw(of.number(), place << 32 | epoch);
        let own = population.prefix(of.rank);
        let range = population.subtree(own ^ (1 << (63 - bucket)), bucket + 1);
        let kind = self.kind(unit(entry));
        let fits = |pick| {
            let draw = below(self.picks.draw(entry, pick), range.len() as u64);
            let rank = range.start + u32::try_from(draw).unwrap_or(0);
            let there = population.at(rank, began);
            if kind == Kind::Stale {
                return Some(Population::before(there));
            }
            let fits = Kind::of(population.connectivity(there).class) == kind;
            fits.then_some(there)
        };
        if range.is_empty() {
            return None;
        }
        (0..PICKS).find_map(fits).map(|identity| (kind, identity))
    }

    /// Number of entries in a bucket of a node.
    pub(crate) fn bucket_size(&self, population: &Population, of: Identity, bucket: u32) -> u16 {
        let sizes = self.buckets.get(population.client(of));
        let size = sizes.and_then(|sizes| sizes.get(bucket as usize));
        size.copied().unwrap_or(K as u16)
    }

    fn add_bucket(
        &self,
        population: &Population,
        of: Identity,
        bucket: u32,
        now: Instant,
        out: &mut Vec<Identity>,
    ) {
        let slots = 0..self.bucket_size(population, of, bucket);
        let entries = slots.filter_map(|slot| self.entry(population, of, (bucket, slot), now));
        out.extend(entries.map(|(_, identity)| identity));
    }

    /// Nodes nearest to the own ID: they are few, and most are known.
    fn add_near(
        &self,
        population: &Population,
        of: Identity,
        now: Instant,
        out: &mut Vec<Identity>,
    ) {
        let own = population.prefix(of.rank);
        for rank in population.subtree(own, self.near_depth) {
            let place = 1 << 40 | u64::from(rank);
            let (epoch, began) = self.epoch(of.number(), place, now);
            let there = population.at(rank, began);
            let draws = self.entries.of(of.number()).of(place);
            let known = match Kind::of(population.connectivity(there).class) {
                Kind::Good => self.near.good,
                Kind::Natted => self.near.natted,
                Kind::Firewalled | Kind::Stale => self.near.firewalled,
            };
            if there != of && unit(draws.draw(there.number(), epoch)) < known {
                out.push(there);
            }
            let gone = Population::before(there);
            if unit(draws.draw(gone.number(), epoch)) < self.near.stale {
                out.push(gone);
            }
        }
    }

    fn kind(&self, draw: f64) -> Kind {
        let Tables {
            good,
            natted,
            firewalled,
            ..
        } = self.tables;
        match draw {
            draw if draw < good => Kind::Good,
            draw if draw < good + natted => Kind::Natted,
            draw if draw < good + natted + firewalled => Kind::Firewalled,
            _ => Kind::Stale,
        }
    }

    /// Number of an entry's epoch, and when it began.
    fn epoch(&self, node: u64, place: u64, now: Instant) -> (u64, Instant) {
        let phase = below(self.phases.draw(node, place), self.epoch);
        let epoch = (now.as_micros() + phase) / self.epoch;
        let began = (epoch * self.epoch).saturating_sub(phase);
        (epoch, Instant::from_micros(began))
    }
}
