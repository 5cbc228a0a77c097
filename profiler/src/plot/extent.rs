//! The part of an axis that is shown, and its ticks.

use crate::Scale;

/// From where to where an axis goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Extent {
    low: f64,
    high: f64,
    scale: Scale,
}

impl Extent {
    /// An extent that holds `values`, rounded outwards to ticks; a linear one
    /// holds 0 as well. `None` if nothing of them has a place on the axis.
    pub(super) fn of(values: impl Iterator<Item = f64>, scale: Scale) -> Option<Self> {
        let placed = values.filter(|v| v.is_finite() && (scale == Scale::Linear || *v > 0.0));
        let (low, high) = placed.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
            (low.min(v), high.max(v))
        });
        (low <= high).then(|| match scale {
            Scale::Linear => linear(low.min(0.0), high.max(0.0)),
            Scale::Log => logarithmic(low, high),
        })
    }

    /// The same, but ending with the greatest of `values` if linear.
    pub(super) fn tight(values: impl Iterator<Item = f64> + Clone, scale: Scale) -> Option<Self> {
        let greatest = values
            .clone()
            .filter(|v| v.is_finite())
            .fold(f64::MIN, f64::max);
        let mut extent = Self::of(values, scale)?;
        if scale == Scale::Linear && greatest > extent.low {
            extent.high = greatest;
        }
        Some(extent)
    }

    /// From `low` to `high` as they are.
    pub(super) const fn exactly(low: f64, high: f64) -> Self {
        let scale = Scale::Linear;
        Self { low, high, scale }
    }

    /// Where `value` is: 0 at the low end, 1 at the high end. `None` if it
    /// has no place on the axis.
    pub(super) fn position(&self, value: f64) -> Option<f64> {
        match self.scale {
            Scale::Linear => Some((value - self.low) / (self.high - self.low)),
            Scale::Log if value <= 0.0 => None,
            Scale::Log => Some((value / self.low).ln() / (self.high / self.low).ln()),
        }
        .filter(|position| position.is_finite())
    }

    pub(super) const fn high(&self) -> f64 {
        self.high
    }

    /// At most about `most` ticks, in ascending order.
    pub(super) fn ticks(&self, most: usize) -> Vec<f64> {
        match self.scale {
            Scale::Linear => {
                let step = step(self.high - self.low, most);
                let steps = ((self.high - self.low) / step + 1e-6).floor();
                let first = (self.low / step - 1e-6).ceil();
                counting(steps).map(|i| (first + i) * step).collect()
            }
            Scale::Log => {
                let decades = self.decades();
                let every = (decades.len() as f64 / most as f64).ceil().max(1.0);
                let fine = decades.len() <= (most / 2).max(2);
                let of_decade: &[f64] = if fine { &[1.0, 2.0, 5.0] } else { &[1.0] };
                let chosen = decades.into_iter().filter(|d| (d / every).fract() == 0.0);
                let ticks = chosen.flat_map(|d| of_decade.iter().map(move |m| m * 10f64.powf(d)));
                ticks.filter(|tick| self.holds(*tick)).collect()
            }
        }
    }

    /// Lines between the ticks of a logarithmic axis.
    pub(super) fn minor_ticks(&self) -> Vec<f64> {
        let decades = match self.scale {
            Scale::Log => self.decades(),
            Scale::Linear => Vec::new(),
        };
        let ticks = decades
            .into_iter()
            .flat_map(|d| (2..10).map(move |m| f64::from(m) * 10f64.powf(d)));
        ticks.filter(|tick| self.holds(*tick)).collect()
    }

    /// Powers of ten of the decades that the extent touches.
    fn decades(&self) -> Vec<f64> {
        let first = (self.low.log10() + 1e-9).floor();
        let last = (self.high.log10() + 1e-9).floor();
        counting(last - first).map(|i| first + i).collect()
    }

    fn holds(&self, value: f64) -> bool {
        (self.low * (1.0 - 1e-9)..=self.high * (1.0 + 1e-9)).contains(&value)
    }
}

/// 0, 1, 2 … `last`, bounded.
fn counting(last: f64) -> impl Iterator<Item = f64> {
    (0..MAX_TICKS)
        .map(f64::from)
        .take_while(move |i| *i <= last)
}

fn linear(low: f64, high: f64) -> Extent {
    let high = if high > low { high } else { low + 1.0 };
    let step = step(high - low, 6);
    Extent {
        low: (low / step + 1e-9).floor() * step,
        high: (high / step - 1e-9).ceil() * step,
        scale: Scale::Linear,
    }
}

