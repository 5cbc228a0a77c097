//! Two profiles side by side: has a change in a client made it faster or
//! dearer, or can that not be told?

use std::fmt;

use mdht_krpc::Rng;
use serde::Serialize;
use serde_json::Value;

use crate::bootstrap::{Statistic, interval, mean, percentile};

/// Why two documents cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DiffError {
    /// A document is no profile.
    #[error("{0} is not a profile: make one with `mdht profile CAPTURE --format json > FILE`")]
    NotAProfile(String),
    /// There is no node to compare.
    #[error("{0} holds no node under test")]
    NoNode(String),
}

/// Two profiles, node by node.
#[derive(Clone, Debug, Serialize)]
pub struct Diff {
    /// One comparison for each pair of nodes: those of the same label, or else
    /// those in the same place.
    pub nodes: Vec<NodeDiff>,
}

/// Two nodes side by side.
#[derive(Clone, Debug, Serialize)]
pub struct NodeDiff {
    /// The first node's label or address.
    pub a: String,
    /// The second node's label or address.
    pub b: String,
    /// The figures.
    pub rows: Vec<Row>,
}

/// One figure of both nodes.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The figure and its unit.
    pub figure: &'static str,
    /// The first node's.
    pub a: Option<f64>,
    /// The second node's.
    pub b: Option<f64>,
    /// The second over the first.
    pub ratio: Option<f64>,
    /// 95 % bootstrap interval of the difference, second less first, where the
    /// lookups allow one.
    pub difference: Option<[f64; 2]>,
}

impl Row {
    /// What the interval says of the difference.
    pub fn verdict(&self) -> &'static str {
        match self.difference {
            Some([low, _]) if low > 0.0 => "higher",
            Some([_, high]) if high < 0.0 => "lower",
            Some(_) => "no difference shown",
            None => "",
        }
    }
}

/// Figures that are compared as they stand in the document, by path.
const FIGURES: [(&str, &str); 10] = [
    ("lookup latency p75, ms", "/lookup_latency_ms/p75"),
    ("lookup latency p98, ms", "/lookup_latency_ms/p98"),
    ("lookups without a value", "/lookup_latency_ms/no_value"),
    ("time to closest p50, ms", "/closest_ms/p50"),
    ("answered, %", "/lookup_queries/answered_pct"),
    ("RTT p50, ms", "/rtt_ms/p50"),
    ("maintenance, queries a minute", "/maintenance/per_minute"),
    ("all queries an hour", "/all_queries/per_hour"),
    ("bytes sent", "/all_queries/bytes_out"),
    ("bytes received", "/all_queries/bytes_in"),
];

/// Compares two documents as `mdht profile --format json` writes them; `names`
/// are what to call them in errors. The same documents always give the same
/// intervals.
///
/// # Errors
/// One of them is no profile, or holds no node.
pub fn diff(a: &Value, b: &Value, names: (&str, &str)) -> Result<Diff, DiffError> {
    let (nodes_a, nodes_b) = (nodes(a, names.0)?, nodes(b, names.1)?);
    let label = |node: &Value| node.get("label").filter(|label| label.is_string()).cloned();
    let partner = |(place, node): (usize, &Value)| {
        let same_label = |other: &&Value| label(node).is_some() && label(other) == label(node);
        nodes_b
            .iter()
            .find(same_label)
            .or_else(|| nodes_b.get(place))
            .cloned()
    };
    let pairs = nodes_a.iter().enumerate();
    let pairs = pairs.filter_map(|(place, node)| Some((node, partner((place, node))?)));
    Ok(Diff {
        nodes: pairs.map(|(a, b)| compare(a, &b)).collect(),
    })
}

fn nodes<'a>(profile: &'a Value, name: &str) -> Result<&'a [Value], DiffError> {
    let nodes = profile.get("nodes").and_then(Value::as_array);
    let nodes = nodes.ok_or_else(|| DiffError::NotAProfile(name.to_owned()))?;
    match nodes.as_slice() {
        [] => Err(DiffError::NoNode(name.to_owned())),
        nodes => Ok(nodes),
    }
}

fn compare(a: &Value, b: &Value) -> NodeDiff {
    let mut rng = Rng::from_u64(1);
    let mut sampled = |figure, key, statistic: Statistic| {
        let (mut of_a, mut of_b) = (samples(a, key), samples(b, key));
        let difference = interval(&of_a, &of_b, statistic, &mut rng);
        let value = |samples: &mut Vec<f64>| (!samples.is_empty()).then(|| statistic(samples));
        row(figure, value(&mut of_a), value(&mut of_b), difference)
    };
    let mut rows = vec![
        sampled("lookup latency p50, ms", "latency_ms", |s| {
            percentile(s, 0.5)
        }),
        sampled("lookup latency p99, ms", "latency_ms", |s| {
            percentile(s, 0.99)
        }),
        sampled("lookup cost, mean", "cost", mean),
        sampled("queries of a whole lookup, mean", "queries", mean),
    ];
    rows.extend(FIGURES.map(|(figure, path)| {
        let value = |node: &Value| node.pointer(path).and_then(Value::as_f64);
        row(figure, value(a), value(b), None)
    }));
    NodeDiff {
        a: name(a),
        b: name(b),
        rows,
    }
}

