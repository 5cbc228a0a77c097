//! A timing wheel: millions of pending events, popped in the order of their
//! time and, at the same microsecond, in the order they were put in.
//!
//! Time is cut into slots of about a millisecond. The near future has a slot
//! each, the next 70 minutes a coarser slot each, and what lies beyond waits in
//! one list. Only the slot that is being emptied is put in order.
//!
//! Near slots keep their memory when they are emptied. Coarse ones do not: each
//! holds thousands of times as much, and is not needed again for an hour.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use mdht_krpc::Instant;

/// Microseconds of a near slot: 2¹⁰.
const NEAR_BITS: u32 = 10;
/// Near slots: 2¹², 4.2 s in all.
const NEAR_SLOTS: usize = 1 << 12;
/// Microseconds of a coarse slot: all near slots together, 2²².
const COARSE_BITS: u32 = NEAR_BITS + 12;
/// Coarse slots: 2¹⁰, 72 minutes in all.
const COARSE_SLOTS: usize = 1 << 10;

/// Pending events in the order of their time.
#[derive(Debug)]
pub struct Wheel<T> {
    /// The slot being emptied, the latest first.
    current: Vec<Entry<T>>,
    /// What was put in for its time, or an earlier one, since it was begun.
    late: BinaryHeap<Reverse<Entry<T>>>,
    near: Vec<Vec<Entry<T>>>,
    coarse: Vec<Vec<Entry<T>>>,
    far: Vec<Entry<T>>,
    /// The earliest coarse slot in `far`.
    far_from: u64,
    /// Number of the near slot whose events are in `current`.
    slot: u64,
    next: u64,
    len: usize,
    near_len: usize,
}

#[derive(Debug)]
struct Entry<T> {
    at: u64,
    number: u64,
    event: T,
}

impl<T> Entry<T> {
    const fn key(&self) -> (u64, u64) {
        (self.at, self.number)
    }
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl<T> Eq for Entry<T> {}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

impl<T> Default for Wheel<T> {
    fn default() -> Self {
        Self {
            current: Vec::new(),
            late: BinaryHeap::new(),
            near: (0..NEAR_SLOTS).map(|_| Vec::new()).collect(),
            coarse: (0..COARSE_SLOTS).map(|_| Vec::new()).collect(),
            far: Vec::new(),
            far_from: u64::MAX,
            slot: 0,
            next: 0,
            len: 0,
            near_len: 0,
        }
    }
}

impl<T> Wheel<T> {
    /// Number of pending events.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is pending.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Puts in an event. One for a time that has passed is popped next.
    pub fn push(&mut self, at: Instant, event: T) {
        let entry = Entry {
            at: at.as_micros(),
            number: self.next,
            event,
        };
        self.next += 1;
        self.len += 1;
        self.place(entry);
    }

    /// Time of the earliest event.
    pub fn peek(&mut self) -> Option<Instant> {
        self.fill_current();
        let (sorted, late) = (self.current.last(), self.late.peek());
        let first = sorted
            .into_iter()
            .chain(late.map(|Reverse(entry)| entry))
            .min()?;
        Some(Instant::from_micros(first.at))
    }

    /// Takes the earliest event if its time is not after `until`.
    pub fn pop_until(&mut self, until: Instant) -> Option<(Instant, T)> {
        if self.peek()? > until {
            return None;
        }
        let is_late = match (self.current.last(), self.late.peek()) {
            (Some(sorted), Some(Reverse(late))) => late < sorted,
            (sorted, _) => sorted.is_none(),
        };
        let entry = match is_late {
            true => self.late.pop().map(|Reverse(entry)| entry),
            false => self.current.pop(),
        };
        let Entry { at, event, .. } = entry?;
        self.len -= 1;
        Some((Instant::from_micros(at), event))
    }

