//! Verdicts and score in words and tables.

use mdht_profiler::report::{Table, escaped};
use serde_json::{Value, json};

use super::tables::table;
use crate::outcome::{Outcome, VariantOutcome};
use crate::score::Score;
use crate::verdict::{Figure, PairVerdict, Verdict};

/// The variants by a figure, the least first; `<` between two of which a
/// difference is shown, `~` between two of which none is.
pub(crate) fn ranking(outcome: &Outcome, figure: Figure) -> String {
    let verdicts = outcome.verdicts();
    let value = |variant: &VariantOutcome| variant.compared(figure);
    let mut order: Vec<_> = outcome
        .variants
        .iter()
        .filter_map(|v| Some((v, value(v)?)))
        .collect();
    order.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut text = String::new();
    let mut before: Option<&str> = None;
    for (variant, _) in order {
        let label = variant.variant.label.as_str();
        if let Some(before) = before {
            let is_shown = differ(verdicts, before, label, figure);
            text.push_str(if is_shown { " < " } else { " ~ " });
        }
        text.push_str(label);
        before = Some(label);
    }
    text
}

/// Whether a difference is shown between two variants.
fn differ(verdicts: &[PairVerdict], a: &str, b: &str, figure: Figure) -> bool {
    let is_pair = |pair: &&PairVerdict| {
        [(a, b), (b, a)].contains(&(pair.label.as_str(), pair.against.as_str()))
    };
    let pair = verdicts.iter().find(is_pair);
    let compared = pair.and_then(|pair| pair.of(figure));
    compared.is_some_and(|compared| compared.verdict != Verdict::NoDifferenceShown)
}

/// All pairs.
pub(super) fn verdicts(outcome: &Outcome) -> String {
    let how = match outcome.script.samples() {
        1 => "bootstrap over the lookups of the one node".to_owned(),
        more => format!("Student's t over the differences of {more} pairs of nodes"),
    };
    let mut html = format!(
        "<p class=\"meaning\">The first of each pair against the second. In brackets the 95 % \
         interval of the difference, first less second, by {how}. A difference is shown where \
         it leaves out 0; of many pairs without one, 1 in 20 will show one all the same.</p>\n"
    );
    let ranked = Figure::ALL.map(|figure| {
        let ranking = escaped(&ranking(outcome, figure));
        format!("<dt>By {}</dt><dd>{ranking}</dd>\n", figure.words())
    });
    html.push_str(&format!(
        "<dl>\n{}</dl>\n<p class=\"note\">&lt; is less, ~ is no difference shown to the next.</p>\n",
        ranked.concat()
    ));
    let columns = ["combination", "against"].into_iter();
    let columns = columns.chain(Figure::ALL.map(Figure::words));
    let verdicts = outcome.verdicts();
    let rows = verdicts.iter().map(|pair| {
        let cells = Figure::ALL.map(|figure| verdict(pair, figure));
        let names = [json!(pair.label), json!(pair.against)];
        names.into_iter().chain(cells).collect()
    });
    html + &Table {
        label: "Verdicts".to_owned(),
        columns: columns.map(str::to_owned).collect(),
        rows: rows.collect(),
        omitted: 0,
    }
    .html()
}

fn verdict(pair: &PairVerdict, figure: Figure) -> Value {
    pair.of(figure).map_or(Value::Null, |compared| {
        let [low, high] = compared.difference;
        let words = compared.verdict.words(figure);
        json!(format!("{words} ({low:.1} to {high:.1})"))
    })
}

/// The score, nothing if there is nothing to score.
pub(super) fn score(outcome: &Outcome) -> String {
    let score = outcome.score();
    if score.all_met().1 == 0 {
        return String::new();
    }
    let mut html = String::new();
    if !score.is_thesis_world {
        html.push_str(
            "<p class=\"warning\">World and schedule are not those of the thesis (8 million \
             nodes of the default make-up, 3,078 lookups each): the figures need not agree.</p>\n",
        );
    }
    html.push_str(
        "<p class=\"meaning\">Targets that were set before anything was measured. Only rows \
         count to which no parameter was fitted; stand-ins and other readings of a module do \
         not. Pairs: those whose published medians differ by more than 10 %.</p>\n",
    );
    html + &summed(&score) + &figures(&score) + &pairs(&score)
}

fn summed(score: &Score) -> String {
    let kinds = Score::KINDS.map(|(kind, words)| (words, score.figures_met(kind)));
    let pairs = [("order of pairs by their medians", score.pairs_met())];
    let all = pairs
        .into_iter()
        .chain(kinds)
        .chain([("all", score.all_met())]);
    let rows =
        all.map(|(what, (met, of))| vec![json!(what), json!(met), json!(of - met), json!(of)]);
    table("Score", &["target", "met", "missed", "of"], rows.collect())
}

fn figures(score: &Score) -> String {
    let rows = score.figures.iter().map(|f| {
        vec![
            json!(f.label),
            json!(f.figure),
            json!(f.published),
            json!(f.measured),
            json!(f.ratio),
            json!(f.target.words()),
            json!(met(f.is_met)),
        ]
    });
    let columns = [
        "combination",
        "figure",
        "published",
        "measured",
        "ratio",
        "target",
        "verdict",
    ];
    format!(
        "<h3>Figures</h3>\n{}",
        table("Scored figures", &columns, rows.collect())
    )
}

fn pairs(score: &Score) -> String {
    let rows = score.pairs.iter().map(|pair| {
        vec![
            json!(pair.faster),
            json!(pair.slower),
            json!(pair.published_ratio),
            json!(pair.measured_ratio),
            json!(met(pair.is_met)),
        ]
    });
    let columns = [
        "faster",
        "slower",
        "published slower / faster",
        "measured slower / faster",
        "verdict",
    ];
    format!(
        "<h3>Order of pairs</h3>\n{}",
        table("Scored pairs", &columns, rows.collect())
    )
}

const fn met(is_met: bool) -> &'static str {
    if is_met { "met" } else { "missed" }
}
