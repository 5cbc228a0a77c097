//! The outcome as a table for the terminal.

use std::fmt::{self, Display, Formatter};

use crate::outcome::{Outcome, VariantOutcome};
use crate::published::Published;

impl Display for Outcome {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (script, published) = (&self.script, self.published());
        writeln!(
            f,
            "{}: {} nodes, {} lookups each, {:.1} virtual hours",
            script.name,
            script.overlay.nodes,
            script.schedule.infohashes,
            self.virtual_time.as_secs_f64() / 3600.0,
        )?;
        let width = self
            .variants
            .iter()
            .map(|variant| variant.variant.label.chars().count());
        let width = width.max().unwrap_or(0).max("combination".len());
        writeln!(
            f,
            "\n{:width$}  lookup latency, ms (published)           queries     answered  maintenance",
            ""
        )?;
        writeln!(
            f,
            "{:width$} {:>13} {:>13} {:>13} {:>12} {:>11} {:>9}",
            "combination", "p50", "p75", "p99", "per lookup", "%", "a minute"
        )?;
        for variant in &self.variants {
            write_row(f, variant, &published, width)?;
        }
        if !self.is_whole {
            writeln!(f, "\nEnded before everything was run; --resume goes on.")?;
        }
        Ok(())
    }
}

fn write_row(
    f: &mut Formatter<'_>,
    variant: &VariantOutcome,
    published: &Published,
    width: usize,
) -> fmt::Result {
    let row = published.row(&variant.variant.label);
    let latency = |key: &str, place: usize| {
        let own = variant.figure("lookup_latency_ms", key);
        pair(own, row.map(|row| row.latency_ms[place]), 13)
    };
    writeln!(
        f,
        "{:width$} {} {} {} {} {} {:>9}",
        variant.variant.label,
        latency("p50", 0),
        latency("p75", 1),
        latency("p99", 3),
        pair(
            variant.queries_per_lookup(),
            row.map(|row| row.queries_per_lookup),
            12
        ),
        pair(
            variant.figure("lookup_queries", "answered_pct"),
            row.map(|row| row.answered_pct),
            11
        ),
        words(variant.figure("maintenance", "per_minute")),
    )
}

/// A figure with the published one behind it.
fn pair(own: Option<f64>, published: Option<f64>, width: usize) -> String {
    let published = published.map_or_else(String::new, |published| format!(" ({published:.0})"));
    format!("{:>width$}", format!("{}{published}", words(own)))
}

fn words(figure: Option<f64>) -> String {
    figure.map_or_else(|| "-".to_owned(), |figure| format!("{figure:.0}"))
}
