//! Round-trip times from several places.

use std::net::Ipv4Addr;

use super::sampler::{Sampler, percentile};
use super::{Comparison, Row};
use crate::describe::RTT_PERCENTILES;
use crate::population::{Access, interpolate};

/// Laboratories.
const PLACES: u64 = 3;
/// Round trips measured from each, and between homes.
const SAMPLES: u64 = 50_000;

pub(super) fn round_trips(sampler: &Sampler<'_>) -> Comparison {
    let from_laboratory = |place: u64| {
        let ip = *sampler.world.free_addr(place).ip();
        let from = move |_| (ip, Access::Laboratory);
        rows(sampler, &format!("laboratory {}", place + 1), from)
    };
    let mut all: Vec<Row> = (0..PLACES).flat_map(from_laboratory).collect();
    let homes = |i| (address(sampler, SAMPLES + i), Access::Home);
    all.extend(rows(sampler, "between homes", homes));
    Comparison {
        subject: "round-trip times",
        unit: "ms",
        rows: all,
    }
}

fn rows(sampler: &Sampler<'_>, name: &str, from: impl Fn(u64) -> (Ipv4Addr, Access)) -> Vec<Row> {
    let world = sampler.world;
    let time = |i| {
        let to = (address(sampler, i), Access::Home);
        world.population().rtt(from(i), to).as_secs_f64() * 1e3
    };
    let mut times: Vec<_> = (0..SAMPLES).map(time).collect();
    times.sort_by(f64::total_cmp);
    let points = &world.parameters().links.rtt_percentiles;
    let row = |percent: f64| {
        let name = format!("{name}, p{percent}");
        let planted = interpolate(points, percent);
        Row::new(name, planted, percentile(&times, percent))
            .published(published(percent))
            .samples(SAMPLES)
    };
    RTT_PERCENTILES.map(row).to_vec()
}

fn address(sampler: &Sampler<'_>, i: u64) -> Ipv4Addr {
    let (identity, _) = sampler.node(i);
    *sampler.world.population().contact(identity).0.ip()
}

/// Thesis 8.VI, Fig. 2.
fn published(percent: f64) -> Option<f64> {
    let points = [2.13, 94.8, 175.2, 343.6, 1093.9];
    let mut found = RTT_PERCENTILES.iter().zip(points);
    found.find(|(p, _)| **p == percent).map(|(_, ms)| ms)
}
