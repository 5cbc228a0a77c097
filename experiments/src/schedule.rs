//! Who looks up what when [thesis 8.VI]: rounds in which every node looks up
//! once, in a fresh random order, one lookup every so many seconds over all.

use std::time::Duration;

use mdht_krpc::{Instant, Rng};

use crate::script::{Order, Script};

/// When to look up which of the `top` swarms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Planned {
    /// When.
    pub(crate) at: Instant,
    /// Rank of the swarm by popularity.
    pub(crate) swarm: u32,
}

/// The lookups of variant number `variant` in a repetition. Each variant draws
/// from its own copy of the list, without replacement. In every world of the
/// script a combination has the same plan.
pub(crate) fn plan(script: &Script, repetition: u32, variant: usize) -> Vec<Planned> {
    let schedule = &script.schedule;
    let combination = script.combination(variant);
    let turns = turns(script);
    let mut rng = Rng::from_u64(script.seed_of(repetition)).child();
    let mut order: Vec<usize> = (0..turns).collect();
    let mut places = Vec::new();
    for _ in 0..schedule.infohashes {
        if schedule.order == Order::Random {
            rng.shuffle(&mut order);
        }
        let own = |node: &usize| *node == combination % turns;
        places.push(order.iter().position(own).unwrap_or(0));
    }
    let top = script.worlds[script.variants[variant].world]
        .overlay
        .swarms
        .top;
    let mut swarms: Vec<u32> = (0..top).collect();
    for _ in 0..=combination {
        rng.shuffle(&mut swarms);
    }
    let interval = Duration::from_secs_f64(schedule.interval_s);
    let round = interval.mul_f64(count(turns));
    let start = Instant::ZERO + Duration::from_secs_f64(schedule.warm_up_s);
    let planned = (0..).zip(places).zip(swarms);
    planned
        .map(|((number, place), swarm)| Planned {
            at: start + round.mul_f64(f64::from(number)) + interval.mul_f64(count(place)),
            swarm,
        })
        .collect()
}

/// Lookups in a round.
fn turns(script: &Script) -> usize {
    let all = script.combinations();
    script.schedule.nodes_per_round.unwrap_or(all).max(1)
}

/// How long a run lasts: the last round and a pause in which late answers come.
pub(crate) fn length(script: &Script) -> Duration {
    let schedule = &script.schedule;
    let lookups = f64::from(schedule.infohashes) * count(turns(script));
    let seconds = schedule.warm_up_s + lookups * schedule.interval_s;
    Duration::from_secs_f64(seconds) + AFTERWARDS
}

/// Longer than any lookup takes.
const AFTERWARDS: Duration = Duration::from_secs(60);

#[allow(clippy::cast_precision_loss)] // a few
const fn count(number: usize) -> f64 {
    number as f64
}
