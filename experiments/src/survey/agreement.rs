//! How far what one capture tells agrees with what an active checker finds.

use std::collections::BTreeMap;
use std::fmt::{self, Formatter};

use mdht_connectivity::{Pattern, Vantage};
use mdht_profiler::report::Table;
use serde_json::{Value, json};

use super::outcome::pct;
use crate::text_table::{Block, TextTable, write_wrapped};

/// What the profiler says of an address from the node's own traffic; see
/// [`Connectivity`](mdht_profiler::measurement::Connectivity).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It answers strangers.
    Open,
    /// It answers only whom it has just sent something.
    Guarded,
    /// It answers nobody.
    Unreachable,
    /// It was asked, but at no moment that tells.
    Undecided,
    /// The node never asked it anything.
    NotAsked,
}

impl Verdict {
    const ALL: [Self; 5] = [
        Self::Open,
        Self::Guarded,
        Self::Unreachable,
        Self::Undecided,
        Self::NotAsked,
    ];
    /// Those that say something.
    const JUDGED: [Self; 3] = [Self::Open, Self::Guarded, Self::Unreachable];

    const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Guarded => "guarded",
            Self::Unreachable => "unreachable",
            Self::Undecided => "undecided",
            Self::NotAsked => "not asked",
        }
    }

    /// As the profiler calls it.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.name() == name)
    }

    /// What should be said of a node with this pattern: unreachable without
    /// reciprocity, open with transitivity, guarded otherwise.
    fn expected(pattern: &Pattern) -> Option<Self> {
        Some(match (pattern.reciprocity()?, pattern.transitivity()?) {
            (false, _) => Self::Unreachable,
            (true, false) => Self::Guarded,
            (true, true) => Self::Open,
        })
    }
}

/// Patterns that a capture cannot tell apart better than so.
const GROUPS: [&str; 6] = ["UUU-UUU", "UXX other", "RUU-XXX", "RRU-XXX", "RXR-XXX", "?"];

/// Place of a pattern's group.
fn group(pattern: &Pattern) -> usize {
    let first = |from| pattern.letter(0, from).known();
    let is_silent = |burst| {
        let known = |from: &Vantage| pattern.letter(burst, *from).known();
        Vantage::ALL.iter().all(|from| known(from) == Some(false))
    };
    match (
        first(Vantage::Own),
        first(Vantage::Local),
        first(Vantage::Remote),
    ) {
        (Some(false), ..) if is_silent(0) && is_silent(1) => 0,
        (Some(false), ..) => 1,
        (Some(true), Some(false), Some(false)) => 2,
        (Some(true), Some(true), Some(false)) => 3,
        (Some(true), _, Some(true)) => 4,
        _ => 5,
    }
}

/// Checked nodes by what the instrumented nodes' own traffic says of them, and
/// the pattern that the checker found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Agreement {
    /// Instrumented nodes that were listened to.
    pub identities: u16,
    /// The nodes.
    pub seen: BTreeMap<Verdict, BTreeMap<Pattern, u64>>,
    /// Addresses of which the traffic says something and that were not checked
    /// by that instrumented node: by another one, or not at the time.
    pub unchecked: u64,
    /// Checks that were too many to be compared.
    pub left_out: u64,
}

impl Agreement {
    pub(super) fn new(identities: u16, left_out: u64) -> Self {
        Self {
            identities,
            left_out,
            ..Self::default()
        }
    }

    pub(super) fn add(&mut self, verdict: Verdict, pattern: Pattern) {
        let patterns = self.seen.entry(verdict).or_default();
        *patterns.entry(pattern).or_default() += 1;
    }

    /// Nodes with this verdict whose pattern is `of` the asked kind.
    fn count(&self, verdict: Verdict, of: impl Fn(&Pattern) -> bool) -> u64 {
        let patterns = self.seen.get(&verdict).into_iter().flatten();
        patterns
            .filter(|(pattern, _)| of(pattern))
            .map(|(_, nodes)| nodes)
            .sum()
    }

    fn nodes(&self, verdict: Verdict) -> u64 {
        self.count(verdict, |_| true)
    }

    /// All nodes that were checked.
    pub fn checked(&self) -> u64 {
        Verdict::ALL.into_iter().map(|v| self.nodes(v)).sum()
    }

    /// Those of which the traffic says something.
    pub fn judged(&self) -> u64 {
        Verdict::JUDGED.into_iter().map(|v| self.nodes(v)).sum()
    }

