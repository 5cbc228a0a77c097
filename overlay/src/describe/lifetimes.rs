//! What a session model comes to, by plain summation: another way than the
//! tables that sessions are drawn from, so that the two check each other.

use crate::parameters::Sessions;

/// Slices of the distribution.
const SLICES: u32 = 40_000;
/// Sessions rarer than e⁻⁴⁰ are left out.
const DEEPEST: f64 = 40.0;

/// Lengths in minutes with the share of sessions that are so long.
pub(crate) struct Lifetimes {
    slices: Vec<(f64, f64)>,
    mean: f64,
}

impl Lifetimes {
    /// `None` if nobody ever leaves.
    pub(crate) fn of(model: &Sessions) -> Option<Self> {
        if matches!(model, Sessions::Endless) {
            return None;
        }
        let width = DEEPEST / f64::from(SLICES);
        let slice = |i: u32| {
            let left = (-(f64::from(i) + 0.5) * width).exp();
            (model.length_min(left), left * width)
        };
        let slices: Vec<_> = (0..SLICES).map(slice).collect();
        let mean = slices.iter().map(|(length, share)| length * share).sum();
        Some(Self { slices, mean })
    }

    /// Mean length in minutes.
    pub(crate) const fn mean(&self) -> f64 {
        self.mean
    }

    /// Share of all time that is spent in sessions longer than so many minutes.
    pub(crate) fn time_beyond(&self, minutes: f64) -> f64 {
        let beyond = self.slices.iter().filter(|(length, _)| *length > minutes);
        beyond.map(|(length, share)| length * share).sum::<f64>() / self.mean
    }

    /// Share of those online at a moment that leave within so many minutes.
    pub(crate) fn leaving_within(&self, minutes: f64) -> f64 {
        let ends = |(length, share): &(f64, f64)| length.min(minutes) * share;
        self.slices.iter().map(ends).sum::<f64>() / self.mean
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exponential_remembers_nothing() {
        let lifetimes = Lifetimes::of(&Sessions::Exponential { mean_min: 60.0 }).unwrap();
        assert!((lifetimes.mean() - 60.0).abs() < 0.01);
        let leaving = lifetimes.leaving_within(60.0);
        assert!(
            (leaving - (1.0 - (-1.0_f64).exp())).abs() < 1e-3,
            "{leaving}"
        );
        // of the time, 2/e lies in sessions longer than the mean
        let beyond = lifetimes.time_beyond(60.0);
        assert!((beyond - 2.0 * (-1.0_f64).exp()).abs() < 1e-2, "{beyond}");
    }
}
