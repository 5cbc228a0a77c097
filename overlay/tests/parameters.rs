//! Parameters: what is refused and how it is told, and that nothing that is
//! accepted makes a world misbehave.

use std::sync::Arc;
use std::time::Duration;

use mdht_krpc::Instant;
use mdht_node::core::Config;
use mdht_overlay::describe::{MakeUp, validate};
use mdht_overlay::parameters::{
    Class, Client, Connectivity, LEAST_NODES, MOST_NODES, ParameterError, Parameters, Sessions,
};
use mdht_overlay::{FullNodeSetup, Simulation, World};
use mdht_plugins::Registry;
use proptest::prelude::*;

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
            "tables = { good = 0.9, natted = 0.2 }",
            "overlay.tables: good, natted and firewalled add up to 1.13",
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

/// Lives in a world for a while, asks it everything.
fn live_in(parameters: Parameters) {
    let world = Arc::new(World::new(parameters).unwrap());
    let make_up = MakeUp::of(&world).to_string();
    assert!(make_up.contains("modelled nodes"));
    let mut simulation = Simulation::new(Arc::clone(&world), 1);
    let registry = Registry::builtin();
    let modules = (registry.routing("nr128"), registry.lookup("aggressive"));
    let addr = world.free_addr(0);
    let config = Config::new(vec![addr.into()], modules.0.unwrap(), modules.1.unwrap());
    let node = simulation.add(FullNodeSetup::new(addr, config, [1; 32]));
    let routers: Vec<_> = world
        .routers()
        .iter()
        .map(|router| (*router).into())
        .collect();
    simulation.with(node, |core, now| core.add_bootstrap(now, &routers));
    simulation.run_for(Duration::from_secs(5));
    let population = world.population();
    for (rank, hours) in [
        (0, 0),
        (population.len() - 1, 1),
        (population.len() / 2, 200),
    ] {
        let at = Instant::from_micros(hours * 3_600_000_000);
        let identity = population.at(rank, at);
        let (addr, _) = population.contact(identity);
        assert_eq!(population.by_addr(addr), Some(identity));
        assert!(population.is_online(identity, at));
        let size = world.swarms().size(&world.swarms().top_infohash(0));
        assert!(size >= 0.0);
    }
}

/// The keys of the printed parameters with the bounds that their comments say.
fn bounds() -> Vec<(String, String, String)> {
    let text = Parameters::default().to_toml();
    let (mut table, mut comment, mut found) = (String::new(), String::new(), Vec::new());
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("[overlay.") {
            table = name.replace(']', ".");
        } else if let Some(more) = line.strip_prefix('#') {
            comment += more;
        } else if let Some((key, _)) = line.split_once(" = ") {
            let said = comment
                .rsplit_once("number from ")
                .map(|(_, bounds)| bounds);
            if let Some((least, most)) = said.and_then(|said| said.split_once(" to ")) {
                let most = most.trim_end_matches('.').to_owned();
                found.push((format!("{table}{key}"), least.to_owned(), most));
            }
        }
        if !line.starts_with('#') {
            comment.clear();
        }
    }
    found
}

#[test]
fn what_the_comments_allow_is_accepted_to_the_ends_and_no_further() {
    let all = bounds();
    assert!(all.len() > 25, "{all:?}");
    let model = |key: &str| key.starts_with("sessions.");
    for (key, least, most) in all.iter().filter(|(key, ..)| !model(key)) {
        for value in [least, most] {
            let nodes = if key == "nodes" { "" } else { "nodes = 300\n" };
            match Parameters::from_toml(&format!("[overlay]\n{nodes}{key} = {value}")) {
                Ok(made) => live_in(Parameters {
                    nodes: made.nodes.min(300),
                    ..made
                }),
                // alone it would do
                Err(error) => assert!(!error.reason.starts_with("it is"), "{error}"),
            }
        }
        let beyond = refused(&format!("{key} = {most}9"));
        assert_eq!(beyond.key, format!("overlay.{key}"));
    }
}

#[test]
fn sessions_of_any_allowed_shape_make_a_world() {
    let ends = |least, most| [least, most];
    let mut models = vec![Sessions::Endless];
    for shape in ends(0.1, 10.0) {
        let of = |scale_min| Sessions::Weibull { shape, scale_min };
        models.extend(ends(1.0, 1e7).map(of));
    }
    for sigma in ends(0.0, 10.0) {
        let of = |median_min| Sessions::LogNormal { median_min, sigma };
        models.extend(ends(1.0, 1e7).map(of));
    }
    models.extend(ends(1.0, 1e7).map(|mean_min| Sessions::Exponential { mean_min }));
    for sessions in models {
        live_in(Parameters {
            nodes: 200,
            sessions,
            ..Parameters::default()
        });
    }
}

/// Any number, the hostile ones often.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => 0.0..1.0_f64,
        3 => 0.0..300.0_f64,
        1 => prop::sample::select(vec![
            0.0, -0.0, 1.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX,
            f64::MIN_POSITIVE, 1e-9, 1e9, 0.1, 10.0, 20.0, 1e4, 1e7,
        ]),
    ]
}

fn sessions() -> impl Strategy<Value = Sessions> {
    prop_oneof![
        (number(), number()).prop_map(|(shape, scale_min)| Sessions::Weibull { shape, scale_min }),
        (number(), number())
            .prop_map(|(median_min, sigma)| Sessions::LogNormal { median_min, sigma }),
        number().prop_map(|mean_min| Sessions::Exponential { mean_min }),
        Just(Sessions::Endless),
    ]
}

