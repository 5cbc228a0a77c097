//! The thesis's reachability checker [7.4], at a modelled node's door.

use mdht_connectivity::{Bursts, Pattern, Plan, Vantage};
use mdht_krpc::Instant;

use crate::draws::Draws;
use crate::nat::{LastSent, lets_in};
use crate::parameters::Connectivity;

/// The pattern of a node that queries the instrumented node at `query` and is
/// online until `until`. `coins` are its own, as for [`lets_in`].
pub(crate) fn pattern(what: Connectivity, query: Instant, until: Instant, coins: Draws) -> Pattern {
    let plan = &Plan::default();
    let mut sent = [Some(query), None, None];
    let mut bursts = Bursts::new(plan, query, true);
    while let Some(now) = bursts.next(plan) {
        let Some(pings) = bursts.ping(plan, now) else {
            continue;
        };
        // all ask in the same moment: no answer of the node to one of them
        // comes before the question of another
        let before = sent;
        for vantage in pings.vantages().filter(|_| now < until) {
            if lets_in(what, seen_by(vantage, before), now, coins) {
                bursts.answer(plan, now, (pings.burst, pings.ping), vantage);
                sent[vantage.index()] = Some(now);
            }
        }
    }
    bursts.pattern(plan)
}

/// When the node last sent, as the guard sees it for one vantage point.
fn seen_by(vantage: Vantage, sent: [Option<Instant>; 3]) -> LastSent {
    let [own, other_port, elsewhere] = sent;
    let ip = match vantage {
        Vantage::Own | Vantage::Local => own.max(other_port),
        Vantage::Remote => elsewhere,
    };
    LastSent {
        addr: sent[vantage.index()],
        ip,
        anyone: ip.max(own).max(elsewhere),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
