//! Make-up and comparisons as tables for people.

use std::fmt::{self, Display, Formatter};

use super::{ClassRow, Comparison, MakeUp, Row, SessionRows, SwarmRows, TableRows};
use crate::parameters::{Acquaintances, Class, Sessions};

/// Width of the column of names.
const NAME: usize = 30;
/// The same in comparisons.
const LONG_NAME: usize = 36;
/// Columns of comparisons behind that, with their widths: 80 in all.
const FIGURES: [(&str, usize); 5] = [
    ("planted", 9),
    ("observed", 9),
    ("gap", 8),
    ("published", 10),
    ("samples", 8),
];

/// The letters of a client, or that it sends none.
pub(super) const fn code(letters: &str) -> &str {
    if letters.is_empty() { "none" } else { letters }
}

/// A class as TOML names it, with the timeout of a NAT.
pub(super) fn class(class: Class, timeout_s: Option<u32>) -> String {
    // the one place where the names are: the serde form
    let name = toml::Value::try_from(class).ok();
    let name = name.as_ref().and_then(toml::Value::as_str).unwrap_or("?");
    match timeout_s.filter(|_| class.has_mappings()) {
        Some(timeout) => format!("{name}, {timeout} s"),
        None => name.to_owned(),
    }
}

impl Display for MakeUp {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { nodes, seed, .. } = self;
        writeln!(
            f,
            "A world of {nodes} modelled nodes online at once, seed {seed}"
        )?;
        let megabytes = self.population_bytes as f64 / 1e6;
        let memory = format!("{megabytes:.1} MB, {:.1} bytes a node", self.bytes_per_node);
        line(f, "memory held", &memory)?;
        let routers: Vec<_> = self.routers.iter().map(ToString::to_string).collect();
        line(f, "bootstrap nodes", &routers.join(", "))?;
        line(f, "IDs that fit [BEP 42]", &percent(self.secure_ids))?;
        self.write_clients(f)?;
        write_classes(f, &self.connectivity)?;
        self.write_links(f)?;
        write_sessions(f, &self.sessions)?;
        write_swarms(f, &self.swarms)?;
        write_tables(f, &self.tables)?;
        write_acquaintances(f, &self.acquaintances)
    }
}

impl MakeUp {
    fn write_clients(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nClients")?;
        self.clients.iter().try_for_each(|client| {
            let mut text = percent(client.share);
            if !client.buckets.is_empty() {
                text += &format!(", buckets of {:?}, then 8", client.buckets);
            }
            line(f, code(&client.code), &text)
        })
    }

    fn write_links(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nLinks")?;
        let points = self.rtt_ms.iter();
        let points: Vec<_> = points.map(|(p, ms)| format!("p{p} {ms:.1}")).collect();
        line(f, "round-trip times", &format!("{} ms", points.join(", ")))?;
        line(f, "of that from networks", &percent(self.network_share))?;
        line(f, "mean jitter", &percent(self.jitter))?;
        line(f, "packets lost, each way", &percent(self.loss))
    }
}

fn write_classes(f: &mut Formatter<'_>, classes: &[ClassRow]) -> fmt::Result {
    writeln!(
        f,
        "\nConnectivity, and the pattern that the thesis's checker sees"
    )?;
    classes.iter().try_for_each(|row| {
        let pattern = row.pattern.as_deref().unwrap_or("any");
        let text = format!("{:<9}{pattern}", percent(row.share));
        line(f, &class(row.class, row.mapping_timeout_s), &text)
    })
}

fn write_sessions(f: &mut Formatter<'_>, sessions: &SessionRows) -> fmt::Result {
    writeln!(f, "\nSessions")?;
    let model = match sessions.model {
        Sessions::Weibull { shape, scale_min } => {
            format!("Weibull, shape {shape}, scale {scale_min} min")
        }
        Sessions::LogNormal { median_min, sigma } => {
            format!("log-normal, median {median_min} min, sigma {sigma}")
        }
        Sessions::Exponential { .. } => "exponential".to_owned(),
        Sessions::Endless => "endless".to_owned(),
    };
    line(f, "model", &model)?;
    let Some(mean) = sessions.mean_min else {
        return Ok(());
    };
    let points = sessions.length_min.iter();
    let points: Vec<_> = points.map(|(p, min)| format!("p{p} {min:.0}")).collect();
    line(
        f,
        "length",
        &format!("{}, mean {mean:.0} min", points.join(", ")),
    )?;
    let leaving = percent(sessions.leaving_per_hour);
    line(
        f,
        "leave within an hour",
        &format!("{leaving} of those online"),
    )
}

