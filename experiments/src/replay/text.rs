//! A replay for people: modules side by side.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use super::report::{BucketFill, ModuleReport, Replay, Row};
use super::{Answers, Unknown};
use crate::text_table::WIDTH;

/// Width of the first column, and least width of the others.
const NAMES: usize = 30;
const COLUMN: usize = 12;
/// Most characters of a module's name that widen its column.
const LONGEST: usize = 28;

impl fmt::Display for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_head(f)?;
        let width = width_of(&self.modules);
        let full = most_contacts(&self.modules);
        // as many side by side as a terminal shows
        let most = ((WIDTH - NAMES) / width).max(1);
        for modules in self.modules.chunks(most) {
            let columns = Columns {
                modules,
                width,
                full,
            };
            columns.write_totals(f)?;
            columns.write_time(f)?;
            columns.write_buckets(f)?;
            writeln!(f)?;
        }
        self.write_limits(f)
    }
}

impl Replay {
    fn write_head(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let traffic = &self.traffic;
        writeln!(f, "{} (ID {})", self.node, self.id)?;
        let length = self.duration.as_secs_f64();
        writeln!(f, "{length:.1} s from {}", self.start)?;
        let other_ids = match traffic.under_other_ids {
            0 => String::new(),
            n => format!("; {n} messages sent under other IDs"),
        };
        writeln!(
            f,
            "replayed: {} queries received; {} queries sent, of which {} answered{other_ids}\n",
            traffic.queries_received, traffic.queries_sent, traffic.answered
        )
    }

    /// What the figures are worth.
    fn write_limits(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = self.window.as_secs_f64() / 60.0;
        writeln!(
            f,
            "The modules' own queries were never sent. Each is decided by the captured node's own\n\
             query to the same address nearest in time, up to {minutes:.0} min before or after (answered:\n\
             within 2 s), else by a query received from there within {minutes:.0} min after. Such answers name\n\
             no other nodes, so lookups are shorter than they would have been."
        )?;
        match self.unknown {
            Unknown::Silent => writeln!(
                f,
                "Without evidence: not answered (--unknown silent); --unknown alive gives the other bound."
            )?,
            Unknown::Alive => writeln!(
                f,
                "Without evidence: answered (--unknown alive); --unknown silent gives the other bound."
            )?,
        }
        match self.answers {
            Answers::All => writeln!(
                f,
                "Answers to the captured node's own pings and find_nodes, its policy at work, were fed\n\
                 too; --answers lookups leaves them out."
            )?,
            Answers::Lookups => writeln!(
                f,
                "Answers to the captured node's own pings and find_nodes were not fed."
            )?,
        }
        if self.hurried > 0 {
            writeln!(
                f,
                "{} messages were played with less evidence ahead: too many to be held.",
                self.hurried
            )?;
        }
        Ok(())
    }
}

/// Modules as columns.
struct Columns<'m> {
    modules: &'m [ModuleReport],
    width: usize,
    /// The most contacts of any, which is the full height of a sparkline.
    full: u64,
}

/// Width of a column, as wide as the longest name.
fn width_of(modules: &[ModuleReport]) -> usize {
    let names = modules.iter().map(|m| m.module.chars().count());
    names.max().unwrap_or(0).clamp(COLUMN, LONGEST) + 2
}

