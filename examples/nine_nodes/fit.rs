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
const LOOKUPS: usize = 200;
/// How far a trial is from the best so far: a factor of about this, or its
/// inverse.
const STEP: f64 = 1.25;

/// A free parameter: its name, where it is, and its bounds.
struct Free {
    name: &'static str,
    at: fn(&mut Parameters) -> &mut f64,
    bounds: (f64, f64),
}

const FREE: [Free; 11] = [
    Free {
        name: "swarms.top_largest",
        at: |p| &mut p.swarms.top_largest,
        bounds: (1000.0, 50_000.0),
    },
    Free {
        name: "tables.good",
        at: |p| &mut p.tables.good,
        bounds: (0.4, 0.8),
    },
    Free {
        name: "tables.natted",
        at: |p| &mut p.tables.natted,
        bounds: (0.05, 0.35),
    },
    Free {
        name: "tables.near_known",
        at: |p| &mut p.tables.near_known,
        bounds: (0.5, 1.0),
    },
    Free {
        name: "tables.epoch_min",
        at: |p| &mut p.tables.epoch_min,
        bounds: (5.0, 120.0),
    },
    Free {
        name: "links.loss",
        at: |p| &mut p.links.loss,
        bounds: (0.002, 0.03),
    },
    Free {
        name: "swarms.replica_reach",
        at: |p| &mut p.swarms.replica_reach,
        bounds: (3.0, 20.0),
    },
    Free {
        name: "swarms.replica_spread",
        at: |p| &mut p.swarms.replica_spread,
        bounds: (1.2, 2.5),
    },
    Free {
        name: "acquaintances.admission",
        at: |p| &mut p.acquaintances.admission,
        bounds: (0.01, 0.2),
    },
    Free {
        name: "acquaintances.query_min",
        at: |p| &mut p.acquaintances.query_min,
        bounds: (2.0, 20.0),
    },
    Free {
        name: "acquaintances.memory_min",
        at: |p| &mut p.acquaintances.memory_min,
        bounds: (30.0, 600.0),
    },
];

/// Random search around the best so far.
pub fn fit(start: Parameters, trials: usize) -> Result<(), Box<dyn Error>> {
    let mut rng = Rng::from_u64(start.seed);
    let mut best = (f64::INFINITY, start);
    for trial in 0..=trials {
        let mut parameters = best.1.clone();
        if trial > 0 {
            vary(&mut parameters, &mut rng);
        }
        let tables = &parameters.tables;
        if tables.good + tables.natted + tables.firewalled > 0.99 {
            continue;
        }
        let world = Arc::new(World::new(parameters.clone())?);
        let error = misfit(&measure_all(&world, &variants(false), LOOKUPS)?);
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
            let own = ["p50", "p75", "p98"].map(|p| measured.get("lookup_latency_ms", p));
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
