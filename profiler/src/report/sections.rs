//! What the page says, in its order.

use serde_json::{Value, json};

use super::meaning;
use super::table::{MAX_ROWS, Table};
use crate::measurement::Row;
use crate::plot::{self, Plot, THEMED, escaped, labels};
use crate::{CaptureSummary, DataTable, NodeProfile, Profile};

/// A section of a page.
#[derive(Clone, Debug)]
pub struct Section {
    /// What links to it name: a word of its own on the page.
    pub id: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// What it says.
    pub html: String,
}

/// The title of the page.
pub(super) fn title(profile: &Profile) -> String {
    let names = labels(&profile.nodes);
    let more = match names.len().saturating_sub(MAX_IN_TITLE) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let names = names[..names.len().min(MAX_IN_TITLE)].join(", ");
    match names.is_empty() {
        true => "DHT profile".to_owned(),
        false => format!("DHT profile of {names}{more}"),
    }
}

/// The sections that have something to say.
pub(super) fn all(profile: &Profile) -> Vec<Section> {
    let names = labels(&profile.nodes);
    let section = |id, title, html| Section { id, title, html };
    let sections = [
        section("captures", "Captures", captures(profile)),
        section("comparison", "Comparison", comparison(&profile.nodes)),
        section("figures", "Figures", figures(&plot::plots(&profile.nodes))),
        section(
            "measurements",
            "Measurements",
            measurements(&profile.nodes, &names),
        ),
        section("slowest", "Slowest lookups", slowest(&profile.nodes)),
        section("words", "In words", in_words(&profile.nodes, &names)),
        section("definitions", "Definitions", definitions()),
    ];
    let said = sections
        .into_iter()
        .filter(|section| !section.html.is_empty());
    said.collect()
}

fn captures(profile: &Profile) -> String {
    let summaries = profile
        .captures
        .iter()
        .map(|c| serde_json::to_value(c).unwrap_or_default());
    let mut html = of_objects(
        "Captures",
        "",
        &summaries.map(|s| (None, s)).collect::<Vec<_>>(),
    );
    for capture in &profile.captures {
        for warning in warnings(capture) {
            let text = escaped(&format!("{}: {warning}", capture.path));
            html.push_str(&format!("<p class=\"warning\">{text}</p>\n"));
        }
    }
    for node in profile.nodes.iter().filter(|node| node.messages == 0) {
        let text = format!(
            "{}: not one of its KRPC messages is in the captures.",
            node.node
        );
        html.push_str(&format!("<p class=\"warning\">{}</p>\n", escaped(&text)));
    }
    if !profile.addresses.is_empty() {
        html.push_str(
            "<h3>Addresses that send and receive KRPC</h3>\n\
             <p class=\"meaning\">No node was named, so the busiest is profiled.</p>\n",
        );
        let addresses = profile.addresses.iter();
        let values = addresses.map(|busy| (None, serde_json::to_value(busy).unwrap_or_default()));
        html.push_str(&of_objects("Addresses", "", &values.collect::<Vec<_>>()));
    }
    html
}

fn warnings(capture: &CaptureSummary) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some(at) = capture.truncated_at {
        warnings.push(format!(
            "cut short at byte {at}; everything before it was read."
        ));
    }
    if capture.malformed > 0 {
        let count = capture.malformed;
        warnings.push(format!(
            "{count} datagrams start like KRPC and cannot be read."
        ));
    }
    if capture.snapped > 0 {
        let count = capture.snapped;
        warnings.push(format!("{count} messages are cut by the capture length."));
    }
    warnings
}

/// A table of objects: a column for each figure, behind one for the name of
/// the object if it has one.
fn of_objects(label: &str, name: &str, objects: &[(Option<&str>, Value)]) -> String {
    let flat: Vec<_> = objects.iter().map(|object| figures_of(&object.1)).collect();
    let mut columns: Vec<String> = Vec::new();
    for (column, _) in flat.iter().flatten() {
        if !columns.contains(column) {
            columns.push(column.clone());
        }
    }
    if columns.is_empty() {
        return String::new();
    }
    let rows = objects.iter().zip(&flat).map(|((of, _), figures)| {
        let cell = |column| {
            figures
                .iter()
                .find(|(c, _)| c == column)
                .map(|(_, v)| (*v).clone())
        };
        let cells = columns
            .iter()
            .map(|column| cell(column).unwrap_or_default());
        of.map(Value::from).into_iter().chain(cells).collect()
    });
    let rows = rows.collect();
    if objects.iter().any(|object| object.0.is_some()) {
        columns.insert(0, name.to_owned());
    }
    let label = label.to_owned();
    Table {
        label,
        columns,
        rows,
        omitted: 0,
    }
    .html()
}

