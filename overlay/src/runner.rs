//! Independent runs on several threads.

use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Calls `run` with each number from 0 to below `count`, on `threads` threads
/// at once, and gives the results in the order of their numbers: the same,
/// whatever the number of threads, if each run depends on its number only.
///
/// Each thread takes the lowest number that nobody has taken.
///
/// # Panics
/// If a run panics, once the others have ended.
pub fn run_all<T: Send>(
    count: usize,
    threads: NonZeroUsize,
    run: impl Fn(usize) -> T + Sync,
) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Option<T>>> = (0..count).map(|_| Mutex::new(None)).collect();
    let work = || {
        while let number = next.fetch_add(1, Ordering::Relaxed)
            && let Some(place) = results.get(number)
        {
            let result = run(number);
            if let Ok(mut place) = place.lock() {
                *place = Some(result);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads.get().min(count) {
            scope.spawn(work);
        }
        work();
    });
    let results = results.into_iter().map(|place| place.into_inner());
    // a run that panicked has ended the scope
    results.filter_map(|result| result.ok().flatten()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_their_numbers() {
        for threads in [1, 2, 5] {
            let threads = NonZeroUsize::new(threads).unwrap();
            let squares = run_all(20, threads, |number| number * number);
            assert!(
                squares
                    .into_iter()
                    .eq((0..20).map(|number| number * number))
            );
        }
        assert!(run_all(0, NonZeroUsize::MIN, |number| number).is_empty());
    }
}
