//! How likely a contact is to answer, learned from those that did and did not.

use std::time::Duration;

use super::record::{Evidence, KINDS};

/// Ages told apart: each is twice the one before, from a minute on.
const AGES: usize = 16;
/// Outcomes after which older ones count by half.
const MEMORY: f32 = 1000.0;
/// Outcomes by which a cell of the table is believed by half.
const DOUBT: f32 = 8.0;

/// Answers and queries.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    answered: f32,
    asked: f32,
}

impl Tally {
    fn count(&mut self, answered: bool) {
        self.asked += 1.0;
        self.answered += f32::from(u8::from(answered));
        if self.asked > MEMORY {
            self.asked /= 2.0;
            self.answered /= 2.0;
        }
    }

    /// The share answered; `expected` counts for so many outcomes.
    fn share(&self, expected: f32) -> f32 {
        (self.answered + DOUBT * expected) / (self.asked + DOUBT)
    }
}

/// Outcomes by kind of evidence and its age.
#[derive(Debug, Default)]
pub(super) struct Chances {
    by_age: [[Tally; AGES]; KINDS],
    all_ages: [Tally; KINDS],
}

impl Chances {
    /// Somebody whose evidence was so old answered, or did not.
    pub(super) fn learn(&mut self, evidence: Evidence, age: Duration, answered: bool) {
        let kind = evidence as usize;
        self.by_age[kind][place(age)].count(answered);
        self.all_ages[kind].count(answered);
    }

    /// Probability that one whose evidence is so old answers.
    pub(super) fn of(&self, evidence: Evidence, age: Duration) -> f32 {
        let kind = evidence as usize;
        let first = match evidence {
            Evidence::Answered | Evidence::Vouched => 0.8,
            Evidence::Named | Evidence::Queried | Evidence::Doubted => 0.5,
            Evidence::Bad => 0.05,
        };
        self.by_age[kind][place(age)].share(self.all_ages[kind].share(first))
    }
}

fn place(age: Duration) -> usize {
    let minutes = age.as_secs() / 60;
    ((u64::BITS - minutes.leading_zeros()) as usize).min(AGES - 1)
}
