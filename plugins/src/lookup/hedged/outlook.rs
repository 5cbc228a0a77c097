//! When values may come by way of a contact: a chance for each moment.

use std::time::Duration;

/// Moments looked at: the first after 1 ms, each later by the same factor, the
/// last after 2.3 s.
const MOMENTS: usize = 32;
const FIRST: f32 = 1e-3;
const RATIO: f32 = 1.284;
/// They, in seconds.
const MOMENT: [f32; MOMENTS] = {
    let mut moments = [FIRST; MOMENTS];
    let mut number = 1;
    while number < MOMENTS {
        moments[number] = moments[number - 1] * RATIO;
        number += 1;
    }
    moments
};

/// Probability that values have come by way of a contact that answers, by each
/// moment after it was asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outlook([f32; MOMENTS]);

impl Outlook {
    /// Of a contact that may answer after any of `delays`, in seconds, equally
    /// likely; has values with probability `value`; and by way of which they
    /// come `rest` seconds later if it has none, give or take a half.
    pub(super) fn new(delays: &[f32], value: f32, rest: f32) -> Self {
        const SPREAD: [f32; 3] = [0.4, 0.8, 1.6];
        let mut sum = [0.0; MOMENTS];
        for delay in delays {
            let mut add = |after: f32, weight: f32| {
                let from = MOMENT.partition_point(|moment| *moment < after);
                sum[from..].iter_mut().for_each(|sum| *sum += weight);
            };
            add(*delay, value);
            for spread in SPREAD {
                add(delay + spread * rest, (1.0 - value) / 3.0);
            }
        }
        #[allow(clippy::cast_precision_loss)] // a dozen
        let all = delays.len().max(1) as f32;
        Self(sum.map(|sum| sum / all))
    }

    /// The probability after this many seconds.
    fn at(&self, secs: f32) -> f32 {
        let after = MOMENT.partition_point(|moment| *moment < secs);
        let (low, high) = (after.saturating_sub(1), after.min(MOMENTS - 1));
        if low == high {
            return self.0[high];
        }
        let share = (secs - MOMENT[low]) / (MOMENT[high] - MOMENT[low]);
        self.0[low] + share.clamp(0.0, 1.0) * (self.0[high] - self.0[low])
    }
}

/// Probability that no values have come by each moment from now on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting([f32; MOMENTS]);

impl Waiting {
    /// Nobody was asked.
    pub(super) const NOBODY: Self = Self([1.0; MOMENTS]);

    /// One more was asked, who answers with probability `chance`, and has not
    /// since.
    pub(super) fn on(&mut self, outlook: &Outlook, chance: f32, since: Duration) {
        let since = since.as_secs_f32();
        let by_now = if since > 0.0 { outlook.at(since) } else { 0.0 };
        // that it has not answered speaks against its being there
        let left = (1.0 - chance * by_now).max(1e-3);
        for (moment, none) in MOMENT.iter().zip(&mut self.0) {
            let then = outlook.at(since + moment);
            *none *= (1.0 - chance * (then - by_now) / left).max(0.0);
        }
    }

    /// Seconds by which values come sooner, in the mean, if this one is asked
    /// too. Of a time beyond `horizon` seconds its logarithm counts.
    pub(super) fn gain(&self, outlook: &Outlook, chance: f32, horizon: f32) -> f32 {
        let mut before = 0.0;
        let mut sum = 0.0;
        for ((moment, none), by_then) in MOMENT.iter().zip(&self.0).zip(&outlook.0) {
            sum += (moment - before) * horizon / (horizon + moment) * none * by_then;
            before = *moment;
        }
        chance * sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::ZERO;

    #[test]
    fn the_sooner_and_the_likelier_the_more_is_gained() {
        let outlook = |delay| Outlook::new(&[delay], 1.0, 0.0);
        let gain = |delay, chance| Waiting::NOBODY.gain(&outlook(delay), chance, 60.0);
        assert!(gain(0.05, 0.5) > gain(0.2, 0.5));
        assert!(gain(0.05, 0.8) > gain(0.05, 0.5));
        let with_values = Outlook::new(&[0.1], 1.0, 0.1);
        let without = Outlook::new(&[0.1], 0.0, 0.1);
        assert!(
            Waiting::NOBODY.gain(&with_values, 1.0, 60.0)
                > Waiting::NOBODY.gain(&without, 1.0, 60.0)
        );
    }

    #[test]
    fn who_was_asked_leaves_less_to_be_gained_until_it_is_late() {
        let outlook = Outlook::new(&[0.08, 0.1], 1.0, 0.0);
        let gain = |since| {
            let mut waiting = Waiting::NOBODY;
            waiting.on(&outlook, 0.8, since);
            waiting.gain(&outlook, 0.8, 60.0)
        };
        let alone = Waiting::NOBODY.gain(&outlook, 0.8, 60.0);
        assert!(gain(NOW) < alone / 3.0);
        assert!(gain(Duration::from_millis(200)) > 0.9 * alone);
    }

    #[test]
    fn somebody_slow_is_worth_asking_beside_a_fast_one_of_little_chance_only() {
        let (fast, slow) = (
            Outlook::new(&[0.01], 1.0, 0.0),
            Outlook::new(&[0.3], 1.0, 0.0),
        );
        let gain = |chance| {
            let mut waiting = Waiting::NOBODY;
            waiting.on(&fast, chance, NOW);
            waiting.gain(&slow, 0.7, 60.0)
        };
        assert!(gain(0.1) > 5.0 * gain(0.9));
    }
}
