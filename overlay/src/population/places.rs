//! How far nodes are from each other.
//!
//! Each network (a /16) has a point on a circle; the distance of two networks
//! on it, and how well each host is connected, decide where in the distribution
//! of round-trip times the pair stands. So every node sees the distribution that
//! was asked for, near nodes are the same ones each time, and nodes of one
//! network are about equally far from a third.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::sessions::{normal_cdf, probit};
use crate::draws::{Draws, Subject, unit};
use crate::parameters::Links;

/// Points of the table from a network's distance to a normal variable.
const NORMAL_POINTS: usize = 4096;
/// Points of the table from a normal variable to a round-trip time.
const TIME_POINTS: usize = 2048;
/// The normal variable is cut here.
const MOST_SIGMAS: f64 = 4.0;

/// What an end of a link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A host like all others: part of the delay is its own.
    Home,
    /// A host whose own link adds nothing, as in the thesis's laboratory.
    Laboratory,
}

/// The places of all hosts.
#[derive(Debug)]
pub(crate) struct Places {
    networks: Draws,
    hosts: Draws,
    normal: Vec<f32>,
    micros: Vec<f32>,
    network_weight: f64,
    host_weight: f64,
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // tables within bounds
impl Places {
    pub(crate) fn new(seed: u64, links: &Links) -> Self {
        let point = |i: usize| (i as f64 + 0.5) / NORMAL_POINTS as f64;
        let sigmas = |i: usize| (2.0 * i as f64 / (TIME_POINTS - 1) as f64 - 1.0) * MOST_SIGMAS;
        let micros = |i| 1e3 * interpolate(&links.rtt_percentiles, 100.0 * normal_cdf(sigmas(i)));
        Self {
            networks: Draws::new(seed, Subject::Network),
            hosts: Draws::new(seed, Subject::Host),
            normal: (0..NORMAL_POINTS)
                .map(|i| probit(point(i)) as f32)
                .collect(),
            micros: (0..TIME_POINTS).map(|i| micros(i) as f32).collect(),
            network_weight: links.network_share.sqrt(),
            host_weight: (1.0 - links.network_share).sqrt(),
        }
    }

    /// Round-trip time between two hosts, without jitter.
    pub(crate) fn rtt(&self, a: (Ipv4Addr, Access), b: (Ipv4Addr, Access)) -> Duration {
        let gap = self.point(a.0).wrapping_sub(self.point(b.0));
        // the shorter way round, as a share of the longest
        let distance = gap.min(gap.wrapping_neg()) << 1;
        let network = f64::from(self.normal[(distance >> 52) as usize]);
        let host = match (a.1, b.1) {
            (Access::Home, Access::Home) => {
                (self.host(a.0) + self.host(b.0)) * std::f64::consts::FRAC_1_SQRT_2
            }
            (Access::Laboratory, _) => self.host(b.0),
            (_, Access::Laboratory) => self.host(a.0),
        };
        self.time(self.network_weight * network + self.host_weight * host)
    }

    fn point(&self, ip: Ipv4Addr) -> u64 {
        self.networks.one(u64::from(ip.to_bits() >> 16))
    }

    fn host(&self, ip: Ipv4Addr) -> f64 {
        let draw = self.hosts.one(ip.to_bits().into());
        f64::from(self.normal[(draw >> 52) as usize])
    }

    fn time(&self, sigmas: f64) -> Duration {
        let scaled = (sigmas / MOST_SIGMAS + 1.0) / 2.0 * (TIME_POINTS - 1) as f64;
        let scaled = scaled.clamp(0.0, (TIME_POINTS - 1) as f64 - 1e-6);
        let (low, share) = (scaled as usize, scaled.fract());
        let (a, b) = (f64::from(self.micros[low]), f64::from(self.micros[low + 1]));
        Duration::from_micros((a + share * (b - a)) as u64)
    }
}

/// The value at `x` on the line through `points`.
pub(crate) fn interpolate(points: &[(f64, f64)], x: f64) -> f64 {
    let after = points.partition_point(|point| point.0 < x);
    match (points.get(after.wrapping_sub(1)), points.get(after)) {
        (Some(a), Some(b)) => a.1 + (x - a.0) / (b.0 - a.0) * (b.1 - a.1),
        (Some(end), None) | (None, Some(end)) => end.1,
        (None, None) => 0.0,
    }
}

/// A packet's delay: half the round trip, and jitter.
pub(crate) fn one_way(rtt: Duration, jitter: f64, draw: u64) -> Duration {
    // exponential, so never early
    let late = -jitter * (1.0 - unit(draw)).ln();
    (rtt / 2).mul_f64(1.0 + late)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Percentiles of the round-trip times from one host to many.
    fn seen_from(places: &Places, from: (Ipv4Addr, Access)) -> Vec<f64> {
        let draws = Draws::new(77, Subject::Peer);
        let to = |i| {
            let [a, b, c, d, ..] = draws.one(i).to_be_bytes();
            Ipv4Addr::new(a, b, c, d)
        };
        let mut times: Vec<_> = (0..100_000)
            .map(|i| places.rtt(from, (to(i), Access::Home)).as_secs_f64() * 1e3)
            .collect();
        times.sort_by(f64::total_cmp);
        times
    }

    #[test]
    fn a_laboratory_anywhere_sees_the_published_percentiles() {
        let links = Links::default();
        let places = Places::new(4, &links);
        for ip in [[8, 8, 8, 8], [130, 237, 50, 1], [200, 1, 2, 3]] {
            let times = seen_from(&places, (ip.into(), Access::Laboratory));
            for (percent, ms) in &links.rtt_percentiles[1..6] {
                let below = times.partition_point(|time| time < ms) as f64 / 1e3;
                assert!((below - percent).abs() < 1.0, "{ms} ms: {below} %");
            }
        }
    }

    #[test]
    fn links_are_the_same_both_ways_and_near_networks_stay_near() {
        let places = Places::new(4, &Links::default());
        let (a, b) = (Ipv4Addr::new(9, 1, 1, 1), Ipv4Addr::new(77, 2, 3, 4));
        let home = |ip| (ip, Access::Home);
        assert_eq!(places.rtt(home(a), home(b)), places.rtt(home(b), home(a)));
        let same_network = (0..200).map(|i| Ipv4Addr::new(9, 1, 2, i));
        let median = |mut times: Vec<Duration>| {
            times.sort_unstable();
            times[times.len() / 2]
        };
        let near = median(
            same_network
                .map(|ip| places.rtt(home(a), home(ip)))
                .collect(),
        );
        let times = seen_from(&places, home(a));
        assert!(near.as_secs_f64() * 1e3 < times[25_000], "{near:?}");
    }
}