/// The figures of a JSON object and of the objects in it, but for lists and
/// what describes them.
fn figures_of(object: &Value) -> Vec<(String, &Value)> {
    let mut figures = Vec::new();
    for (key, value) in object.as_object().into_iter().flatten() {
        match value {
            Value::Array(_) => {}
            Value::Object(inner) if inner.values().any(Value::is_array) => {}
            Value::Object(inner) => {
                let named = inner.iter().map(|(k, v)| (format!("{key}: {k}"), v));
                figures.extend(named.filter(|(_, v)| !v.is_object()));
            }
            _ if ["start_s", "interval_s"].contains(&key.as_str()) => {}
            _ => figures.push((key.clone(), value)),
        }
    }
    figures
}

/// The nodes beside each other: the key figures, then every measurement whose
/// JSON is an object of figures.
pub fn comparison(nodes: &[NodeProfile]) -> String {
    let names = &labels(nodes);
    if nodes.is_empty() {
        return "<p>No address in the captures both sends and receives KRPC.</p>\n".into();
    }
    let figure = |node: &NodeProfile, (key, field): (&str, &str)| {
        node.section(key)
            .map_or(Value::Null, |json| json[field].clone())
    };
    let columns = KEY_FIGURES
        .iter()
        .map(|(heading, ..)| (*heading).to_owned());
    let rows = nodes.iter().zip(names).map(|(node, name)| {
        let figures = KEY_FIGURES
            .iter()
            .map(|(_, key, field)| figure(node, (key, field)));
        std::iter::once(json!(name)).chain(figures).collect()
    });
    let mut html = Table {
        label: "Key figures".into(),
        columns: std::iter::once("node".to_owned()).chain(columns).collect(),
        rows: rows.collect(),
        omitted: 0,
    }
    .html();
    for key in keys(nodes) {
        let sections = nodes.iter().zip(names);
        let objects: Vec<_> = sections
            .filter_map(|(node, name)| {
                let json = node.section(key).filter(|json| json.is_object())?;
                Some((Some(name.as_str()), json.clone()))
            })
            .collect();
        let plain = key.replace('_', " ");
        let (heading, meaning) = meaning::of(key).unwrap_or((plain.as_str(), ""));
        let table = of_objects(heading, "node", &objects);
        if !table.is_empty() {
            html.push_str(&headed(heading, meaning));
            html.push_str(&table);
        }
    }
    html
}

fn headed(heading: &str, meaning: &str) -> String {
    let mut html = format!("<h3>{}</h3>\n", escaped(heading));
    if !meaning.is_empty() {
        html.push_str(&format!("<p class=\"meaning\">{}</p>\n", escaped(meaning)));
    }
    html
}

/// The keys of all measurements in their order.
fn keys(nodes: &[NodeProfile]) -> Vec<&'static str> {
    let mut keys = Vec::new();
    for section in nodes.iter().flat_map(|node| &node.sections) {
        if !keys.contains(&section.key) {
            keys.push(section.key);
        }
    }
    keys
}

/// `plots` beside each other, in the colours of the page; nothing if there are
/// none.
pub fn figures(plots: &[Plot]) -> String {
    if plots.is_empty() {
        return String::new();
    }
    let drawn: String = plots.iter().map(|plot| figure(plot, "")).collect();
    format!("<div class=\"figures\">\n{drawn}</div>\n")
}

/// A figure whose colours are those of the page.
fn figure(plot: &Plot, attributes: &str) -> String {
    match plot::svg(plot) {
        Ok(svg) => {
            let themed = THEMED
                .iter()
                .fold(svg, |svg, (fixed, variable)| svg.replace(fixed, variable));
            format!("<figure{attributes}>\n{themed}</figure>\n")
        }
        Err(error) => format!("<p class=\"warning\">{}</p>\n", escaped(&error.to_string())),
    }
}

