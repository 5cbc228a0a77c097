//! What a survey found, beside what was planted and what was published.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use mdht_connectivity::{Causes, Pattern, Report, Stats, Tally};
use mdht_overlay::parameters::{Class, Connectivity};
use serde_json::{Value, json};

use super::{Agreement, SurveyScript};

/// A class of connectivity with the lifetime of its mappings.
pub type PlantedClass = (Class, u32);

/// What a survey found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SurveyOutcome {
    /// What it was made of.
    pub script: SurveyScript,
    /// Whether it came to its end.
    pub is_whole: bool,
    /// Every check.
    pub tally: Tally,
    /// Counters of the checker.
    pub stats: Stats,
    /// Nodes by what was planted and the pattern seen.
    pub found: BTreeMap<PlantedClass, BTreeMap<Pattern, u64>>,
    /// What the instrumented nodes' own traffic says of the nodes that were
    /// checked; `None` if nobody listened.
    pub passive: Option<Agreement>,
}

impl SurveyOutcome {
    pub(super) fn new(script: &SurveyScript) -> Self {
        Self {
            script: script.clone(),
            is_whole: false,
            tally: Tally::default(),
            stats: Stats::default(),
            found: BTreeMap::new(),
            passive: None,
        }
    }

    pub(super) fn add(&mut self, report: &Report, planted: Option<Connectivity>) {
        self.tally.add(report);
        if let Some(planted) = planted {
            let class = (planted.class, planted.mapping_timeout_s);
            let patterns = self.found.entry(class).or_default();
            *patterns.entry(report.pattern).or_default() += 1;
        }
    }

    /// Percentage of the world's nodes that are of a class.
    fn planted_pct(&self, class: PlantedClass) -> f64 {
        let rows = self.script.overlay.connectivity.iter();
        let of_class = rows.filter(|row| (row.class, row.mapping_timeout_s) == class);
        let all: f64 = (self.script.overlay.connectivity.iter())
            .map(|row| row.share)
            .sum();
        100.0 * of_class.map(|row| row.share).sum::<f64>() / all
    }

    /// For programs: Table 1, and the confusion of causes and patterns with
    /// what was planted.
    pub fn summary(&self) -> Value {
        let total = self.tally.nodes();
        let table_1 = self.tally.table_1().into_iter().map(|row| {
            json!({
                "pattern": row.pattern,
                "likely": row.cause,
                "nodes": row.nodes,
                "pct": pct(row.nodes, total),
                "published_pct": row.published,
            })
        });
        let sums = self.tally.properties();
        let classes = self.found.iter().map(|(class, patterns)| {
            let nodes = patterns.values().sum();
            let seen = patterns.iter();
            json!({
                "class": class.0,
                "mapping_timeout_s": class.1,
                "planted_pct": self.planted_pct(*class),
                "met": nodes,
                "met_pct": pct(nodes, total),
                "likely": causes(patterns),
                "patterns": seen.map(|(pattern, n)| (pattern.to_string(), (*n).into()))
                    .collect::<serde_json::Map<_, _>>(),
            })
        });
        json!({
            "survey": self.script.name,
            "seed": self.script.overlay.seed,
            "modelled_nodes": self.script.overlay.nodes,
            "identities": self.script.identities,
            "virtual_s": self.script.length.as_secs_f64(),
            "complete": self.is_whole,
            "nodes": total,
            "published_nodes": PUBLISHED_NODES,
            "table_1": table_1.collect::<Vec<_>>(),
            "reciprocity_pct": pct(sums.reciprocal, sums.nodes),
            "transitivity_pct": pct(sums.transitive, sums.nodes),
            "persistence_pct": pct(sums.persistent, sums.nodes),
            "classes": classes.collect::<Vec<_>>(),
            "probes": self.stats.probes,
            "own_traffic": self.passive.as_ref().map(Agreement::summary),
        })
    }
}

/// Unique nodes that the thesis's survey met in 24 hours [7.5].
const PUBLISHED_NODES: u64 = 3_683_524;

impl Display for SurveyOutcome {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { script, tally, .. } = self;
        let hours = script.length.as_secs_f64() / 3600.0;
        writeln!(
            f,
            "{}: {} modelled nodes, seed {}, {} identities, {hours} virtual hours\n\
             {} nodes checked{}\n",
            script.name,
            script.overlay.nodes,
            script.overlay.seed,
            script.identities,
            tally.nodes(),
            match script.is_of_thesis() {
                true => format!(" (thesis: {PUBLISHED_NODES} in 24 h, 16 identities)"),
                false => String::new(),
            }
        )?;
        writeln!(f, "pattern  measured %  thesis %  likely cause")?;
        for row in tally.table_1() {
            let published = (row.published).map_or_else(|| "-".into(), |p| format!("{p:.1}"));
            let measured = pct(row.nodes, tally.nodes()).unwrap_or(0.0);
            writeln!(
                f,
                "{:<9}{measured:>10.1}{published:>10}  {}",
                row.pattern, row.cause
            )?;
        }
        let sums = tally.properties();
        for (name, nodes, published) in [
            ("reciprocity", sums.reciprocal, "80"),
            ("transitivity", sums.transitive, "below 40"),
            ("persistence", sums.persistent, "below 44"),
        ] {
            let measured = pct(nodes, sums.nodes).unwrap_or(0.0);
            let beside = match script.has_thesis_shares() {
                true => format!(" (thesis: {published} %)"),
                false => String::new(),
            };
            writeln!(f, "{name}: {measured:.1} %{beside}")?;
        }
        self.write_confusion(f)?;
        match &self.passive {
            Some(passive) => passive.write(f),
            None => Ok(()),
        }
    }
}

impl SurveyOutcome {
    /// What the causes found were planted as.
    fn write_confusion(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\nplanted                      of all %    met %  found, % of the class"
        )?;
        for (class, patterns) in &self.found {
            let nodes = patterns.values().sum();
            let mut causes: Vec<_> = causes(patterns).into_iter().collect();
            causes.sort_by_key(|(_, nodes)| Reverse(*nodes));
            let found = causes.iter().filter_map(|(cause, n)| {
                let share = pct(*n, nodes).filter(|share| *share >= 0.5)?;
                Some(format!("{cause} {share:.0}"))
            });
            let timeout = match class.1 {
                0 => String::new(),
                seconds => format!(", {seconds} s"),
            };
            writeln!(
                f,
                "{:<28}{:>9.1}{:>9.1}  {}",
                format!("{}{timeout}", name(class.0)),
                self.planted_pct(*class),
                pct(nodes, self.tally.nodes()).unwrap_or(0.0),
                found.collect::<Vec<_>>().join("; ")
            )?;
        }
        Ok(())
    }
}

#[allow(clippy::cast_precision_loss)] // counts of nodes
pub(super) fn pct(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| 100.0 * part as f64 / whole as f64)
}

/// As a script calls it.
fn name(class: Class) -> String {
    json!(class).as_str().unwrap_or_default().to_owned()
}

/// Nodes by the likely cause of the patterns that they showed.
fn causes(patterns: &BTreeMap<Pattern, u64>) -> BTreeMap<String, u64> {
    let mut causes = BTreeMap::new();
    for (pattern, nodes) in patterns {
        *causes.entry(Causes::of(pattern).to_string()).or_default() += nodes;
    }
    causes
}
