//! The outcome as JSON: the same bytes for the same script, seed and version,
//! but for `wall_s`.

use serde_json::{Map, Value, json};

use crate::outcome::{Outcome, VariantOutcome};

impl Outcome {
    /// What `summary.json` holds.
    pub fn summary(&self) -> Value {
        let script = &self.script;
        json!({
            "experiment": script.name,
            "about": script.about,
            "seed": script.seed,
            "repetitions": script.repetitions,
            "complete": self.is_whole,
            "overlay": script.overlay,
            "wall_s": self.wall.as_secs_f64(),
            "virtual_s": self.virtual_time.as_secs_f64(),
            "variants": self.variants.iter().map(VariantOutcome::summary).collect::<Vec<_>>(),
            "published": self.published(),
        })
    }
}

impl VariantOutcome {
    /// The variant with the figures of its node, of the mean over repetitions
    /// where there are several.
    fn summary(&self) -> Value {
        let mut object = Map::new();
        object.insert("label".to_owned(), self.variant.label.clone().into());
        object.insert("routing".to_owned(), self.variant.routing.clone().into());
        object.insert("lookup".to_owned(), self.variant.lookup.clone().into());
        let all = self.repetitions.iter().map(figures);
        let all: Vec<_> = all.collect();
        if let [only] = all.as_slice() {
            object.extend(only.clone());
        } else {
            object.insert("repetitions".to_owned(), all.into());
        }
        Value::Object(object)
    }
}

/// A node's figures without its list of lookups.
fn figures(profile: &mdht_profiler::NodeProfile) -> Map<String, Value> {
    let named = profile.sections.iter().filter(|section| {
        !section.key.is_empty() && !section.json.is_null() && section.key != "lookups"
    });
    named
        .map(|section| (section.key.to_owned(), section.json.clone()))
        .collect()
}
