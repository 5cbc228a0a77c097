//! How long a NAT keeps a mapping, found by bisection over silent gaps.

use std::time::Duration;

use mdht_krpc::Instant;

/// What a mapping's lifetime is known to lie between.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lifetime {
    /// It outlived a silence of this length.
    pub at_least: Duration,
    /// It did not outlive one of this length; `None` if no such was met.
    pub under: Option<Duration>,
}

impl Lifetime {
    /// The gap to try next: half-way, or double while no end is known.
    fn next_gap(&self, first: Duration, longest: Duration) -> Duration {
        let gap = match self.under {
            Some(under) => (self.at_least + under) / 2,
            None => (2 * self.at_least).max(first),
        };
        gap.min(longest)
    }
}

/// Bounds of a search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SearchLimits {
    /// Gap to begin with where nothing is known. Default 30 s.
    pub first: Duration,
    /// Longest gap tried. Default 15 min.
    pub longest: Duration,
    /// The interval is narrow enough at this share of its upper end.
    /// Default 0.1.
    pub precision: f64,
    /// Pings that must stay unanswered before a gap counts as too long, so
    /// that one lost packet does not. Default 3.
    pub pings: u8,
    /// Most gaps tried. Default 12.
    pub gaps: u8,
}

impl Default for SearchLimits {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(30),
            longest: Duration::from_secs(15 * 60),
            precision: 0.1,
            pings: 3,
            gaps: 12,
        }
    }
}

/// A binary search for the lifetime of the mapping that a node's NAT holds
/// toward our own socket.
///
/// Only what the node itself sends makes a mapping. While one lives, the
/// node's answer renews it, and the next gap can follow at once; when it has
/// ended, the search waits until the node sends by itself again.
#[derive(Clone, Copy, Debug)]
pub struct MappingSearch {
    limits: SearchLimits,
    known: Lifetime,
    tried: u8,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Silence since then, to be broken after the gap.
    Silent { since: Instant, gap: Duration },
    /// So many pings have been sent since `asked`; the gap was so long.
    Asking {
        gap: Duration,
        last: Instant,
        pings: u8,
    },
    /// There is no mapping until the node sends something.
    Waiting,
    /// Narrow enough, or tried often enough.
    Over,
}

impl MappingSearch {
    /// A search that begins from what is known. The node was last heard at
    /// `heard`, or its mapping is gone (`None`).
    pub fn new(limits: SearchLimits, known: Lifetime, heard: Option<Instant>) -> Self {
        let mut search = Self {
            limits,
            known,
            tried: 0,
            state: State::Waiting,
        };
        search.go_on(heard);
        search
    }

    /// What is known so far.
    pub const fn lifetime(&self) -> Lifetime {
        self.known
    }

    /// Whether the search has ended.
    pub const fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// When to call [`MappingSearch::ping`]; `None` while there is nothing to
    /// do before the node sends again.
    pub fn next(&self, interval: Duration) -> Option<Instant> {
        match self.state {
            State::Silent { since, gap } => Some(since + gap),
            State::Asking { last, .. } => Some(last + interval),
            State::Waiting | State::Over => None,
        }
    }

    /// Whether a ping is to be sent now, and which of its gap.
    pub fn ping(&mut self, now: Instant, interval: Duration) -> Option<u8> {
        if self.next(interval).is_none_or(|next| now < next) {
            return None;
        }
        let (gap, pings) = match self.state {
            // what counts is how long it really was
            State::Silent { since, .. } => (now.since(since), 0),
            State::Asking { gap, pings, .. } => (gap, pings),
            State::Waiting | State::Over => return None,
        };
        if pings >= self.limits.pings {
            self.known.under = Some(self.known.under.map_or(gap, |under| under.min(gap)));
            self.go_on(None);
            return None;
        }
        self.state = State::Asking {
            gap,
            last: now,
            pings: pings + 1,
        };
        Some(pings)
    }

    /// The node sent something to our own socket by itself.
    pub fn heard(&mut self, now: Instant) {
        match self.state {
            State::Waiting => self.go_on(Some(now)),
            // a new mapping, or a renewed one: what this gap did is not known
            State::Silent { gap, .. } | State::Asking { gap, .. } => {
                self.state = State::Silent { since: now, gap };
            }
            State::Over => {}
        }
    }

    /// The node answered a ping of this search.
    pub fn answered(&mut self, now: Instant) {
        if let State::Asking { gap, .. } = self.state {
            self.known.at_least = self.known.at_least.max(gap);
            // a NAT that does not keep to one lifetime
            if self.known.under.is_some_and(|under| under <= gap) {
                self.known.under = None;
            }
            self.go_on(Some(now));
        }
    }

    fn go_on(&mut self, heard: Option<Instant>) {
        let Lifetime { at_least, under } = self.known;
        let narrow = under.is_some_and(|under| {
            under.saturating_sub(at_least) <= under.mul_f64(self.limits.precision)
        });
        let gap = self.known.next_gap(self.limits.first, self.limits.longest);
        if narrow || self.tried >= self.limits.gaps || gap <= at_least {
            self.state = State::Over;
            return;
        }
        self.state = State::Waiting;
        if let Some(since) = heard {
            self.tried += 1;
            self.state = State::Silent { since, gap };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(5);

    fn secs(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    /// Searches a NAT that keeps a mapping for `lifetime`; the node sends by
    /// itself every `every`, if it does.
    fn search(lifetime: Duration, every: Option<Duration>) -> MappingSearch {
        let limits = SearchLimits::default();
        let mut now = Instant::ZERO;
        let mut search = MappingSearch::new(limits, Lifetime::default(), Some(now));
        let mut mapped_until = now + lifetime;
        let mut next_query = every.map(|every| now + every);
        while !search.is_over() && now < Instant::ZERO + secs(100_000) {
            let next = search.next(INTERVAL);
            if next_query.is_some_and(|query| next.is_none_or(|next| query < next)) {
                now = next_query.unwrap();
                next_query = every.map(|every| now + every);
                mapped_until = now + lifetime;
                search.heard(now);
                continue;
            }
            let Some(next) = next else { break };
            now = next;
            if search.ping(now, INTERVAL).is_some() && now <= mapped_until {
                mapped_until = now + lifetime;
                search.answered(now);
            }
        }
        search
    }

    #[test]
    fn bisection_finds_the_lifetime() {
        for lifetime in [20, 31, 65, 120, 180, 299, 700] {
            let lifetime = secs(lifetime);
            let found = search(lifetime, Some(secs(1000)));
            let Lifetime { at_least, under } = found.lifetime();
            let under = under.unwrap();
            assert!(found.is_over());
            assert!(at_least <= lifetime && lifetime < under, "{found:?}");
            assert!(under - at_least <= under.mul_f64(0.1), "{found:?}");
        }
    }

    #[test]
    fn a_lifetime_beyond_the_longest_gap_has_no_upper_end() {
        let found = search(secs(4000), Some(secs(5000)));
        let Lifetime { at_least, under } = found.lifetime();
        assert_eq!((at_least, under), (secs(15 * 60), None));
    }

    #[test]
    fn without_a_word_of_the_node_the_search_stops_at_the_first_end() {
        let found = search(secs(100), None);
        let Lifetime { at_least, under } = found.lifetime();
        assert!(at_least <= secs(100) && under.unwrap() > secs(100));
        assert!(!found.is_over(), "it waits");
    }

    #[test]
    fn a_node_that_talks_all_the_time_shows_nothing() {
        let found = search(secs(100), Some(secs(10)));
        assert_eq!(found.lifetime(), Lifetime::default());
    }
}
