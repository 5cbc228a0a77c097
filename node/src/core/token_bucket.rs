//! Token buckets, exact in microseconds.

use std::time::Duration;

use mdht_krpc::Instant;

/// How fast a bucket fills, and how much it holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    tokens: u64,
    per_micros: u64,
    burst: u64,
}

impl Rate {
    /// `tokens` a second in the long run, `burst` at once.
    pub(crate) fn per_second(tokens: u32, burst: u32) -> Self {
        Self {
            tokens: tokens.into(),
            per_micros: 1_000_000,
            burst: burst.into(),
        }
    }

    /// `tokens` a day in the long run, `burst` at once.
    pub(crate) const fn per_day(tokens: u64, burst: u64) -> Self {
        Self {
            tokens,
            per_micros: 86_400_000_000,
            burst,
        }
    }

    /// Most tokens at once.
    pub(crate) const fn burst(&self) -> u64 {
        self.burst
    }
}

/// A bucket. What it is filled by is handed in, so that many share one rate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TokenBucket {
    /// In millionths of a token.
    level: u64,
    filled: Instant,
}

impl TokenBucket {
    const TOKEN: u64 = 1_000_000;

    pub(crate) const fn full(rate: &Rate, now: Instant) -> Self {
        Self {
            level: rate.burst.saturating_mul(Self::TOKEN),
            filled: now,
        }
    }

    /// Whole tokens in it now.
    pub(crate) fn level(&mut self, now: Instant, rate: &Rate) -> u64 {
        let micros = now.since(self.filled).as_micros();
        let gained = micros * u128::from(rate.tokens);
        // by far the most are per second: nothing to divide
        let gained = match rate.per_micros {
            Self::TOKEN => gained,
            per => gained * u128::from(Self::TOKEN) / u128::from(per),
        };
        let gained = u64::try_from(gained).unwrap_or(u64::MAX);
        let most = rate.burst.saturating_mul(Self::TOKEN);
        self.level = self.level.saturating_add(gained).min(most);
        self.filled = self.filled.max(now);
        self.level / Self::TOKEN
    }

    /// Takes so many; false, and none taken, if there are fewer.
    pub(crate) fn take(&mut self, now: Instant, rate: &Rate, tokens: u64) -> bool {
        let enough = self.level(now, rate) >= tokens;
        if enough {
            self.level -= tokens * Self::TOKEN;
        }
        enough
    }

    /// When it will hold so many, if nobody takes any; at most a day from now.
    pub(crate) fn ready(&mut self, now: Instant, rate: &Rate, tokens: u64) -> Instant {
        const DAY: Duration = Duration::from_secs(86_400);
        self.level(now, rate);
        let missing = tokens
            .saturating_mul(Self::TOKEN)
            .saturating_sub(self.level);
        let micros = u128::from(missing) * u128::from(rate.per_micros)
            / (u128::from(rate.tokens.max(1)) * u128::from(Self::TOKEN));
        let micros = u64::try_from(micros).unwrap_or(u64::MAX);
        now + Duration::from_micros(micros.saturating_add(1)).min(DAY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: u64) -> Instant {
        Instant::from_micros(micros)
    }

    #[test]
    fn it_gives_its_burst_and_then_its_rate() {
        let rate = Rate::per_second(20, 100);
        let mut bucket = TokenBucket::full(&rate, at(0));
        let taken = (0..100_000).filter(|n| bucket.take(at(n * 100), &rate, 1));
        assert!((295..=301).contains(&taken.count()));
    }

    #[test]
    fn slow_rates_lose_nothing_to_rounding_and_time_does_not_run_backwards() {
        let rate = Rate::per_day(1_000_000, 1000);
        let mut bucket = TokenBucket::full(&rate, at(0));
        assert!(bucket.take(at(0), &rate, 1000));
        // looked at each millisecond for an hour
        for ms in 0..3_600_000 {
            bucket.level(at(ms * 1000), &Rate::per_day(1_000_000, 100_000));
        }
        let level = bucket.level(at(3_600_000_000), &Rate::per_day(1_000_000, 100_000));
        assert!((41_600..=41_667).contains(&level), "{level}");
        assert!(bucket.take(at(0), &Rate::per_day(1_000_000, 100_000), level));
        assert_eq!(bucket.level(at(5), &rate), 0);
    }

    #[test]
    fn it_is_ready_when_it_says_and_not_before() {
        let rate = Rate::per_day(864_000, 100);
        let mut bucket = TokenBucket::full(&rate, at(0));
        assert!(bucket.take(at(0), &rate, 100));
        let ready = bucket.ready(at(0), &rate, 30);
        assert!((3_000_000..=3_000_002).contains(&ready.as_micros()));
        assert!(!bucket.take(at(2_999_990), &rate, 30));
        assert!(bucket.take(ready, &rate, 30));
    }
}