/// The tables of the measurements; those of the same name of several nodes
/// are one, with the node in front.
fn measurements(nodes: &[NodeProfile], names: &[String]) -> String {
    let mut tables: Vec<(&DataTable, Table)> = Vec::new();
    for (node, name) in nodes.iter().zip(names) {
        for part in node.sections.iter().flat_map(|section| &section.tables) {
            let same = |t: &DataTable| (t.name, &t.columns) == (part.name, &part.columns);
            let at = tables.iter().position(|(first, _)| same(first));
            let at = at.unwrap_or_else(|| {
                tables.push((part, heading_of(part)));
                tables.len() - 1
            });
            let table = &mut tables[at].1;
            let shown = part.rows.len().min((MAX_ROWS / nodes.len()).max(1));
            table.omitted += part.rows.len() - shown;
            table.rows.extend(part.rows[..shown].iter().map(|row| {
                let named = std::iter::once(json!(name)).chain(row.iter().cloned());
                named.collect::<Vec<_>>()
            }));
        }
    }
    let full = tables.iter().filter(|(_, table)| !table.rows.is_empty());
    full.map(|(first, table)| {
        let meaning = meaning::of(first.name).map_or("", |(_, meaning)| meaning);
        headed(first.title, meaning) + &table.html()
    })
    .collect()
}

/// A table without rows, with the columns of `table` behind one for the node.
fn heading_of(table: &DataTable) -> Table {
    let columns = std::iter::once(&"node").chain(&table.columns);
    Table {
        label: table.title.to_owned(),
        columns: columns.map(|column| (*column).to_owned()).collect(),
        rows: Vec::new(),
        omitted: 0,
    }
}

/// The waterfalls that `nodes` hold, behind a table of them; nothing if there
/// are none.
pub fn slowest(nodes: &[NodeProfile]) -> String {
    let names = &labels(nodes);
    let lookups = nodes.iter().zip(names).flat_map(|(node, name)| {
        node.waterfalls.iter().map(move |lookup| {
            vec![
                json!(name),
                json!(lookup.infohash.to_string()),
                json!(lookup.start_s),
                json!(lookup.latency_ms),
                json!(lookup.bars.len() as u64 + lookup.omitted),
            ]
        })
    });
    let rows: Vec<_> = lookups.collect();
    if rows.is_empty() {
        return String::new();
    }
    let columns = ["node", "infohash", "start_s", "latency_ms", "queries"];
    let table = Table {
        label: "Slowest lookups".into(),
        columns: columns.map(str::to_owned).into(),
        rows,
        omitted: 0,
    };
    let attributes =
        " class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Waterfall of a lookup\"";
    let plots = plot::waterfalls(nodes);
    let drawn: String = plots.iter().map(|plot| figure(plot, attributes)).collect();
    table.html() + &drawn
}

/// The lines of the text table.
fn in_words(nodes: &[NodeProfile], names: &[String]) -> String {
    let of_node = |(node, name): (&NodeProfile, &String)| {
        let rows = node.sections.iter().flat_map(|section| &section.rows);
        let lines: String = rows
            .filter_map(|row| match row {
                Row::Line { name, text } => Some(entry(name, text)),
                Row::Spread { .. } => None,
            })
            .collect();
        match lines.is_empty() {
            true => String::new(),
            false => format!("<h3>{}</h3>\n<dl>\n{lines}</dl>\n", escaped(name)),
        }
    };
    nodes.iter().zip(names).map(of_node).collect()
}

/// What every figure of a profile means.
pub fn definitions() -> String {
    let of_keys = meaning::MEANINGS
        .iter()
        .map(|(_, heading, meaning)| (*heading, *meaning));
    let all = of_keys.chain(meaning::OF_THE_PAGE.iter().copied());
    let entries: String = all
        .map(|(heading, meaning)| entry(heading, meaning))
        .collect();
    format!("<dl>\n{entries}</dl>\n")
}

fn entry(term: &str, text: &str) -> String {
    format!("<dt>{}</dt><dd>{}</dd>\n", escaped(term), escaped(text))
}

/// Heading, key of the measurement and its field.
const KEY_FIGURES: &[(&str, &str, &str)] = &[
    ("lookups with a value", "lookup_latency_ms", "count"),
    ("latency p50, ms", "lookup_latency_ms", "p50"),
    ("latency p99, ms", "lookup_latency_ms", "p99"),
    ("cost, mean", "lookup_cost", "mean"),
    ("closest p50, ms", "closest_ms", "p50"),
    ("answered, %", "lookup_queries", "answered_pct"),
    ("maintenance a minute", "maintenance", "per_minute"),
    ("queries an hour", "all_queries", "per_hour"),
    ("RTT p50, ms", "rtt_ms", "p50"),
];

/// Most nodes in the title.
const MAX_IN_TITLE: usize = 4;
