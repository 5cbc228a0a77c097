//! When a check does what.

use std::time::Duration;

/// The timings of a check; the defaults are the thesis's [7.4.1].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Most pings in a burst, 1 to [`Timing::MOST_PINGS`]. Default 5.
    pub pings: u8,
    /// From one ping of a burst to the next. Default 5 s.
    pub interval: Duration,
    /// From the start of a burst to the end of waiting for an answer.
    /// Default 60 s; shorter takes slow nodes for unreachable.
    pub timeout: Duration,
    /// From the start of the first burst to the start of the second.
    /// Default 300 s; at least `timeout`.
    pub second_burst: Duration,
    /// Ages at which the own socket asks again, beside the two bursts: the
    /// points of a survival curve. Default none. One before the second burst
    /// refreshes a NAT's mapping, and with it changes the pattern.
    pub survival: Vec<Duration>,
    /// Send all pings of a burst, also after an answer: slower, but each
    /// letter then has as many samples as there are pings. Default false.
    pub every_ping: bool,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            pings: 5,
            interval: Duration::from_secs(5),
            timeout: Duration::from_secs(60),
            second_burst: Duration::from_secs(300),
            survival: Vec::new(),
            every_ping: false,
        }
    }
}

impl Timing {
    /// Most pings that a burst can have.
    pub const MOST_PINGS: u8 = 16;
    /// Most ages of a survival curve.
    pub const MOST_AGES: usize = 16;
    /// The ages of a survival curve that says more than one window:
    /// 1, 5, 15 and 60 minutes.
    pub const USUAL_SURVIVAL: [Duration; 4] = [
        Duration::from_secs(60),
        Duration::from_secs(5 * 60),
        Duration::from_secs(15 * 60),
        Duration::from_secs(60 * 60),
    ];
}

/// Timings that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimingError {
    /// Too few or too many pings.
    #[error("a burst of {0} pings: it takes 1 to {most}", most = Timing::MOST_PINGS)]
    Pings(u8),
    /// No time at all, or more than a microsecond counter of 32 bits holds.
    #[error("{what} of {value:?}: it must be more than nothing and at most an hour")]
    Length {
        /// Which timing.
        what: &'static str,
        /// As given.
        value: Duration,
    },
    /// The last ping would be sent when the burst is over.
    #[error(
        "{pings} pings {interval:?} apart do not fit into a timeout of {timeout:?}: make that longer"
    )]
    TimeoutTooShort {
        /// Pings of a burst.
        pings: u8,
        /// Time between them.
        interval: Duration,
        /// Time for all.
        timeout: Duration,
    },
    /// Two bursts would overlap.
    #[error("a burst at {later:?} begins before the one at {earlier:?} is over ({timeout:?})")]
    Overlap {
        /// Start of one.
        earlier: Duration,
        /// Start of the next.
        later: Duration,
        /// Length of one.
        timeout: Duration,
    },
    /// Too many ages.
    #[error("{0} ages: a survival curve takes at most {most}", most = Timing::MOST_AGES)]
    Ages(usize),
}

/// A burst to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PlannedBurst {
    /// Since the start of the check.
    pub(crate) at: Duration,
    /// Whether only the own socket asks.
    pub(crate) only_own: bool,
}

/// Timings that were checked, laid out burst by burst.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub(crate) bursts: Box<[PlannedBurst]>,
    /// Which of them is the second of the pattern.
    pub(crate) second: usize,
    /// Ages of the survival curve, each with its burst.
    pub(crate) ages: Box<[(Duration, usize)]>,
    pub(crate) pings: u8,
    pub(crate) interval: Duration,
    pub(crate) timeout: Duration,
    pub(crate) every_ping: bool,
}

impl Default for Plan {
    /// The thesis's timings.
    fn default() -> Self {
        Self::lay_out(&Timing::default())
    }
}

