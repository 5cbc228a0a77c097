//! Pairs of modules under attacks, in short: a line for each.
//! `cargo run --release -p mdht-overlay --example siege -- 100000 60 "none sybil:4" harvest+hedged`

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use mdht_overlay::World;
use mdht_overlay::attack::{Attack, Looked, Siege};
use mdht_overlay::parameters::Parameters;
use mdht_plugins::Registry;

const USAGE: &str = "NODES LOOKUPS \"none KIND:STRENGTH ...\" ROUTING+LOOKUP ...";

fn main() -> Result<(), Box<dyn Error>> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let [nodes, lookups, attacks, pairs @ ..] = given.as_slice() else {
        return Err(USAGE.into());
    };
    let registry = Registry::builtin();
    let parameters = Parameters {
        nodes: nodes.parse()?,
        seed: 1,
        ..Parameters::default()
    };
    let world = Arc::new(World::new(parameters)?);
    for pair in pairs {
        let (routing, lookup) = pair.split_once('+').ok_or(USAGE)?;
        for attack in attacks.split_whitespace() {
            let siege = Siege {
                world: Arc::clone(&world),
                attack: match attack {
                    "none" => Attack::NONE,
                    other => other.parse()?,
                },
                routing: registry.routing(routing)?,
                lookup: registry.lookup(lookup)?,
                seed: 7,
                lookups: lookups.parse()?,
                warm_up: Duration::from_secs(1800),
                interval: Duration::from_secs(5),
            };
            println!("{pair} {attack}: {}", in_short(&siege));
        }
    }
    Ok(())
}

/// Lives through it, and says what became of the node.
fn in_short(siege: &Siege) -> String {
    let damage = siege.run();
    let mut times = damage.latencies_ms();
    times.sort_by(f64::total_cmp);
    let time = |percent: usize| times.get(times.len() * percent / 100).unwrap_or(&0.0);
    #[allow(clippy::cast_precision_loss)] // few
    let all = damage.lookups.len() as f64;
    let mean = |of: fn(&Looked) -> u32| {
        let sum: u32 = damage.lookups.iter().map(of).sum();
        f64::from(sum) / all
    };
    format!(
        "found {:.1} %, p50 {:.0} ms, p99 {:.0} ms, {:.1} queries, {:.2} announces, {:.2} of them \
         to the 20 nearest honest nodes, {:.1} % of lookups lost",
        100.0 * mean(|looked| looked.true_value.is_some().into()),
        time(50),
        time(99),
        mean(|looked| looked.queries),
        mean(|looked| looked.announces),
        mean(|looked| looked.near_announces),
        100.0 * mean(|looked| (looked.near_announces == 0).into()),
    )
}
