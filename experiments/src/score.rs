//! How near the published figures come, by targets that were set before
//! anything was measured.

use serde::Serialize;

use crate::outcome::{Outcome, VariantOutcome};
use crate::published::{Basis, Published, PublishedRow};
use crate::script::World;

/// Pairs whose published medians differ by less than this factor are in no
/// order that could be met.
const CLEAR: f64 = 1.10;
/// How far a median may be off.
const MEDIAN: Target = Target::Factor(1.5);
/// How far a 99th percentile may be off.
const P99: Target = Target::Factor(2.0);
/// How far a share answered may be off.
const ANSWERED: Target = Target::Points(6.0);

/// How far a figure may be off.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// By this factor, or its inverse.
    Factor(f64),
    /// By so many percentage points.
    Points(f64),
}

impl Target {
    /// Whether a measured figure is as near as that; at the bound it is.
    pub fn is_met(self, published: f64, measured: f64) -> bool {
        let ratio = measured / published;
        match self {
            Self::Factor(factor) => (1.0 / factor..=factor).contains(&ratio),
            Self::Points(points) => (measured - published).abs() <= points,
        }
    }

    /// In words.
    pub fn words(self) -> String {
        match self {
            Self::Factor(factor) => format!("within a factor of {factor}"),
            Self::Points(points) => format!("within {points} points"),
        }
    }
}

/// A predicted figure beside the published one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScoredFigure {
    /// The combination.
    pub label: String,
    /// Which figure, with its unit.
    pub figure: &'static str,
    /// As published.
    pub published: f64,
    /// As measured; `None` if it was not.
    pub measured: Option<f64>,
    /// Measured over published.
    pub ratio: Option<f64>,
    /// How far it may be off.
    pub target: Target,
    /// Whether it is as near as that; a figure that was not measured is not.
    pub is_met: bool,
}

/// Two combinations whose published medians differ clearly.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScoredPair {
    /// The one with the lower published median.
    pub faster: String,
    /// The one with the higher.
    pub slower: String,
    /// Published medians, slower over faster.
    pub published_ratio: f64,
    /// Measured medians, the same way round.
    pub measured_ratio: Option<f64>,
    /// Whether they are in the published order.
    pub is_met: bool,
}

/// How near the published figures come.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Score {
    /// See [`Outcome::is_thesis_world`].
    pub is_thesis_world: bool,
    /// Every pair in clear order of which at least one row is predicted.
    pub pairs: Vec<ScoredPair>,
    /// Every predicted figure with a target.
    pub figures: Vec<ScoredFigure>,
}

impl Score {
    /// How many pairs are in order, of how many.
    pub fn pairs_met(&self) -> (usize, usize) {
        let met = self.pairs.iter().filter(|pair| pair.is_met).count();
        (met, self.pairs.len())
    }

    /// How many figures of a kind are near enough, of how many; of those whose
    /// name starts with `kind`.
    pub fn figures_met(&self, kind: &str) -> (usize, usize) {
        let of_kind = || self.figures.iter().filter(|f| f.figure.starts_with(kind));
        let met = of_kind().filter(|figure| figure.is_met).count();
        (met, of_kind().count())
    }

    /// How many of everything, of how many.
    pub fn all_met(&self) -> (usize, usize) {
        let (pairs, figures) = (self.pairs_met(), self.figures_met(""));
        (pairs.0 + figures.0, pairs.1 + figures.1)
    }

    /// What is scored: how its figures' names start, and in words.
    pub const KINDS: [(&str, &str); 3] = [
        ("median", "medians within a factor of 1.5"),
        ("p99", "99th percentiles within a factor of 2"),
        ("answered", "shares answered within 6 points"),
    ];
}

impl Outcome {
    /// Whether the world and the schedule are those of the thesis: in any
    /// other its figures need not agree.
    pub fn is_thesis_world(&self) -> bool {
        let script = &self.script;
        let [
            World {
                overlay,
                full_nodes: None,
                ..
            },
        ] = script.worlds.as_slice()
        else {
            return false;
        };
        let lookups = script.schedule.infohashes;
        script.live.is_none() && Published::is_of(overlay) && lookups == Published::LOOKUPS
    }

    /// The score against the thesis. Rows that were fitted, stand-ins and
    /// other readings of a module do not count.
    pub fn score(&self) -> Score {
        let published = self.published();
        let rows = self.variants.iter();
        let rows = rows.filter_map(|v| Some((v, published.row(&v.variant.label)?)));
        let rows: Vec<_> = rows.collect();
        Score {
            is_thesis_world: self.is_thesis_world(),
            pairs: pairs(&rows),
            figures: rows.iter().flat_map(|(v, row)| figures(v, row)).collect(),
        }
    }
}

