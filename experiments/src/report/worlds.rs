//! What is told of whole worlds: of full nodes, and of the addresses met there.

use serde_json::{Value, json};

use super::tables::{rounded, table};
use crate::outcome::Outcome;
use crate::published::Published;

/// Worlds of full nodes; nothing if there is none.
pub(super) fn full_nodes(outcome: &Outcome) -> String {
    let rows = outcome.adoption();
    if rows.is_empty() {
        return String::new();
    }
    let rows = rows.into_iter().map(|row| {
        vec![
            json!(row.label),
            rounded(Some(100.0 * row.share)),
            rounded(row.p50_ms),
            rounded(row.p50_half_ms),
            json!(row.p50_ratio),
            rounded(row.p99_ms),
            rounded(row.queries_per_lookup),
            rounded(row.answered_pct),
            rounded(row.maintenance_per_minute),
        ]
    });
    let columns = [
        "measured node",
        "nodes like it, %",
        "latency p50, ms",
        "±",
        "p50 over the first world's",
        "p99, ms",
        "queries a lookup",
        "answered, %",
        "maintenance a minute",
    ];
    let meaning = "<p class=\"meaning\">Every node of these worlds is a full one. The measured \
        nodes are a few more among them, reachable and in a laboratory; nodes like it: the share \
        of the others that run the same modules.</p>\n";
    meaning.to_owned() + &table("Worlds of full nodes", &columns, rows.collect())
}

/// Addresses that nodes met, each and together.
pub(super) fn unique(outcome: &Outcome) -> String {
    let published = json!([
        "published",
        "",
        "",
        Published::NODES,
        Value::Null,
        outcome.published().unique_ips(),
        "yes"
    ]);
    let rows = outcome.unique.iter().map(|own| {
        json!([
            own.world,
            own.round,
            own.repetition,
            own.nodes,
            own.mean_of_nodes(),
            own.ips,
            if own.complete { "yes" } else { "no: at least" },
        ])
    });
    let rows = rows.chain([published]);
    let rows = rows.filter_map(|row| row.as_array().cloned());
    let columns = [
        "world",
        "round",
        "repetition",
        "nodes",
        "addresses a node, mean",
        "addresses of all nodes, each once",
        "exact",
    ];
    table("Unique IP addresses", &columns, rows.collect())
}
