//! The outcome as a table for the terminal.

use std::fmt::{self, Display, Formatter};

use super::{AttackOutcome, Figures};
use crate::text_table::{Block, TextTable, write_wrapped};

impl Display for AttackOutcome {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let script = &self.script;
        let heading = format!(
            "{}: overlay of {} nodes, {} worlds, {} lookups of each combination under each attack",
            script.name,
            script.overlay.nodes,
            script.repetitions,
            u64::from(script.lookups) * u64::from(script.repetitions),
        );
        write_wrapped(f, &heading)?;
        let blocks = self.rows().map(|(label, rows)| Block {
            label: label.to_owned(),
            rows: rows
                .into_iter()
                .map(|(attack, figures)| row(attack.to_string(), figures))
                .collect(),
        });
        let table = TextTable {
            groups: vec![(5, "lookups"), (4, "the node")],
            columns: vec![
                "attack", "found %", "p50 ms", "p99", "asked", "false", "lost", "table", "kept",
                "ampl.",
            ],
            blocks: blocks.collect(),
        };
        write!(f, "\n{table}")?;
        writeln!(
            f,
            "\nfound: lookups with a true peer; p50, p99: time to it (± 95 %); asked: queries\n\
             a lookup; false: of the peers found, %; lost: lookups that announced to none of\n\
             the twenty honest nodes nearest to the key, %; table: of its contacts,\n\
             attackers, %; kept: honest announces still served during the attack, %; ampl.:\n\
             bytes answered for each of the adversary's."
        )?;
        if !self.is_whole {
            writeln!(f, "\nEnded before everything was played.")?;
        }
        Ok(())
    }
}

fn row(attack: String, figures: &Figures) -> Vec<String> {
    let half = figures
        .p50_interval_ms
        .map(|[low, high]| (high - low) / 2.0);
    let half = half.map_or_else(String::new, |half| format!(" ±{half:.0}"));
    let served = figures.honest_answered_pct * figures.honest_kept_pct / 100.0;
    let ratio = figures.amplification;
    vec![
        attack,
        format!("{:.1}", figures.success_pct),
        words(figures.p50_ms) + &half,
        words(figures.p99_ms),
        format!("{:.0}", figures.queries_per_lookup),
        format!("{:.1}", figures.false_peers_pct),
        format!("{:.1}", figures.announces_lost_pct),
        format!("{:.1}", figures.hostile_contacts_pct),
        format!("{served:.0}"),
        ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}")),
    ]
}

fn words(figure: Option<f64>) -> String {
    figure.map_or_else(|| "-".to_owned(), |figure| format!("{figure:.0}"))
}
