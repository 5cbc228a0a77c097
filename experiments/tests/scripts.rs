//! What scripts mean, and what is said of bad ones.

#![allow(clippy::unwrap_used)] // a panic fails the test

use mdht_experiments::{Script, ScriptError};
use mdht_plugins::Registry;
use proptest::prelude::*;

fn parse(text: &str) -> Result<Script, ScriptError> {
    Script::parse(text, &Registry::builtin())
}

fn labels(text: &str) -> Vec<String> {
    let variants = parse(text).unwrap().variants;
    variants.into_iter().map(|variant| variant.label).collect()
}

const MATRIX: &str = "name = 'a'\nmatrix = { routing = ['bep5'], lookup = ['standard'] }\n";

/// The matrix with two values of a parameter.
fn swept(parameter: &str) -> String {
    let sweep = format!("{{ module = 'lookup', parameter = '{parameter}', values = [2, 4] }}");
    MATRIX.replace("] }", &format!("], sweep = [{sweep}] }}"))
}

#[test]
fn labels_are_made_of_modules_and_what_differs() {
    let matrix = "name = 'a'\n[matrix]\nrouting = ['nr128', 'nice:quarantine=1m']\n\
                  lookup = ['standard:mark=8']\n";
    assert_eq!(labels(matrix), ["NR128-S", "NICE-S quarantine=1m"]);
    assert_eq!(
        labels(&swept("alpha")),
        ["BEP5-S alpha=2", "BEP5-S alpha=4"]
    );
}

#[test]
fn every_combination_is_run_in_every_world() {
    let text = "[overlay]\nnodes = 500\n[[world]]\nlabel = 'as it is'\n\
                [[world]]\nnodes = 1000\nlinks.loss = 0.5\n\
                [[world]]\nsessions = { model = 'exponential', mean_min = 60 }\nlabel = '1 h'\n";
    let script = parse(&format!("{MATRIX}{text}")).unwrap();
    let labels: Vec<_> = script
        .variants
        .iter()
        .map(|v| (v.world, v.label.as_str()))
        .collect();
    assert_eq!(
        labels,
        [
            (0, "BEP5-S as it is"),
            (1, "BEP5-S loss=0.5 nodes=1000"),
            (2, "BEP5-S 1 h")
        ]
    );
    let nodes: Vec<_> = script
        .worlds
        .iter()
        .map(|world| world.overlay.nodes)
        .collect();
    assert_eq!(nodes, [500, 1000, 500]);
}

/// More variants than take turns make no node's lookups rarer.
#[test]
fn further_rounds_make_a_run_no_longer() {
    let more = "[[variant]]\nlabel = 'b'\nrouting = 'nice'\nlookup = 'standard'\n";
    let round = "[schedule]\nnodes_per_round = 1\n";
    let one = parse(&format!("{MATRIX}{round}")).unwrap();
    let two = parse(&format!("{MATRIX}{round}{more}")).unwrap();
    assert_eq!(two.virtual_time(), one.virtual_time() * 2);
}

#[test]
fn another_seed_stands_in_the_text_too() {
    for text in [
        MATRIX.to_owned(),
        format!("{MATRIX}[overlay]\nnodes = 500\n"),
        format!("seed = 7 # seven\n{MATRIX}"),
    ] {
        let seeded = parse(&text)
            .unwrap()
            .with_seed(5, &Registry::builtin())
            .unwrap();
        assert_eq!((seeded.seed, seeded.worlds[0].overlay.seed), (5, 5));
        assert_eq!(parse(&seeded.text).unwrap(), seeded);
    }
}

#[test]
fn what_a_script_does_not_change_in_its_runs_does_not_part_them() {
    let script = parse(MATRIX).unwrap();
    let same = parse(&format!(
        "# a remark\nabout = 'words'\ncaptures = 'zst'\n{MATRIX}"
    ))
    .unwrap();
    let other = parse(&format!("seed = 2\n{MATRIX}")).unwrap();
    assert!(script.runs_as(&same) && !script.runs_as(&other));
}

#[test]
fn a_world_of_full_nodes_says_who_runs_what() {
    let text = "overlay.nodes = 500\noverlay.full_nodes.lookups_per_hour = 2\n\
                schedule = { nodes_each = 3 }\n[[world]]\nlabel = 'x'\nfull_nodes.plugins = [\n\
                { routing = 'bep5', lookup = 'standard', share = 0.25 },\n\
                { routing = 'nice', lookup = 'standard', share = 0.75 }]\n";
    let script = parse(&format!("{MATRIX}{text}")).unwrap();
    let full = script.worlds[0].full_nodes.as_ref().unwrap();
    assert_eq!(full.lookups_per_hour, 2.0);
    assert_eq!(full.share_of("nice", "standard"), 0.75);
    assert_eq!(full.share_of("nice", "aggressive"), 0.0);
    assert_eq!((script.runs(), script.variants.len()), (3, 1));
}

