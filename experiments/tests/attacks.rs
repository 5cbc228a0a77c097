//! Attacks cost what they are said to cost, and the same each time.

#![allow(clippy::unwrap_used)] // a panic fails the test

use std::num::NonZeroUsize;

use mdht_experiments::{AttackOutcome, AttackScript, attacks};
use mdht_plugins::Registry;

const SCRIPT: &str = "name = 'a'\noverlay.nodes = 5000\noverlay.links.loss = 0.0\n\
    siege = { lookups = 10, warm_up_s = 600 }\n\
    attack = [{ kind = 'poison', strength = [1, 200] }, { kind = 'silent', strength = [0.5] }]\n\
    variant = [{ routing = 'nr128', lookup = 'aggressive' }, { routing = 'lt', lookup = 'lt' }]\n";

fn played(threads: usize) -> AttackOutcome {
    let registry = Registry::builtin();
    let script = AttackScript::parse(SCRIPT, &registry).unwrap();
    let threads = NonZeroUsize::new(threads).unwrap();
    attacks(&script, &registry, threads, &|_, _| true).unwrap()
}

#[test]
fn figures_stand_beside_those_without_attack_and_repeat_on_any_threads() {
    let outcome = played(1);
    assert!(outcome.is_whole);
    assert_eq!(outcome.summary(), played(2).summary());
    for figures in &outcome.figures {
        let [plain, few, many, silent] = figures.as_slice() else {
            panic!("{figures:?}");
        };
        let (plain, few) = (plain.as_ref().unwrap(), few.as_ref().unwrap());
        let (many, silent) = (many.as_ref().unwrap(), silent.as_ref().unwrap());
        assert_eq!((plain.false_peers_pct, plain.p50_change_ms), (0.0, None));
        assert!(few.false_peers_pct < many.false_peers_pct);
        assert!(many.hostile_closest_pct > 50.0, "{many:?}");
        assert!(silent.p50_change_ms.is_some());
        assert_eq!(silent.false_peers_pct, 0.0);
    }
    let text = outcome.to_string();
    assert!(text.contains("poison, 200 addresses") && text.contains("NR128-A"));
    let widest = text.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(100), "{text}");
    assert_eq!(outcome.plots().len(), 1);
}

#[test]
fn who_watches_can_end_it() {
    let registry = Registry::builtin();
    let script = AttackScript::parse(SCRIPT, &registry).unwrap();
    let outcome = attacks(&script, &registry, NonZeroUsize::MIN, &|over, _| over < 2).unwrap();
    assert!(!outcome.is_whole);
    assert_eq!(outcome.figures[0].iter().flatten().count(), 2);
}
