//! Who looks up what when [thesis 8.VI]: rounds in which every node looks up
//! once, in a fresh random order, one lookup every so many seconds over all.

use std::time::Duration;

use mdht_krpc::{Instant, Rng};

use crate::job::Job;
use crate::script::{Order, Script};

/// When to look up which of the `top` swarms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Planned {
    /// When.
    pub(crate) at: Instant,
    /// Rank of the swarm by popularity.
    pub(crate) swarm: u32,
}

/// The lookups of a node. Each draws from its own copy of the list, without
/// replacement. In every world of the script a combination has the same plan.
pub(crate) fn plan(script: &Script, job: Job) -> Vec<Planned> {
    let top = script.world_of(job.variant).overlay.swarms.top;
    let mut swarms: Vec<u32> = (0..top).collect();
    let mut rng = luck(script, job);
    // whatever the times need has been drawn by then
    let times = times_by(script, job, &mut rng);
    for _ in 0..=script.seat(job) {
        rng.shuffle(&mut swarms);
    }
    let planned = times.into_iter().zip(swarms);
    planned.map(|(at, swarm)| Planned { at, swarm }).collect()
}

/// When a node looks something up, in order.
pub(crate) fn times(script: &Script, job: Job) -> Vec<Instant> {
    times_by(script, job, &mut luck(script, job))
}

/// The same for all nodes of a repetition.
fn luck(script: &Script, job: Job) -> Rng {
    Rng::from_u64(script.seed_of(job.repetition)).child()
}

fn times_by(script: &Script, job: Job, rng: &mut Rng) -> Vec<Instant> {
    let schedule = &script.schedule;
    let turns = turns(script);
    let interval = Duration::from_secs_f64(schedule.interval_s);
    let round = interval.mul_f64(count(turns));
    let start = Instant::ZERO + Duration::from_secs_f64(schedule.warm_up_s);
    let own = script.seat(job) % turns;
    let mut order: Vec<usize> = (0..turns).collect();
    let time = |number| {
        if schedule.order == Order::Random {
            rng.shuffle(&mut order);
        }
        let place = order.iter().position(|node| *node == own).unwrap_or(0);
        start + round.mul_f64(f64::from(number)) + interval.mul_f64(count(place))
    };
    (0..schedule.infohashes).map(time).collect()
}

/// In which round a node takes its turns, from 0: nodes of one round look up
/// one after the other.
pub(crate) fn round(script: &Script, job: Job) -> usize {
    script.seat(job) / turns(script)
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