    fn place(&mut self, entry: Entry<T>) {
        let slot = entry.at >> NEAR_BITS;
        let coarse = entry.at >> COARSE_BITS;
        let now = self.slot >> (COARSE_BITS - NEAR_BITS);
        if slot <= self.slot {
            self.late.push(Reverse(entry));
        } else if coarse == now {
            self.near[index(slot, NEAR_SLOTS)].push(entry);
            self.near_len += 1;
        } else if coarse - now < COARSE_SLOTS as u64 {
            self.coarse[index(coarse, COARSE_SLOTS)].push(entry);
        } else {
            self.far_from = self.far_from.min(coarse);
            self.far.push(entry);
        }
    }

    /// Goes on to the next slot that holds something.
    fn fill_current(&mut self) {
        while self.current.is_empty() && self.late.is_empty() && self.len > 0 {
            if self.near_len == 0 {
                self.enter_next_coarse_slot();
            } else {
                self.slot += 1;
                self.empty_near_slot();
            }
        }
    }

    fn empty_near_slot(&mut self) {
        let entries = &mut self.near[index(self.slot, NEAR_SLOTS)];
        self.near_len -= entries.len();
        self.current.append(entries);
        self.current.sort_unstable_by(|a, b| b.cmp(a));
    }

    /// Spreads the next coarse slot that holds something over the near slots.
    fn enter_next_coarse_slot(&mut self) {
        let now = self.slot >> (COARSE_BITS - NEAR_BITS);
        let ahead = (now + 1..now + COARSE_SLOTS as u64)
            .find(|coarse| !self.coarse[index(*coarse, COARSE_SLOTS)].is_empty());
        let next = ahead.unwrap_or(u64::MAX).min(self.far_from);
        self.slot = next << (COARSE_BITS - NEAR_BITS);
        for entry in std::mem::take(&mut self.coarse[index(next, COARSE_SLOTS)]) {
            self.place(entry);
        }
        if self.far_from < next + COARSE_SLOTS as u64 / 2 {
            self.sort_in_far();
        }
    }

    fn sort_in_far(&mut self) {
        self.far_from = u64::MAX;
        for entry in std::mem::take(&mut self.far) {
            self.place(entry);
        }
    }
}

/// A slot's place in a ring of `slots`.
#[allow(clippy::cast_possible_truncation)] // less than `slots`
const fn index(slot: u64, slots: usize) -> usize {
    (slot % slots as u64) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever is put in when, it comes out in the order of a sorted list.
        #[test]
        fn pops_in_order(
            steps in prop::collection::vec((0_u64..20_000_000_000, 0_u32..36, 0_usize..4), 1..300)
        ) {
            let (mut wheel, mut model) = (Wheel::default(), std::collections::BTreeMap::new());
            let mut now = 0;
            for (number, (delay, shift, pops)) in steps.into_iter().enumerate() {
                let at = now + (delay >> shift);
                wheel.push(Instant::from_micros(at), number);
                model.insert((at, number), ());
                for _ in 0..pops {
                    let expected = model.pop_first().map(|((at, number), ())| (at, number));
                    let popped = wheel.pop_until(Instant::from_micros(u64::MAX));
                    let popped = popped.map(|(at, number)| (at.as_micros(), number));
                    prop_assert_eq!(popped, expected);
                    now = popped.map_or(now, |(at, _)| at);
                }
                prop_assert_eq!(wheel.len(), model.len());
            }
        }
    }

    #[test]
    fn late_events_come_next_and_later_ones_wait() {
        let mut wheel = Wheel::default();
        let at = Instant::from_micros;
        wheel.push(at(5_000_000), 'b');
        assert_eq!(wheel.peek(), Some(at(5_000_000)));
        wheel.push(at(10), 'a');
        assert_eq!(wheel.pop_until(at(4)), None);
        assert_eq!(wheel.pop_until(at(10)), Some((at(10), 'a')));
        assert_eq!(wheel.pop_until(at(4_999_999)), None);
        assert_eq!(wheel.pop_until(at(5_000_000)), Some((at(5_000_000), 'b')));
        assert!(wheel.is_empty());
    }
}