#[test]
fn errors_name_line_key_value_reason_and_what_is_allowed() {
    for (more, told) in [
        (
            "schedule.interval_s = 0",
            "line 3: schedule.interval_s = 0: it is out of bounds; allowed: seconds from",
        ),
        (
            "reptitions = 3",
            "line 3: reptitions: unknown field `reptitions`",
        ),
        ("reptitions = 3", "did you mean `repetitions`?"),
        (
            "overlay.links.loss = 2",
            "line 3: overlay.links.loss = 2.0: it is too large; allowed",
        ),
        (
            "[[world]]\nlinks.loss = 2",
            "line 4: world[0].links.loss = 2.0: it is too large",
        ),
        (
            "overlay.seed = 2",
            "line 3: overlay.seed = 2: the world is drawn from the script's own seed",
        ),
        ("schedule.infohashes = 4000", "overlay.swarms.top, 3078"),
        (
            "report = ['rtt_m']",
            "line 3: report[0] = 'rtt_m': there is no such measurement; did you mean `rtt_ms`?",
        ),
        (
            "variant = [{ routing = 'bep6', lookup = 'standard' }]",
            "variant[0].routing = 'bep6': there is no routing module",
        ),
        (
            "variant = [{ routing = 'bep5', lookup = 'standard' }]",
            "two variants or worlds make the label `BEP5-S`",
        ),
        (
            "variant = [{ routing = 'bep5', lookup = 'standard', label = '../x' }]",
            "the label `../x` has signs",
        ),
        (
            "[[world]]\nclients = []",
            "world[0].clients = []: no label can be made of this value",
        ),
        (
            "overlay.full_nodes.plugins = [{ routing = 'bep5', lookup = 'standard', share = 1 }]",
            "line 3: overlay.nodes: 8000000 full nodes take too much memory; allowed: with `full_nodes` at most",
        ),
        (
            "[[world]]\nlabel = 'x'\nfull_nodes.plugins = [{ routing = 'nic', lookup = 'standard', share = 1 }]",
            "line 5: world[0].full_nodes.plugins[0].routing = 'nic': there is no routing module",
        ),
        (
            "overlay.full_nodes.plugins = [{ routing = 'bep5', lookup = 'standard', share = 0.5 }]",
            "the shares add up to 0.5; allowed: shares that add up to 1",
        ),
        (
            "overlay.full_nodes.plugin = []",
            "line 3: overlay.full_nodes: unknown field `plugin`",
        ),
        ("overlay.full_nodes.plugin = []", "did you mean `plugins`?"),
        (
            "schedule.nodes_each = 0",
            "line 3: schedule.nodes_each = 0: nobody would be measured; allowed",
        ),
        (
            "overlay = 'life'",
            "line 3: overlay = 'life': it is no overlay; allowed: a section [overlay], or \"live\"",
        ),
        (
            "overlay = 'live'",
            "line 3: overlay = 'live': there is no section [live]",
        ),
        (
            "live.infohashes = 'f'",
            "line 3: live: nothing else of the script is live",
        ),
        (
            "overlay = 'live'\nlive = { infohashes = 'f', bootstrap = ['x'] }",
            "line 4: live.bootstrap[0] = 'x': it has no port; allowed: HOST:PORT",
        ),
        (
            "overlay = 'live'\nlive = { infohash = 'f' }",
            "did you mean `infohashes`?",
        ),
        ("[[variant", "line 3: this is not TOML"),
    ] {
        let error = parse(&format!("{MATRIX}{more}\n")).unwrap_err().to_string();
        assert!(error.contains(told), "{more}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
    let error = parse(&swept("alpa")).unwrap_err().to_string();
    assert!(
        error.starts_with(
            "line 2: matrix.sweep[0].parameter = 'alpa': module `standard` has no parameter"
        ),
        "{error}"
    );
    assert!(error.ends_with("did you mean `alpha`?"), "{error}");
    let empty = parse("name = 'a'").unwrap_err().to_string();
    assert!(
        empty.starts_with("there is nothing to compare; allowed: "),
        "{empty}"
    );
    let name = parse(&MATRIX.replace("'a'", "'../a'"))
        .unwrap_err()
        .to_string();
    assert!(
        name.starts_with("line 1: name = '../a': it names the output folder"),
        "{name}"
    );
}

/// Pieces of scripts, so that more than the TOML reader is reached.
fn piece() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "name",
        "seed",
        "repetitions",
        "overlay",
        "overlay.nodes",
        "overlay.seed",
        "overlay.full_nodes.plugins",
        "overlay.full_nodes.lookups_per_hour",
        "live.infohashes",
        "live.bind",
        "schedule.nodes_each",
        "schedule.infohashes",
        "schedule.interval_s",
        "schedule.nodes_per_round",
        "captures",
        "report",
        "matrix.routing",
        "matrix.lookup",
        "[[matrix.sweep]]\nmodule='lookup'\nparameter='alpha'\nvalues",
        "[[world]]\nnodes",
        "[[world]]\nlabel",
        "[[variant]]\nlookup='standard'\nrouting",
        "[matrix]\nlookup=['standard']\nrouting",
        "[overlay]\nswarms.top",
    ]);
    let value = prop_oneof![
        any::<i64>().prop_map(|n| n.to_string()),
        any::<f64>().prop_map(|n| n.to_string()),
        "'[a-z0-9:=, ]{0,12}'",
        "\\[('bep5'|1|'')?(, ?('nice'|2|'='))?\\]",
        Just("['standard']".to_owned()),
        Just("'bep5'".to_owned()),
        "\\PC{0,8}",
    ];
    (key, value).prop_map(|(key, value)| format!("{key} = {value}\n"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_text_panics(text in "\\PC{0,80}") {
        let _ = parse(&text);
    }

    #[test]
    fn no_script_panics(pieces in prop::collection::vec(piece(), 0..8), is_whole in any::<bool>()) {
        let start = if is_whole { MATRIX } else { "" };
        let _ = parse(&format!("{start}{}", pieces.concat()));
    }
}
