//! The outcome as a table for the terminal, in at most 100 columns.

use std::fmt::{self, Display, Formatter};

use crate::oracle;
use crate::outcome::{Outcome, VariantOutcome};
use crate::published::PublishedRow;
use crate::report::ranking;
use crate::score::Score;
use crate::verdict::Figure;

/// Most columns.
const WIDTH: usize = 100;
/// Columns of a percentile.
const LATENCY: usize = 15;
/// Columns of a combination's name; longer ones have a line of their own.
const NAME: usize = 16;

impl Display for Outcome {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write_heading(f, self)?;
        let published = self.published();
        for variant in &self.variants {
            let row = published.row(&variant.variant.label);
            write_row(f, variant, row.as_ref())?;
        }
        write_oracle(f, &self.limits_ms())?;
        writeln!(f)?;
        for figure in Figure::ALL {
            let ranking = ranking(self, figure);
            write_wrapped(f, &format!("By {}: {ranking}", figure.words()))?;
        }
        write_wrapped(
            f,
            "< is less, ~ no difference shown to the next (95 %). In brackets: the thesis.",
        )?;
        write_score(f, &self.score())?;
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
    writeln!(f)?;
    writeln!(
        f,
        "{:NAME$} {:^47} {:>12} {:>10} {:>8}",
        "", "lookup latency, ms", "queries", "answered", "upkeep"
    )?;
    writeln!(
        f,
        "{:NAME$} {:>LATENCY$} {:>LATENCY$} {:>LATENCY$} {:>12} {:>10} {:>8}",
        "combination", "p50", "p75", "p99", "a lookup", "%", "a minute"
    )
}

fn write_row(
    f: &mut Formatter<'_>,
    variant: &VariantOutcome,
    row: Option<&PublishedRow>,
) -> fmt::Result {
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
    let mut name = variant.variant.label.as_str();
    if name.chars().count() > NAME {
        // what sets it apart may stand at its end
        writeln!(f, "{name}")?;
        name = "";
    }
    writeln!(
        f,
        "{:NAME$} {:>LATENCY$} {:>LATENCY$} {:>LATENCY$} {:>12} {:>10} {:>8}",
        name,
        latency("p50", 0),
        latency("p75", 1),
        latency("p99", 3),
        beside(&queries, row.map(|row| row.queries_per_lookup)),
        beside(&answered, row.map(|row| row.answered_pct)),
        words(variant.figure("maintenance", "per_minute")),
    )
}

fn write_oracle(f: &mut Formatter<'_>, limits_ms: &[f64]) -> fmt::Result {
    if limits_ms.is_empty() {
        return Ok(());
    }
    let limit = |p| match oracle::percentile(limits_ms, p) {
        Some(short) if short < 10.0 => format!("{short:.1}"),
        limit => words(limit),
    };
    writeln!(
        f,
        "{:NAME$} {:>LATENCY$} {:>LATENCY$} {:>LATENCY$}   the least possible, from outside",
        oracle::LABEL,
        limit(50.0),
        limit(75.0),
        limit(99.0),
    )
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
    if !score.is_thesis_world {
        text.push_str(" This is not the thesis's world: they need not be.");
    }
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

/// Breaks a text at its spaces; lines after the first are indented.
fn write_wrapped(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    let mut column = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > WIDTH {
            write!(f, "\n  {word}")?;
            column = 2 + length;
        } else {
            let space = if column > 0 { " " } else { "" };
            write!(f, "{space}{word}")?;
            column += space.len() + length;
        }
    }
    writeln!(f)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn no_line_is_wider_than_a_terminal() {
        let long = "a combination with a very long name";
        let repeated: [(&str, &[f64]); 4] = [
            ("NR128-A", &[164.0, 180.0, 120.0]),
            ("BEP5-S", &[12_105.0, 13_000.0, 9_000.0]),
            (long, &[1.0, 2.0, 3.0]),
            ("NICE-S", &[500.0, 505.0, 501.0]),
        ];
        for count in [1, 3] {
            let variants = repeated.map(|(label, medians)| (label, &medians[..count]));
            let text = testing::outcome(&variants).to_string();
            for line in text.lines() {
                assert!(line.chars().count() <= WIDTH, "{line}");
            }
            assert!(text.contains("oracle") && text.contains(long), "{text}");
        }
    }
}
