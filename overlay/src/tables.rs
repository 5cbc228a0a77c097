//! What a modelled node's routing table holds, derived when somebody asks.
//!
//! An entry is drawn from the nodes of its bucket's subtree, of the kind that
//! the shares of [`Tables`] give it, and is another one after an epoch; each
//! entry's epochs begin at a moment of its own, so a table drifts. In between it
//! ages as real entries do: the node it names may leave.
//!
//! Not every unreachable node circulates: those that do are in about as many
//! tables as a good one. So who asks many tables meets no larger share of them
//! than who asks one.

use mdht_krpc::Instant;

use crate::draws::{Draws, Subject, below, unit};
use crate::parameters::{Class, Parameters, Tables};
use crate::population::{Identity, Population};

/// Contacts in an answer [B5].
pub(crate) const K: usize = 8;
/// Contacts in a bucket whose size the client's parameters do not give [B5].
const DEFAULT_BUCKET: u16 = 8;
/// Draws for an entry before it stays empty.
const PICKS: u64 = 40;
/// A node knows about this many of those nearest to its ID.
const NEAR: u32 = 24;

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
    /// In full buckets.
    far: Circulating,
    /// Among the nodes nearest to the owner.
    near: Circulating,
    circulation: Draws,
}

/// Share of the nodes of a kind that are in tables at all.
#[derive(Debug)]
struct Circulating {
    natted: f64,
    firewalled: f64,
    stale: f64,
}

impl Circulating {
    /// Such that the shares of kinds come out where every node is known that
    /// can be, and `good` of them are.
    fn new(parameters: &Parameters, good: f64) -> Self {
        let tables = &parameters.tables;
        let rows = &parameters.connectivity;
        let share = |kind| {
            let of_kind = rows.iter().filter(|row| Kind::of(row.class) == kind);
            of_kind.map(|row| row.share).sum::<f64>()
        };
        // entries that are not good, for each node there is
        let others = share(Kind::Good) * (1.0 - good) / good.max(1e-9);
        let chance = |part: f64, nodes: f64| (others * part / nodes.max(1e-9)).min(1.0);
        Self {
            natted: chance(tables.natted, share(Kind::Natted)),
            firewalled: chance(tables.firewalled, share(Kind::Firewalled)),
            stale: chance(1.0 - tables.natted - tables.firewalled, 1.0),
        }
    }

    const fn share(&self, kind: Kind) -> f64 {
        match kind {
            Kind::Good => 1.0,
            Kind::Natted => self.natted,
            Kind::Firewalled => self.firewalled,
            Kind::Stale => self.stale,
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
            far: Circulating::new(parameters, parameters.tables.good),
            near: Circulating::new(parameters, parameters.tables.near_good),
            circulation: Draws::new(seed, Subject::Circulation),
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
        let fits = |pick, share| {
            let draw = below(self.picks.draw(entry, pick), range.len() as u64);
            let rank = range.start + u32::try_from(draw).unwrap_or(0);
            let there = population.at(rank, began);
            let (there, is) = match kind {
                Kind::Stale => (Population::before(there), kind),
                _ => (there, Kind::of(population.connectivity(there).class)),
            };
            (is == kind && self.circulates(there, share)).then_some(there)
        };
        if range.is_empty() {
            return None;
        }
        let circulating = (0..PICKS).find_map(|pick| fits(pick, self.far.share(kind)));
        // of a rare kind few circulate: better any than none
        let found = circulating.or_else(|| (0..PICKS).find_map(|pick| fits(pick, 1.0)));
        found.map(|identity| (kind, identity))
    }

    /// Number of entries in a bucket of a node.
    pub(crate) fn bucket_size(&self, population: &Population, of: Identity, bucket: u32) -> u16 {
        let sizes = self.buckets.get(population.client(of));
        let size = sizes.and_then(|sizes| sizes.get(bucket as usize));
        size.copied().unwrap_or(DEFAULT_BUCKET)
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
            let kind = Kind::of(population.connectivity(there).class);
            let gone = Population::before(there);
            let draws = self.entries.of(of.number()).of(place);
            for (identity, kind) in [(there, kind), (gone, Kind::Stale)] {
                let known = unit(draws.draw(identity.number(), epoch)) < self.tables.near_known;
                if known && identity != of && self.circulates(identity, self.near.share(kind)) {
                    out.push(identity);
                }
            }
        }
    }

    /// Whether a node is one of the `share` of its kind that are in tables.
    fn circulates(&self, identity: Identity, share: f64) -> bool {
        share >= 1.0 || unit(self.circulation.one(identity.number())) < share
    }

    /// The kind of an entry of a full bucket.
    fn kind(&self, draw: f64) -> Kind {
        let Tables {
            good,
            natted,
            firewalled,
            ..
        } = self.tables;
        // where among the others
        let other = (draw - good) / (1.0 - good).max(1e-9);
        match () {
            () if draw < good => Kind::Good,
            () if other < natted => Kind::Natted,
            () if other < natted + firewalled => Kind::Firewalled,
            () => Kind::Stale,
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