    /// Of a verdict, those whose pattern says the same.
    fn agreeing(&self, verdict: Verdict) -> u64 {
        self.count(verdict, |pattern| {
            Verdict::expected(pattern) == Some(verdict)
        })
    }

    /// Percentage of judged nodes of which both say the same; `None` if none
    /// is judged.
    pub fn agreement_pct(&self) -> Option<f64> {
        let agreeing = Verdict::JUDGED.into_iter().map(|v| self.agreeing(v));
        pct(agreeing.sum(), self.judged())
    }

    /// Cohen's kappa: agreement beyond what chance would give two judges who
    /// say open, guarded and unreachable as often as these two; 1 is perfect,
    /// 0 is chance. `None` if both say one thing only, or nothing.
    pub fn kappa(&self) -> Option<f64> {
        let observed = self.agreement_pct()? / 100.0;
        let by_checker = |said: Verdict| -> u64 {
            let expected = |pattern: &Pattern| Verdict::expected(pattern) == Some(said);
            let verdicts = Verdict::JUDGED.into_iter();
            verdicts.map(|v| self.count(v, expected)).sum()
        };
        let share = |part| pct(part, self.judged()).map(|pct| pct / 100.0);
        let shares = Verdict::JUDGED.into_iter().map(|said| {
            let both = share(self.nodes(said)).zip(share(by_checker(said)));
            both.map_or(0.0, |(own, other)| own * other)
        });
        let by_chance: f64 = shares.sum();
        (by_chance < 1.0).then(|| (observed - by_chance) / (1.0 - by_chance))
    }

    /// For programs: every verdict with the patterns beside it.
    pub(super) fn summary(&self) -> Value {
        let verdicts = Verdict::ALL.into_iter().map(|verdict| {
            let reciprocal = |is| self.count(verdict, |p| p.reciprocity() == Some(is));
            let nodes = self.nodes(verdict);
            let is_judged = Verdict::JUDGED.contains(&verdict);
            let groups = (0..GROUPS.len()).map(|place| {
                let nodes = self.count(verdict, |pattern| group(pattern) == place);
                (GROUPS[place].to_owned(), nodes.into())
            });
            let patterns = self.seen.get(&verdict).into_iter().flatten();
            json!({
                "passive": verdict.name(),
                "nodes": nodes,
                "reciprocal": reciprocal(true),
                "not_reciprocal": reciprocal(false),
                "agree_pct": is_judged.then(|| pct(self.agreeing(verdict), nodes)).flatten(),
                "groups": groups.collect::<serde_json::Map<_, _>>(),
                "patterns": patterns.map(|(pattern, n)| (pattern.to_string(), (*n).into()))
                    .collect::<serde_json::Map<_, _>>(),
            })
        });
        json!({
            "identities": self.identities,
            "checked": self.checked(),
            "judged": self.judged(),
            "judged_pct": pct(self.judged(), self.checked()),
            "agreement_pct": self.agreement_pct(),
            "kappa": self.kappa(),
            "verdicts": verdicts.collect::<Vec<_>>(),
            "judged_unchecked": self.unchecked,
            "left_out": self.left_out,
        })
    }