impl Columns<'_> {
    fn head(&self, f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
        self.line(f, name, |module| module.module.clone())
    }

    fn line(
        &self,
        f: &mut fmt::Formatter<'_>,
        name: &str,
        cell: impl Fn(&ModuleReport) -> String,
    ) -> fmt::Result {
        let width = self.width;
        let mut line = format!("{name:<NAMES$}");
        for module in self.modules {
            line.push_str(&format!("{:>width$}", cell(module)));
        }
        writeln!(f, "{}", line.trim_end())
    }

    fn write_totals(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head(f, "")?;
        for (name, count) in TOTALS {
            self.line(f, name, |module| count(module).to_string())?;
        }
        self.line(f, "stale at the end", |module| {
            module.rows.last().map_or_else(dash, stale)
        })?;
        self.line(f, "contacts over time", |module| {
            sparkline(module, |row| row.contacts, self.full)
        })?;
        self.line(f, "stale over time", |module| {
            sparkline(module, |row| row.stale, self.full)
        })
    }

    fn write_time(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\nContacts (stale %), and of them heard from later / asked in vain later / not seen"
        )?;
        self.head(f, "time")?;
        let times = self.modules.first().map_or(0, |module| module.rows.len());
        for n in 0..times {
            let at = clock(self.modules[0].rows[n].at);
            self.line(f, &at, |module| module.rows.get(n).map_or_else(dash, state))?;
        }
        Ok(())
    }

    fn write_buckets(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\nContacts by shared leading bits at the end (+ waiting)"
        )?;
        self.head(f, "bucket")?;
        let all = self.modules.iter().flat_map(|module| &module.buckets);
        let numbers: BTreeSet<_> = all.map(|bucket| bucket.bucket).collect();
        for number in numbers {
            let of = |module: &ModuleReport| {
                let mut buckets = module.buckets.iter();
                buckets.find(|bucket| bucket.bucket == number).map(fill)
            };
            self.line(f, &number.to_string(), |module| {
                of(module).unwrap_or_else(dash)
            })?;
        }
        Ok(())
    }
}

/// A figure of a module.
type Count = fn(&ModuleReport) -> u64;

/// Lines of the first table.
const TOTALS: [(&str, Count); 15] = [
    ("contacts at the end", |m| last(m, |row| row.contacts)),
    ("waiting at the end", |m| last(m, |row| row.waiting)),
    ("quarantined", |m| m.totals.quarantined),
    ("admitted", |m| m.totals.admitted),
    ("refused", |m| m.totals.refused),
    ("evicted", |m| m.totals.evicted),
    ("replaced", |m| m.totals.replaced),
    ("queries it would have sent", |m| m.totals.queries),
    ("  ping", |m| m.decided.ping),
    ("  find_node", |m| m.decided.find_node),
    ("decided: contact answered", |m| m.decided.answering),
    ("         contact silent", |m| m.decided.silent),
    ("         contact queried", |m| m.decided.heard),
    ("         no evidence", |m| m.decided.unknown),
    ("took itself for offline", |m| m.decided.offline),
];

fn last(module: &ModuleReport, figure: impl Fn(&Row) -> u64) -> u64 {
    module.rows.last().map_or(0, figure)
}

fn most_contacts(modules: &[ModuleReport]) -> u64 {
    let rows = modules.iter().flat_map(|module| &module.rows);
    rows.map(|row| row.contacts).max().unwrap_or(0)
}

fn state(row: &Row) -> String {
    let (heard, silent, unseen) = (row.later_heard, row.later_silent, row.later_unseen);
    format!(
        "{} ({}) {heard}/{silent}/{unseen}",
        row.contacts,
        stale(row)
    )
}

/// Share of stale contacts.
fn stale(row: &Row) -> String {
    match row.contacts {
        0 => dash(),
        all => format!("{} %", (100 * row.stale + all / 2) / all),
    }
}

fn fill(bucket: &BucketFill) -> String {
    match bucket.waiting {
        0 => bucket.contacts.to_string(),
        waiting => format!("{} + {waiting}", bucket.contacts),
    }
}

fn dash() -> String {
    "-".to_owned()
}

/// Hours, minutes and seconds.
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("{hours}:{minutes:02}:{:02}", seconds % 60)
}

/// A figure over time, as blocks of up to the height of `full`, at most twelve.
fn sparkline(module: &ModuleReport, figure: impl Fn(&Row) -> u64, full: u64) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let rows = &module.rows;
    let width = rows.len().min(COLUMN);
    let block = |n: usize| {
        let row = &rows[(n + 1) * rows.len() / width - 1];
        let height = (figure(row) * 7 + full / 2) / full.max(1);
        BLOCKS[usize::try_from(height).unwrap_or(0).min(7)]
    };
    (0..width).map(block).collect()
}
