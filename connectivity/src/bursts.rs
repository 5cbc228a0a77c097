//! The bursts of one check, apart from addresses and datagrams.

use std::time::Duration;

use mdht_krpc::Instant;

use crate::timing::Plan;
use crate::{Letter, Pattern, Vantage};

/// How many pings stand behind a letter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Confidence {
    /// Pings that were answered in time.
    pub answered: u8,
    /// Pings that were sent.
    pub sent: u8,
}

/// The pings that are to be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Pings {
    /// Which burst of the check.
    pub burst: u8,
    /// Which ping of the burst.
    pub ping: u8,
    from: [bool; 3],
}

impl Pings {
    /// The vantage points that send it.
    pub fn vantages(self) -> impl Iterator<Item = Vantage> {
        Vantage::ALL
            .into_iter()
            .filter(move |from| self.from[from.index()])
    }
}

/// The bursts of pings that one node gets from all vantage points
/// [thesis 7.4.1]: reachable at the first answer, unreachable when none has
/// come in time.
///
/// Ask [`Bursts::next`] when to act and then [`Bursts::ping`] what to send;
/// hand answers to [`Bursts::answer`].
#[derive(Clone, Debug)]
pub struct Bursts {
    began: Instant,
    /// Which vantage points there are.
    vantages: [bool; 3],
    done: Vec<Burst>,
    current: Option<Burst>,
}

/// One burst, under way or over.
#[derive(Clone, Copy, Debug)]
struct Burst {
    began: Instant,
    /// Pings sent, from each vantage point that still asks.
    pings: u8,
    /// When each was sent, in microseconds since the burst began.
    sent_at: [u32; crate::Timing::MOST_PINGS as usize],
    tallies: [Tally; 3],
}

/// What one vantage point has of a burst.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    sent: u8,
    /// One bit for each ping that was answered.
    answered: u16,
    rtt_us: u32,
}

impl Tally {
    const fn confidence(self) -> Confidence {
        Confidence {
            answered: ones(self.answered),
            sent: self.sent,
        }
    }

    const fn letter(self) -> Letter {
        match self.confidence() {
            Confidence { sent: 0, .. } => Letter::Unknown,
            Confidence { answered: 0, .. } => Letter::Unreachable,
            _ => Letter::Reachable,
        }
    }
}

#[allow(clippy::cast_possible_truncation)] // at most 16
const fn ones(bits: u16) -> u8 {
    bits.count_ones() as u8
}

impl Bursts {
    /// A check that begins at `now`. There may be no remotechecker.
    pub fn new(plan: &Plan, now: Instant, remote: bool) -> Self {
        Self {
            began: now,
            vantages: [true, true, remote],
            done: Vec::with_capacity(plan.bursts.len()),
            current: None,
        }
    }

    /// When the check began.
    pub const fn began(&self) -> Instant {
        self.began
    }

    /// When there is next something to do; `None` when all bursts are over.
    pub fn next(&self, plan: &Plan) -> Option<Instant> {
        let planned = plan.bursts.get(self.done.len())?;
        let Some(burst) = &self.current else {
            return Some(self.began + planned.at);
        };
        let ends = burst.began + plan.timeout;
        if burst.pings < plan.pings && self.asks(plan, burst) {
            return Some(ends.min(burst.began + plan.interval * u32::from(burst.pings)));
        }
        let waits = self.waits(plan, burst);
        Some(if waits { ends } else { burst.began })
    }

    /// What is to be sent at `now`; `None` if nothing is. Ends a burst that is
    /// over, so ask [`Bursts::next`] again either way.
    pub fn ping(&mut self, plan: &Plan, now: Instant) -> Option<Pings> {
        self.settle(plan, now);
        if self.next(plan).is_none_or(|next| now < next) {
            return None;
        }
        let only_own = plan.bursts.get(self.done.len())?.only_own;
        let vantages = self.vantages;
        let burst = self.current.get_or_insert(Burst {
            began: now,
            pings: 0,
            sent_at: [0; crate::Timing::MOST_PINGS as usize],
            tallies: [Tally::default(); 3],
        });
        let ping = burst.pings;
        let offset = now.since(burst.began).as_micros();
        *burst.sent_at.get_mut(usize::from(ping))? = u32::try_from(offset).unwrap_or(u32::MAX);
        burst.pings += 1;
        let from = Vantage::ALL.map(|from| {
            let tally = &mut burst.tallies[from.index()];
            let takes_part = vantages[from.index()] && !(only_own && from != Vantage::Own);
            let asks = takes_part && (plan.every_ping || tally.answered == 0);
            tally.sent += u8::from(asks);
            asks
        });
        Some(Pings {
            burst: u8::try_from(self.done.len()).unwrap_or(u8::MAX),
            ping,
            from,
        })
    }

