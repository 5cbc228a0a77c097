//! What may be behind a pattern [thesis 7, Table 1].

use std::fmt::{self, Display, Formatter};

use crate::Pattern;

/// One row of the thesis's Table 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PublishedRow {
    /// The pattern, as text.
    pub pattern: &'static str,
    /// Percent of the nodes.
    pub percent: f64,
    /// What the thesis takes for the cause.
    pub cause: Cause,
}

const fn row(pattern: &'static str, percent: f64, cause: Cause) -> PublishedRow {
    PublishedRow {
        pattern,
        percent,
        cause,
    }
}

/// Thesis 7, Table 1, in its order; 3,683,524 nodes in 24 hours. The rest of
/// the cases is [`OTHER_PERCENT`].
pub const TABLE_1: [PublishedRow; 9] = [
    row("UUU-UUU", 10.6, Cause::Firewall),
    row("RUU-UUU", 31.3, Cause::PortRestrictedOrSymmetric),
    row("RUU-RUU", 2.8, Cause::PortRestrictedOrSymmetric),
    row("RRU-UUU", 0.8, Cause::RestrictedCone),
    row("RRU-RRU", 2.0, Cause::RestrictedCone),
    row("RRR-UUU", 2.7, Cause::FullConeOrChurn),
    row("RRR-RRR", 35.5, Cause::Open),
    row("UUU-RRR", 7.6, Cause::NotMatched),
    row("RRU-RRR", 1.7, Cause::NotMatched),
];

/// Percent of the nodes with a pattern that Table 1 does not name.
pub const OTHER_PERCENT: f64 = 5.0;

/// Percent of the non-transitive nodes that only the remotechecker told from
/// the others, and the localchecker did not [thesis 7.6.1].
pub const MISSED_BY_LOCALCHECKER_PERCENT: f64 = 4.6;

/// The likely cause of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// A firewall that drops what comes in unasked, and even answers' return.
    Firewall,
    /// Only the address and port that were sent to get in.
    PortRestrictedOrSymmetric,
    /// Only addresses that were sent to get in, from any port.
    RestrictedCone,
    /// Everybody got in, and later nobody: a mapping that ended, or a node
    /// that left. Longer watching can tell the two apart.
    FullConeOrChurn,
    /// As before, and the node was still there: its mapping had ended.
    FullCone,
    /// As before, and nothing was heard of the node for as long as we watched.
    Churn,
    /// Everybody gets in.
    Open,
    /// None of these.
    NotMatched,
}

impl Cause {
    /// For a person, and stable in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Firewall => "firewall",
            Self::PortRestrictedOrSymmetric => "port-restricted cone or symmetric NAT",
            Self::RestrictedCone => "restricted cone NAT",
            Self::FullConeOrChurn => "full cone NAT or churn",
            Self::FullCone => "full cone NAT",
            Self::Churn => "left the DHT",
            Self::Open => "open",
            Self::NotMatched => "not matched",
        }
    }
}

/// The causes that a pattern leaves open: one, or several where letters are
/// unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Causes(Vec<Cause>);

impl Causes {
    /// What Table 1 says of `pattern`. Unknown letters leave every cause whose
    /// pattern fits the known ones; patterns without a cause then count only
    /// if no other fits.
    pub fn of(pattern: &Pattern) -> Self {
        let mut causes = Vec::new();
        for row in &TABLE_1 {
            let fits = row.pattern.parse().is_ok_and(|row| pattern.could_be(&row));
            if fits && row.cause != Cause::NotMatched && !causes.contains(&row.cause) {
                causes.push(row.cause);
            }
        }
        if causes.is_empty() {
            causes.push(Cause::NotMatched);
        }
        Self(causes)
    }

    /// The causes with what longer watching showed of a node that everybody
    /// reached first and nobody later: whether it was still there. `None` if
    /// nobody watched.
    #[must_use]
    pub fn watched(mut self, still_there: Option<bool>) -> Self {
        let told = match still_there {
            Some(true) => Cause::FullCone,
            Some(false) => Cause::Churn,
            None => Cause::FullConeOrChurn,
        };
        for cause in &mut self.0 {
            if *cause == Cause::FullConeOrChurn {
                *cause = told;
            }
        }
        self
    }

    /// The only cause; `None` if several are left.
    pub fn only(&self) -> Option<Cause> {
        match self.0[..] {
            [cause] => Some(cause),
            _ => None,
        }
    }
}

impl Display for Causes {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.0.iter().map(|cause| cause.name()).collect();
        f.pad(&names.join(" or "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn causes(pattern: &str) -> Causes {
        Causes::of(&pattern.parse().unwrap())
    }

    #[test]
    fn every_row_of_table_1_has_its_cause_and_they_make_100_percent() {
        for row in &TABLE_1 {
            assert_eq!(causes(row.pattern).only(), Some(row.cause), "{row:?}");
        }
        let sum: f64 = TABLE_1.iter().map(|row| row.percent).sum();
        assert!((sum + OTHER_PERCENT - 100.0).abs() < 0.05, "{sum}");
        assert_eq!(causes("URU-RUR").only(), Some(Cause::NotMatched));
    }

    #[test]
    fn without_a_remotechecker_some_causes_stay_open() {
        let only = |pattern| causes(pattern).only();
        assert_eq!(only("UU?-UU?"), Some(Cause::Firewall));
        assert_eq!(only("RU?-UU?"), Some(Cause::PortRestrictedOrSymmetric));
        assert_eq!(
            causes("RR?-UU?").to_string(),
            "restricted cone NAT or full cone NAT or churn"
        );
        assert_eq!(causes("RR?-RR?").to_string(), "restricted cone NAT or open");
    }

    #[test]
    fn watching_tells_full_cone_from_churn() {
        let watched = |still_there| causes("RRR-UUU").watched(still_there).only();
        assert_eq!(watched(None), Some(Cause::FullConeOrChurn));
        assert_eq!(watched(Some(true)), Some(Cause::FullCone));
        assert_eq!(watched(Some(false)), Some(Cause::Churn));
        let open = causes("RRR-RRR").watched(Some(false)).only();
        assert_eq!(open, Some(Cause::Open), "nothing else changes");
    }
}