    /// For people.
    pub(super) fn write(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\nfrom the nodes' own traffic, beside the checker's pattern:"
        )?;
        let mut columns = vec!["passive", "nodes", "reciprocal", "not"];
        columns.extend(GROUPS);
        columns.push("agree %");
        let rows = Verdict::ALL.into_iter().map(|verdict| {
            let reciprocal = |is| self.count(verdict, |p| p.reciprocity() == Some(is));
            let nodes = self.nodes(verdict);
            let of_group = |place| self.count(verdict, |p| group(p) == place);
            let counts = [nodes, reciprocal(true), reciprocal(false)].into_iter();
            let counts = counts.chain((0..GROUPS.len()).map(of_group));
            let agree = pct(self.agreeing(verdict), nodes);
            let agree = agree.filter(|_| Verdict::JUDGED.contains(&verdict));
            let mut row = vec![verdict.name().to_owned()];
            row.extend(counts.map(|count| count.to_string()));
            row.push(in_words(agree, 1));
            row
        });
        let block = Block {
            label: String::new(),
            rows: rows.collect(),
        };
        let table = TextTable {
            columns,
            blocks: vec![block],
            ..TextTable::default()
        };
        write!(f, "{table}")?;
        write_wrapped(f, &self.in_a_sentence())
    }

    fn in_a_sentence(&self) -> String {
        format!(
            "of {} checked nodes the traffic of {} instrumented nodes alone says what {} are \
             ({} %); both agree on {} % of these (kappa {})",
            self.checked(),
            self.identities,
            self.judged(),
            in_words(pct(self.judged(), self.checked()), 2),
            in_words(self.agreement_pct(), 1),
            in_words(self.kappa(), 2)
        )
    }

    /// For the page.
    pub(super) fn html(&self) -> String {
        let mut columns = vec!["from own traffic", "nodes", "reciprocal", "not reciprocal"];
        columns.extend(GROUPS);
        columns.push("agree, %");
        let rows = Verdict::ALL.into_iter().map(|verdict| {
            let reciprocal = |is| self.count(verdict, |p| p.reciprocity() == Some(is));
            let nodes = self.nodes(verdict);
            let is_judged = Verdict::JUDGED.contains(&verdict);
            let mut row = vec![json!(verdict.name()), json!(nodes)];
            row.extend([true, false].map(|is| json!(reciprocal(is))));
            let groups = 0..GROUPS.len();
            row.extend(groups.map(|place| json!(self.count(verdict, |p| group(p) == place))));
            let agree = pct(self.agreeing(verdict), nodes).filter(|_| is_judged);
            row.push(json!(agree));
            row
        });
        let table = Table {
            label: "What own traffic tells beside the checker's pattern".to_owned(),
            columns: columns.into_iter().map(str::to_owned).collect(),
            rows: rows.collect(),
            omitted: 0,
        };
        format!("{}<p>{}.</p>\n", table.html(), self.in_a_sentence())
    }
}

fn in_words(figure: Option<f64>, decimals: usize) -> String {
    figure.map_or_else(|| "-".to_owned(), |figure| format!("{figure:.decimals$}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agreement(rows: &[(Verdict, &str, u64)]) -> Agreement {
        let mut agreement = Agreement::new(1, 0);
        for (verdict, pattern, nodes) in rows {
            (0..*nodes).for_each(|_| agreement.add(*verdict, pattern.parse().unwrap()));
        }
        agreement
    }

    #[test]
    fn patterns_fall_into_groups() {
        for (pattern, expected, verdict) in [
            ("UUU-UUU", "UUU-UUU", Verdict::Unreachable),
            ("UUU-RRR", "UXX other", Verdict::Unreachable),
            ("RUU-RUU", "RUU-XXX", Verdict::Guarded),
            ("RRU-UUU", "RRU-XXX", Verdict::Guarded),
            ("RRR-UUU", "RXR-XXX", Verdict::Open),
        ] {
            let pattern: Pattern = pattern.parse().unwrap();
            assert_eq!(GROUPS[group(&pattern)], expected);
            assert_eq!(Verdict::expected(&pattern), Some(verdict));
        }
        let unknown: Pattern = "R??-R??".parse().unwrap();
        assert_eq!(
            (GROUPS[group(&unknown)], Verdict::expected(&unknown)),
            ("?", None)
        );
    }

    #[test]
    fn agreement_is_of_those_judged_and_kappa_beyond_chance() {
        use Verdict::{Guarded, NotAsked, Open, Undecided};
        let all_open = agreement(&[(Open, "RRR-RRR", 9), (NotAsked, "UUU-UUU", 90)]);
        assert_eq!((all_open.checked(), all_open.judged()), (99, 9));
        assert_eq!(
            (all_open.agreement_pct(), all_open.kappa()),
            (Some(100.0), None)
        );
        // as often as by chance: half and half on both sides
        let chance = agreement(&[
            (Open, "RRR-RRR", 5),
            (Open, "RUU-UUU", 5),
            (Guarded, "RRR-RRR", 5),
            (Guarded, "RUU-UUU", 5),
            (Undecided, "RUU-UUU", 7),
        ]);
        assert_eq!(
            (chance.agreement_pct(), chance.kappa()),
            (Some(50.0), Some(0.0))
        );
        let summary = chance.summary();
        assert_eq!(summary["verdicts"][1]["groups"]["RUU-XXX"], 5);
        assert_eq!(summary["verdicts"][3]["agree_pct"], Value::Null);
        assert_eq!(agreement(&[]).agreement_pct(), None);
    }
}
