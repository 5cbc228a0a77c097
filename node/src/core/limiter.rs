//! Limits on what we take from others and send them, per source and in all.

use std::net::IpAddr;

use mdht_krpc::{Instant, Rng};

use super::token_bucket::{Rate, TokenBucket};

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
    /// Bytes a second of queries taken from one source in the long run.
    /// Default 10,000.
    pub source_bytes: u32,
    /// The same at once. Default 70,000: the largest datagram fits.
    pub source_bytes_burst: u32,
    /// Bytes a second of queries taken from all in the long run. Default
    /// 1,000,000.
    pub total_bytes: u32,
    /// The same at once. Default 2,000,000.
    pub total_bytes_burst: u32,
    /// Bytes a second of answers sent to all in the long run. Default 2,000,000.
    pub answer_bytes: u32,
    /// The same at once. Default 4,000,000.
    pub answer_bytes_burst: u32,
    /// Bytes a second sent to one source beyond 3.5 times what it sent us, in
    /// the long run: what somebody is hit by in whose name others ask.
    /// Default 500.
    pub excess: u32,
    /// The same at once. Default 10,000.
    pub excess_burst: u32,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self {
            per_source: 20,
            source_burst: 100,
            total: 4000,
            total_burst: 8000,
            source_bytes: 10_000,
            source_bytes_burst: 70_000,
            total_bytes: 1_000_000,
            total_bytes_burst: 2_000_000,
            answer_bytes: 2_000_000,
            answer_bytes_burst: 4_000_000,
            excess: 500,
            excess_burst: 10_000,
        }
    }
}

/// The sources remembered are in this many groups, ...
const GROUPS: usize = 1024;
/// ... of so many each: memory is fixed whatever the number of (possibly
/// forged) sources.
const IN_GROUP: usize = 4;

/// What one source may still have.
#[derive(Clone, Copy, Debug)]
struct Source {
    network: u64,
    used: Instant,
    queries: TokenBucket,
    bytes: TokenBucket,
    excess: TokenBucket,
}

/// Both in queries and in bytes.
#[derive(Clone, Copy, Debug)]
struct Rates {
    queries: Rate,
    bytes: Rate,
}

/// Says whether a query may be answered, and by how much.
#[derive(Debug)]
pub(crate) struct Limiter {
    source: Rates,
    total: Rates,
    answer_bytes: Rate,
    excess: Rate,
    key: u64,
    sources: Vec<[Source; IN_GROUP]>,
    total_queries: TokenBucket,
    total_bytes: TokenBucket,
    total_answer_bytes: TokenBucket,
}

impl Limiter {
    pub(crate) fn new(limit: RateLimit, now: Instant, rng: &mut Rng) -> Self {
        let source = Rates {
            queries: Rate::per_second(limit.per_source, limit.source_burst),
            bytes: Rate::per_second(limit.source_bytes, limit.source_bytes_burst),
        };
        let total = Rates {
            queries: Rate::per_second(limit.total, limit.total_burst),
            bytes: Rate::per_second(limit.total_bytes, limit.total_bytes_burst),
        };
        let answer_bytes = Rate::per_second(limit.answer_bytes, limit.answer_bytes_burst);
        let excess = Rate::per_second(limit.excess, limit.excess_burst);
        let nobody = Source {
            network: u64::MAX,
            used: now,
            queries: TokenBucket::full(&source.queries, now),
            bytes: TokenBucket::full(&source.bytes, now),
            excess: TokenBucket::full(&excess, now),
        };
        Self {
            source,
            total,
            answer_bytes,
            excess,
            key: rng.next_u64(),
            sources: vec![[nobody; IN_GROUP]; GROUPS],
            total_queries: TokenBucket::full(&total.queries, now),
            total_bytes: TokenBucket::full(&total.bytes, now),
            total_answer_bytes: TokenBucket::full(&answer_bytes, now),
        }
    }

    /// Counts a query of `len` bytes from `source`; false if it must go
    /// unanswered. A source over its own limit does not use up the total.
    pub(crate) fn admits(&mut self, now: Instant, source: IpAddr, len: usize) -> bool {
        let bytes = len as u64;
        let (of_source, of_all) = (self.source, self.total);
        let entry = self.source(now, source);
        entry.queries.take(now, &of_source.queries, 1)
            && entry.bytes.take(now, &of_source.bytes, bytes)
            && self.total_queries.take(now, &of_all.queries, 1)
            && self.total_bytes.take(now, &of_all.bytes, bytes)
    }

    /// Bytes that `source` may now be sent beyond the plain multiple of what it
    /// sent.
    pub(crate) fn excess(&mut self, now: Instant, source: IpAddr) -> usize {
        let rate = self.excess;
        let level = self.source(now, source).excess.level(now, &rate);
        usize::try_from(level).unwrap_or(usize::MAX)
    }

