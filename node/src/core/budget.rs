//! What a node may spend on the network, whatever it is asked to do.
//!
//! Home routers fall over from the number of hosts talked to, not from bytes;
//! mobile contracts end with bytes. Each limit that is set holds for everything
//! the node sends. As a budget runs low the less urgent waits first:
//!
//! - **answers to others** may use the upper half of a budget: others would
//!   spend the rest otherwise, by asking. One that does not fit is not sent;
//!   its asker has others to ask.
//! - **maintenance** may use all but the last quarter,
//! - **what the user asked for**, and joining, may use all.
//!
//! Queries of ours that do not fit wait in order, up to ten seconds; one that is
//! given up then was never sent, and nobody is blamed for it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use mdht_krpc::Instant;

use super::token_bucket::{Rate, TokenBucket};

/// Limits on what a node sends; `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// Packets a second in the long run; at once twice as many, and at least
    /// eight.
    pub packets_per_second: Option<u32>,
    /// Bytes in any 24 hours of one run, headers of UDP and IP included; at
    /// once an eighth of them. Less than [`Budget::LEAST_BYTES`] counts as that.
    pub bytes_per_day: Option<u64>,
    /// Distinct addresses (IP and port) in any 60 seconds, at most
    /// [`Budget::MOST_REMOTES`].
    pub remotes_per_minute: Option<u32>,
}

impl Budget {
    /// Least bytes a day: an eighth of them is a few packets.
    pub const LEAST_BYTES: u64 = 100_000;
    /// Most addresses a minute: each is remembered for as long.
    pub const MOST_REMOTES: u32 = 65_536;
}

/// One of the limits of a [`Budget`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BudgetLimit {
    /// [`Budget::packets_per_second`].
    Packets,
    /// [`Budget::bytes_per_day`].
    Bytes,
    /// [`Budget::remotes_per_minute`].
    Remotes,
}

/// What a packet is sent for; the less urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Urgency {
    Answer,
    Maintenance,
    User,
}

impl Urgency {
    /// The part of `all` that is left to the more urgent.
    const fn reserve(self, all: u64) -> u64 {
        match self {
            Self::Answer => all / 2,
            Self::Maintenance => all / 4,
            Self::User => 0,
        }
    }
}

/// A packet must wait: for which limit, and until when at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wait {
    pub(crate) limit: BudgetLimit,
    pub(crate) until: Instant,
}

/// The state of a budget.
#[derive(Debug)]
pub(crate) struct Spending {
    packets: Option<(Rate, TokenBucket)>,
    bytes: Option<(Rate, TokenBucket)>,
    remotes: Option<Remotes>,
}

impl Spending {
    /// Nothing spent yet; `None` without any limit.
    pub(crate) fn new(budget: &Budget, now: Instant) -> Option<Self> {
        if *budget == Budget::default() {
            return None;
        }
        let bucket = |rate: Rate| (rate, TokenBucket::full(&rate, now));
        let packets = budget.packets_per_second.map(|most| {
            let burst = most.saturating_mul(2).max(8);
            bucket(Rate::per_second(most, burst))
        });
        let bytes = budget.bytes_per_day.map(|most| {
            let most = most.max(Budget::LEAST_BYTES);
            // what is there at first and what comes in a day are together all
            let burst = most / 8;
            bucket(Rate::per_day(most - burst, burst))
        });
        let remotes = budget.remotes_per_minute.map(Remotes::new);
        Some(Self {
            packets,
            bytes,
            remotes,
        })
    }

    /// Spends on a packet with so many bytes of payload, from each budget or,
    /// if one of them does not allow it, from none.
    pub(crate) fn spend(
        &mut self,
        now: Instant,
        urgency: Urgency,
        to: SocketAddr,
        payload: usize,
    ) -> Result<(), Wait> {
        let header = if to.is_ipv4() { 28 } else { 48 };
        let size = payload as u64 + header;
        let limits = [
            (BudgetLimit::Packets, &mut self.packets, 1),
            (BudgetLimit::Bytes, &mut self.bytes, size),
        ];
        for (limit, bucket, tokens) in limits {
            let Some((rate, bucket)) = bucket else {
                continue;
            };
            let needed = tokens + urgency.reserve(rate.burst());
            if bucket.level(now, rate) < needed {
                let until = bucket.ready(now, rate, needed);
                return Err(Wait { limit, until });
            }
        }
        if let Some(remotes) = &mut self.remotes {
            remotes.talk_to(now, urgency, to).map_err(|until| Wait {
                limit: BudgetLimit::Remotes,
                until,
            })?;
        }
        for (bucket, tokens) in [(&mut self.packets, 1), (&mut self.bytes, size)] {
            if let Some((rate, bucket)) = bucket {
                bucket.take(now, rate, tokens);
            }
        }
        Ok(())
    }
}

/// The addresses sent to within the last minute.
#[derive(Debug)]
struct Remotes {
    most: usize,
    last: BTreeMap<SocketAddr, Instant>,
    by_age: BTreeSet<(Instant, SocketAddr)>,
}

impl Remotes {
    const WINDOW: Duration = Duration::from_secs(60);

