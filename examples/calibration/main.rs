//! How the overlay's free parameters were fitted: one set for all combinations
//! of plug-ins, to the fitted part of the published figures only
//! [thesis 8.VI to 8.VIII]. What came of it, and how much each parameter bears
//! on it, is in `docs/overlay.md`.
//!
//! ```text
//! cargo run --release --example calibration -- TRIALS [SEED]
//! ```

mod free;
mod misfit;

use std::error::Error;
use std::path::Path;

use free::FREE;
use mdht_experiments::script::Script;
use mdht_experiments::{Experiment, Outcome, Progress, run};
use mdht_krpc::Rng;
use mdht_overlay::parameters::Parameters;
use mdht_plugins::Registry;

/// Six of the thesis's combinations, 300 lookups each. Those with BEP5 are left
/// out: how many dead contacts the published tables held follows from the code
/// that was measured, not from the world.
const SCRIPT: &str = r#"
name = "calibration"

[schedule]
infohashes = 300
interval_s = 10
nodes_per_round = 9

[matrix]
routing = ["nice", "nrtt", "nr128"]
lookup = ["standard", "aggressive"]
"#;

fn main() -> Result<(), Box<dyn Error>> {
    let numbers: Result<Vec<u64>, _> = std::env::args().skip(1).map(|arg| arg.parse()).collect();
    let numbers = numbers.map_err(|_| "usage: calibration TRIALS [SEED]")?;
    let trials = numbers.first().copied().unwrap_or(100);
    let mut rng = Rng::from_u64(numbers.get(1).copied().unwrap_or(1));
    let out = std::env::temp_dir().join(format!("mdht-calibration-{}", std::process::id()));
    let fitted = search(trials, &mut rng, &out);
    // nothing there is of use to anybody
    let _ = std::fs::remove_dir_all(&out);
    fitted
}

/// Random search around the best so far, told whenever a trial is better.
fn search(trials: u64, rng: &mut Rng, out: &Path) -> Result<(), Box<dyn Error>> {
    let mut best = (f64::INFINITY, Parameters::default());
    for trial in 0..=trials {
        let mut parameters = best.1.clone();
        if trial > 0 {
            free::vary(&mut parameters, rng);
        }
        let misfit = misfit::of(&measure(&parameters, out)?);
        if misfit < best.0 {
            best = (misfit, parameters);
            println!("trial {trial}: misfit {misfit:.3}");
            for free in &FREE {
                println!("  {} = {:.4}", free.name, (free.at)(&mut best.1));
            }
        }
    }
    Ok(())
}

/// What the nodes measure in a world of these parameters.
fn measure(parameters: &Parameters, out: &Path) -> Result<Outcome, Box<dyn Error>> {
    let registry = Registry::builtin();
    let text = format!("{SCRIPT}\n{}", free::section(parameters));
    let script = Script::parse(&text, &registry)?;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let experiment = Experiment {
        script: &script,
        registry: &registry,
        out,
        resume: false,
        threads,
    };
    Ok(run(&experiment, &|_: &Progress| true)?)
}
