//! What tables hold when somebody asks: fill, and what has become of the
//! entries since they were made.

use mdht_krpc::Instant;

use super::sampler::{Sampler, percent};
use super::{Comparison, Row};
use crate::describe::make_up::bucket_places;
use crate::draws::{Draws, Subject};
use crate::nat::{LastSent, lets_in};
use crate::population::Identity;
use crate::tables::{Closest, Kind};

/// Tables read from end to end.
const TABLES: u64 = 1_500;
const KINDS: [(Kind, &str); 4] = [
    (Kind::Good, "good"),
    (Kind::Natted, "behind a NAT"),
    (Kind::Firewalled, "behind a firewall"),
    (Kind::Stale, "stale"),
];

/// Entries by what they are.
#[derive(Default)]
struct Tally {
    entries: u64,
    kinds: [u64; 4],
    answers: u64,
}

impl Tally {
    fn add(&mut self, kind: Kind, answers: bool) {
        let place = KINDS.iter().position(|(known, _)| *known == kind);
        if let Some(count) = place.and_then(|place| self.kinds.get_mut(place)) {
            *count += 1;
        }
        self.entries += 1;
        self.answers += u64::from(answers);
    }
}

pub(super) fn all(sampler: &Sampler<'_>) -> Vec<Comparison> {
    let depth = sampler.world.tables.near_depth();
    let mut per_bucket = vec![0; depth as usize];
    let (mut entered, mut asked, mut nearest) =
        (Tally::default(), Tally::default(), Tally::default());
    for i in 0..TABLES {
        let (owner, now) = sampler.node(i);
        read(sampler, (owner, now), |bucket, kind, identity| {
            per_bucket[bucket as usize] += 1;
            entered.add(kind, false);
            asked.add(
                kind_now(sampler, identity, now),
                answers_a_stranger(sampler, identity, now),
            );
        });
        for identity in nearest_known(sampler, owner, now) {
            nearest.add(
                kind_now(sampler, identity, now),
                answers_a_stranger(sampler, identity, now),
            );
        }
    }
    vec![
        fill(sampler, &per_bucket),
        pollution(sampler, &entered, &asked, &nearest),
    ]
}

/// Every entry of the buckets of a table.
fn read(
    sampler: &Sampler<'_>,
    (owner, now): (Identity, Instant),
    mut see: impl FnMut(u32, Kind, Identity),
) {
    let (tables, population) = (&sampler.world.tables, sampler.world.population());
    for bucket in 0..tables.near_depth() {
        for slot in 0..tables.bucket_size(population, owner, bucket) {
            if let Some((kind, identity)) = tables.entry(population, owner, (bucket, slot), now) {
                see(bucket, kind, identity);
            }
        }
    }
}

/// The contacts that a node gives to somebody who asks for its own ID.
fn nearest_known(sampler: &Sampler<'_>, owner: Identity, now: Instant) -> Vec<Identity> {
    let (tables, population) = (&sampler.world.tables, sampler.world.population());
    let mut closest = Closest::default();
    let target = population.prefix(owner.rank);
    tables.closest(population, owner, target, now, &mut closest);
    closest.identities().collect()
}

fn kind_now(sampler: &Sampler<'_>, identity: Identity, now: Instant) -> Kind {
    let population = sampler.world.population();
    if population.is_online(identity, now) {
        Kind::of(population.connectivity(identity).class)
    } else {
        Kind::Stale
    }
}

/// Whether a node under test that the node never sent to would get an answer,
/// losses left out.
fn answers_a_stranger(sampler: &Sampler<'_>, identity: Identity, now: Instant) -> bool {
    let population = sampler.world.population();
    let coins = Draws::new(sampler.world.parameters().seed, Subject::Anomaly);
    let coins = coins.of(identity.number());
    let what = population.connectivity(identity);
    population.is_online(identity, now) && lets_in(what, LastSent::default(), now, coins)
}

fn fill(sampler: &Sampler<'_>, per_bucket: &[u64]) -> Comparison {
    let world = sampler.world;
    let mean = |entries: u64| entries as f64 / TABLES as f64;
    let bucket = |place: u32| {
        let observed = per_bucket.get(place as usize).copied().unwrap_or(0);
        let name = format!("bucket {place}");
        Row::new(name, bucket_places(world, place), mean(observed))
    };
    let depth = world.tables.near_depth();
    let mut shown = vec![0, depth / 2, depth.saturating_sub(1)];
    shown.dedup();
    let mut rows: Vec<Row> = shown.into_iter().map(bucket).collect();
    let places = (0..depth)
        .map(|place| bucket_places(world, place))
        .sum::<f64>();
    let all = per_bucket.iter().sum();
    rows.push(Row::new("all buckets", places, mean(all)));
    Comparison {
        subject: "fill of tables",
        unit: "entries",
        rows: rows.into_iter().map(|row| row.samples(TABLES)).collect(),
    }
}

fn pollution(sampler: &Sampler<'_>, entered: &Tally, asked: &Tally, nearest: &Tally) -> Comparison {
    let tables = &sampler.world.parameters().tables;
    let by_kind = |when: &str, good: f64, tally: &Tally| {
        let rows = KINDS.iter().zip(tables.shares(good)).zip(tally.kinds);
        let row = |(((_, name), planted), count): ((&(Kind, &str), f64), u64)| {
            Row::new(
                format!("{when}: {name}"),
                100.0 * planted,
                percent(count, tally.entries),
            )
            .samples(tally.entries)
        };
        rows.map(row).collect::<Vec<_>>()
    };
    let answer = |when: &str, good: f64, tally: &Tally| {
        let observed = percent(tally.answers, tally.entries);
        Row::new(format!("{when}: answer a stranger"), 100.0 * good, observed)
            .samples(tally.entries)
    };
    let rows = [
        by_kind("when entered", tables.good, entered),
        by_kind("when asked", tables.good, asked),
        vec![answer("when asked", tables.good, asked)],
        by_kind("nearest, when asked", tables.near_good, nearest),
        vec![answer("nearest, when asked", tables.near_good, nearest)],
    ];
    Comparison {
        subject: "pollution of tables",
        unit: "% of entries",
        rows: rows.into_iter().flatten().collect(),
    }
}
