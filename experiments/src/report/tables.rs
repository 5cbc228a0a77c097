//! The comparison, and the thesis's tables rebuilt with the published figure
//! beside each measured one.

use mdht_profiler::report::Table;
use serde_json::{Value, json};

use crate::oracle;
use crate::outcome::{Outcome, VariantOutcome};
use crate::published::{Basis, Published, PublishedRow};

/// Heading, and section and key of the profile.
const COMPARED: [(&str, &str, &str); 8] = [
    ("latency p50, ms", "lookup_latency_ms", "p50"),
    ("p75, ms", "lookup_latency_ms", "p75"),
    ("p98, ms", "lookup_latency_ms", "p98"),
    ("p99, ms", "lookup_latency_ms", "p99"),
    ("lookup cost, mean", "lookup_cost", "mean"),
    ("answered, %", "lookup_queries", "answered_pct"),
    ("maintenance a minute", "maintenance", "per_minute"),
    ("all queries an hour", "all_queries", "per_hour"),
];

/// The variants beside each other, and the oracle. With several repetitions
/// each figure has its 95 % interval behind it.
pub(super) fn comparison(outcome: &Outcome) -> String {
    let repeated = outcome.script.samples() > 1;
    let mut columns = vec!["combination"];
    for (heading, ..) in COMPARED {
        columns.push(heading);
        columns.extend(repeated.then_some("±"));
    }
    columns.extend(["queries a lookup", "with a value, %", "p50 over oracle's"]);
    let mut rows: Vec<Vec<Value>> = Vec::new();
    for variant in &outcome.variants {
        let mut row = vec![json!(variant.variant.label)];
        for (_, section, key) in COMPARED {
            let interval = variant.interval(section, key);
            row.push(rounded(interval.map(|interval| interval.mean)));
            if repeated {
                row.push(rounded(interval.and_then(|interval| interval.half)));
            }
        }
        row.push(rounded(variant.queries_per_lookup()));
        row.push(rounded(variant.found_pct()));
        row.push(json!(over_oracle(variant)));
        rows.push(row);
    }
    let limits = outcome.limits_ms();
    if !limits.is_empty() {
        let latency = [50.0, 75.0, 98.0, 99.0];
        let mut row = vec![json!(oracle::LABEL)];
        for p in latency {
            row.push(rounded(oracle::percentile(&limits, p)));
            row.extend(repeated.then_some(Value::Null));
        }
        row.resize(columns.len(), Value::Null);
        rows.push(row);
    }
    table("Comparison", &columns, rows)
}

/// How many times the oracle's median, from the same place, a median is.
fn over_oracle(variant: &VariantOutcome) -> Option<f64> {
    let limit = oracle::percentile(&variant.limits_ms, 50.0)?;
    Some(variant.figure("lookup_latency_ms", "p50")? / limit)
}

/// Table I: lookup latency.
pub(super) fn latency(outcome: &Outcome) -> String {
    let mut columns = vec!["combination".to_owned(), "row".to_owned()];
    for p in Published::LATENCY_PERCENTILES {
        let name = |what: &str| format!("p{p}{what}");
        columns.extend([name(", ms"), name(" published"), name(" ratio")]);
    }
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let rows = rows(outcome, |variant, published| {
        let mut row = vec![basis(published.map(|row| row.latency_basis))];
        for (place, p) in Published::LATENCY_PERCENTILES.iter().enumerate() {
            let measured = variant.figure("lookup_latency_ms", &format!("p{p}"));
            let published = published.map(|row| row.latency_ms[place]);
            row.extend(beside(measured, published));
        }
        row
    });
    table("Table I: lookup latency", &columns, rows)
}

/// Table II: lookup queries and how many were answered.
pub(super) fn queries(outcome: &Outcome) -> String {
    let columns = [
        "combination",
        "queries",
        "responses",
        "queries a lookup",
        "published a lookup",
        "ratio",
        "answered, %",
        "published, %",
        "points",
        "shares answered",
    ];
    let rows = rows(outcome, |variant, published| {
        let sum = |key| variant.figure("lookup_queries", key).map(f64::round);
        let answered = variant.figure("lookup_queries", "answered_pct");
        let published_pct = published.map(|row| row.answered_pct);
        let points = answered.zip(published_pct).map(|(own, other)| own - other);
        let mut row = vec![json!(sum("sent")), json!(sum("answered"))];
        let per_lookup = published.map(|row| row.queries_per_lookup);
        row.extend(beside(variant.queries_per_lookup(), per_lookup));
        row.extend([rounded(answered), json!(published_pct), rounded(points)]);
        row.push(basis(published.map(|row| row.answered_basis)));
        row
    });
    table("Table II: lookup queries and responses", &columns, rows)
}

/// Table III: who the nodes are, of all variants together.
pub(super) fn clients(outcome: &Outcome) -> String {
    let thesis = outcome.published().clients;
    let all: u32 = thesis.iter().map(|client| client.1).sum();
    let measured = thesis.map(|(name, _)| addresses(outcome, name, &thesis));
    let total: u64 = measured.iter().sum();
    let rows = thesis
        .iter()
        .zip(measured)
        .map(|((name, published), measured)| {
            let published_pct = 100.0 * f64::from(*published) / f64::from(all);
            #[allow(clippy::cast_precision_loss)] // counts of addresses
            let measured_pct = (total > 0).then(|| 100.0 * measured as f64 / total as f64);
            let mut row = vec![json!(name), json!(measured), json!(published)];
            row.extend(beside(measured_pct, Some(published_pct)));
            row
        });
    let columns = [
        "client",
        "addresses",
        "published addresses",
        "%",
        "published %",
        "ratio",
    ];
    table(
        "Table III: implementation market share",
        &columns,
        rows.collect(),
    )
}

