//! When nodes come and go.
//!
//! Each place in the ID space is taken by one node after another: a renewal
//! process in equilibrium. The node found at the start has the residual
//! lifetime of the session model, its successors whole sessions.

use std::time::Duration;

use mdht_krpc::Instant;

use crate::draws::{Draws, Subject};
use crate::parameters::Sessions;

/// Steps in which a quantile table covers each halving of what is left of the
/// distribution.
const STEPS: usize = 64;
/// Halvings that are covered: what is rarer than 2⁻⁴⁰ is cut.
const OCTAVES: usize = 40;
/// A minute in microseconds.
const MINUTE: f64 = 60e6;
/// Microseconds of a span of [`SessionPlan::generation`], and number of spans:
/// 12 days.
const SPAN_BITS: u32 = 30;
const SPANS: u64 = 1000;
/// Longest session, about 3,000 years.
const LONGEST: f64 = 1e17;

/// The session model, ready to be drawn from.
#[derive(Debug)]
pub(crate) struct SessionPlan {
    residual: Draws,
    fresh: Draws,
    tables: Option<(Quantiles, Quantiles)>,
    /// For each span of 2³⁰ µs (18 min) a draw below which the residual lifetime
    /// goes beyond the span's end: most questions are about nodes found at the
    /// start, and need no quantile.
    outlasting: Vec<u64>,
    mean: f64,
}

/// A node's time at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stay {
    /// Number of the node at its place.
    pub(crate) generation: u8,
    /// When it came; nodes found at the start came before.
    pub(crate) from: Instant,
    /// When it leaves.
    pub(crate) until: Instant,
}

impl SessionPlan {
    pub(crate) fn new(seed: u64, model: &Sessions) -> Self {
        let survival = Survival::of(model);
        let tables = survival.as_ref().map(|survival| {
            let residual = survival.residual();
            (Quantiles::of(&residual), Quantiles::of(survival))
        });
        Self {
            residual: Draws::new(seed, Subject::Residual),
            fresh: Draws::new(seed, Subject::Session),
            mean: survival.as_ref().map_or(LONGEST, Survival::mean),
            outlasting: tables.as_ref().map_or_else(Vec::new, |(residual, _)| {
                let ends = (1..=SPANS).map(|span| span << SPAN_BITS);
                ends.map(|end| residual.first_draw_within(end)).collect()
            }),
            tables,
        }
    }

    /// Mean length of a session.
    pub(crate) fn mean(&self) -> Duration {
        Duration::from_secs_f64(self.mean / 1e6)
    }

    /// Length of a whole session.
    pub(crate) fn session(&self, draw: u64) -> Duration {
        let micros = self.tables.as_ref().map(|(_, fresh)| fresh.at(draw));
        Duration::from_micros(micros.unwrap_or(u64::MAX))
    }

    /// Number of the node at a place: that of its [stay](Self::stay).
    #[inline]
    pub(crate) fn generation(&self, rank: u32, at: Instant) -> u8 {
        let draw = self.residual.one(rank.into());
        let span = usize::try_from(at.as_micros() >> SPAN_BITS).unwrap_or(usize::MAX);
        match self.outlasting.get(span) {
            Some(bound) if draw < *bound => 0,
            _ => self.stay(rank, at).generation,
        }
    }

    /// Who is at a place.
    pub(crate) fn stay(&self, rank: u32, at: Instant) -> Stay {
        let Some((residual, fresh)) = &self.tables else {
            return Stay {
                generation: 0,
                from: Instant::ZERO,
                until: Instant::from_micros(u64::MAX),
            };
        };
        let at = at.as_micros();
        let (mut generation, mut from) = (0, 0);
        let mut until = residual.at(self.residual.one(rank.into()));
        // the last generation that has a number stays
        while until <= at && generation < Self::LAST {
            generation += 1;
            from = until;
            let draw = self.fresh.draw(rank.into(), generation.into());
            until = until.saturating_add(fresh.at(draw));
        }
        Stay {
            generation,
            from: Instant::from_micros(from),
            until: Instant::from_micros(until),
        }
    }