    /// Takes the answer to a ping; its round-trip time if it counts. One that
    /// comes too late, twice, or to a ping that was not sent does not.
    pub fn answer(
        &mut self,
        plan: &Plan,
        now: Instant,
        (burst, ping): (u8, u8),
        from: Vantage,
    ) -> Option<Duration> {
        if usize::from(burst) != self.done.len() {
            return None;
        }
        let burst = self.current.as_mut()?;
        let in_time = now < burst.began + plan.timeout;
        if ping >= burst.pings || !in_time {
            return None;
        }
        let tally = &mut burst.tallies[from.index()];
        let bit = 1_u16 << ping;
        if tally.sent <= ping || tally.answered & bit != 0 {
            return None;
        }
        let sent_at = Duration::from_micros(burst.sent_at[usize::from(ping)].into());
        let rtt = now.since(burst.began + sent_at);
        if tally.answered == 0 {
            tally.rtt_us = u32::try_from(rtt.as_micros()).unwrap_or(u32::MAX);
        }
        tally.answered |= bit;
        Some(rtt)
    }

    /// Whether both bursts of the pattern are over.
    pub fn has_pattern(&self, plan: &Plan) -> bool {
        self.done.len() > plan.second
    }

    /// The letters so far; unknown where a burst is not over.
    pub fn pattern(&self, plan: &Plan) -> Pattern {
        let letters = |burst: usize| {
            let burst = self.done.get(burst);
            burst.map_or([Letter::Unknown; 3], |burst| {
                burst.tallies.map(Tally::letter)
            })
        };
        Pattern::new([letters(0), letters(plan.second)])
    }

    /// What stands behind each letter of the pattern.
    pub fn confidence(&self, plan: &Plan) -> [[Confidence; 3]; 2] {
        let of = |burst: usize| {
            let burst = self.done.get(burst);
            burst.map_or([Confidence::default(); 3], |burst| {
                burst.tallies.map(Tally::confidence)
            })
        };
        [of(0), of(plan.second)]
    }

    /// Round-trip time of the first answer to the own socket.
    pub fn rtt(&self) -> Option<Duration> {
        let own = |burst: &Burst| burst.tallies[Vantage::Own.index()];
        let answered = self.done.iter().map(own).find(|own| own.answered != 0)?;
        Some(Duration::from_micros(answered.rtt_us.into()))
    }

    /// The survival curve: at each age, whether the own socket was answered.
    pub fn survival(&self, plan: &Plan) -> Vec<(Duration, Letter)> {
        let letter = |burst: usize| {
            let burst = self.done.get(burst);
            burst.map_or(Letter::Unknown, |burst| burst.tallies[0].letter())
        };
        let ages = plan.ages.iter();
        ages.map(|(age, burst)| (*age, letter(*burst))).collect()
    }

    /// Whether the own socket was answered in a burst after the pattern's.
    pub fn reached_later(&self, plan: &Plan) -> bool {
        let later = self.done.iter().skip(plan.second + 1);
        later
            .into_iter()
            .any(|burst| burst.tallies[0].answered != 0)
    }

    /// Whether some vantage point of a burst still has to ask.
    fn asks(&self, plan: &Plan, burst: &Burst) -> bool {
        self.part(burst)
            .any(|tally| burst.pings == 0 || plan.every_ping || tally.answered == 0)
    }

    /// Whether an answer that would count is still to come.
    fn waits(&self, plan: &Plan, burst: &Burst) -> bool {
        self.part(burst).any(|tally| {
            let Confidence { answered, sent } = tally.confidence();
            answered == 0 || (plan.every_ping && answered < sent)
        })
    }

