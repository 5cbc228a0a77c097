//! A survey's sums: Table 1, Figure 5, and the survival curve.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::{Letter, OTHER_PERCENT, Pattern, Report, TABLE_1};

/// What all checks together say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    patterns: BTreeMap<Pattern, u64>,
    survival: BTreeMap<Duration, (u64, u64)>,
    nodes: u64,
}

/// One row of a table of patterns.
#[derive(Clone, Debug, PartialEq)]
pub struct PatternRow {
    /// The pattern, or `other`.
    pub pattern: String,
    /// What is probably behind it.
    pub cause: String,
    /// Percent of the nodes in the thesis; `None` if it names no such row.
    pub published: Option<f64>,
    /// Nodes met with it.
    pub nodes: u64,
}

/// Nodes in each part of Figure 5: subsets of the reciprocal ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Properties {
    /// Nodes whose properties are all known.
    pub nodes: u64,
    /// Reciprocal.
    pub reciprocal: u64,
    /// Transitive, and therefore reciprocal.
    pub transitive: u64,
    /// Persistent, and therefore reciprocal.
    pub persistent: u64,
    /// Transitive and persistent.
    pub both: u64,
}

impl Properties {
    /// The parts of Figure 5, each as percent of all nodes: not reciprocal,
    /// only reciprocal, persistent but not transitive, transitive but not
    /// persistent, and all three. `None` of no nodes.
    #[allow(clippy::cast_precision_loss)] // counts of nodes
    pub fn parts(&self) -> Option<[f64; 5]> {
        let either = self.transitive + self.persistent - self.both;
        let parts = [
            self.nodes - self.reciprocal,
            self.reciprocal - either,
            self.persistent - self.both,
            self.transitive - self.both,
            self.both,
        ];
        (self.nodes > 0).then(|| parts.map(|part| 100.0 * part as f64 / self.nodes as f64))
    }

    /// The same parts as the rows of Table 1 add up to; the patterns that it
    /// does not name are in none of them.
    pub fn published_parts() -> [f64; 5] {
        let mut parts = [0.0; 5];
        for row in &TABLE_1 {
            let Ok(pattern) = row.pattern.parse::<Pattern>() else {
                continue;
            };
            let yes = |property: Option<bool>| property == Some(true);
            let place = match (
                yes(pattern.reciprocity()),
                yes(pattern.transitivity()),
                yes(pattern.persistence()),
            ) {
                (false, ..) => 0,
                (true, false, false) => 1,
                (true, false, true) => 2,
                (true, true, false) => 3,
                (true, true, true) => 4,
            };
            parts[place] += row.percent;
        }
        parts
    }
}

impl Tally {
    /// Adds a check.
    pub fn add(&mut self, report: &Report) {
        self.add_pattern(report.pattern);
        self.add_survival(&report.survival);
    }

    /// Adds a node's points of the survival curve.
    pub fn add_survival(&mut self, points: &[(Duration, Letter)]) {
        for (age, letter) in points {
            if let Some(reached) = letter.known() {
                let (survived, of) = self.survival.entry(*age).or_default();
                *survived += u64::from(reached);
                *of += 1;
            }
        }
    }

    /// Adds a node of which only the pattern is known.
    pub fn add_pattern(&mut self, pattern: Pattern) {
        *self.patterns.entry(pattern).or_default() += 1;
        self.nodes += 1;
    }

    /// Nodes added.
    pub const fn nodes(&self) -> u64 {
        self.nodes
    }

    /// All patterns met, with their nodes, most frequent first.
    pub fn patterns(&self) -> Vec<(Pattern, u64)> {
        let mut all: Vec<_> = self.patterns.iter().map(|(p, n)| (*p, *n)).collect();
        all.sort_by_key(|(_, nodes)| std::cmp::Reverse(*nodes));
        all
    }

    /// Table 1: its rows in its order, patterns with unknown letters that were
    /// met, and the rest.
    pub fn table_1(&self) -> Vec<PatternRow> {
        let mut rest = self.patterns.clone();
        let mut rows: Vec<_> = TABLE_1
            .iter()
            .map(|row| PatternRow {
                pattern: row.pattern.to_owned(),
                cause: row.cause.name().to_owned(),
                published: Some(row.percent),
                nodes: row
                    .pattern
                    .parse()
                    .ok()
                    .and_then(|pattern: Pattern| rest.remove(&pattern))
                    .unwrap_or(0),
            })
            .collect();
        let mut other = 0;
        for (pattern, nodes) in rest {
            if pattern.to_string().contains('?') {
                rows.push(PatternRow {
                    pattern: pattern.to_string(),
                    cause: crate::Causes::of(&pattern).to_string(),
                    published: None,
                    nodes,
                });
            } else {
                other += nodes;
            }
        }
        rows.push(PatternRow {
            pattern: "other".to_owned(),
            cause: "rest of the cases".to_owned(),
            published: Some(OTHER_PERCENT),
            nodes: other,
        });
        rows
    }

    /// Figure 5: how the three properties overlap. Nodes of which one is not
    /// known are left out.
    pub fn properties(&self) -> Properties {
        let mut sums = Properties::default();
        for (pattern, nodes) in &self.patterns {
            let (Some(reciprocal), Some(transitive), Some(persistent)) = (
                pattern.reciprocity(),
                pattern.transitivity(),
                pattern.persistence(),
            ) else {
                continue;
            };
            sums.nodes += nodes;
            sums.reciprocal += nodes * u64::from(reciprocal);
            sums.transitive += nodes * u64::from(transitive);
            sums.persistent += nodes * u64::from(persistent);
            sums.both += nodes * u64::from(transitive && persistent);
        }
        sums
    }

    /// The survival curve: at each age, how many of how many nodes that were
    /// asked answered.
    pub fn survival(&self) -> impl Iterator<Item = (Duration, u64, u64)> {
        let ages = self.survival.iter();
        ages.map(|(age, (survived, of))| (*age, *survived, *of))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_table_gives_the_published_properties() {
        let mut tally = Tally::default();
        for row in &TABLE_1 {
            let mut tenths = row.percent * 10.0;
            while tenths > 0.5 {
                tally.add_pattern(row.pattern.parse().unwrap());
                tenths -= 1.0;
            }
        }
        let sums = tally.properties();
        // the thesis says 80 %, less than 40 % and slightly less than 44 %, with
        // the 5 % of other patterns, of which we know nothing
        assert_eq!(sums.nodes, 950);
        assert_eq!((sums.reciprocal, sums.transitive), (768, 382));
        assert_eq!((sums.persistent, sums.both), (420, 355));
        let published = Properties::published_parts();
        let measured = sums.parts().unwrap();
        for (published, measured) in published.into_iter().zip(measured) {
            assert!(
                (published - 0.95 * measured).abs() < 1e-9,
                "{published} {measured}"
            );
        }
        assert_eq!(Tally::default().properties().parts(), None);
    }

    #[test]
    fn what_table_1_does_not_name_is_other_or_has_unknown_letters() {
        let mut tally = Tally::default();
        for pattern in ["RRR-RRR", "URU-UUU", "UUR-UUU", "RU?-UU?"] {
            tally.add_pattern(pattern.parse().unwrap());
        }
        let rows = tally.table_1();
        let of = |name: &str| rows.iter().find(|row| row.pattern == name).unwrap().nodes;
        assert_eq!((of("RRR-RRR"), of("other"), of("RU?-UU?")), (1, 2, 1));
        assert_eq!(rows.iter().map(|row| row.nodes).sum::<u64>(), tally.nodes());
        assert_eq!(tally.properties().nodes, 3, "RU?-UU? may be transitive");
    }
}