fn logarithmic(low: f64, high: f64) -> Extent {
    let (mut low, mut high) = (round_down(low), round_up(high));
    if high <= low {
        (low, high) = (round_down(low * 0.9), round_up(high * 1.1));
    }
    let scale = Scale::Log;
    Extent { low, high, scale }
}

/// The next of 1, 2 and 5 times a power of ten at or below `value` > 0.
fn round_down(value: f64) -> f64 {
    let decade = 10f64.powf(value.log10().floor());
    let within = [5.0, 2.0, 1.0].into_iter();
    let below = within.map(|m| m * decade);
    below
        .clone()
        .find(|v| *v <= value * (1.0 + 1e-9))
        .unwrap_or(decade)
}

/// The next of 1, 2 and 5 times a power of ten at or above `value` > 0.
fn round_up(value: f64) -> f64 {
    let decade = 10f64.powf(value.log10().floor());
    let above = [1.0, 2.0, 5.0, 10.0].map(|m| m * decade);
    above
        .into_iter()
        .find(|v| *v >= value * (1.0 - 1e-9))
        .unwrap_or(10.0 * decade)
}

/// The smallest of 1, 2 and 5 times a power of ten of which no more than
/// `most` fit into `length`.
fn step(length: f64, most: usize) -> f64 {
    round_up((length / most.max(1) as f64).max(f64::MIN_POSITIVE))
}

/// A tick in words: `0.25`, `150`, `20,000`, `1e9`.
pub(super) fn in_words(value: f64) -> String {
    let rounded = format!("{value:.9}");
    let plain = rounded.trim_end_matches('0').trim_end_matches('.');
    if value.abs() >= 1e9 || (value != 0.0 && value.abs() < 1e-4) {
        return format!("{value:e}");
    }
    let (whole, rest) = plain.split_at(plain.find('.').unwrap_or(plain.len()));
    let digits = whole.trim_start_matches('-');
    let mut grouped = whole[..whole.len() - digits.len()].to_owned();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) && digits.len() > 4 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}

const MAX_TICKS: u32 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f64], scale: Scale) -> Extent {
        Extent::of(values.iter().copied(), scale).unwrap()
    }

    #[test]
    fn a_linear_axis_holds_zero_and_ends_on_a_tick() {
        let extent = of(&[37.0, 163.0], Scale::Linear);
        assert_eq!((extent.low, extent.high), (0.0, 200.0));
        assert_eq!(extent.ticks(5), [0.0, 50.0, 100.0, 150.0, 200.0]);
        assert_eq!(extent.position(50.0), Some(0.25));
        assert_eq!(of(&[0.0], Scale::Linear).ticks(2).len(), 3);
    }

    #[test]
    fn a_log_axis_has_no_place_for_zero() {
        let extent = of(&[0.0, -5.0, 30.0, 4000.0], Scale::Log);
        assert_eq!((extent.low, extent.high), (20.0, 5000.0));
        assert_eq!(extent.position(0.0), None);
        assert_eq!(
            extent.ticks(6),
            [20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0]
        );
        assert_eq!(Extent::of([0.0].into_iter(), Scale::Log), None);
        assert_eq!(Extent::of([f64::NAN].into_iter(), Scale::Linear), None);
    }

    #[test]
    fn one_value_is_an_extent_too() {
        for value in [1e-9, 0.3, 1.0, 100.0, 5e12] {
            for scale in [Scale::Linear, Scale::Log] {
                let extent = of(&[value], scale);
                let position = extent.position(value).unwrap();
                assert!(
                    (0.0..=1.0).contains(&position),
                    "{value} {scale:?}: {position}"
                );
                assert!(!extent.ticks(6).is_empty(), "{value} {scale:?}");
            }
        }
    }

    #[test]
    fn many_decades_leave_some_out() {
        let extent = of(&[1e-6, 1e9], Scale::Log);
        assert!(extent.ticks(6).len() <= 6, "{:?}", extent.ticks(6));
    }

    #[test]
    fn ticks_in_words() {
        for (value, words) in [
            (0.0, "0"),
            (0.25, "0.25"),
            (0.1 + 0.2, "0.3"),
            (1500.0, "1500"),
            (20_000.0, "20,000"),
            (-1_250_000.0, "-1,250,000"),
            (1e9, "1e9"),
        ] {
            assert_eq!(in_words(value), words);
        }
    }
}
