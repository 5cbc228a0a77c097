//! A survey finds what was planted.

#![allow(clippy::unwrap_used)] // a panic fails the test

use std::collections::BTreeMap;

use mdht_connectivity::Pattern;
use mdht_experiments::{SurveyOutcome, SurveyScript, survey};
use mdht_overlay::parameters::Class;
use mdht_plugins::Registry;

fn run(text: &str) -> SurveyOutcome {
    let script = SurveyScript::parse(text).unwrap();
    survey(&script, &Registry::builtin(), &|_, _| true).unwrap()
}

const SCRIPT: &str = "name = 'a'\noverlay.nodes = 100000\n[survey]\nidentities = 4\nhours = 2";

#[test]
fn every_class_shows_the_pattern_that_table_1_names_for_it() {
    let outcome = run(SCRIPT);
    assert!(outcome.is_whole && outcome.tally.nodes() > 3000);
    for (class, timeout, expected) in [
        (Class::Open, 0, "RRR-RRR"),
        (Class::FullCone, 120, "RRR-UUU"),
        (Class::RestrictedCone, 120, "RRU-UUU"),
        (Class::RestrictedCone, 600, "RRU-RRU"),
        (Class::PortRestrictedCone, 120, "RUU-UUU"),
        (Class::PortRestrictedCone, 600, "RUU-RUU"),
        (Class::Symmetric, 120, "RUU-UUU"),
        (Class::Firewalled, 0, "UUU-UUU"),
        (Class::Late, 0, "UUU-RRR"),
        (Class::LateForOthers, 0, "RRU-RRR"),
    ] {
        let seen = &outcome.found[&(class, timeout)];
        let expected: Pattern = expected.parse().unwrap();
        // some leave between the bursts, some query again in between
        let (as_expected, all): (u64, u64) = (seen[&expected], seen.values().sum());
        assert!(10 * as_expected > 8 * all, "{class:?}: {seen:?}");
    }
}

#[test]
fn own_traffic_is_held_against_what_the_checker_finds() {
    let outcome = run(SCRIPT);
    let passive = outcome.passive.as_ref().unwrap();
    assert_eq!((passive.identities, passive.left_out), (4, 0));
    assert_eq!(passive.checked(), outcome.tally.nodes());
    assert!(passive.judged() > 50, "{passive:?}");
    assert!(passive.kappa().unwrap() > 0.0, "{passive:?}");
    let told = outcome.summary()["own_traffic"]["judged"].as_u64();
    assert_eq!(told, Some(passive.judged()));
    let page = mdht_experiments::survey_html(&outcome, "mdht");
    assert!(page.contains("From own traffic alone") && page.contains("not asked"));
    assert!(outcome.to_string().contains("kappa"));
    // and the survey is the same when nobody listens
    let deaf = run(&format!("{SCRIPT}\nlistened_to = 0"));
    assert!(deaf.passive.is_none());
    assert_eq!(deaf.summary()["table_1"], outcome.summary()["table_1"]);
}

#[test]
fn the_same_seed_gives_the_same_survey_and_who_watches_can_end_it() {
    let first = run(SCRIPT);
    assert_eq!(first.summary(), run(SCRIPT).summary());
    let script = SurveyScript::parse(SCRIPT).unwrap();
    let ended = survey(&script, &Registry::builtin(), &|time, _| {
        time.as_secs() < 1800
    })
    .unwrap();
    assert!(!ended.is_whole && ended.tally.nodes() < first.tally.nodes());
    let sums: BTreeMap<_, u64> = (ended.found.iter())
        .map(|(class, patterns)| (class, patterns.values().sum()))
        .collect();
    assert_eq!(sums.values().sum::<u64>(), ended.tally.nodes());
}
