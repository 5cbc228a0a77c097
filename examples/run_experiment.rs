//! An experiment from code: which lookup is faster, and whether that can be
//! told from so few lookups. Half a minute; no network.
//!
//! ```text
//! cargo run --release --example run_experiment [FOLDER]
//! ```

use std::error::Error;
use std::path::PathBuf;

use mdht_experiments::{Experiment, Script, run};
use mdht_plugins::Registry;

const SCRIPT: &str = r#"
    name = "from-code"
    repetitions = 2

    [overlay]
    nodes = 100_000

    [schedule]
    infohashes = 50
    warm_up_s = 600

    [matrix]
    routing = ["nr128"]
    lookup = ["standard", "aggressive"]
"#;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| PathBuf::from("results/from-code"));
    // modules of your own can be added here, as in routing_module.rs
    let registry = Registry::builtin();
    let script = Script::parse(SCRIPT, &registry)?;
    let experiment = Experiment {
        script: &script,
        registry: &registry,
        out: &folder,
        resume: false,
        threads: std::thread::available_parallelism()?.get(),
    };
    // told how far it is; `false` would end it
    let outcome = run(&experiment, &|_| true)?;

    for variant in &outcome.variants {
        // the keys of `mdht profile --format json`
        let median = variant.interval("lookup_latency_ms", "p50");
        let median = median.ok_or("no lookup found a value")?;
        let label = &variant.variant.label;
        let half = median.half.unwrap_or(f64::NAN);
        println!("{label:<8} median {:.0} ± {half:.0} ms", median.mean);
    }
    // the same table that the command prints, with what can be told apart
    println!("{outcome}");
    Ok(())
}
