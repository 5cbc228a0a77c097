//! The six letters that say from where and when a node could be reached.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

/// From where a node is probed [thesis 7.4].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Vantage {
    /// The instrumented node's own IP address and port.
    Own,
    /// The same IP address and another port: the localchecker.
    Local,
    /// Another IP address: the remotechecker.
    Remote,
}

impl Vantage {
    /// All three, in the order of a pattern's letters.
    pub const ALL: [Self; 3] = [Self::Own, Self::Local, Self::Remote];

    /// Its place among the letters of a burst, 0 to 2.
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// One letter of a pattern [thesis 7.5].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Letter {
    /// `R`: it answered.
    Reachable,
    /// `U`: it did not.
    Unreachable,
    /// `?`: it was not probed from there.
    #[default]
    Unknown,
}

impl Letter {
    /// `R`, `U` or `?`.
    pub const fn as_char(self) -> char {
        match self {
            Self::Reachable => 'R',
            Self::Unreachable => 'U',
            Self::Unknown => '?',
        }
    }

    /// Whether it answered; `None` if nobody asked.
    pub const fn known(self) -> Option<bool> {
        match self {
            Self::Reachable => Some(true),
            Self::Unreachable => Some(false),
            Self::Unknown => None,
        }
    }

    const fn from_char(c: char) -> Option<Self> {
        match c {
            'R' => Some(Self::Reachable),
            'U' => Some(Self::Unreachable),
            '?' => Some(Self::Unknown),
            _ => None,
        }
    }
}

/// Who reached a node: own socket, localchecker and remotechecker in the first
/// burst, and the same three in the second [thesis 7.5].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern([[Letter; 3]; 2]);

impl Pattern {
    /// A pattern from the letters of both bursts.
    pub const fn new(bursts: [[Letter; 3]; 2]) -> Self {
        Self(bursts)
    }

    /// The letter of one vantage point in the first (0) or second (1) burst;
    /// unknown in any other.
    pub fn letter(&self, burst: usize, from: Vantage) -> Letter {
        self.0
            .get(burst)
            .map_or(Letter::Unknown, |letters| letters[from.index()])
    }

    /// Whether `self` could be `other` if its unknown letters were known.
    pub fn could_be(&self, other: &Self) -> bool {
        let letters = self.0.iter().flatten().zip(other.0.iter().flatten());
        letters
            .into_iter()
            .all(|(own, theirs)| *own == Letter::Unknown || own == theirs)
    }

    /// Reciprocity, `RXX-XXX`: a node that reached us can be reached by us
    /// [thesis 7.3.1]. `None` if unknown.
    pub fn reciprocity(&self) -> Option<bool> {
        self.all(&[(0, Vantage::Own)])
    }

    /// Transitivity, `RXR-XXX`: others can reach it too [thesis 7.3.2].
    pub fn transitivity(&self) -> Option<bool> {
        self.all(&[(0, Vantage::Own), (0, Vantage::Remote)])
    }

    /// Persistence, `RXX-RXX`: it can still be reached later [thesis 7.3.3].
    /// Section 7.5.2 prints another pattern, which does not fit its own figure.
    pub fn persistence(&self) -> Option<bool> {
        self.all(&[(0, Vantage::Own), (1, Vantage::Own)])
    }

    /// Whether all of these letters are R: one U settles it.
    fn all(&self, letters: &[(usize, Vantage)]) -> Option<bool> {
        let known = |(burst, from): &(usize, Vantage)| self.letter(*burst, *from).known();
        if letters.iter().any(|letter| known(letter) == Some(false)) {
            return Some(false);
        }
        letters
            .iter()
            .all(|letter| known(letter).is_some())
            .then_some(true)
    }
}

impl Display for Pattern {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let [first, second] = self.0.map(|burst| burst.map(Letter::as_char));
        let text: String = first.into_iter().chain(['-']).chain(second).collect();
        f.pad(&text)
    }
}

/// The text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no pattern: it takes six letters R, U or ?, such as RUU-UUU")]
pub struct ParsePatternError(String);

impl FromStr for Pattern {
    type Err = ParsePatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParsePatternError(text.to_owned());
        let burst = |letters: &str| {
            let letters: Option<Vec<_>> = letters.chars().map(Letter::from_char).collect();
            letters.and_then(|letters| <[Letter; 3]>::try_from(letters).ok())
        };
        let (first, second) = text.split_once('-').ok_or_else(error)?;
        match (burst(first), burst(second)) {
            (Some(first), Some(second)) => Ok(Self([first, second])),
            _ => Err(error()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        text.parse().unwrap()
    }

    #[test]
    fn text_round_trip_and_errors() {
        for text in ["RRR-RRR", "RU?-UU?", "UUU-RRR"] {
            assert_eq!(pattern(text).to_string(), text);
        }
        for bad in ["", "RRR", "RRR-RR", "RRR-RRRR", "RRX-RRR", "RRR_RRR"] {
            assert!(bad.parse::<Pattern>().is_err(), "{bad}");
        }
    }

    #[test]
    fn properties_follow_the_definitions() {
        let properties = |text| {
            let pattern = pattern(text);
            (
                pattern.reciprocity(),
                pattern.transitivity(),
                pattern.persistence(),
            )
        };
        let (yes, no) = (Some(true), Some(false));
        assert_eq!(properties("RRR-RRR"), (yes, yes, yes));
        assert_eq!(properties("RUU-UUU"), (yes, no, no));
        assert_eq!(properties("RUU-RUU"), (yes, no, yes));
        assert_eq!(properties("RRR-UUU"), (yes, yes, no));
        assert_eq!(properties("UUU-RRR"), (no, no, no));
        assert_eq!(properties("RU?-UU?"), (yes, None, no));
        assert_eq!(properties("UU?-RR?"), (no, no, no), "one U settles it");
    }
}
