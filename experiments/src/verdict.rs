//! Which of two combinations is faster or cheaper, or that no difference is
//! shown.
//!
//! With several repetitions, or nodes of each variant, a difference is taken
//! between any two that lived in the same world, and its mean has a 95 % interval by Student's t. With one, the
//! interval is a bootstrap over the lookups. A difference is shown where the
//! interval leaves out 0. Of so many pairs, 1 in 20 that do not differ will show
//! a difference all the same.

use mdht_krpc::Rng;
use mdht_profiler::bootstrap::{self, Statistic};
use serde::Serialize;

use crate::interval::Interval;
use crate::lookups::samples;
use crate::outcome::{Outcome, VariantOutcome};

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// Median lookup latency, ms.
    MedianLatency,
    /// The 99th percentile of lookup latency, ms.
    P99Latency,
    /// Mean lookup cost, queries.
    Cost,
}

impl Figure {
    /// All, in their order.
    pub const ALL: [Self; 3] = [Self::MedianLatency, Self::P99Latency, Self::Cost];

    /// In words, with its unit.
    pub const fn words(self) -> &'static str {
        match self {
            Self::MedianLatency => "median latency, ms",
            Self::P99Latency => "p99 of latency, ms",
            Self::Cost => "lookup cost, queries",
        }
    }

    /// Where it stands in the profile.
    const fn place(self) -> (&'static str, &'static str) {
        match self {
            Self::MedianLatency => ("lookup_latency_ms", "p50"),
            Self::P99Latency => ("lookup_latency_ms", "p99"),
            Self::Cost => ("lookup_cost", "mean"),
        }
    }

    /// The column of the lookups that it is a statistic of.
    const fn statistic(self) -> (&'static str, Statistic) {
        match self {
            Self::MedianLatency => ("latency_ms", |s| bootstrap::percentile(s, 0.5)),
            Self::P99Latency => ("latency_ms", |s| bootstrap::percentile(s, 0.99)),
            Self::Cost => ("cost", bootstrap::mean),
        }
    }
}

/// What the difference of a figure says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Faster, or cheaper.
    Lower,
    /// Slower, or dearer.
    Higher,
    /// The interval holds 0.
    NoDifferenceShown,
}

impl Verdict {
    /// In words.
    pub const fn words(self, figure: Figure) -> &'static str {
        match (self, figure) {
            (Self::Lower, Figure::Cost) => "cheaper",
            (Self::Higher, Figure::Cost) => "dearer",
            (Self::Lower, _) => "faster",
            (Self::Higher, _) => "slower",
            (Self::NoDifferenceShown, _) => "no difference shown",
        }
    }
}

/// A figure of two combinations.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Which.
    pub figure: Figure,
    /// 95 % interval of the first less the second.
    pub difference: [f64; 2],
    /// What it says of the first.
    pub verdict: Verdict,
}

/// Two combinations.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PairVerdict {
    /// The one that is spoken of.
    pub label: String,
    /// The one it is compared with.
    pub against: String,
    /// The figures that both have.
    pub figures: Vec<Comparison>,
}

impl PairVerdict {
    /// What is said of a figure.
    pub fn of(&self, figure: Figure) -> Option<&Comparison> {
        self.figures
            .iter()
            .find(|compared| compared.figure == figure)
    }
}

impl VariantOutcome {
    /// The mean of a figure over the repetitions.
    pub(crate) fn compared(&self, figure: Figure) -> Option<f64> {
        let (section, key) = figure.place();
        self.figure(section, key)
    }
}

impl Outcome {
    /// Every pair of variants, each once, in the order of the script. The same
    /// outcome always gives the same intervals.
    pub fn verdicts(&self) -> &[PairVerdict] {
        self.judged.get_or_init(|| self.judge())
    }

    fn judge(&self) -> Vec<PairVerdict> {
        let repeated = self.script.samples() > 1;
        let mut rng = Rng::from_u64(self.script.seed);
        let spreads = self.variants.iter().map(|variant| {
            Figure::ALL.map(|figure| match repeated {
                true => repetitions(variant, figure),
                false => resampled(variant, figure, &mut rng),
            })
        });
        let spreads: Vec<[Vec<f64>; 3]> = spreads.collect();
        let interval = if repeated {
            paired
        } else {
            bootstrap::difference
        };
        let mut pairs = Vec::new();
        for (i, a) in self.variants.iter().enumerate() {
            for (j, b) in self.variants.iter().enumerate().skip(i + 1) {
                let both = spreads[i].iter().zip(&spreads[j]);
                let compared = Figure::ALL.into_iter().zip(both);
                let compared = compared.filter_map(|(figure, (of_a, of_b))| {
                    // the first less the second
                    let difference = interval(of_b, of_a)?;
                    let verdict = told(difference);
                    Some(Comparison {
                        figure,
                        difference,
                        verdict,
                    })
                });
                pairs.push(PairVerdict {
                    label: a.variant.label.clone(),
                    against: b.variant.label.clone(),
                    figures: compared.collect(),
                });
            }
        }
        pairs
    }
}

/// What an interval of a difference says.
fn told([low, high]: [f64; 2]) -> Verdict {
    match (low, high) {
        (low, _) if low > 0.0 => Verdict::Higher,
        (_, high) if high < 0.0 => Verdict::Lower,
        _ => Verdict::NoDifferenceShown,
    }
}

fn repetitions(variant: &VariantOutcome, figure: Figure) -> Vec<f64> {
    let (section, key) = figure.place();
    variant.figures(section, key).unwrap_or_default()
}

fn resampled(variant: &VariantOutcome, figure: Figure, rng: &mut Rng) -> Vec<f64> {
    let (column, statistic) = figure.statistic();
    let lookups = variant.repetitions.first();
    let samples = lookups.map_or_else(Vec::new, |profile| samples(profile, column));
    bootstrap::resampled(&samples, statistic, rng)
}

/// 95 % interval of the mean difference over repetitions, second less first.
fn paired(a: &[f64], b: &[f64]) -> Option<[f64; 2]> {
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| b - a).collect();
    Interval::of(&differences)?.ends()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn told_of(variants: &[(&str, &[f64])]) -> Vec<Verdict> {
        let outcome = testing::outcome(variants);
        let pairs = outcome.verdicts();
        let median = |pair: &PairVerdict| pair.of(Figure::MedianLatency).unwrap().verdict;
        pairs.iter().map(median).collect()
    }

    #[test]
    fn one_repetition_is_judged_by_its_lookups() {
        let told = told_of(&[("a", &[100.0]), ("b", &[1000.0]), ("c", &[101.0])]);
        let (faster, same, slower) = (Verdict::Lower, Verdict::NoDifferenceShown, Verdict::Higher);
        assert_eq!(told, [faster, same, slower]);
    }

    #[test]
    fn repetitions_are_judged_by_their_differences() {
        // far from each other in each world, and the worlds farther still
        let told = told_of(&[
            ("a", &[100.0, 500.0, 900.0]),
            ("b", &[110.0, 511.0, 909.0]),
            ("c", &[90.0, 520.0, 890.0]),
        ]);
        assert_eq!(told[0], Verdict::Lower);
        assert_eq!(told[1], Verdict::NoDifferenceShown);
    }

    #[test]
    fn a_cost_that_never_varies_shows_no_difference() {
        let outcome = testing::outcome(&[("a", &[100.0, 200.0]), ("b", &[300.0, 400.0])]);
        let cost = outcome.verdicts()[0].of(Figure::Cost).unwrap();
        assert_eq!(cost.verdict.words(Figure::Cost), "no difference shown");
    }
}