    /// The tallies of vantage points that take part in a burst.
    fn part<'a>(&self, burst: &'a Burst) -> impl Iterator<Item = &'a Tally> + use<'a> {
        burst.tallies.iter().filter(|tally| tally.sent > 0)
    }

    /// Ends a burst that is over by `now`.
    pub fn settle(&mut self, plan: &Plan, now: Instant) {
        let Some(burst) = &self.current else { return };
        let all_sent = burst.pings >= plan.pings || !self.asks(plan, burst);
        let settled = all_sent && !self.waits(plan, burst);
        if settled || now >= burst.began + plan.timeout {
            self.done.extend(self.current.take());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timing;

    /// Runs a check; `answers` says whether a ping sent then from there is
    /// answered, at once.
    fn run(timing: &Timing, mut answers: impl FnMut(Vantage, u64) -> bool) -> (Bursts, Vec<u64>) {
        let plan = Plan::new(timing).unwrap();
        let mut bursts = Bursts::new(&plan, Instant::ZERO, true);
        let mut sent = Vec::new();
        while let Some(now) = bursts.next(&plan) {
            let Some(pings) = bursts.ping(&plan, now) else {
                continue;
            };
            let second = now.as_micros() / 1_000_000;
            sent.push(second);
            for from in pings.vantages() {
                if answers(from, second) {
                    let counted = bursts.answer(&plan, now, (pings.burst, pings.ping), from);
                    assert!(counted.is_some());
                }
            }
        }
        (bursts, sent)
    }

    fn plan(timing: &Timing) -> Plan {
        Plan::new(timing).unwrap()
    }

    #[test]
    fn silence_takes_five_pings_in_each_burst() {
        let timing = Timing::default();
        let (bursts, sent) = run(&timing, |_, _| false);
        assert_eq!(sent, [0, 5, 10, 15, 20, 300, 305, 310, 315, 320]);
        assert_eq!(bursts.pattern(&plan(&timing)).to_string(), "UUU-UUU");
        let none_of_five = Confidence {
            answered: 0,
            sent: 5,
        };
        assert_eq!(bursts.confidence(&plan(&timing)), [[none_of_five; 3]; 2]);
    }

    #[test]
    fn an_answer_ends_the_pings_from_there() {
        let timing = Timing::default();
        let (bursts, sent) = run(&timing, |_, _| true);
        assert_eq!(sent, [0, 300]);
        assert_eq!(bursts.pattern(&plan(&timing)).to_string(), "RRR-RRR");
        let (bursts, sent) = run(&timing, |from, s| from == Vantage::Own && s < 300);
        assert_eq!(sent.len(), 10, "the others go on asking");
        assert_eq!(bursts.pattern(&plan(&timing)).to_string(), "RUU-UUU");
        let [[own, ..], _] = bursts.confidence(&plan(&timing));
        assert_eq!((own.answered, own.sent), (1, 1));
    }

    #[test]
    fn every_ping_can_be_sent_for_more_confidence() {
        let timing = Timing {
            every_ping: true,
            ..Timing::default()
        };
        let (bursts, sent) = run(&timing, |_, second| second % 10 == 0);
        assert_eq!(sent.len(), 10);
        let [[own, ..], _] = bursts.confidence(&plan(&timing));
        assert_eq!((own.answered, own.sent), (3, 5));
    }

    #[test]
    fn answers_late_twice_or_to_nothing_do_not_count() {
        let plan = plan(&Timing::default());
        let mut bursts = Bursts::new(&plan, Instant::ZERO, false);
        let at = |s: u64| Instant::from_micros(s * 1_000_000);
        let own = Vantage::Own;
        assert!(bursts.answer(&plan, at(0), (0, 0), own).is_none());
        let pings = bursts.ping(&plan, at(0)).unwrap();
        assert_eq!(pings.vantages().count(), 2, "no remotechecker");
        assert!(bursts.answer(&plan, at(1), (0, 1), own).is_none());
        assert!(bursts.answer(&plan, at(1), (1, 0), own).is_none());
        let remote = bursts.answer(&plan, at(1), (0, 0), Vantage::Remote);
        assert!(remote.is_none());
        let rtt = bursts.answer(&plan, at(1), (0, 0), own);
        assert_eq!(rtt, Some(Duration::from_secs(1)));
        assert!(bursts.answer(&plan, at(2), (0, 0), own).is_none());
        let late = bursts.answer(&plan, at(60), (0, 0), Vantage::Local);
        assert!(late.is_none());
        while let Some(next) = bursts.next(&plan) {
            let _ = bursts.ping(&plan, next);
        }
        assert_eq!(bursts.pattern(&plan).to_string(), "RU?-UU?");
        assert_eq!(bursts.rtt(), Some(Duration::from_secs(1)));
    }

    #[test]
    fn the_survival_curve_has_one_point_for_each_age() {
        let timing = Timing {
            survival: Timing::USUAL_SURVIVAL.to_vec(),
            ..Timing::default()
        };
        let (bursts, _) = run(&timing, |_, second| second < 900);
        let letters: String = bursts
            .survival(&plan(&timing))
            .iter()
            .map(|(_, letter)| letter.as_char())
            .collect();
        assert_eq!(letters, "RRUU");
        assert!(!bursts.reached_later(&plan(&timing)));
    }
}
