//! The thesis's reachability checker [7.4], at a modelled node's door.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use mdht_krpc::Instant;

use crate::draws::Draws;
use crate::nat::{LastSent, lets_in};
use crate::parameters::Connectivity;

/// Seconds after the query at which the bursts begin [7.4.1].
const BURSTS_S: [u64; 2] = [0, 300];
/// Pings in a burst.
const PINGS: u64 = 5;
/// Seconds between them.
const PAUSE_S: u64 = 5;
/// The instrumented node itself, another port of its host, another host.
const VANTAGES: usize = 3;

/// Who reached a node: six letters, R(eachable) or U(nreachable), for three
/// vantage points in each of two bursts [7.5].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pattern([[bool; VANTAGES]; 2]);

impl Display for Pattern {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let letters =
            |burst: [bool; VANTAGES]| burst.map(|reached| if reached { "R" } else { "U" });
        let [first, second] = self.0.map(|burst| letters(burst).concat());
        write!(f, "{first}-{second}")
    }
}

/// The pattern of a node that queries the instrumented node at `query` and is
/// online until `until`. `coins` are its own, as for [`lets_in`].
pub(crate) fn pattern(what: Connectivity, query: Instant, until: Instant, coins: Draws) -> Pattern {
    let mut sent = [Some(query), None, None];
    let burst = |start: u64| {
        let mut reached = [false; VANTAGES];
        for ping in 0..PINGS {
            let now = query + Duration::from_secs(start + PAUSE_S * ping);
            // all ask in the same moment: no answer of the node to one of them
            // comes before the question of another
            let before = sent;
            for vantage in (0..VANTAGES).filter(|_| now < until) {
                let asks = !reached[vantage];
                if asks && lets_in(what, seen_by(vantage, before), now, coins) {
                    reached[vantage] = true;
                    sent[vantage] = Some(now);
                }
            }
        }
        reached
    };
    Pattern(BURSTS_S.map(burst))
}

/// When the node last sent, as the guard sees it for one vantage point.
fn seen_by(vantage: usize, sent: [Option<Instant>; VANTAGES]) -> LastSent {
    let [own, other_port, elsewhere] = sent;
    let ip = match vantage {
        0 | 1 => own.max(other_port),
        _ => elsewhere,
    };
    LastSent {
        addr: sent[vantage],
        ip,
        anyone: ip.max(own).max(elsewhere),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draws::Subject;
    use crate::parameters::Class;

    fn shown(class: Class, mapping_timeout_s: u32, online_s: u64) -> String {
        let what = Connectivity {
            class,
            mapping_timeout_s,
            share: 1.0,
        };
        let query = Instant::from_micros(7_000_000);
        let until = query + Duration::from_secs(online_s);
        pattern(what, query, until, Draws::new(0, Subject::Anomaly)).to_string()
    }

    #[test]
    fn every_class_but_the_erratic_shows_a_pattern_of_table_1() {
        for (class, timeout, expected) in [
            (Class::Open, 0, "RRR-RRR"),
            (Class::FullCone, 120, "RRR-UUU"),
            (Class::FullCone, 600, "RRR-RRR"),
            (Class::RestrictedCone, 120, "RRU-UUU"),
            (Class::RestrictedCone, 600, "RRU-RRU"),
            (Class::PortRestrictedCone, 120, "RUU-UUU"),
            (Class::PortRestrictedCone, 600, "RUU-RUU"),
            (Class::Symmetric, 120, "RUU-UUU"),
            (Class::Firewalled, 0, "UUU-UUU"),
            (Class::Late, 0, "UUU-RRR"),
            (Class::LateForOthers, 0, "RRU-RRR"),
        ] {
            assert_eq!(shown(class, timeout, 3600), expected, "{class:?} {timeout}");
        }
    }

    #[test]
    fn who_leaves_between_the_bursts_looks_like_a_nat() {
        assert_eq!(shown(Class::Open, 0, 100), "RRR-UUU");
    }
}