fn row(figure: &'static str, a: Option<f64>, b: Option<f64>, difference: Option<[f64; 2]>) -> Row {
    let ratio = a.zip(b).filter(|(a, _)| *a != 0.0).map(|(a, b)| b / a);
    Row {
        figure,
        a,
        b,
        ratio,
        difference,
    }
}

fn name(node: &Value) -> String {
    let text = |key| node.get(key).and_then(Value::as_str).map(str::to_owned);
    text("label").or_else(|| text("node")).unwrap_or_default()
}

/// A figure of every lookup that has it.
fn samples(node: &Value, key: &str) -> Vec<f64> {
    let lookups = node.get("lookups").and_then(Value::as_array);
    let lookups = lookups.into_iter().flatten();
    lookups
        .filter_map(|lookup| lookup.get(key)?.as_f64())
        .collect()
}

/// A table for each pair of nodes.
impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for node in &self.nodes {
            let (a, b) = (shorten(&node.a), shorten(&node.b));
            // a name in full: without its last digits an address is another
            let width = [&a, &b].map(|name| name.chars().count());
            let width = width.into_iter().max().unwrap_or(0).max(13);
            writeln!(f, "{:<34} {a:>width$} {b:>width$} {:>8}", "", "ratio")?;
            for row in &node.rows {
                let number =
                    |value: Option<f64>| value.map_or("-".to_owned(), |v| format!("{v:.1}"));
                let ratio = row
                    .ratio
                    .map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
                let (a, b) = (number(row.a), number(row.b));
                let figure = row.figure;
                writeln!(f, "  {figure:<32} {a:>width$} {b:>width$} {ratio:>8}")?;
                if let Some([low, high]) = row.difference {
                    let verdict = row.verdict();
                    writeln!(f, "    {low:+.1} to {high:+.1} (95 %): {verdict}")?;
                }
            }
        }
        Ok(())
    }
}

fn shorten(name: &str) -> String {
    name.chars().take(MAX_NAME).collect()
}

/// Longest name in the table: an IPv6 address with its port has 47.
const MAX_NAME: usize = 48;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn profile(label: &str, latencies: impl Iterator<Item = f64>) -> Value {
        let lookups: Vec<_> = latencies
            .map(|ms| json!({"latency_ms": ms, "cost": 4, "queries": 10}))
            .collect();
        json!({"nodes": [{"node": "10.0.0.1:1", "label": label, "lookups": lookups,
            "maintenance": {"per_minute": 10.0}, "closest_ms": {"p50": null}}]})
    }

    fn noisy(around: f64) -> impl Iterator<Item = f64> {
        let mut rng = Rng::from_u64(7);
        (0..400).map(move |_| around * (0.5 + rng.unit()))
    }

    #[test]
    fn a_real_difference_is_shown_and_none_is_not() {
        let (slow, fast) = (profile("x", noisy(200.0)), profile("x", noisy(100.0)));
        let median = |a, b| {
            diff(a, b, ("a", "b"))
                .unwrap()
                .nodes
                .remove(0)
                .rows
                .remove(0)
        };
        let row = median(&slow, &fast);
        assert_eq!(row.verdict(), "lower");
        assert!((row.ratio.unwrap() - 0.5).abs() < 0.01, "{row:?}");
        let [low, high] = row.difference.unwrap();
        assert!(low < -95.0 && high > -105.0 && high < -80.0, "{row:?}");
        assert_eq!(median(&slow, &slow).verdict(), "no difference shown");
        assert_eq!(median(&fast, &slow).verdict(), "higher");
    }

    #[test]
    fn same_documents_same_intervals_and_absent_figures_stay_absent() {
        let (a, b) = (profile("x", noisy(200.0)), profile("y", noisy(150.0)));
        let text = |a, b| diff(a, b, ("a", "b")).unwrap().to_string();
        assert_eq!(text(&a, &b), text(&a, &b));
        let all = diff(&a, &b, ("a", "b")).unwrap();
        let closest = all.nodes[0]
            .rows
            .iter()
            .find(|row| row.figure.starts_with("time to"))
            .unwrap();
        assert_eq!((closest.a, closest.ratio), (None, None));
    }

    #[test]
    fn nodes_are_paired_by_label_then_by_place() {
        let merge = |labels: [&str; 2]| {
            let nodes = labels.map(|label| profile(label, noisy(1.0))["nodes"][0].clone());
            json!({"nodes": nodes})
        };
        let pairs = |a, b| {
            let all = diff(&merge(a), &merge(b), ("a", "b")).unwrap().nodes;
            all.into_iter()
                .map(|node| (node.a, node.b))
                .collect::<Vec<_>>()
        };
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(
            pairs(["x", "y"], ["y", "x"]),
            [pair("x", "x"), pair("y", "y")]
        );
        assert_eq!(
            pairs(["x", "y"], ["v", "w"]),
            [pair("x", "v"), pair("y", "w")]
        );
    }

    #[test]
    fn what_is_no_profile_is_named() {
        let good = profile("x", noisy(1.0));
        let error = |a: &Value| {
            diff(a, &good, ("a.json", "b.json"))
                .unwrap_err()
                .to_string()
        };
        assert!(error(&json!([1])).starts_with("a.json is not a profile"));
        assert!(error(&json!({"nodes": []})).contains("a.json holds no node"));
    }
}
