//! A survey's outcome as one self-contained HTML page.

use mdht_profiler::report::{self, Section, escaped};
use serde_json::{Value, json};

use super::SurveyOutcome;
use super::outcome::pct;
use crate::report::table;

/// The page. `program` is what made it, with its version.
pub fn survey_html(outcome: &SurveyOutcome, program: &str) -> String {
    let section = |id, title, html| Section { id, title, html };
    let mut sections = vec![
        section("survey", "What was run", what_was_run(outcome)),
        section("table-1", "Table 1", table_1(outcome)),
    ];
    if let Some(passive) = &outcome.passive {
        let html = passive.html();
        sections.push(section("own-traffic", "From own traffic alone", html));
    }
    sections.push(section("planted", "Planted and found", planted(outcome)));
    let title = format!("Survey {}", outcome.script.name);
    report::page(&title, &format!("Made by {program}."), &sections)
}

fn what_was_run(outcome: &SurveyOutcome) -> String {
    let script = &outcome.script;
    let end = if outcome.is_whole {
        ""
    } else {
        " It was stopped before its end."
    };
    format!(
        "<p>{}</p>\n<p>{} modelled nodes, seed {}, {} identities, {} virtual hours: {} nodes \
         checked.{end}</p>\n",
        escaped(&script.about),
        script.overlay.nodes,
        script.overlay.seed,
        script.identities,
        script.length.as_secs_f64() / 3600.0,
        outcome.tally.nodes()
    )
}

fn table_1(outcome: &SurveyOutcome) -> String {
    let all = outcome.tally.nodes();
    let rows = outcome.tally.table_1().into_iter().map(|row| {
        vec![
            json!(row.pattern),
            json!(row.nodes),
            json!(pct(row.nodes, all)),
            json!(row.published),
            json!(row.cause),
        ]
    });
    let columns = [
        "pattern",
        "nodes",
        "measured, %",
        "published, %",
        "likely cause",
    ];
    table("Patterns, measured and published", &columns, rows.collect())
}

fn planted(outcome: &SurveyOutcome) -> String {
    let summary = outcome.summary();
    let classes = summary["classes"].as_array().cloned().unwrap_or_default();
    let row = |class: &Value| {
        let found = class["likely"].as_object().into_iter().flatten();
        let found = found.map(|(cause, nodes)| format!("{cause}: {nodes}"));
        let found: Vec<_> = found.collect();
        let keys = [
            "class",
            "mapping_timeout_s",
            "planted_pct",
            "met",
            "met_pct",
        ];
        let mut row: Vec<_> = keys.iter().map(|key| class[*key].clone()).collect();
        row.push(json!(found.join("; ")));
        row
    };
    let columns = [
        "planted",
        "mapping, s",
        "of all, %",
        "met",
        "met, %",
        "likely causes found",
    ];
    table(
        "Classes planted and causes found",
        &columns,
        classes.iter().map(row).collect(),
    )
}