impl Plan {
    /// The plan of these timings.
    ///
    /// # Errors
    /// They contradict each other.
    pub fn new(timing: &Timing) -> Result<Self, TimingError> {
        check_lengths(timing)?;
        let plan = Self::lay_out(timing);
        for pair in plan.bursts.windows(2) {
            if pair[1].at < pair[0].at + timing.timeout {
                return Err(TimingError::Overlap {
                    earlier: pair[0].at,
                    later: pair[1].at,
                    timeout: timing.timeout,
                });
            }
        }
        Ok(plan)
    }

    fn lay_out(timing: &Timing) -> Self {
        let mut ages = timing.survival.clone();
        ages.sort_unstable();
        ages.dedup();
        let own = ages.iter().filter(|age| **age != timing.second_burst);
        let burst = |at, only_own| PlannedBurst { at, only_own };
        let mut bursts: Vec<_> = own.map(|at| burst(*at, true)).collect();
        bursts.extend([Duration::ZERO, timing.second_burst].map(|at| burst(at, false)));
        bursts.sort_unstable_by_key(|burst| (burst.at, burst.only_own));
        let place = |at: Duration| bursts.iter().position(|burst| burst.at == at);
        let aged = ages.iter().filter_map(|age| Some((*age, place(*age)?)));
        Self {
            second: place(timing.second_burst).unwrap_or(bursts.len()),
            ages: aged.collect(),
            pings: timing.pings,
            interval: timing.interval,
            timeout: timing.timeout,
            every_ping: timing.every_ping,
            bursts: bursts.into(),
        }
    }

    /// From the start of a check to its end at the latest.
    pub fn longest(&self) -> Duration {
        let last = self.bursts.last().map_or(Duration::ZERO, |burst| burst.at);
        last + self.timeout
    }
}

fn check_lengths(timing: &Timing) -> Result<(), TimingError> {
    let Timing {
        pings,
        interval,
        timeout,
        second_burst,
        ..
    } = *timing;
    if !(1..=Timing::MOST_PINGS).contains(&pings) {
        return Err(TimingError::Pings(pings));
    }
    let hour = Duration::from_secs(3600);
    for (what, value) in [
        ("an interval", interval),
        ("a timeout", timeout),
        ("a second burst", second_burst),
    ] {
        if value.is_zero() || value > hour {
            return Err(TimingError::Length { what, value });
        }
    }
    if interval * u32::from(pings - 1) >= timeout {
        return Err(TimingError::TimeoutTooShort {
            pings,
            interval,
            timeout,
        });
    }
    match timing.survival.len() {
        0..=Timing::MOST_AGES => Ok(()),
        many => Err(TimingError::Ages(many)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    #[test]
    fn the_survival_curve_shares_the_second_burst() {
        let plan = Plan::new(&Timing {
            survival: Timing::USUAL_SURVIVAL.to_vec(),
            ..Timing::default()
        });
        let plan = plan.unwrap();
        let at: Vec<_> = plan.bursts.iter().map(|burst| burst.at.as_secs()).collect();
        assert_eq!(at, [0, 60, 300, 900, 3600]);
        assert_eq!((plan.second, plan.longest()), (2, secs(3660)));
        let ages: Vec<_> = plan.ages.iter().map(|(_, burst)| *burst).collect();
        assert_eq!(ages, [1, 2, 3, 4]);
    }

    #[test]
    fn timings_that_contradict_each_other_are_refused() {
        let refused = |change: fn(&mut Timing)| {
            let mut timing = Timing::default();
            change(&mut timing);
            Plan::new(&timing).unwrap_err().to_string()
        };
        assert!(refused(|t| t.pings = 0).contains("0 pings"));
        assert!(refused(|t| t.interval = Duration::ZERO).contains("an interval"));
        assert!(refused(|t| t.timeout = secs(20)).contains("do not fit"));
        assert!(refused(|t| t.second_burst = secs(59)).contains("before the one at"));
        assert!(refused(|t| t.survival = vec![secs(330)]).contains("before the one at"));
        assert!(refused(|t| t.survival = vec![Duration::ZERO]).contains("before the one at"));
    }
}
