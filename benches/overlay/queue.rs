//! The timing wheel against the binary heap of the standard library, in the
//! hold model: as many events pending all the time, each popped one put back
//! for a later time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;

use mdht_krpc::{Instant, Rng};
use mdht_overlay::wheel::Wheel;

use super::process::seconds;
use super::report;

const PENDING: u64 = 10_000_000;
const HOLDS: usize = 20_000_000;
/// Events are put back by up to this: what a world's timers are like.
const AHEAD_MICROS: usize = 60_000_000;
/// What the simulation keeps with an event.
type Event = [u64; 4];

pub(crate) fn wheel_and_heap() {
    let (wheel, heap) = (wheel(), heap());
    let line = |rate: f64| format!("{:.1} M/s", rate / 1e6);
    report(
        "wheel, events popped and put back, 10 M pending",
        &line(wheel),
        "33 M/s",
    );
    report("std BinaryHeap, the same", &line(heap), "(beside it)");
}

fn wheel() -> f64 {
    let mut rng = Rng::from_u64(1);
    let mut wheel = Wheel::default();
    for number in 0..PENDING {
        wheel.push(ahead(Instant::ZERO, &mut rng), [number; 4]);
    }
    let aheads = aheads(&mut rng);
    let ((), time) = seconds(|| {
        for ahead in aheads.iter().cycle().take(HOLDS) {
            let (at, event): (_, Event) = wheel.pop_until(Instant::from_micros(u64::MAX)).unwrap();
            wheel.push(at + *ahead, black_box(event));
        }
    });
    HOLDS as f64 / time
}

fn heap() -> f64 {
    let mut rng = Rng::from_u64(1);
    let mut heap = BinaryHeap::new();
    for number in 0..PENDING {
        heap.push(Reverse((
            ahead(Instant::ZERO, &mut rng),
            number,
            [number; 4],
        )));
    }
    let aheads = aheads(&mut rng);
    let ((), time) = seconds(|| {
        for (number, ahead) in (PENDING..).zip(aheads.iter().cycle()).take(HOLDS / 4) {
            let Reverse((at, _, event)): Reverse<(Instant, u64, Event)> = heap.pop().unwrap();
            heap.push(Reverse((at + *ahead, number, black_box(event))));
        }
    });
    (HOLDS / 4) as f64 / time
}

fn ahead(at: Instant, rng: &mut Rng) -> Instant {
    at + std::time::Duration::from_micros(rng.below(AHEAD_MICROS) as u64)
}

/// Times drawn before the clock runs: the draws would cost as much as the wheel.
fn aheads(rng: &mut Rng) -> Vec<std::time::Duration> {
    (0..1_000_003)
        .map(|_| ahead(Instant::ZERO, rng).since(Instant::ZERO))
        .collect()
}
