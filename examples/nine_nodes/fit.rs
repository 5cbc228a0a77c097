//! Fitting the free parameters, one set for all combinations, to the fitted
//! part of the published figures only.

use std::error::Error;
use std::sync::Arc;

use mdht_krpc::Rng;
use mdht_overlay::World;
use mdht_overlay::parameters::Parameters;

use crate::measure::{Measured, measure_all};
use crate::{published, variants};

/// Lookups of each node in a trial.
const LOOKUPS: usize = 300;
/// How far a trial is from the best so far: a factor of about this, or its
/// inverse.
const STEP: f64 = 1.25;

/// A free parameter: its name, where it is, and its bounds.
struct Free {
    name: &'static str,
    at: fn(&mut Parameters) -> &mut f64,
    bounds: (f64, f64),
}

const FREE: [Free; 7] = [
    free("tables.good", |p| &mut p.tables.good, (0.5, 0.97)),
    free("tables.near_good", |p| &mut p.tables.near_good, (0.2, 0.9)),
    free("tables.natted", |p| &mut p.tables.natted, (0.1, 0.9)),
    free(
        "tables.near_known",
        |p| &mut p.tables.near_known,
        (0.2, 1.0),
    ),
    free("links.loss", |p| &mut p.links.loss, (0.002, 0.02)),
    free(
        "swarms.replica_reach",
        |p| &mut p.swarms.replica_reach,
        (1.0, 20.0),
    ),
    free(
        "swarms.replica_spread",
        |p| &mut p.swarms.replica_spread,
        (1.2, 2.5),
    ),
];

const fn free(name: &'static str, at: fn(&mut Parameters) -> &mut f64, bounds: (f64, f64)) -> Free {
    Free { name, at, bounds }
}

/// Random search around the best so far.
pub(crate) fn fit(start: Parameters, trials: usize) -> Result<(), Box<dyn Error>> {
    let mut rng = Rng::from_u64(start.seed);
    let mut best = (f64::INFINITY, start);
    // how full of nodes that are gone the thesis's BEP5 tables were follows from
    // its code, not from the world
    let mut fitted = variants(false);
    fitted.retain(|variant| variant.routing != "bep5");
    for trial in 0..=trials {
        let mut parameters = best.1.clone();
        if trial > 0 {
            vary(&mut parameters, &mut rng);
        }
        let world = Arc::new(World::new(parameters.clone())?);
        let error = misfit(&measure_all(&world, &fitted, LOOKUPS)?);
        if error < best.0 {
            best = (error, parameters);
            println!("trial {trial}: misfit {error:.3}");
            for free in &FREE {
                println!("  {} = {:.4}", free.name, (free.at)(&mut best.1));
            }
        }
    }
    Ok(())
}

/// Moves a few of the free parameters.
fn vary(parameters: &mut Parameters, rng: &mut Rng) {
    for free in &FREE {
        if rng.unit() < 0.4 {
            let value = (free.at)(parameters);
            *value *= STEP.powf(4.0 * (rng.unit() - 0.5));
            *value = value.clamp(free.bounds.0, free.bounds.1);
        }
    }
}

/// Sum of squares of how far the fitted figures are off: logarithms of ratios
/// of times, and shares answered in units of six points.
fn misfit(all: &[Measured]) -> f64 {
    let square = |own: f64, published: f64| (own / published).ln().powi(2);
    let mut sum = 0.0;
    for measured in all {
        let Some(row) = published::ROWS
            .iter()
            .find(|row| row.label == measured.label)
        else {
            continue;
        };
        let answered = measured.get("lookup_queries", "answered_pct");
        sum += ((answered - row.answered) / 6.0).powi(2) / 4.0;
        if row.is_fitted {
            let own = ["p50", "p75", "p98", "p99"].map(|p| measured.get("lookup_latency_ms", p));
            sum += own
                .iter()
                .zip(row.latency)
                .map(|(own, published)| square(*own, published))
                .sum::<f64>();
        }
    }
    for (p, published) in ["p25", "p50", "p75", "p98"]
        .into_iter()
        .zip(&published::RTT[1..])
    {
        let own: f64 = all.iter().map(|measured| measured.get("rtt_ms", p)).sum();
        #[allow(clippy::cast_precision_loss)] // a few
        let mean = own / all.len() as f64;
        sum += square(mean, *published);
    }
    sum
}
