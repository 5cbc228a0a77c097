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
#[derive(Debug)]
pub(super) struct Chances {
    outcomes: [[Tally; AGES]; KINDS],
    /// What they come to. Where there are few, an age is believed to be like the
    /// next younger one: what is old says nothing of what is fresh.
    shares: [[f32; AGES]; KINDS],
}

impl Default for Chances {
    fn default() -> Self {
        Self {
            outcomes: [[Tally::default(); AGES]; KINDS],
            shares: FIRST.map(|first| [first; AGES]),
        }
    }
}

/// Believed of each kind before there are outcomes.
const FIRST: [f32; KINDS] = {
    let mut first = [0.5; KINDS];
    first[Evidence::Vouched as usize] = 0.8;
    first[Evidence::Answered as usize] = 0.8;
    first[Evidence::Bad as usize] = 0.05;
    first
};

impl Chances {
    /// Somebody whose evidence was so old answered, or did not.
    pub(super) fn learn(&mut self, evidence: Evidence, age: Duration, answered: bool) {
        let kind = evidence as usize;
        self.outcomes[kind][place(age)].count(answered);
        let mut younger = FIRST[kind];
        for (tally, share) in self.outcomes[kind].iter().zip(&mut self.shares[kind]) {
            younger = tally.share(younger);
            *share = younger;
        }
    }

    /// Probability that one whose evidence is so old answers.
    pub(super) const fn of(&self, evidence: Evidence, age: Duration) -> f32 {
        self.shares[evidence as usize][place(age)]
    }
}

const fn place(age: Duration) -> usize {
    let minutes = age.as_secs() / 60;
    let bits = (u64::BITS - minutes.leading_zeros()) as usize;
    if bits < AGES { bits } else { AGES - 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn the_share_that_answered_is_the_chance() {
        let mut chances = Chances::default();
        for outcome in 0..2000 {
            chances.learn(Evidence::Named, HOUR, outcome % 10 < 3);
        }
        let chance = chances.of(Evidence::Named, HOUR);
        assert!((chance - 0.3).abs() < 0.03, "{chance}");
    }

    #[test]
    fn the_old_are_like_the_younger_but_not_the_other_way_round() {
        let mut chances = Chances::default();
        (0..200).for_each(|_| chances.learn(Evidence::Answered, HOUR, false));
        assert!(chances.of(Evidence::Answered, 8 * HOUR) < 0.1);
        assert!(chances.of(Evidence::Answered, HOUR / 8) > 0.5);
        assert!(chances.of(Evidence::Vouched, HOUR) > 0.5);
    }

    #[test]
    fn churn_that_changes_is_followed() {
        let mut chances = Chances::default();
        (0..5000).for_each(|_| chances.learn(Evidence::Named, HOUR, true));
        (0..5000).for_each(|_| chances.learn(Evidence::Named, HOUR, false));
        assert!(chances.of(Evidence::Named, HOUR) < 0.2);
    }
}
