//! Nothing that the check accepts makes a world misbehave: any values, any text,
//! and the bounds themselves.

#![allow(clippy::unwrap_used)] // a panic fails the test

use std::sync::Arc;
use std::time::Duration;

use mdht_krpc::Instant;
use mdht_node::core::Config;
use mdht_overlay::describe::{MakeUp, validate};
use mdht_overlay::parameters::{
    Class, Client, Connectivity, LEAST_NODES, ParameterError, Parameters, Sessions,
};
use mdht_overlay::{FullNodeSetup, Simulation, World};
use mdht_plugins::Registry;
use proptest::prelude::*;

fn refused(section: &str) -> ParameterError {
    Parameters::from_toml(&format!("[overlay]\n{section}")).unwrap_err()
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
    simulation.bootstrap(node);
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
                &mut tables.near_good,
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
