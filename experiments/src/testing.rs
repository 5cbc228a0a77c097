//! Outcomes made by hand, for tests.

use std::ops::ControlFlow;
use std::sync::OnceLock;
use std::time::Duration;

use mdht_krpc::Id;
use mdht_plugins::Registry;
use mdht_profiler::measurement::Section;
use mdht_profiler::{DataTable, Input, NodeProfile, NodeSpec, Options, Profiler};
use serde_json::json;

use crate::outcome::{Outcome, VariantOutcome};
use crate::script::Script;

/// An outcome of variants by label, with the median latency of each of their
/// repetitions, of which all have as many.
pub(crate) fn outcome(variants: &[(&str, &[f64])]) -> Outcome {
    outcome_in("", variants)
}

/// The same in the thesis's world.
pub(crate) fn of_thesis(variants: &[(&str, &[f64])]) -> Outcome {
    let world = "overlay.nodes = 8_000_000\nschedule.infohashes = 3078\n";
    outcome_in(world, variants)
}

fn outcome_in(world: &str, variants: &[(&str, &[f64])]) -> Outcome {
    let repetitions = variants[0].1.len();
    let mut text = format!("name = \"made\"\nrepetitions = {repetitions}\n{world}");
    for (label, _) in variants {
        text.push_str(&format!(
            "[[variant]]\nlabel = \"{label}\"\nrouting = \"bep5\"\nlookup = \"standard\"\n"
        ));
    }
    let script = Script::parse(&text, &Registry::builtin()).unwrap();
    let of = |(variant, (_, medians)): (&crate::script::Variant, &(&str, &[f64]))| VariantOutcome {
        variant: variant.clone(),
        repetitions: medians.iter().map(|median| profile(*median)).collect(),
        limits_ms: vec![5.0, 10.0, 15.0],
    };
    let made = script.variants.iter().zip(variants).map(of).collect();
    Outcome {
        script: script.clone(),
        is_whole: true,
        wall: Duration::from_secs(3),
        virtual_time: Duration::from_secs(3600),
        variants: made,
        unique: Vec::new(),
        judged: OnceLock::new(),
    }
}

/// A node with 21 lookups about a median latency.
fn profile(median: f64) -> NodeProfile {
    // pcap, raw IP, without a packet
    let empty = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x65\0\0\0";
    let input = Input::reader("empty", &empty[..]);
    let nodes: Vec<NodeSpec> = vec!["10.0.0.1:6881".parse().unwrap()];
    let options = Options {
        nodes,
        ..Options::default()
    };
    let profile = Profiler::new(options)
        .watch(vec![input], &mut |_| ControlFlow::Continue(()))
        .unwrap();
    let mut profile = profile.nodes.into_iter().next().unwrap();
    profile.sections = vec![
        lookups(median),
        section(
            "lookup_latency_ms",
            json!({
                "count": 20, "no_value": 1, "p50": median, "p75": 1.5 * median,
                "p98": 3.0 * median, "p99": 4.0 * median,
            }),
        ),
        section(
            "lookup_cost",
            json!({"mean": 12.0, "p50": 11.0, "p99": 30.0}),
        ),
        section(
            "lookup_queries",
            json!({"sent": 420, "answered": 210, "answered_pct": 50.0}),
        ),
        section("maintenance", json!({"total": 600, "per_minute": 10.0})),
        section(
            "clients",
            json!([{"code": "UT", "name": "x", "nodes": 3, "pct": 75.0},
            {"code": null, "name": null, "nodes": 1, "pct": 25.0}]),
        ),
    ];
    profile
}

fn lookups(median: f64) -> Section {
    let row = |i: u32| {
        let infohash = Id::new([7; 20]).to_string();
        vec![
            json!(infohash),
            json!(f64::from(i)),
            json!(median * (0.5 + f64::from(i) / 20.0)),
            json!(10 + i % 5),
        ]
    };
    Section {
        key: "lookups",
        tables: vec![DataTable {
            name: "lookups",
            title: "Lookups",
            columns: vec!["infohash", "start_s", "latency_ms", "cost"],
            rows: (0..21).map(row).collect(),
        }],
        ..Section::default()
    }
}

fn section(key: &'static str, json: serde_json::Value) -> Section {
    Section {
        key,
        json,
        ..Section::default()
    }
}
