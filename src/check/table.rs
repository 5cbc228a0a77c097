//! Table 1 and Figure 5 of thesis 7, published beside measured.

use mdht_connectivity::Tally;
use serde_json::{Value, json};

/// What the thesis says of the three properties, in percent [7.3, 7.5].
const PUBLISHED_PROPERTIES: [(&str, &str); 3] = [
    ("reciprocal", "80"),
    ("transitive", "below 40"),
    ("persistent", "below 44"),
];

/// For people: Table 1, then the properties.
pub(super) fn text(tally: &Tally) -> String {
    let percent = |nodes: u64| percent(nodes, tally.nodes());
    let shown =
        |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}"));
    let mut text = format!(
        "{:<8} {:>9} {:>10} {:>9}  likely cause\n",
        "pattern", "nodes", "measured %", "thesis %"
    );
    for row in tally.table_1() {
        text.push_str(&format!(
            "{:<8} {:>9} {:>10} {:>9}  {}\n",
            row.pattern,
            row.nodes,
            shown(percent(row.nodes)),
            shown(row.published),
            row.cause,
        ));
    }
    let sums = tally.properties();
    let of = [sums.reciprocal, sums.transitive, sums.persistent];
    for ((name, published), nodes) in PUBLISHED_PROPERTIES.into_iter().zip(of) {
        let measured = shown(self::percent(nodes, sums.nodes));
        text.push_str(&format!("{name}: {measured} % (thesis: {published} %)\n"));
    }
    for (age, survived, asked) in tally.survival() {
        text.push_str(&format!(
            "still reachable after {:.0} s: {} % of {asked} nodes\n",
            age.as_secs_f64(),
            shown(self::percent(survived, asked)),
        ));
    }
    text
}

/// For programs.
pub(super) fn document(tally: &Tally) -> Value {
    let rows = tally.table_1().into_iter().map(|row| {
        json!({
            "pattern": row.pattern,
            "cause": row.cause,
            "nodes": row.nodes,
            "pct": percent(row.nodes, tally.nodes()),
            "published_pct": row.published,
        })
    });
    let sums = tally.properties();
    let survival = tally.survival().map(|(age, survived, asked)| {
        json!({
            "age_s": age.as_secs_f64(),
            "reachable": survived,
            "asked": asked,
            "pct": percent(survived, asked),
        })
    });
    let all: serde_json::Map<_, _> = tally
        .patterns()
        .into_iter()
        .map(|(pattern, nodes)| (pattern.to_string(), nodes.into()))
        .collect();
    json!({
        "nodes": tally.nodes(),
        "table_1": rows.collect::<Vec<_>>(),
        "patterns": all,
        "properties": {
            "nodes": sums.nodes,
            "reciprocal": sums.reciprocal,
            "transitive": sums.transitive,
            "persistent": sums.persistent,
            "transitive_and_persistent": sums.both,
        },
        "survival": survival.collect::<Vec<_>>(),
    })
}

/// `None` of nothing.
#[allow(clippy::cast_precision_loss)] // counts of nodes
fn percent(part: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| 100.0 * part as f64 / all as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_published_beside_measured() {
        let mut tally = Tally::default();
        assert!(text(&tally).contains(" - "), "no percent of nothing");
        for pattern in ["RRR-RRR", "RRR-RRR", "RUU-UUU", "URU-UUU"] {
            tally.add_pattern(pattern.parse().unwrap());
        }
        let text = text(&tally);
        let row = |name| text.lines().find(|line| line.starts_with(name)).unwrap();
        assert!(row("RRR-RRR").contains("50.0      35.5"), "{text}");
        assert!(row("other").contains("25.0       5.0"), "{text}");
        assert!(
            row("reciprocal").contains("75.0 % (thesis: 80 %)"),
            "{text}"
        );
        let document = document(&tally);
        assert_eq!(document["properties"]["persistent"], 2);
        assert_eq!(document["patterns"]["URU-UUU"], 1);
    }
}
