//! The outcome as a table for the terminal.

use std::fmt::{self, Display, Formatter};

use crate::oracle;
use crate::outcome::{Outcome, VariantOutcome};
use crate::published::PublishedRow;
use crate::report::ranking;
use crate::score::Score;
use crate::text_table::{Block, TextTable, write_wrapped};
use crate::verdict::Figure;

/// Most columns of a percentile.
const LATENCY: usize = 13;

impl Display for Outcome {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write_heading(f, self)?;
        let published = self.published();
        let is_thesis_world = self.is_thesis_world();
        let rows = self.variants.iter().map(|variant| {
            let row = published.row(&variant.variant.label);
            row_of(variant, row.filter(|_| is_thesis_world).as_ref())
        });
        let table = TextTable {
            groups: vec![
                (3, "lookup latency, ms"),
                (1, "queries"),
                (1, "answered"),
                (1, "upkeep"),
            ],
            columns: vec![
                "combination",
                "p50",
                "p75",
                "p99",
                "a lookup",
                "%",
                "a minute",
            ],
            blocks: vec![Block {
                label: String::new(),
                rows: rows.chain(oracle_row(&self.limits_ms())).collect(),
            }],
        };
        write!(f, "{table}")?;
        writeln!(f)?;
        for figure in Figure::ALL {
            let ranking = ranking(self, figure);
            write_wrapped(f, &format!("By {}: {ranking}", figure.words()))?;
        }
        let mut legend = "< is less, ~ no difference shown to the next (95 %).".to_owned();
        if !self.limits_ms().is_empty() {
            legend.push_str(&format!(
                " {}: the least possible, from outside.",
                oracle::LABEL
            ));
        }
        if is_thesis_world {
            legend.push_str(" In brackets: the thesis.");
        }
        write_wrapped(f, &legend)?;
        if is_thesis_world {
            write_score(f, &self.score())?;
        }
        if !self.is_whole {
            writeln!(f, "\nEnded before everything was run; --resume goes on.")?;
        }
        Ok(())
    }
}

fn write_heading(f: &mut Formatter<'_>, outcome: &Outcome) -> fmt::Result {
    let script = &outcome.script;
    let mut repetitions = match script.repetitions {
        1 => String::new(),
        more => format!(", {more} repetitions"),
    };
    if script.schedule.nodes_each > 1 {
        repetitions.push_str(&format!(", {} nodes of each", script.schedule.nodes_each));
    }
    if script.samples() > 1 {
        repetitions.push_str(" (± 95 %)");
    }
    let virtual_or_real = if script.live.is_some() {
        ""
    } else {
        "virtual "
    };
    let text = format!(
        "{}: {}, {} lookups each, {:.1} {virtual_or_real}hours{repetitions}",
        script.name,
        outcome.place(),
        script.schedule.infohashes,
        outcome.virtual_time.as_secs_f64() / 3600.0,
    );
    write_wrapped(f, &text)?;
    writeln!(f)
}

/// A variant's figures, with the published ones if there is a row of them.
fn row_of(variant: &VariantOutcome, row: Option<&PublishedRow>) -> Vec<String> {
    let latency = |key: &str, place: usize| {
        let interval = variant.interval("lookup_latency_ms", key);
        let half = interval.and_then(|interval| interval.half);
        let half = half.map_or_else(String::new, |half| format!("±{half:.0}"));
        let own = words(interval.map(|interval| interval.mean)) + &half;
        let both = beside(&own, row.map(|row| row.latency_ms[place]));
        // an interval so wide leaves no room for what was published
        if both.chars().count() > LATENCY {
            own
        } else {
            both
        }
    };
    let queries = words(variant.queries_per_lookup());
    let answered = words(variant.figure("lookup_queries", "answered_pct"));
    vec![
        variant.variant.label.clone(),
        latency("p50", 0),
        latency("p75", 1),
        latency("p99", 3),
        beside(&queries, row.map(|row| row.queries_per_lookup)),
        beside(&answered, row.map(|row| row.answered_pct)),
        words(variant.figure("maintenance", "per_minute")),
    ]
}

/// The oracle's figures, if it has any.
fn oracle_row(limits_ms: &[f64]) -> Option<Vec<String>> {
    let limit = |p| match oracle::percentile(limits_ms, p) {
        Some(short) if short < 10.0 => format!("{short:.1}"),
        limit => words(limit),
    };
    let row = || {
        vec![
            oracle::LABEL.to_owned(),
            limit(50.0),
            limit(75.0),
            limit(99.0),
        ]
    };
    (!limits_ms.is_empty()).then(row)
}

fn write_score(f: &mut Formatter<'_>, score: &Score) -> fmt::Result {
    if score.all_met().1 == 0 {
        return Ok(());
    }
    let told = |(met, of): (usize, usize)| format!("{met} of {of}");
    let mut text = format!(
        "Predictions of the thesis's figures that are met: order of {} pairs",
        told(score.pairs_met())
    );
    for (kind, what) in Score::KINDS {
        text.push_str(&format!(", {} {what}", told(score.figures_met(kind))));
    }
    text.push('.');
    write_wrapped(f, &text)
}

/// A figure with the published one behind it.
fn beside(own: &str, published: Option<f64>) -> String {
    let published = published.map_or_else(String::new, |published| format!(" ({published:.0})"));
    format!("{own}{published}")
}

fn words(figure: Option<f64>) -> String {
    figure.map_or_else(|| "-".to_owned(), |figure| format!("{figure:.0}"))
}

#[cfg(test)]
mod tests {
    use crate::testing;
    use crate::text_table::WIDTH;

    const REPEATED: [(&str, &[f64]); 4] = [
        ("NR128-A", &[164.0, 180.0, 120.0]),
        ("BEP5-S", &[12_105.0, 13_000.0, 9_000.0]),
        (LONG, &[1.0, 2.0, 3.0]),
        ("NICE-S", &[500.0, 505.0, 501.0]),
    ];
    const LONG: &str = "a combination with a very long name";

    #[test]
    fn no_line_is_wider_than_a_terminal() {
        for count in [1, 3] {
            let variants = REPEATED.map(|(label, medians)| (label, &medians[..count]));
            for outcome in [testing::outcome(&variants), testing::of_thesis(&variants)] {
                let text = outcome.to_string();
                for line in text.lines() {
                    assert!(line.chars().count() <= WIDTH, "{line}");
                }
                assert!(text.contains("oracle") && text.contains(LONG), "{text}");
            }
        }
    }

    #[test]
    fn what_the_thesis_published_stands_beside_its_own_world_alone() {
        let once = REPEATED.map(|(label, medians)| (label, &medians[..1]));
        let text = testing::of_thesis(&once).to_string();
        assert!(
            text.contains("164 (164)") && text.contains("the thesis"),
            "{text}"
        );
        let text = testing::outcome(&once).to_string();
        assert!(
            !text.contains("(164)") && !text.contains("thesis"),
            "{text}"
        );
    }
}