const CLASSES: [Class; 9] = [
    Class::Open,
    Class::FullCone,
    Class::RestrictedCone,
    Class::PortRestrictedCone,
    Class::Symmetric,
    Class::Firewalled,
    Class::Late,
    Class::LateForOthers,
    Class::Erratic,
];

/// Shares that mostly add up.
fn shares() -> impl Strategy<Value = Vec<f64>> {
    let some = prop::collection::vec(number(), 0..5);
    (some, prop::bool::weighted(0.9)).prop_map(|(shares, mended)| {
        let sum: f64 = shares.iter().sum();
        let mend = |share: f64| if mended { share / sum } else { share };
        shares.into_iter().map(mend).collect()
    })
}

/// Values of every field; those of `changed` are taken, so that few enough
/// are hostile for some to pass.
fn parameters() -> impl Strategy<Value = Parameters> {
    let lists = (
        shares(),
        prop::collection::vec(prop::collection::vec(0..1100_u16, 0..3), 5),
        shares(),
        prop::collection::vec((prop::sample::select(CLASSES.to_vec()), 0..700_u32), 5),
        prop::collection::vec((number(), number()), 0..4),
        sessions(),
    );
    let numbers = prop::collection::vec(number(), 24);
    let changed = prop::collection::vec(prop::bool::weighted(0.06), 32);
    let nodes = prop_oneof![9 => 100..1500_u32, 1 => prop::sample::select(vec![0, 99, u32::MAX])];
    (lists, numbers, changed, nodes, any::<u64>()).prop_map(
        |(lists, numbers, changed, nodes, seed)| {
            let mut made = Parameters {
                nodes,
                seed: seed >> 1,
                ..Parameters::default()
            };
            let mut changed = changed.into_iter();
            let mut change = || changed.next().unwrap_or(false);
            let (clients, buckets, classes, kinds, points, sessions) = lists;
            if change() {
                let client = |(share, buckets)| Client {
                    code: "LT".to_owned(),
                    share,
                    buckets,
                };
                made.clients = clients.into_iter().zip(buckets).map(client).collect();
            }
            if change() {
                let row = |(share, (class, mapping_timeout_s))| Connectivity {
                    class,
                    mapping_timeout_s,
                    share,
                };
                made.connectivity = classes.into_iter().zip(kinds).map(row).collect();
            }
            if change() {
                made.links.rtt_percentiles = points;
            }
            if change() {
                made.sessions = sessions;
            }
            let (links, swarms) = (&mut made.links, &mut made.swarms);
            let (tables, known) = (&mut made.tables, &mut made.acquaintances);
            let fields = [
                &mut made.secure_ids,
                &mut links.network_share,
                &mut links.jitter,
                &mut links.loss,
                &mut swarms.top_largest,
                &mut swarms.top_exponent,
                &mut swarms.top_flat,
                &mut swarms.background_per_node,
                &mut swarms.background_mean,
                &mut swarms.replica_reach,
                &mut swarms.replica_spread,
                &mut tables.good,
                &mut tables.natted,
                &mut tables.firewalled,
                &mut tables.epoch_min,
                &mut tables.near_known,
                &mut known.admission,
                &mut known.near_admission,
                &mut known.memory_min,
                &mut known.query_min,
                &mut known.strangers_per_s,
                &mut known.get_peers,
                &mut known.announces,
            ];
            for (field, number) in fields.into_iter().zip(numbers) {
                if change() {
                    *field = number;
                }
            }
            made
        },
    )
}

/// The printed parameters with a slip: a line gone, doubled or with another
/// value.
fn slipped_text() -> impl Strategy<Value = String> {
    let value = prop::sample::select(vec![
        "0",
        "-1",
        "nan",
        "1e300",
        "\"\"",
        "[]",
        "{}",
        "true",
        "9223372036854775807",
        "[[0, 1]]",
        "0.5",
    ]);
    (any::<prop::sample::Index>(), 0..3, value).prop_map(|(place, what, value)| {
        let small = Parameters {
            nodes: 500,
            ..Parameters::default()
        };
        let text = small.to_toml();
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        let place = place.index(lines.len());
        match (what, lines[place].split_once('=')) {
            (0, _) => drop(lines.remove(place)),
            (1, _) => lines.insert(place, lines[place].clone()),
            (_, Some((key, _))) => lines[place] = format!("{key}= {value}"),
            (_, None) => lines[place] = value.to_owned(),
        }
        lines.join("\n")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn no_accepted_values_make_a_world_panic(parameters in parameters()) {
        match parameters.check() {
            Ok(()) => live_in(parameters),
            Err(error) => {
                prop_assert!(error.key.starts_with("overlay"));
                prop_assert_eq!(World::new(parameters).unwrap_err(), error);
            }
        }
    }

    #[test]
    fn no_accepted_text_makes_a_world_panic(text in slipped_text()) {
        // a slip may leave the default number of nodes: too many to build often
        if let Ok(parameters) = Parameters::from_toml(&text) {
            live_in(Parameters { nodes: parameters.nodes.min(500), ..parameters });
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC*", section in "[a-z_.\\[\\]{}=\"0-9 \n-]*") {
        let _ = Parameters::from_toml(&text);
        let _ = Parameters::from_toml(&format!("[overlay]\n{section}"));
    }
}

#[test]
fn the_least_world_can_be_described_and_validated() {
    for sessions in [Sessions::default(), Sessions::Endless] {
        let parameters = Parameters {
            nodes: LEAST_NODES,
            sessions,
            ..Parameters::default()
        };
        let world = World::new(parameters).unwrap();
        let comparisons = validate(&world);
        let rows = comparisons.iter().flat_map(|comparison| &comparison.rows);
        assert!(rows.clone().count() > 50);
        for row in rows {
            assert!(row.observed.is_finite(), "{row:?}");
        }
    }
}