    fn new(most: u32) -> Self {
        Self {
            most: most.clamp(1, Budget::MOST_REMOTES) as usize,
            last: BTreeMap::new(),
            by_age: BTreeSet::new(),
        }
    }

    /// Counts a packet to `to`, or says when there will be room for it.
    fn talk_to(&mut self, now: Instant, urgency: Urgency, to: SocketAddr) -> Result<(), Instant> {
        while let Some((at, oldest)) = self.by_age.first().copied()
            && now.since(at) >= Self::WINDOW
        {
            self.by_age.pop_first();
            self.last.remove(&oldest);
        }
        let known = self.last.get(&to).copied();
        let reserve = usize::try_from(urgency.reserve(self.most as u64)).unwrap_or(0);
        let most = self.most - reserve;
        if known.is_none() && self.last.len() >= most {
            let leaves = self.by_age.iter().nth(self.last.len() - most);
            return Err(leaves.map_or(now, |(at, _)| *at) + Self::WINDOW);
        }
        if let Some(before) = known {
            self.by_age.remove(&(before, to));
        }
        self.last.insert(to, now);
        self.by_age.insert((now, to));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(n: u16) -> SocketAddr {
        ([10, 0, 0, 1], n + 1).into()
    }

    fn at_ms(ms: u64) -> Instant {
        Instant::from_micros(ms * 1000)
    }

    /// Packets sent each millisecond for so many seconds, with when.
    fn sent(budget: Budget, urgency: Urgency, seconds: u64, remotes: u16) -> Vec<(u64, u16)> {
        let mut spending = Spending::new(&budget, Instant::ZERO).unwrap();
        let tries = (0..seconds * 1000).zip((0..remotes).cycle());
        tries
            .filter(|(ms, to)| spending.spend(at_ms(*ms), urgency, addr(*to), 100).is_ok())
            .collect()
    }

    #[test]
    fn without_a_limit_there_is_no_budget() {
        assert!(Spending::new(&Budget::default(), Instant::ZERO).is_none());
    }

    #[test]
    fn packets_a_second() {
        let budget = Budget {
            packets_per_second: Some(50),
            ..Budget::default()
        };
        assert_eq!(sent(budget, Urgency::User, 60, 1).len(), 100 + 60 * 50 - 1);
        let one = Budget {
            packets_per_second: Some(1),
            ..Budget::default()
        };
        let of = |urgency| sent(one, urgency, 60, 1).len();
        assert_eq!(of(Urgency::User), 8 + 59);
        // the long-run rate is everybody's, the reserve is not
        assert_eq!(of(Urgency::Maintenance), 6 + 59);
        assert_eq!(of(Urgency::Answer), 4 + 59);
    }

    #[test]
    fn bytes_in_any_day() {
        let budget = Budget {
            bytes_per_day: Some(1_280_000),
            ..Budget::default()
        };
        let mut spending = Spending::new(&budget, Instant::ZERO).unwrap();
        let mut sent = Vec::new();
        // a packet of 128 bytes with its headers each second for three days
        for second in 0..3 * 86_400 {
            let now = at_ms(second * 1000);
            if spending.spend(now, Urgency::User, addr(1), 100).is_ok() {
                sent.push(second);
            }
        }
        for start in (0..2 * 86_400).step_by(600) {
            let day = start..start + 86_400;
            let bytes = sent.iter().filter(|at| day.contains(*at)).count() * 128;
            assert!(bytes <= 1_280_000, "{bytes} from {start}");
            assert!(bytes > 1_000_000, "{bytes} from {start}");
        }
    }

    #[test]
    fn distinct_remotes_in_any_minute() {
        let budget = Budget {
            remotes_per_minute: Some(40),
            ..Budget::default()
        };
        for (urgency, most) in [
            (Urgency::User, 40),
            (Urgency::Maintenance, 30),
            (Urgency::Answer, 20),
        ] {
            let sent = sent(budget, urgency, 300, 60_000);
            for start in (0..240_000).step_by(500) {
                let minute = start..start + 60_000;
                let within = sent.iter().filter(|(at, _)| minute.contains(at));
                let distinct: BTreeSet<_> = within.map(|(_, to)| to).collect();
                assert!(distinct.len() <= most, "{} at {start}", distinct.len());
            }
            assert!(sent.len() >= 4 * most, "the window moves on");
        }
        // a known address costs nothing
        assert_eq!(sent(budget, Urgency::User, 60, 40).len(), 60_000);
    }

    #[test]
    fn what_must_wait_is_told_until_when() {
        let budget = Budget {
            packets_per_second: Some(10),
            bytes_per_day: None,
            remotes_per_minute: Some(10),
        };
        let mut spending = Spending::new(&budget, Instant::ZERO).unwrap();
        for n in 0..10_u16 {
            let at = at_ms(u64::from(n) * 100);
            let spent = spending.spend(at, Urgency::User, addr(n), 1);
            assert_eq!(spent, Ok(()));
        }
        let wait = spending
            .spend(at_ms(1000), Urgency::User, addr(99), 1)
            .unwrap_err();
        assert_eq!(wait.limit, BudgetLimit::Remotes);
        assert_eq!(wait.until, at_ms(60_000));
        assert!(
            spending
                .spend(wait.until, Urgency::User, addr(99), 1)
                .is_ok()
        );
    }
}
