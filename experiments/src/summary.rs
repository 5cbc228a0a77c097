//! The outcome as JSON: the same bytes for the same script, seed and version,
//! but for `wall_s`.

use serde_json::{Map, Value, json};

use crate::interval::Interval;
use crate::outcome::{Outcome, VariantOutcome};

impl Outcome {
    /// What `summary.json` holds; its keys are in `docs/experiments-report.md`.
    pub fn summary(&self) -> Value {
        let script = &self.script;
        json!({
            "experiment": script.name,
            "about": script.about,
            "seed": script.seed,
            "repetitions": script.repetitions,
            "complete": self.is_whole,
            "nodes_each": script.schedule.nodes_each,
            "overlay": match script.live {
                None => json!(script.overlay),
                Some(_) => json!("live"),
            },
            "wall_s": self.wall.as_secs_f64(),
            "virtual_s": self.virtual_time.as_secs_f64(),
            "variants": self.variants.iter().map(VariantOutcome::summary).collect::<Vec<_>>(),
            "full_nodes": self.adoption(),
            "unique_ips": self.unique_summary(),
            "oracle": self.oracle(),
            "verdicts": self.verdicts(),
            "score": self.score(),
            "published": self.published(),
        })
    }
}

impl VariantOutcome {
    /// The variant with the figures of its node; of several repetitions the
    /// means, their 95 % intervals, and each one's figures.
    fn summary(&self) -> Value {
        let mut object = Map::new();
        object.insert("label".to_owned(), self.variant.label.clone().into());
        object.insert("routing".to_owned(), self.variant.routing.clone().into());
        object.insert("lookup".to_owned(), self.variant.lookup.clone().into());
        let all: Vec<_> = self.repetitions.iter().map(figures).collect();
        match all.as_slice() {
            [] => {}
            [only] => object.extend(only.clone()),
            [first, ..] => {
                object.extend(each_number(first, &all, |interval| interval.mean.into()));
                let ends = each_number(first, &all, |interval| json!(interval.ends()));
                object.insert("interval_95".to_owned(), ends.into());
                object.insert("repetitions".to_owned(), all.into());
            }
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

/// An object like `shape` with what `of` makes of each of its numbers in `all`:
/// `null` where one has none. Lists are left out.
fn each_number(
    shape: &Map<String, Value>,
    all: &[Map<String, Value>],
    of: fn(Interval) -> Value,
) -> Map<String, Value> {
    let mut object = Map::new();
    for (key, value) in shape {
        let values = || all.iter().map(|figures| figures.get(key));
        let made = match value {
            Value::Object(inner) => {
                let objects = values().map(|v| v.and_then(Value::as_object).cloned());
                let objects: Option<Vec<_>> = objects.collect();
                objects.map_or(Value::Null, |all| each_number(inner, &all, of).into())
            }
            Value::Array(_) | Value::String(_) => continue,
            _ => {
                let numbers: Option<Vec<f64>> = values().map(|v| v?.as_f64()).collect();
                let interval = numbers.and_then(|numbers| Interval::of(&numbers));
                interval.map_or(Value::Null, of)
            }
        };
        object.insert(key.clone(), made);
    }
    object
}

#[cfg(test)]
mod tests {
    use crate::testing;

    #[test]
    fn one_repetition_has_its_figures_as_they_are() {
        let summary = testing::outcome(&[("NICE-S", &[500.0])]).summary();
        let variant = &summary["variants"][0];
        assert_eq!(variant["lookup_latency_ms"]["p50"], 500.0);
        assert_eq!(variant["clients"][0]["code"], "UT");
        assert!(variant.get("repetitions").is_none() && variant.get("lookups").is_none());
        assert_eq!(summary["oracle"]["lookup_latency_ms"]["p50"], 10.0);
        assert_eq!(summary["published"]["rows"][2]["label"], "NICE-S");
    }

    #[test]
    fn several_repetitions_have_means_and_intervals() {
        let summary = testing::outcome(&[("NICE-S", &[400.0, 600.0])]).summary();
        let variant = &summary["variants"][0];
        assert_eq!(variant["lookup_latency_ms"]["p50"], 500.0);
        let ends = &variant["interval_95"]["lookup_latency_ms"]["p50"];
        // 12.706 x 141.4 / sqrt 2
        assert!((ends[0].as_f64().unwrap() + 770.6).abs() < 0.5, "{ends}");
        assert_eq!(variant["repetitions"].as_array().unwrap().len(), 2);
    }
}