fn write_swarms(f: &mut Formatter<'_>, swarms: &SwarmRows) -> fmt::Result {
    writeln!(f, "\nSwarms")?;
    let sizes = swarms
        .top_peers
        .iter()
        .map(|(_, peers)| format!("{peers:.0}"));
    let sizes = sizes.collect::<Vec<_>>().join(", ");
    let top = format!(
        "{}, of {sizes} peers at ranks 0, 25, 50, 75, 100 %",
        swarms.top
    );
    line(f, "top", &top)?;
    let (large, small) = (percent(swarms.top_over_200), percent(swarms.top_up_to_50));
    let text = format!("{large} over 200 peers, {small} up to 50");
    line(f, "of those", &text)?;
    let SwarmRows {
        background,
        background_mean,
        ..
    } = swarms;
    let text = format!("{background}, of {background_mean} peers in the mean");
    line(f, "background", &text)?;
    let SwarmRows {
        replica_reach: reach,
        replica_spread: spread,
        ..
    } = swarms;
    let text = format!("surely up to XOR rank {reach}, then with its power -{spread}");
    line(f, "a peer's announces reach", &text)
}

fn write_tables(f: &mut Formatter<'_>, tables: &TableRows) -> fmt::Result {
    writeln!(f, "\nTables")?;
    let shares = [
        ("good", tables.good),
        ("behind a NAT", tables.natted),
        ("behind a firewall", tables.firewalled),
        ("stale", tables.stale),
        ("good, nearest", tables.near_good),
    ];
    for (name, share) in shares {
        line(f, name, &percent(share))?;
    }
    let TableRows {
        depth,
        places,
        epoch_min,
        ..
    } = tables;
    line(f, "depth", &format!("{depth} buckets, {places:.0} places"))?;
    let known = format!(
        "{} of the reachable nodes below that",
        percent(tables.near_known)
    );
    line(f, "known nearby", &known)?;
    line(f, "an entry is replaced", &format!("every {epoch_min} min"))
}

fn write_acquaintances(f: &mut Formatter<'_>, how: &Acquaintances) -> fmt::Result {
    writeln!(f, "\nHow a node under test becomes known")?;
    let (far, near) = (percent(how.admission), percent(how.near_admission));
    line(
        f,
        "taken up by",
        &format!("{far} of those it queries, {near} of the nearest"),
    )?;
    let text = format!("after {} min in the mean", how.memory_min);
    line(f, "forgotten", &text)?;
    line(
        f,
        "queried by each",
        &format!("every {} min in the mean", how.query_min),
    )?;
    let Acquaintances {
        strangers_per_s,
        well_known,
        ..
    } = how;
    let text = format!("{strangers_per_s} queries a second once in {well_known} tables");
    line(f, "strangers", &text)?;
    line(f, "of those get_peers", &percent(how.get_peers))?;
    line(f, "announce after a token", &percent(how.announces))
}

impl Display for Comparison {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write_name(f, &format!("{} ({})", self.subject, self.unit))?;
        for (heading, width) in FIGURES {
            write!(f, "{heading:>width$}")?;
        }
        writeln!(f)?;
        self.rows.iter().try_for_each(|row| write_row(f, row))
    }
}

fn write_row(f: &mut Formatter<'_>, row: &Row) -> fmt::Result {
    write_name(f, &format!("  {}", row.name))?;
    let numbers = [row.planted, Some(row.observed), row.gap, row.published];
    let numbers = numbers.map(|number| number.map_or("-".to_owned(), figure));
    let cells = numbers.into_iter().chain([row.samples.to_string()]);
    for (cell, (_, width)) in cells.zip(FIGURES) {
        write!(f, "{cell:>width$}")?;
    }
    writeln!(f)
}

/// The beginning of a row of figures; a name that is too long has a line of its own.
fn write_name(f: &mut Formatter<'_>, name: &str) -> fmt::Result {
    if name.chars().count() > LONG_NAME {
        return write!(f, "{name}\n{:LONG_NAME$}", "");
    }
    write!(f, "{name:<LONG_NAME$}")
}

/// Three or more digits.
fn figure(number: f64) -> String {
    match number.abs() {
        small if small < 100.0 => format!("{number:.2}"),
        middle if middle < 10_000.0 => format!("{number:.1}"),
        _ => format!("{number:.0}"),
    }
}

/// A share in percent, as many digits as it takes.
fn percent(share: f64) -> String {
    // an empty sum is -0
    let rounded = (share * 1e5).round() / 1e3 + 0.0;
    format!("{rounded} %")
}

fn line(f: &mut Formatter<'_>, name: &str, text: &str) -> fmt::Result {
    writeln!(f, "  {name:<NAME$}{text}")
}
