//! Limits on how often we answer, per source and in all.

use std::net::IpAddr;

use mdht_krpc::{Instant, Rng};

/// Rates of answered queries; a source is an IPv4 address or an IPv6 /64.
#[derive(Clone, Copy, Debug)]
pub struct RateLimit {
    /// Queries a second answered to one source in the long run. Default 20.
    pub per_source: u32,
    /// Queries answered to one source at once. Default 100.
    pub source_burst: u32,
    /// Queries a second answered in all in the long run. Default 4,000.
    pub total: u32,
    /// Queries answered in all at once. Default 8,000.
    pub total_burst: u32,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self {
            per_source: 20,
            source_burst: 100,
            total: 4000,
            total_burst: 8000,
        }
    }
}

/// Buckets for sources. Sources that fall into the same one share it: memory
/// is fixed whatever the number of (possibly forged) sources.
const SOURCE_BUCKETS: usize = 4096;

/// A token bucket, in millionths of a query, so that it is exact in microseconds.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    level: u64,
    filled: Instant,
}

impl Bucket {
    const QUERY: u64 = 1_000_000;

    fn take(&mut self, now: Instant, rate: u32, burst: u32) -> bool {
        let micros = now.as_micros().saturating_sub(self.filled.as_micros());
        let full = u64::from(burst) * Self::QUERY;
        self.level = micros
            .saturating_mul(rate.into())
            .saturating_add(self.level)
            .min(full);
        self.filled = now;
        let enough = self.level >= Self::QUERY;
        if enough {
            self.level -= Self::QUERY;
        }
        enough
    }
}

/// Says whether a query may be answered.
#[derive(Debug)]
pub(crate) struct Limiter {
    limit: RateLimit,
    key: u64,
    sources: Vec<Bucket>,
    total: Bucket,
}

impl Limiter {
    pub(crate) fn new(limit: RateLimit, now: Instant, rng: &mut Rng) -> Self {
        let bucket = |burst: u32| Bucket {
            level: u64::from(burst) * Bucket::QUERY,
            filled: now,
        };
        Self {
            limit,
            key: rng.next_u64(),
            sources: vec![bucket(limit.source_burst); SOURCE_BUCKETS],
            total: bucket(limit.total_burst),
        }
    }

    /// Counts a query from `source`; false if it must go unanswered. A source
    /// over its own limit does not use up the total.
    pub(crate) fn admits(&mut self, now: Instant, source: IpAddr) -> bool {
        let slot = self.slot(source);
        let limit = self.limit;
        self.sources[slot].take(now, limit.per_source, limit.source_burst)
            && self.total.take(now, limit.total, limit.total_burst)
    }

    /// A keyed hash, so that nobody can aim at another's bucket.
    fn slot(&self, source: IpAddr) -> usize {
        let network = match source {
            IpAddr::V4(ip) => u64::from(ip.to_bits()),
            IpAddr::V6(ip) => u64::try_from(ip.to_bits() >> 64).unwrap_or(0),
        };
        let mut x = network ^ self.key;
        for _ in 0..2 {
            x = (x ^ (x >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15 ^ (self.key | 1));
        }
        usize::try_from(x >> 52).unwrap_or(0) % SOURCE_BUCKETS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_to_the_rate_and_others_are_served() {
        let limit = RateLimit::default();
        let mut limiter = Limiter::new(limit, Instant::ZERO, &mut Rng::from_u64(1));
        let (loud, quiet) = ("10.0.0.1".parse().unwrap(), "10.9.9.9".parse().unwrap());
        // 10,000 queries a second for ten seconds
        let answered = (0..100_000)
            .filter(|n| limiter.admits(Instant::from_micros(n * 100), loud))
            .count();
        assert!((295..=301).contains(&answered), "{answered}");
        assert!(limiter.admits(Instant::from_micros(10_000_000), quiet));
    }

    #[test]
    fn the_total_bounds_many_sources() {
        let mut limiter = Limiter::new(RateLimit::default(), Instant::ZERO, &mut Rng::from_u64(1));
        let sources = (0..100_000_u32).map(|n| IpAddr::from(n.to_be_bytes()));
        let answered = sources
            .filter(|ip| limiter.admits(Instant::ZERO, *ip))
            .count();
        assert_eq!(answered, 8000);
    }
}