    /// The last node of a place; one more number names the node before the
    /// first.
    pub(crate) const LAST: u8 = u8::MAX - 1;
    /// The node that left a place before the start.
    pub(crate) const BEFORE: u8 = u8::MAX;
}

impl Sessions {
    /// The length in minutes beyond which a share `left` of all sessions goes.
    pub(crate) fn length_min(&self, left: f64) -> f64 {
        match *self {
            Self::Weibull { shape, scale_min } => scale_min * (-left.ln()).powf(1.0 / shape),
            Self::LogNormal { median_min, sigma } => median_min * (-sigma * probit(left)).exp(),
            Self::Exponential { mean_min } => mean_min * -left.ln(),
            Self::Endless => f64::INFINITY,
        }
    }
}

/// The share of sessions still going on at points of time, in microseconds:
/// the shape of a distribution, from one to almost none.
#[derive(Debug)]
struct Survival(Vec<(f64, f64)>);

impl Survival {
    /// `None` if sessions are endless.
    fn of(model: &Sessions) -> Option<Self> {
        if matches!(model, Sessions::Endless) {
            return None;
        }
        Some(Self(
            grid()
                .map(|left| ((model.length_min(left) * MINUTE).min(LONGEST), left))
                .collect(),
        ))
    }

    /// The area under it.
    fn mean(&self) -> f64 {
        self.steps().map(|(_, area)| area).sum()
    }

    /// Of the time that a session in progress still has [inspection paradox]:
    /// its chance to last beyond t is the share of the area that lies beyond.
    fn residual(&self) -> Self {
        let mean = self.mean();
        let mut left = mean;
        let mut points = vec![(0.0, 1.0)];
        for (time, area) in self.steps() {
            left = (left - area).max(0.0);
            points.push((time, left / mean));
        }
        Self(points)
    }

    /// The time at the end of each step and the area under it.
    fn steps(&self) -> impl Iterator<Item = (f64, f64)> {
        let start = std::iter::once((0.0, 1.0));
        let ends = self.0.iter().copied();
        let pairs = start.chain(ends.clone()).zip(ends);
        pairs.map(|((from, before), (to, after))| (to, (to - from) * (before + after) / 2.0))
    }
}

/// Shares that are left, falling: the points of a [`Quantiles`] table.
fn grid() -> impl Iterator<Item = f64> {
    (0..=OCTAVES * STEPS).map(|point| {
        let (octave, step) = (point / STEPS, point % STEPS);
        #[allow(clippy::cast_precision_loss)] // small
        let within = 1.0 - step as f64 / (2 * STEPS) as f64;
        within * 0.5_f64.powi(i32::try_from(octave).unwrap_or(i32::MAX))
    })
}

/// Times at the points of [`grid`].
#[derive(Debug)]
struct Quantiles(Vec<u64>);

impl Quantiles {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // cut at LONGEST
    fn of(survival: &Survival) -> Self {
        let points = &survival.0;
        let at = |left: f64| {
            let above = points.partition_point(|point| point.1 > left);
            let (Some(high), Some(low)) = (points.get(above), points.get(above.wrapping_sub(1)))
            else {
                return points
                    .get(above)
                    .or(points.last())
                    .map_or(0.0, |point| point.0);
            };
            let share = (low.1 - left) / (low.1 - high.1);
            low.0 + share * (high.0 - low.0)
        };
        Self(grid().map(|left| at(left).min(LONGEST) as u64).collect())
    }