fn pairs(rows: &[(&VariantOutcome, PublishedRow)]) -> Vec<ScoredPair> {
    let scored: Vec<_> = rows
        .iter()
        .filter(|(_, row)| row.latency_basis != Basis::NotScored)
        .collect();
    let mut pairs = Vec::new();
    for (number, a) in scored.iter().enumerate() {
        for b in &scored[number + 1..] {
            let is_slower = a.1.latency_ms[0] > b.1.latency_ms[0];
            let (faster, slower) = if is_slower { (b, a) } else { (a, b) };
            let published_ratio = slower.1.latency_ms[0] / faster.1.latency_ms[0];
            let is_predicted = [a, b].iter().any(|r| r.1.latency_basis == Basis::Predicted);
            if published_ratio <= CLEAR || !is_predicted {
                continue;
            }
            let median = |v: &VariantOutcome| v.figure("lookup_latency_ms", "p50");
            let measured = median(slower.0).zip(median(faster.0));
            let measured_ratio = measured.map(|(slower, faster)| slower / faster);
            pairs.push(ScoredPair {
                faster: faster.0.variant.label.clone(),
                slower: slower.0.variant.label.clone(),
                published_ratio,
                measured_ratio,
                is_met: measured_ratio.is_some_and(|ratio| ratio > 1.0),
            });
        }
    }
    pairs
}

/// The predicted figures of a row.
fn figures(variant: &VariantOutcome, row: &PublishedRow) -> Vec<ScoredFigure> {
    let figure = |figure, published, measured: Option<f64>, target: Target| ScoredFigure {
        label: variant.variant.label.clone(),
        figure,
        published,
        measured,
        ratio: measured.map(|measured| measured / published),
        target,
        is_met: measured.is_some_and(|measured| target.is_met(published, measured)),
    };
    let mut figures = Vec::new();
    if row.latency_basis == Basis::Predicted {
        let latency = |key| variant.figure("lookup_latency_ms", key);
        figures.extend([
            figure(
                "median latency, ms",
                row.latency_ms[0],
                latency("p50"),
                MEDIAN,
            ),
            figure("p99 of latency, ms", row.latency_ms[3], latency("p99"), P99),
        ]);
    }
    if row.answered_basis == Basis::Predicted {
        let measured = variant.figure("lookup_queries", "answered_pct");
        figures.push(figure("answered, %", row.answered_pct, measured, ANSWERED));
    }
    // to these nothing was fitted, whatever the latencies of the row are
    if let Some([median, _]) = row.closest.filter(|_| is_scored(row)) {
        let measured = variant.figure("closest_ms", "p50");
        figures.push(figure(
            "median time to closest, ms",
            median,
            measured,
            MEDIAN,
        ));
    }
    if let Some([small, large]) = row.by_swarm_ms.filter(|_| is_scored(row)) {
        let measured = |key| variant.figure("swarm_latency_ms", key);
        figures.extend([
            figure(
                "median up to 50 peers, ms",
                small,
                measured("up_to_50_peers/p50"),
                MEDIAN,
            ),
            figure(
                "median over 200 peers, ms",
                large,
                measured("over_200_peers/p50"),
                MEDIAN,
            ),
        ]);
    }
    figures
}

fn is_scored(row: &PublishedRow) -> bool {
    row.latency_basis != Basis::NotScored
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn targets_hold_at_their_bounds_and_not_beyond() {
        assert!(MEDIAN.is_met(100.0, 150.0) && MEDIAN.is_met(150.0, 100.0));
        assert!(!MEDIAN.is_met(100.0, 150.1) && !MEDIAN.is_met(100.0, 66.0));
        assert!(ANSWERED.is_met(54.0, 60.0) && !ANSWERED.is_met(54.0, 47.9));
    }

    #[test]
    fn only_predicted_rows_are_scored() {
        // medians as published, but for NICE-S, which is slower than BEP5-S
        let outcome = testing::outcome(&[
            ("UT22-S", &[9000.0]),
            ("BEP5-S", &[1105.0]),
            ("NICE-S", &[2000.0]),
            ("NR128-A", &[164.0]),
            ("NR128-A code", &[9000.0]),
            ("LT-A", &[50.0]),
        ]);
        let score = outcome.score();
        let pairs = score
            .pairs
            .iter()
            .map(|p| (p.faster.as_str(), p.slower.as_str(), p.is_met));
        assert_eq!(
            pairs.collect::<Vec<_>>(),
            [
                ("NICE-S", "BEP5-S", false),
                ("NR128-A", "BEP5-S", true),
                ("NR128-A", "NICE-S", true)
            ]
        );
        assert_eq!(score.figures_met("median latency"), (1, 2));
        assert_eq!(score.pairs_met(), (2, 3));
        let missed = score.figures.iter().find(|f| f.label == "NICE-S").unwrap();
        assert!(!missed.is_met && (missed.ratio.unwrap() - 2000.0 / 510.0).abs() < 1e-9);
        assert!(!score.is_thesis_world);
    }
}
