//! Lookups in modelled worlds of growing size: Kademlia promises a number of
//! hops that grows with the logarithm of the number of nodes.

use std::num::NonZeroUsize;
use std::sync::Arc;

use mdht_overlay::parameters::Parameters;
use mdht_overlay::{Simulation, World, run_all};

use super::measured::measure;
use super::statistics::{line, median};

const SMALLEST: u32 = 1000;

pub(crate) fn print(lookups: u32, largest: u32) {
    let sizes: Vec<u32> = std::iter::successors(Some(SMALLEST), |nodes| nodes.checked_mul(10))
        .take_while(|nodes| *nodes <= largest)
        .collect();
    let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    for modules in [("bep5", "standard"), ("nr128", "aggressive")] {
        let runs = run_all(sizes.len(), threads, |number| {
            let world = World::new(Parameters {
                nodes: sizes[number],
                ..Parameters::default()
            });
            measure(Simulation::new(Arc::new(world), 1), modules, lookups)
        });
        println!(
            "{} {}, {lookups} lookups in modelled worlds",
            modules.0, modules.1
        );
        println!(
            "{:>12}{:>10}{:>14}{:>10}",
            "nodes", "hops", "closest, ms", "queries"
        );
        let (mut hops, mut times) = (Vec::new(), Vec::new());
        for (nodes, run) in sizes.iter().zip(&runs) {
            let (log, closest) = (f64::from(*nodes).log2(), median(&run.closest_ms));
            println!(
                "{nodes:>12}{:>10.2}{closest:>14.0}{:>10.0}",
                run.hops,
                median(&run.queries)
            );
            hops.push((log, run.hops));
            times.push((log, closest));
        }
        for (name, points, unit) in [("hops", &hops, ""), ("time to closest", &times, " ms")] {
            let (at_zero, slope, explained) = line(points);
            println!("{name} = {at_zero:.2} + {slope:.3}{unit} * log2 N, R² {explained:.3}");
        }
        println!();
    }
}
