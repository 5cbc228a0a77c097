//! Addresses that were queried, and what became of the queries.

use std::hash::Hash;
use std::hint::black_box;

use super::QueriedAddress;
use super::senders::Shown;
use crate::Timestamp;
use crate::exchange::{Exchange, Outcome};
use crate::slots::{Batched, Slot};

/// The addresses of one family that were queried.
#[derive(Clone, Debug)]
pub(super) struct Queried<K: Address> {
    places: Batched<Place<K>, Decided>,
    asked: Vec<Asked>,
}

/// Where an address is in [`Queried::asked`]. Most are queried once or twice:
/// this much smaller table is what is searched.
#[derive(Clone, Copy, Debug)]
struct Place<K> {
    address: K,
    /// One more than the index; 0 if it is not there.
    number: u32,
}

/// A query that was answered or can no longer be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decided {
    sent: Timestamp,
    outcome: DecidedAs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DecidedAs {
    Answered,
    Late,
    Timeout,
}

impl Decided {
    #[inline]
    pub(super) fn of(exchange: &Exchange<'_>) -> Self {
        Self {
            sent: exchange.query.time,
            outcome: match exchange.outcome {
                Outcome::Answered(_) => DecidedAs::Answered,
                Outcome::AnsweredLate(_) => DecidedAs::Late,
                Outcome::Unanswered => DecidedAs::Timeout,
            },
        }
    }
}

/// The queries to one address.
#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    /// When the first and the last of the answered queries were sent.
    first: Timestamp,
    last: Timestamp,
    counts: Counts,
    /// What came from its IP address, told in the end.
    sender: Option<Shown>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    answered: u32,
    late: u32,
    before: u32,
    between: u32,
    after: u32,
}

impl<K: Address> Slot for Place<K> {
    type Key = K;
    const FREE: Self = Self {
        address: K::ANY,
        number: 0,
    };

    /// Of an address that is not there yet.
    fn of(address: K) -> Self {
        Self { address, number: 0 }
    }

    #[inline]
    fn key(&self) -> Option<K> {
        (self.number != 0).then_some(self.address)
    }
}

impl Asked {
    fn on_decided(&mut self, decided: Decided) {
        let counts = &mut self.counts;
        let was_answered = counts.answered + counts.late > 0;
        match decided.outcome {
            DecidedAs::Timeout if !was_answered => counts.before += 1,
            DecidedAs::Timeout => match decided.sent {
                sent if sent < self.first => counts.before += 1,
                sent if sent < self.last => counts.between += 1,
                _ => counts.after += 1,
            },
            answered => {
                match answered {
                    DecidedAs::Answered => counts.answered += 1,
                    _ => counts.late += 1,
                }
                // a timeout is decided long after its query: those that were
                // counted as after the last answer are before this one
                counts.between += std::mem::take(&mut counts.after);
                if !was_answered {
                    (self.first, self.last) = (decided.sent, decided.sent);
                }
                self.first = self.first.min(decided.sent);
                self.last = self.last.max(decided.sent);
            }
        }
    }

    fn summary(&self) -> QueriedAddress {
        QueriedAddress {
            sender: self.sender.map(Shown::sender),
            answered: self.counts.answered,
            answered_late: self.counts.late,
            timeouts_before: self.counts.before,
            timeouts_between: self.counts.between,
            timeouts_after: self.counts.after,
        }
    }
}

impl<K: Address> Queried<K> {
    pub(super) fn new(most: usize) -> Self {
        Self {
            places: Batched::new(most),
            asked: Vec::new(),
        }
    }

    #[inline]
    pub(super) fn note(&mut self, address: K, decided: Decided) {
        if self.places.note(address, decided) {
            self.settle_waiting();
        }
    }

    fn settle_waiting(&mut self) {
        let asked = &mut self.asked;
        // what is far away in memory comes near for all at once; one after
        // the other would wait for each
        for place in self.places.look_up() {
            let index = (place.number as usize).saturating_sub(1);
            black_box(asked.get(index).map(|asked| asked.first));
        }
        self.places
            .hand_out(|place, decided, _| on_decided(asked, place, decided));
    }

    /// Looks up what waits, and for every address what came from it.
    pub(super) fn settle(&mut self, sender: impl Fn(&K) -> Option<Shown>) {
        self.settle_waiting();
        for place in self.places.table().iter() {
            self.asked[place.number as usize - 1].sender = sender(&place.address);
        }
    }

    /// The settled addresses, in the order they were first told of.
    pub(super) fn iter(&self) -> impl Iterator<Item = QueriedAddress> {
        self.asked.iter().map(Asked::summary)
    }

    pub(super) const fn is_complete(&self) -> bool {
        self.places.is_complete()
    }
}

fn on_decided<K>(asked: &mut Vec<Asked>, place: &mut Place<K>, decided: Decided) {
    if place.number == 0 {
        asked.push(Asked::default());
        place.number = u32::try_from(asked.len()).unwrap_or(u32::MAX);
    }
    asked[place.number as usize - 1].on_decided(decided);
}

/// An IP address and port as numbers.
pub(super) trait Address: Copy + Eq + Hash {
    const ANY: Self;
}

impl Address for (u32, u16) {
    const ANY: Self = (0, 0);
}

impl Address for (u128, u16) {
    const ANY: Self = (0, 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(outcome: DecidedAs, sent: u64) -> Decided {
        let sent = Timestamp::from_nanos(sent);
        Decided { sent, outcome }
    }

    #[test]
    fn timeouts_before_between_and_after_answers() {
        use DecidedAs::{Answered, Late, Timeout};
        let mut asked = Asked::default();
        for (outcome, sent) in [
            (Answered, 20),
            (Timeout, 10), // decided after the answer, sent before it
            (Timeout, 30),
            (Late, 50),
            (Timeout, 40), // decided after it, sent before it
            (Timeout, 60),
            (Timeout, 70),
        ] {
            asked.on_decided(decided(outcome, sent));
        }
        let address = asked.summary();
        assert_eq!((address.answered, address.answered_late), (1, 1));
        let timeouts = (
            address.timeouts_before,
            address.timeouts_between,
            address.timeouts_after,
        );
        assert_eq!(timeouts, (1, 2, 2));
        assert_eq!(address.queries(), 7);
    }

    #[test]
    fn addresses_are_small() {
        assert_eq!(size_of::<Place<(u32, u16)>>(), 12);
        assert_eq!(size_of::<Asked>(), 40);
    }
}
