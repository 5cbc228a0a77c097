//! Shares of nodes: clients, connectivity classes, IDs that fit addresses.

use std::collections::BTreeMap;

use mdht_krpc::id_fits_addr;

use super::sampler::{Sampler, percent};
use super::{Comparison, Row};
use crate::describe::text;
use crate::parameters::{Client, Connectivity};

/// Nodes sampled.
const SAMPLES: u64 = 200_000;

pub(super) fn clients(sampler: &Sampler<'_>) -> Comparison {
    let world = sampler.world;
    let counts = count(|i| {
        let (identity, _) = sampler.node(i);
        world.population().client(identity)
    });
    let row = |(place, client): (usize, &Client)| {
        let observed = counts.get(&place).copied().unwrap_or(0);
        let name = text::code(&client.code).to_owned();
        Row::new(name, 100.0 * client.share, percent(observed, SAMPLES))
            .published(published(&client.code))
            .samples(SAMPLES)
    };
    Comparison {
        subject: "clients",
        unit: "% of nodes",
        rows: world
            .parameters()
            .clients
            .iter()
            .enumerate()
            .map(row)
            .collect(),
    }
}

/// Thesis 8.VIII.D, Table III.
fn published(code: &str) -> Option<f64> {
    let table = [("UT", 60.0), ("LT", 7.3), ("TR", 0.2), ("", 32.5)];
    let mut found = table.iter().filter(|row| row.0 == code);
    found.next().map(|row| row.1)
}

pub(super) fn classes(sampler: &Sampler<'_>) -> Comparison {
    let world = sampler.world;
    let counts = count(|i| {
        let (identity, _) = sampler.node(i);
        let what = world.population().connectivity(identity);
        text::class(what.class, Some(what.mapping_timeout_s))
    });
    let name = |row: &Connectivity| text::class(row.class, Some(row.mapping_timeout_s));
    let rows = &world.parameters().connectivity;
    // a class may be given in several rows that look the same
    let first = |place: usize| rows.iter().position(|row| name(row) == name(&rows[place]));
    let row = |place: usize| {
        let name_here = name(&rows[place]);
        let same = rows.iter().filter(|row| name(row) == name_here);
        let planted = same.map(|row| 100.0 * row.share).sum::<f64>();
        let observed = counts.get(&name_here).copied().unwrap_or(0);
        Row::new(name_here, planted, percent(observed, SAMPLES)).samples(SAMPLES)
    };
    let places = (0..rows.len()).filter(|place| first(*place) == Some(*place));
    Comparison {
        subject: "connectivity classes",
        unit: "% of nodes",
        rows: places.map(row).collect(),
    }
}

pub(super) fn secure_ids(sampler: &Sampler<'_>) -> Comparison {
    let world = sampler.world;
    let counts = count(|i| {
        let (identity, _) = sampler.node(i);
        let (addr, id) = world.population().contact(identity);
        id_fits_addr(&id, (*addr.ip()).into())
    });
    let observed = percent(counts.get(&true).copied().unwrap_or(0), SAMPLES);
    let planted = 100.0 * world.parameters().secure_ids;
    Comparison {
        subject: "IDs that fit their address [BEP 42]",
        unit: "% of nodes",
        rows: vec![Row::new("all nodes", planted, observed).samples(SAMPLES)],
    }
}

fn count<K: Ord>(what: impl Fn(u64) -> K) -> BTreeMap<K, u64> {
    let mut counts = BTreeMap::new();
    for i in 0..SAMPLES {
        *counts.entry(what(i)).or_default() += 1;
    }
    counts
}
