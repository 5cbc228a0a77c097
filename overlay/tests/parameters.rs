//! Parameters: what is refused and how it is told, and that what is printed is
//! read again.

#![allow(clippy::unwrap_used)] // a panic fails the test

use mdht_overlay::World;
use mdht_overlay::parameters::{LEAST_NODES, MOST_NODES, ParameterError, Parameters, Sessions};

fn refused(section: &str) -> ParameterError {
    Parameters::from_toml(&format!("[overlay]\n{section}")).unwrap_err()
}

#[test]
fn what_is_wrong_is_told_with_key_line_reason_and_what_is_allowed() {
    let cases = [
        // a number out of bounds
        (
            "nodes = 16777217",
            "line 2: overlay.nodes = 16777217: it is too large; allowed: a whole number from 100 to 16777216",
        ),
        (
            "nodes = 99",
            "line 2: overlay.nodes = 99: it is too small; allowed: a whole number from 100",
        ),
        (
            "nodes = -5",
            "line 2: overlay.nodes: invalid value: integer `-5`",
        ),
        (
            "nodes = 1e6",
            "line 2: overlay.nodes: invalid type: floating point",
        ),
        (
            "secure_ids = 1.01",
            "overlay.secure_ids = 1.01: it is too large; allowed: a number from 0 to 1",
        ),
        (
            "secure_ids = nan",
            "overlay.secure_ids = nan: it is not a number",
        ),
        (
            "links.loss = inf",
            "overlay.links.loss = inf: it is infinite",
        ),
        (
            "\n\nlinks.jitter = -0.5",
            "line 4: overlay.links.jitter = -0.5: it is negative",
        ),
        (
            "tables.epoch_min = 0",
            "overlay.tables.epoch_min = 0.0: it is too small",
        ),
        (
            "acquaintances.query_min = -1",
            "overlay.acquaintances.query_min = -1.0: it is negative",
        ),
        (
            "swarms.top_flat = 0.0",
            "overlay.swarms.top_flat = 0.0: it is too small",
        ),
        (
            "sessions = { model = \"exponential\", mean_min = -3.0 }",
            "overlay.sessions.mean_min = -3.0: it is negative",
        ),
        // an unknown word
        (
            "nodez = 5",
            "line 2: overlay.nodez: there is no `nodez`; did you mean `nodes`?",
        ),
        ("links.los = 0.1", "there is no `los`; did you mean `loss`?"),
        (
            "connectivity = [{ class = \"opne\", share = 1 }]",
            "overlay.connectivity[0].class: there is no `opne`; did you mean `open`?",
        ),
        (
            "connectivity = [{ class = \"gateway\", share = 1 }]",
            "unknown variant `gateway`, expected one of `open`, `full-cone`",
        ),
        (
            "sessions = { model = \"weibul\", shape = 1.0, scale_min = 1.0 }",
            "did you mean `weibull`?",
        ),
        (
            "sessions = { shape = 1.0 }",
            "line 2: overlay.sessions: missing field `model`",
        ),
        // values that do not go together
        (
            "connectivity = [\n { class = \"open\", share = 0.5 },\n { class = \"late\", share = 0.4 }]",
            "overlay.connectivity[].share: the shares add up to 0.9; allowed: shares that add up to 1",
        ),
        (
            "connectivity = []",
            "line 2: overlay.connectivity = []: it is empty; allowed: at least one class",
        ),
        (
            "connectivity = [{ class = \"symmetric\", share = 1 }]",
            "overlay.connectivity[0].mapping_timeout_s = 0: this NAT would let nothing in",
        ),
        ("clients = []", "overlay.clients = []: it is empty"),
        (
            "clients = [{ code = \"UTX\", share = 1 }]",
            "overlay.clients[0].code = \"UTX\": a code of 3 bytes; allowed: two ASCII letters",
        ),
        (
            "clients = [{ code = \"UT\", share = 1, buckets = [8, 0] }]",
            "line 2: overlay.clients[0].buckets[1] = 0: it is too small; allowed: a whole number from 1 to 1024",
        ),
        (
            "clients = [{ code = \"UT\", share = 1.5 }, { code = \"\", share = -0.5 }]",
            "overlay.clients[0].share = 1.5: it is too large",
        ),
        (
            "clients = [{ code = \"UT\" }]",
            "line 2: overlay.clients[0]: missing field `share`",
        ),
        (
            "links.rtt_percentiles = []",
            "overlay.links.rtt_percentiles = []: it is empty",
        ),
        (
            "links.rtt_percentiles = [[0, 1], [50, 9], [50, 10], [100, 11]]",
            "overlay.links.rtt_percentiles[2] = [50.0, 10.0]: the percents do not rise",
        ),
        (
            "links.rtt_percentiles = [[0, 10], [100, 9]]",
            "overlay.links.rtt_percentiles[1] = [100.0, 9.0]: the time is below",
        ),
        (
            "links.rtt_percentiles = [[2, 10], [100, 90]]",
            "the first percent is not 0",
        ),
        (
            "links.rtt_percentiles = [[0, 0], [100, 90]]",
            "the time is out of bounds",
        ),
        (
            "acquaintances.memory_min = 5",
            "line 2: overlay.acquaintances.memory_min = 5: a contact would be forgotten before it is ever queried; allowed: at least query_min, 12",
        ),
        (
            "tables = { natted = 0.95 }",
            "overlay.tables: natted and firewalled add up to 1.05",
        ),
        (
            "nodes = 16000000\nswarms.background_per_node = 2",
            "overlay.swarms.background_per_node = 2: with 16000000 nodes it makes 32000000 swarms",
        ),
        // another type, no TOML
        (
            "seed = \"one\"",
            "line 2: overlay.seed: invalid type: string \"one\"",
        ),
        ("nodes = ", "this is not TOML"),
    ];
    for (section, told) in cases {
        let error = refused(section).to_string();
        assert!(error.contains(told), "{section}\n  {error}\n  {told}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn other_sections_are_not_looked_at_but_ours_must_be_there() {
    let script = "[experiment]\nnodes = \"nine\"\n[overlay]\nnodes = 5000\n";
    assert_eq!(Parameters::from_toml(script).unwrap().nodes, 5000);
    let error = Parameters::from_toml("[overlya]\nnodes = 5000").unwrap_err();
    assert!(error.to_string().contains("no such section"), "{error}");
    let table: toml::Table = toml::from_str("nodes = 5000\nlinks.loss = 2").unwrap();
    let error = Parameters::from_section(&table).unwrap_err().to_string();
    assert!(error.starts_with("overlay.links.loss = 2"), "{error}");
}

#[test]
fn what_is_printed_is_read_again_and_says_what_each_key_means() {
    let others = [
        Sessions::LogNormal {
            median_min: 200.0,
            sigma: 2.02,
        },
        Sessions::Exponential { mean_min: 60.0 },
        Sessions::Endless,
    ];
    let with = |sessions| Parameters {
        sessions,
        seed: 9,
        ..Parameters::default()
    };
    for parameters in others.into_iter().map(with).chain([Parameters::default()]) {
        let text = parameters.to_toml();
        assert_eq!(Parameters::from_toml(&text).unwrap(), parameters, "{text}");
    }
    let text = Parameters::default().to_toml();
    let mut before = "";
    for line in text.lines() {
        let key = line
            .split_once(" = ")
            .filter(|_| !line.starts_with([' ', '#']));
        let told = before.starts_with('#');
        assert!(key.is_none() || told, "no comment above {line}");
        before = line;
    }
}

#[test]
fn a_world_is_not_made_from_what_is_refused() {
    for nodes in [0, 1, LEAST_NODES - 1, MOST_NODES + 1, u32::MAX] {
        let parameters = Parameters {
            nodes,
            ..Parameters::default()
        };
        assert_eq!(World::new(parameters).unwrap_err().key, "overlay.nodes");
    }
    let parameters = Parameters {
        seed: u64::MAX,
        ..Parameters::default()
    };
    assert_eq!(World::new(parameters).unwrap_err().key, "overlay.seed");
}