    /// Counts an answer of `len` bytes, `excess` of them beyond the plain
    /// multiple; false if it must not be sent.
    pub(crate) fn admits_answer(
        &mut self,
        now: Instant,
        source: IpAddr,
        (len, excess): (usize, usize),
    ) -> bool {
        let rates = (self.excess, self.answer_bytes);
        self.total_answer_bytes.take(now, &rates.1, len as u64)
            && (excess == 0
                || self
                    .source(now, source)
                    .excess
                    .take(now, &rates.0, excess as u64))
    }

    /// The entry of a source. One that is new takes the place of the one in its
    /// group that was heard from longest ago, and what that had left: so nobody
    /// gets more by coming under ever new addresses.
    fn source(&mut self, now: Instant, source: IpAddr) -> &mut Source {
        let network = match source {
            IpAddr::V4(ip) => u64::from(ip.to_bits()),
            IpAddr::V6(ip) => (ip.to_bits() >> 64) as u64,
        };
        let group = self.group(network);
        let group = &mut self.sources[group];
        let known = group.iter().position(|entry| entry.network == network);
        let place = known.unwrap_or_else(|| {
            let oldest = group.iter().enumerate().min_by_key(|(_, entry)| entry.used);
            oldest.map_or(0, |(place, _)| place)
        });
        let entry = &mut group[place];
        entry.network = network;
        entry.used = now;
        entry
    }

    /// By a keyed hash, so that nobody can aim at another's group.
    fn group(&self, network: u64) -> usize {
        let mut x = network ^ self.key;
        for _ in 0..2 {
            x = (x ^ (x >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15 ^ (self.key | 1));
        }
        (x >> 52) as usize % GROUPS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(limit: RateLimit) -> Limiter {
        Limiter::new(limit, Instant::ZERO, &mut Rng::from_u64(1))
    }

    #[test]
    fn a_flood_is_cut_to_the_rate_and_others_are_served() {
        let mut limiter = limiter(RateLimit::default());
        let (loud, quiet) = ("10.0.0.1".parse().unwrap(), "10.9.9.9".parse().unwrap());
        // 10,000 queries a second for ten seconds
        let answered = (0..100_000)
            .filter(|n| limiter.admits(Instant::from_micros(n * 100), loud, 100))
            .count();
        assert!((295..=301).contains(&answered), "{answered}");
        assert!(limiter.admits(Instant::from_micros(10_000_000), quiet, 100));
    }

    #[test]
    fn few_large_datagrams_are_a_flood_too() {
        let mut limiter = limiter(RateLimit::default());
        let loud = "10.0.0.1".parse().unwrap();
        // ten of 65,507 bytes a second for ten seconds
        let answered = (0..100)
            .filter(|n| limiter.admits(Instant::from_micros(n * 100_000), loud, 65_507))
            .count();
        assert_eq!(answered, 2, "170,000 bytes in all");
    }

    #[test]
    fn the_total_bounds_many_sources() {
        let sources = || (0..100_000_u32).map(|n| IpAddr::from(n.to_be_bytes()));
        let mut limiter = limiter(RateLimit::default());
        let answered = sources().filter(|ip| limiter.admits(Instant::ZERO, *ip, 100));
        assert_eq!(answered.count(), 8000);
        let mut limiter = self::limiter(RateLimit::default());
        let answered = sources().filter(|ip| limiter.admits(Instant::ZERO, *ip, 1000));
        assert_eq!(answered.count(), 2000, "two million bytes");
    }

    #[test]
    fn ever_new_addresses_get_no_more_than_old_ones() {
        let limit = RateLimit {
            total: u32::MAX,
            total_burst: u32::MAX,
            ..RateLimit::default()
        };
        let mut limiter = limiter(limit);
        let sources = (0..2_000_000_u32).map(|n| IpAddr::from(n.to_be_bytes()));
        let answered = sources.filter(|ip| limiter.admits(Instant::ZERO, *ip, 1));
        let most = GROUPS * IN_GROUP * 100;
        assert!(answered.count() <= most);
        // who was idle for long has a full bucket again, whoever had it before
        let later = Instant::from_micros(10_000_000);
        let fresh = "200.1.2.3".parse().unwrap();
        let answered = (0..200).filter(|_| limiter.admits(later, fresh, 1)).count();
        assert_eq!(answered, 100);
    }

    #[test]
    fn the_excess_is_that_of_one_source() {
        let mut limiter = limiter(RateLimit::default());
        let (one, other) = ("1.2.3.4".parse().unwrap(), "1.2.3.5".parse().unwrap());
        assert!(limiter.admits_answer(Instant::ZERO, one, (9000, 9000)));
        assert_eq!(limiter.excess(Instant::ZERO, one), 1000);
        assert!(!limiter.admits_answer(Instant::ZERO, one, (1400, 1001)));
        assert_eq!(limiter.excess(Instant::ZERO, other), 10_000);
        let later = Instant::from_micros(2_000_000);
        assert_eq!(limiter.excess(later, one), 2000);
    }
}
