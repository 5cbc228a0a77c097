//! What the page says, in its order.

use mdht_profiler::NodeProfile;
use mdht_profiler::report::{self, Section, escaped};

use super::{Repeat, figures, judged, planes, pooled, tables, worlds};
use crate::oracle;
use crate::outcome::Outcome;

/// The sections that have something to say.
pub(super) fn all(outcome: &Outcome, repeat: &Repeat<'_>) -> Vec<Section> {
    let nodes = pooled::nodes(outcome);
    let (of_thesis, others) = figures::split(outcome, &nodes);
    let section = |id, title, html| Section { id, title, html };
    let sections = [
        section("repeat", "What was run", what_was_run(outcome, repeat)),
        section("comparison", "Comparison", comparison(outcome)),
        section(
            "full-nodes",
            "Worlds of full nodes",
            worlds::full_nodes(outcome),
        ),
        section(
            "planes",
            "Latency against cost",
            report::figures(&planes::all(outcome)),
        ),
        section("verdicts", "Which is faster", judged::verdicts(outcome)),
        section("score", "Score against the thesis", judged::score(outcome)),
        section("tables", "The thesis's tables", thesis_tables(outcome)),
        section(
            "figures",
            "The thesis's figures",
            thesis_figures(&report::figures(&of_thesis)),
        ),
        section("slowest", "Slowest lookups", report::slowest(&nodes)),
        section("others", "Other figures", report::figures(&others)),
        section(
            "measurements",
            "All measurements",
            measurements(outcome, &nodes),
        ),
        section("definitions", "Definitions", report::definitions()),
    ];
    let said = sections
        .into_iter()
        .filter(|section| !section.html.is_empty());
    said.collect()
}

fn what_was_run(outcome: &Outcome, repeat: &Repeat<'_>) -> String {
    let script = &outcome.script;
    let mut html = String::new();
    if !script.about.is_empty() {
        html.push_str(&format!("<p>{}</p>\n", escaped(&script.about)));
    }
    let hours = outcome.virtual_time.as_secs_f64() / 3600.0;
    html.push_str(&format!(
        "<p>{}; {} variants, {} lookups each over {hours:.1} {}hours; repetitions: {}, nodes of \
         each variant: {}. The figures are of packets alone, but for the oracle's.</p>\n",
        outcome.place(),
        script.variants.len(),
        script.schedule.infohashes,
        if script.live.is_some() {
            ""
        } else {
            "virtual "
        },
        script.repetitions,
        script.schedule.nodes_each,
    ));
    if !outcome.is_whole {
        html.push_str("<p class=\"warning\">Ended before everything was run.</p>\n");
    }
    html + &format!(
        "<h3>To run it again</h3>\n{}<p class=\"note\">{}: {}.</p>\n<details>\n<summary>The script</summary>\n{}</details>\n",
        preformatted("Command", repeat.command),
        escaped(repeat.program),
        match script.live {
            None => "the same version gives the same figures to the byte",
            Some(_) => "on real sockets no two runs are the same",
        },
        preformatted("Script", repeat.script),
    )
}

fn preformatted(label: &str, text: &str) -> String {
    format!(
        "<pre class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{label}\">{}</pre>\n",
        text.lines().map(escaped).collect::<Vec<_>>().join("\n")
    )
}

fn comparison(outcome: &Outcome) -> String {
    let mut html = tables::comparison(outcome);
    if outcome.script.samples() > 1 {
        html.push_str(
            "<p class=\"meaning\">Means over the nodes of all repetitions; ±: to either end of the 95 % \
             interval, by Student's t.</p>\n",
        );
    }
    if !outcome.limits_ms().is_empty() {
        let (label, meaning) = (oracle::LABEL, oracle::MEANING);
        html.push_str(&format!(
            "<p class=\"meaning\"><b>{label}</b>: {meaning}</p>\n"
        ));
    }
    html
}

fn thesis_tables(outcome: &Outcome) -> String {
    format!(
        "<p class=\"meaning\">{}. Ratio: measured over published. Fitted: the overlay's free \
         parameters were fitted to it, so that it is near proves nothing. Predicted: nothing was \
         fitted to it. Not scored: of a stand-in, or of another reading of a module.</p>\n\
         <h3>Table I: lookup latency</h3>\n{}\
         <h3>Table II: lookup queries and responses</h3>\n{}\
         <h3>Table III: implementation market share</h3>\n\
         <p class=\"meaning\">Measured: an address counts once for each node under test that met \
         it.</p>\n{}\
         <h3>Unique IP addresses</h3>\n\
         <p class=\"meaning\">Of the nodes that took turns in one world, those that sent \
         something; the published ones are of nine nodes in 80 hours [8.VIII.D].</p>\n{}\
         <h3>Figures of the text</h3>\n{}",
        escaped(outcome.published().source),
        tables::latency(outcome),
        tables::queries(outcome),
        tables::clients(outcome),
        worlds::unique(outcome),
        tables::in_the_text(outcome),
    )
}

fn thesis_figures(drawn: &str) -> String {
    format!(
        "<p class=\"meaning\">Figures 2 to 9 of chapter 8. Rings are published figures, in the \
         marker and colour of their combination.</p>\n{drawn}"
    )
}

fn measurements(outcome: &Outcome, nodes: &[NodeProfile]) -> String {
    let note = match outcome.script.samples() {
        1 => String::new(),
        _ => "<p class=\"meaning\">Of the first node of the first repetition.</p>\n".to_owned(),
    };
    note + &report::comparison(nodes)
}