/// Addresses with a client of the thesis's table, each counted for every node
/// that met it.
fn addresses(outcome: &Outcome, name: &str, thesis: &[(&str, u32)]) -> u64 {
    let nodes = outcome
        .variants
        .iter()
        .flat_map(|variant| &variant.repetitions);
    let entries = nodes.filter_map(|node| node.section("clients")?.as_array());
    let row_of = |entry: &Value| match entry["code"].as_str() {
        None => Published::NO_CLIENT.to_owned(),
        Some(code) if thesis.iter().any(|(known, _)| *known == code) => code.to_owned(),
        Some(_) => Published::OTHER_CLIENTS.to_owned(),
    };
    let own = entries.flatten().filter(|entry| row_of(entry) == name);
    own.filter_map(|entry| entry["nodes"].as_u64()).sum()
}

/// What the text and Figures 2, 8 and 9 of the thesis give in numbers.
pub(super) fn in_the_text(outcome: &Outcome) -> String {
    let published = outcome.published();
    let mut rows = Vec::new();
    let mut add = |what: String, who: &str, measured, published, basis: Basis| {
        let mut row = vec![json!(what), json!(who), json!(basis.words())];
        row.extend(beside(measured, Some(published)));
        rows.push(row);
    };
    for (p, ms) in Published::RTT_PERCENTILES.iter().zip(published.rtt_ms) {
        let measured = mean(outcome, |v| v.figure("rtt_ms", &format!("p{p}")));
        add(
            format!("RTT, p{p}, ms (Fig. 2)"),
            "all, mean",
            measured,
            ms,
            Basis::Fitted,
        );
    }
    for variant in &outcome.variants {
        let label = &variant.variant.label;
        let Some(row) = published.row(label) else {
            continue;
        };
        // nothing was fitted to these, whatever the rest of the row is
        let basis = match row.latency_basis {
            Basis::NotScored => Basis::NotScored,
            _ => Basis::Predicted,
        };
        if let Some([small, large]) = row.by_swarm_ms {
            let median = |key| variant.figure("swarm_latency_ms", key);
            let what = |peers| format!("median latency, {peers} peers, ms (Fig. 8)");
            add(
                what("up to 50"),
                label,
                median("up_to_50_peers/p50"),
                small,
                basis,
            );
            add(
                what("over 200"),
                label,
                median("over_200_peers/p50"),
                large,
                basis,
            );
        }
        if let Some([median, within]) = row.closest {
            let measured = variant.figure("closest_ms", "p50");
            add(
                "median time to closest, ms (Fig. 9)".to_owned(),
                label,
                measured,
                median,
                basis,
            );
            let measured = variant.closest_within_pct(1000.0);
            add(
                "closest within 1 s, % (Fig. 9)".to_owned(),
                label,
                measured,
                within,
                basis,
            );
        }
    }
    let columns = [
        "figure",
        "combination",
        "row",
        "measured",
        "published",
        "ratio",
    ];
    table("Figures of the text", &columns, rows)
}

/// The mean over the variants that have a figure.
fn mean(outcome: &Outcome, figure: impl Fn(&VariantOutcome) -> Option<f64>) -> Option<f64> {
    let figures: Vec<f64> = outcome.variants.iter().filter_map(figure).collect();
    #[allow(clippy::cast_precision_loss)] // a few
    (!figures.is_empty()).then(|| figures.iter().sum::<f64>() / figures.len() as f64)
}

/// A row for each variant, behind its label.
fn rows(
    outcome: &Outcome,
    cells: impl Fn(&VariantOutcome, Option<&PublishedRow>) -> Vec<Value>,
) -> Vec<Vec<Value>> {
    let published = outcome.published();
    let row = |variant: &VariantOutcome| {
        let row = published.row(&variant.variant.label);
        let label = json!(variant.variant.label);
        std::iter::once(label)
            .chain(cells(variant, row.as_ref()))
            .collect()
    };
    outcome.variants.iter().map(row).collect()
}

/// Measured, published, and the first over the second.
fn beside(measured: Option<f64>, published: Option<f64>) -> [Value; 3] {
    let ratio = measured.zip(published).map(|(own, other)| own / other);
    [rounded(measured), rounded(published), json!(ratio)]
}

/// What a row is to the measured one.
fn basis(of: Option<Basis>) -> Value {
    json!(of.map_or("not published", Basis::words))
}

/// A figure with as many digits as anybody reads: whole from 100 on, one digit
/// behind the point below.
pub(super) fn rounded(figure: Option<f64>) -> Value {
    figure.map_or(Value::Null, |figure| match figure.abs() {
        large if large >= 100.0 => json!(figure.round()),
        _ => json!((figure * 10.0).round() / 10.0),
    })
}

/// A table whose rows are all shown.
pub(crate) fn table(label: &str, columns: &[&str], rows: Vec<Vec<Value>>) -> String {
    Table {
        label: label.to_owned(),
        columns: columns.iter().map(|column| (*column).to_owned()).collect(),
        rows,
        omitted: 0,
    }
    .html()
}
