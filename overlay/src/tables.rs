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

use std::ops::Range;

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
    /// Found, but not yet ranked.
    found: Vec<Identity>,
    /// Those ranked, once each and in order, each as one number: the distance of
    /// its ID's first 64 bits, and below it the number of the identity.
    ranked: Vec<u128>,
}

impl Closest {
    fn clear(&mut self) {
        self.found.clear();
        self.ranked.clear();
    }

    /// Takes one up. Its ID begins to be fetched while others are looked for.
    #[inline]
    fn add(&mut self, population: &Population, identity: Identity) {
        population.expect(identity.rank);
        self.found.push(identity);
    }

    /// Ranks those found, and tells whether there are enough for an answer.
    fn is_enough(&mut self, population: &Population, target: u64) -> bool {
        self.ranked.extend(self.found.drain(..).map(|identity| {
            let distance = population.prefix(identity.rank) ^ target;
            u128::from(distance) << 64 | u128::from(identity.number())
        }));
        self.ranked.sort_unstable();
        self.ranked.dedup();
        self.ranked.len() >= K
    }

    pub(crate) fn identities(&self) -> impl Iterator<Item = Identity> {
        #[allow(clippy::cast_possible_truncation)] // the lower half
        let identity = |ranked: &u128| Identity::from_number(*ranked as u64);
        self.ranked.iter().take(K).map(identity)
    }
}

/// A moment, taken apart as [`TablePlan::epoch`] needs it for many entries.
#[derive(Clone, Copy, Debug)]
struct Clock {
    /// Whole epochs since time zero, and microseconds since the last.
    epochs: u64,
    within: u64,
}

/// Where the entries of one bucket of one node are drawn from.
#[derive(Clone, Debug)]
struct Subtree {
    of: u64,
    bucket: u32,
    ranks: Range<u32>,
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
        let clock = self.clock(now);
        let common = (population.prefix(of.rank) ^ target).leading_zeros();
        if common >= self.near_depth {
            self.near(population, of, clock, |identity| {
                out.add(population, identity);
            });
        }
        // buckets farther and farther away until there are enough
        let first = common.min(self.near_depth.saturating_sub(1));
        for bucket in (0..=first).rev() {
            let subtree = Subtree::new(population, of, bucket);
            for slot in 0..self.bucket_size(population, of, bucket) {
                let entry = self.drawn(population, &subtree, slot, clock);
                entry
                    .into_iter()
                    .for_each(|(_, identity)| out.add(population, identity));
            }
            if out.is_enough(population, target) {
                break;
            }
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
        let clock = self.clock(now);
        for bucket in 0..self.near_depth {
            let subtree = Subtree::new(population, of, bucket);
            let slots = 0..self.bucket_size(population, of, bucket);
            out.extend(slots.filter_map(|slot| self.drawn(population, &subtree, slot, clock)));
        }
        self.near(population, of, clock, |identity| {
            let kind = match population.is_online(identity, now) {
                true => Kind::of(population.connectivity(identity).class),
                false => Kind::Stale,
            };
            out.push((kind, identity));
        });
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
        let subtree = Subtree::new(population, of, bucket);
        self.drawn(population, &subtree, slot, self.clock(now))
    }

    fn drawn(
        &self,
        population: &Population,
        subtree: &Subtree,
        slot: u16,
        clock: Clock,
    ) -> Option<(Kind, Identity)> {
        let Subtree {
            of,
            bucket,
            ref ranks,
        } = *subtree;
        let place = u64::from(bucket) << 16 | u64::from(slot);
        let (epoch, began) = self.epoch(of, place, clock);
        let entry = self.entries.draw(of, place << 32 | epoch);
        let kind = self.kind(unit(entry));
        if ranks.is_empty() {
            return None;
        }
        let picks = self.picks.of(entry);
        let share = self.far.share(kind);
        // of a rare kind few circulate: better any than none
        let mut any = None;
        for pick in 0..PICKS {
            let draw = below(picks.then(pick), ranks.len() as u64);
            let rank = ranks.start + u32::try_from(draw).unwrap_or(0);
            let there = population.at(rank, began);
            let there = match kind {
                Kind::Stale => Population::before(there),
                _ if Kind::of(population.connectivity(there).class) != kind => continue,
                _ => there,
            };
            if self.circulates(there, share) {
                return Some((kind, there));
            }
            any.get_or_insert(there);
        }
        any.map(|identity| (kind, identity))
    }

    /// Number of entries in a bucket of a node.
    pub(crate) fn bucket_size(&self, population: &Population, of: Identity, bucket: u32) -> u16 {
        let sizes = self.buckets.get(population.client(of));
        let size = sizes.and_then(|sizes| sizes.get(bucket as usize));
        size.copied().unwrap_or(DEFAULT_BUCKET)
    }

    /// Nodes nearest to the own ID: they are few, and most are known.
    fn near(
        &self,
        population: &Population,
        of: Identity,
        clock: Clock,
        mut add: impl FnMut(Identity),
    ) {
        let own = population.prefix(of.rank);
        for rank in population.subtree(own, self.near_depth) {
            let place = 1 << 40 | u64::from(rank);
            let (epoch, began) = self.epoch(of.number(), place, clock);
            let there = population.at(rank, began);
            let kind = Kind::of(population.connectivity(there).class);
            let gone = Population::before(there);
            let draws = self.entries.of(of.number()).of(place);
            for (identity, kind) in [(there, kind), (gone, Kind::Stale)] {
                let known = unit(draws.draw(identity.number(), epoch)) < self.tables.near_known;
                if known && identity != of && self.circulates(identity, self.near.share(kind)) {
                    add(identity);
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

    const fn clock(&self, now: Instant) -> Clock {
        let now = now.as_micros();
        Clock {
            epochs: now / self.epoch,
            within: now % self.epoch,
        }
    }

    /// Number of an entry's epoch, and when it began.
    fn epoch(&self, node: u64, place: u64, clock: Clock) -> (u64, Instant) {
        let phase = below(self.phases.draw(node, place), self.epoch);
        let epoch = clock.epochs + u64::from(clock.within + phase >= self.epoch);
        let began = (epoch * self.epoch).saturating_sub(phase);
        (epoch, Instant::from_micros(began))
    }
}

impl Subtree {
    fn new(population: &Population, of: Identity, bucket: u32) -> Self {
        let own = population.prefix(of.rank);
        Self {
            of: of.number(),
            bucket,
            ranks: population.subtree(own ^ (1 << (63 - bucket)), bucket + 1),
        }
    }
}