    /// The least draw whose time is not beyond `time`: times fall as draws rise.
    fn first_draw_within(&self, time: u64) -> u64 {
        let (mut low, mut high) = (0, u64::MAX);
        while low < high {
            let middle = low.midpoint(high);
            match self.at(middle) > time {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        low
    }

    /// The time at which as much is left as `draw` is of 2⁶⁴.
    #[allow(clippy::cast_possible_truncation)] // the interpolation stays between its ends
    fn at(&self, draw: u64) -> u64 {
        let octave = (draw.leading_zeros() as usize).min(OCTAVES - 1);
        // within the octave: from its top downwards
        let within = !(draw << octave) << 1;
        let bits = STEPS.ilog2();
        let step = (within >> (64 - bits)) as usize;
        let rest = (within << bits) >> 32;
        let point = octave * STEPS + step;
        let (low, high) = (self.0[point], self.0[point + 1]);
        low + ((u128::from(high - low) * u128::from(rest)) >> 32) as u64
    }
}

/// The point below which a standard normal variable lies with chance `p`:
/// bisection on [`normal_cdf`], for tables only.
pub(crate) fn probit(p: f64) -> f64 {
    let (mut low, mut high) = (-9.0, 9.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if normal_cdf(middle) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// The chance that a standard normal variable lies below `z`, by the series
/// (or, far out, the continued fraction) of the error function.
pub(crate) fn normal_cdf(z: f64) -> f64 {
    let density = (-z * z / 2.0).exp() / std::f64::consts::TAU.sqrt();
    if z.abs() < 3.0 {
        let (mut term, mut sum) = (z, z);
        for n in 1..60 {
            term *= z * z / f64::from(2 * n + 1);
            sum += term;
        }
        return 0.5 + density * sum;
    }
    let fraction = (1..60)
        .rev()
        .fold(z.abs(), |below, n| z.abs() + f64::from(n) / below);
    let tail = density / fraction;
    if z > 0.0 { 1.0 - tail } else { tail }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTES: u64 = 60_000_000;

    fn plan() -> SessionPlan {
        SessionPlan::new(1, &Sessions::default())
    }

    #[test]
    fn sessions_have_the_published_quantiles() {
        let plan = plan();
        let draws = Draws::new(5, Subject::Peer);
        let mut lengths: Vec<u64> = (0..100_000)
            .map(|i| plan.session(draws.one(i)).as_secs() / 60)
            .collect();
        lengths.sort_unstable();
        assert!(
            (190..=210).contains(&lengths[50_000]),
            "{}",
            lengths[50_000]
        );
        assert!(
            (8_500..=9_500).contains(&lengths[97_000]),
            "{}",
            lengths[97_000]
        );
    }

    #[test]
    fn the_start_is_no_different_from_later() {
        // the share of places whose node leaves within an hour
        let plan = plan();
        let leaving = |at: u64| {
            let at = Instant::from_micros(at * MINUTES);
            let soon = at + Duration::from_secs(3600);
            let gone = |rank: &u32| plan.stay(*rank, at).until <= soon;
            (0..50_000).filter(gone).count() as f64 / 50_000.0
        };
        let expected = leaving(0);
        for at in [60, 600, 3000] {
            assert!(
                (leaving(at) / expected - 1.0).abs() < 0.1,
                "{at} {expected}"
            );
        }
    }

    #[test]
    fn generations_are_those_of_the_stays() {
        let models = [
            Sessions::default(),
            Sessions::Exponential { mean_min: 30.0 },
            Sessions::Endless,
        ];
        for model in models {
            let plan = SessionPlan::new(4, &model);
            for rank in 0..3000 {
                let ends = plan.stay(rank, Instant::ZERO).until.as_micros();
                let spans = [0, 1, 2, 900, 999, 1000, 1001].map(|span| span << SPAN_BITS);
                let around = |time: u64| [time.saturating_sub(1), time, time.saturating_add(1)];
                for at in spans.into_iter().chain([ends]).flat_map(around) {
                    let at = Instant::from_micros(at);
                    assert_eq!(plan.generation(rank, at), plan.stay(rank, at).generation);
                }
            }
        }
    }

    #[test]
    fn stays_follow_each_other() {
        let plan = plan();
        for rank in 0..100 {
            let mut at = Instant::ZERO;
            for _ in 0..5 {
                let stay = plan.stay(rank, at);
                assert!(stay.from <= at && at < stay.until);
                assert_eq!(plan.stay(rank, stay.from), stay);
                at = stay.until;
            }
        }
    }

    #[test]
    fn probit_and_cdf_agree_with_tables() {
        assert!((normal_cdf(1.96) - 0.975_002_1).abs() < 1e-7);
        assert!((normal_cdf(-3.5) - 2.326_290_8e-4).abs() < 1e-10);
        assert!((probit(0.9) - 1.281_551_6).abs() < 1e-6);
    }
}
