//! The outcome as a table for the terminal, in at most 100 columns.

use std::fmt::{self, Display, Formatter};

use super::{AttackOutcome, Figures};

impl Display for AttackOutcome {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let script = &self.script;
        writeln!(
            f,
            "{}: overlay of {} nodes, {} worlds, {} lookups of each combination under each attack",
            script.name,
            script.overlay.nodes,
            script.repetitions,
            u64::from(script.lookups) * u64::from(script.repetitions),
        )?;
        for (label, rows) in self.rows() {
            writeln!(f, "\n{label:<29} {:^48} {:^21}", "lookups", "the node")?;
            writeln!(
                f,
                "{:<29} {:>8} {:>14} {:>6} {:>6} {:>5} {:>5} {:>5} {:>6} {:>6}",
                "attack",
                "found %",
                "p50 ms",
                "p99",
                "asked",
                "false",
                "lost",
                "table",
                "kept",
                "ampl."
            )?;
            for (attack, figures) in rows {
                write_row(f, &attack.to_string(), figures)?;
            }
        }
        writeln!(
            f,
            "\nfound: lookups with a true peer; p50, p99: time to it (± 95 %); asked: queries a lookup;\n\
             false: of the peers found, %; lost: lookups that announced to none of the twenty\n\
             honest nodes nearest to the key, %; table: of its contacts, attackers, %; kept: honest\n\
             announces still served during the attack, %; ampl.: bytes answered for each of the\n\
             adversary's."
        )?;
        if !self.is_whole {
            writeln!(f, "\nEnded before everything was played.")?;
        }
        Ok(())
    }
}

fn write_row(f: &mut Formatter<'_>, attack: &str, figures: &Figures) -> fmt::Result {
    let half = figures
        .p50_interval_ms
        .map(|[low, high]| (high - low) / 2.0);
    let half = half.map_or_else(String::new, |half| format!(" ±{half:.0}"));
    let served = figures.honest_answered_pct * figures.honest_kept_pct / 100.0;
    let ratio = figures.amplification;
    writeln!(
        f,
        "{attack:<29} {:>8.1} {:>14} {:>6} {:>6.0} {:>5.1} {:>5.1} {:>5.1} {served:>6.0} {:>6}",
        figures.success_pct,
        words(figures.p50_ms) + &half,
        words(figures.p99_ms),
        figures.queries_per_lookup,
        figures.false_peers_pct,
        figures.announces_lost_pct,
        figures.hostile_contacts_pct,
        ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}")),
    )
}

fn words(figure: Option<f64>) -> String {
    figure.map_or_else(|| "-".to_owned(), |figure| format!("{figure:.0}"))
}
