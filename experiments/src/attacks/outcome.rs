//! What came out of the sieges.

use mdht_overlay::attack::{Attack, Damage};
use serde_json::{Value, json};

use super::{AttackScript, Figures};

/// What came out.
#[derive(Clone, Debug)]
pub struct AttackOutcome {
    /// What was asked for.
    pub script: AttackScript,
    /// For each variant its figures under each attack of the script; `None` of
    /// those that were not played.
    pub figures: Vec<Vec<Option<Figures>>>,
    /// Whether everything was played.
    pub is_whole: bool,
}

impl AttackOutcome {
    pub(super) fn new(script: &AttackScript, damages: &[Vec<Damage>], is_whole: bool) -> Self {
        let of_variant = damages.chunks(script.attacks.len().max(1));
        let figures = of_variant.map(|damages| {
            let plain = damages.first().map_or(&[][..], Vec::as_slice);
            let of = |(number, damages): (usize, &Vec<Damage>)| {
                let plain = (number > 0).then_some(plain);
                (!damages.is_empty()).then(|| Figures::of(damages, plain))
            };
            damages.iter().enumerate().map(of).collect()
        });
        Self {
            figures: figures.collect(),
            script: script.clone(),
            is_whole,
        }
    }

    /// Each variant's label with its attacks and figures.
    pub(super) fn rows(&self) -> impl Iterator<Item = (&str, Vec<(&Attack, &Figures)>)> {
        let variants = self.script.variants.iter().zip(&self.figures);
        variants.map(|(variant, figures)| {
            let played = self.script.attacks.iter().zip(figures);
            let played = played.filter_map(|(attack, figures)| Some((attack, figures.as_ref()?)));
            (variant.label.as_str(), played.collect())
        })
    }

    /// `summary.json`.
    pub fn summary(&self) -> Value {
        let rows = self.rows().flat_map(|(label, rows)| {
            let row = move |(attack, figures): (&Attack, &Figures)| {
                json!({
                    "variant": label,
                    "attack": attack.kind,
                    "strength": attack.strength,
                    "per_24": attack.per_24,
                    "figures": figures,
                })
            };
            rows.into_iter().map(row).collect::<Vec<_>>()
        });
        json!({
            "name": self.script.name,
            "nodes": self.script.overlay.nodes,
            "seed": self.script.seed,
            "repetitions": self.script.repetitions,
            "is_whole": self.is_whole,
            "rows": rows.collect::<Vec<_>>(),
        })
    }
}
