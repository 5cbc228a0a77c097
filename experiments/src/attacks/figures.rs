//! The figures of one combination under one attack, over all worlds.

use mdht_krpc::Rng;
use mdht_overlay::attack::{Damage, Looked};
use mdht_profiler::bootstrap;
use serde::Serialize;

/// The figures of one combination under one attack.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// Lookups.
    pub lookups: usize,
    /// Share of them that found a peer which is not false, %.
    pub success_pct: f64,
    /// Its 95 % interval (Wilson).
    pub success_interval_pct: [f64; 2],
    /// Median time to the first peer that is not false, ms.
    pub p50_ms: Option<f64>,
    /// Its 95 % interval (bootstrap over the lookups).
    pub p50_interval_ms: Option<[f64; 2]>,
    /// 99th percentile of that time, ms.
    pub p99_ms: Option<f64>,
    /// 95 % interval of the median's difference from that without attack, ms;
    /// `None` without attack.
    pub p50_change_ms: Option<[f64; 2]>,
    /// Queries a lookup.
    pub queries_per_lookup: f64,
    /// Of the peers found, those that are false, %.
    pub false_peers_pct: f64,
    /// Of the three nodes nearest to the key that answered, attackers, %.
    pub hostile_closest_pct: f64,
    /// Lookups that announced to none of the twenty honest nodes nearest to the
    /// key, where others ask, %.
    pub announces_lost_pct: f64,
    /// Announces, a lookup.
    pub announces: f64,
    /// Announces to those twenty, a lookup.
    pub near_announces: f64,
    /// Contacts in the table at the end, mean.
    pub contacts: f64,
    /// Attackers and forged sources among them, %.
    pub hostile_contacts_pct: f64,
    /// Most contacts held at any time, those waiting included.
    pub most_contacts: usize,
    /// Most bytes that the peer store took.
    pub most_peer_bytes: usize,
    /// Most bytes that stored items took.
    pub most_item_bytes: usize,
    /// Most queries in flight.
    pub most_in_flight: usize,
    /// Honest queries for what honest peers had announced that were answered
    /// during the attack, %.
    pub honest_answered_pct: f64,
    /// Of those answers, those that held the peers, %.
    pub honest_kept_pct: f64,
    /// Bytes answered for each byte of the adversary; `None` if it sent none.
    pub amplification: Option<f64>,
    /// Datagrams of the adversary, forged sources included, a second of attack.
    pub hostile_datagrams: u64,
    /// Queries that the node sent to attackers, to forged sources and to nodes
    /// that do not exist.
    pub queries_to_hostile: u64,
    /// Responses that answered no open query.
    pub unmatched: u64,
    /// Announces refused for a bad token.
    pub bad_tokens: u64,
    /// Queries left unanswered because of a rate limit.
    pub rate_limited: u64,
}

/// Two standard deviations and a little less: 95 % of the normal distribution.
const NORMAL: f64 = 1.959_964;

impl Figures {
    /// Of the damages of all worlds; `plain` are those without attack, and
    /// `None` if these are. The same damages always give the same intervals.
    pub(super) fn of(damages: &[Damage], plain: Option<&[Damage]>) -> Self {
        let lookups: Vec<Looked> = damages.iter().flat_map(|d| d.lookups.clone()).collect();
        let mut times = times(damages);
        let mut rng = Rng::from_u64(1);
        let median = |samples: &mut [f64]| bootstrap::percentile(samples, 0.5);
        let mut spread = bootstrap::resampled(&times, median, &mut rng);
        let change = plain.and_then(|plain| {
            let before = bootstrap::resampled(&self::times(plain), median, &mut rng);
            bootstrap::difference(&before, &spread)
        });
        let percentile = |samples: &mut Vec<f64>, share| {
            (!samples.is_empty()).then(|| bootstrap::percentile(samples, share))
        };
        let successes = times.len();
        let sum =
            |of: fn(&Looked) -> u32| lookups.iter().map(|one| f64::from(of(one))).sum::<f64>();
        let total = |of: fn(&Damage) -> usize| count(damages.iter().map(of).sum());
        let most = |of: fn(&Damage) -> usize| damages.iter().map(of).max().unwrap_or(0);
        let counted = |of: fn(&Damage) -> u64| damages.iter().map(of).sum::<u64>();
        let answered = total(|d| d.answered);
        let sent = counted(|d| d.traffic.bytes_received);
        let false_peers = sum(|one| one.false_peers);
        Self {
            lookups: lookups.len(),
            success_pct: pct(count(successes), count(lookups.len())),
            success_interval_pct: wilson(successes, lookups.len()),
            p50_ms: percentile(&mut times, 0.5),
            p99_ms: percentile(&mut times, 0.99),
            p50_interval_ms: percentile(&mut spread, 0.025).zip(percentile(&mut spread, 0.975)).map(Into::into),
            p50_change_ms: change,
            queries_per_lookup: sum(|one| one.queries) / count(lookups.len()).max(1.0),
            false_peers_pct: pct(false_peers, false_peers + sum(|one| one.true_peers)),
            hostile_closest_pct: pct(sum(|one| one.hostile_closest), sum(|one| one.closest)),
            announces_lost_pct: pct(
                sum(|one| u32::from(one.near_announces == 0)),
                count(lookups.len()),
            ),
            announces: sum(|one| one.announces) / count(lookups.len()).max(1.0),
            near_announces: sum(|one| one.near_announces) / count(lookups.len()).max(1.0),
            contacts: total(|d| d.store.contacts) / count(damages.len()).max(1.0),
            hostile_contacts_pct: pct(
                total(|d| d.store.hostile_contacts),
                total(|d| d.store.contacts),
            ),
            most_contacts: most(|d| d.store.most_contacts),
            most_peer_bytes: most(|d| d.store.most_peer_bytes),
            most_item_bytes: most(|d| d.store.most_item_bytes),
            most_in_flight: most(|d| d.store.most_in_flight),
            honest_answered_pct: pct(answered, total(|d| d.planted)),
            honest_kept_pct: pct(total(|d| d.kept), answered),
            #[allow(clippy::cast_precision_loss)] // exact up to 9 PB
            amplification: (sent > 0)
                .then(|| counted(|d| d.traffic.bytes_answered) as f64 / sent as f64),
            hostile_datagrams: counted(|d| d.traffic.received),
            queries_to_hostile: counted(|d| d.traffic.queries),
            unmatched: counted(|d| d.stats.unmatched),
            bad_tokens: counted(|d| d.stats.bad_tokens),
            rate_limited: counted(|d| d.stats.rate_limited),
        }
    }
}

fn times(damages: &[Damage]) -> Vec<f64> {
    damages.iter().flat_map(Damage::latencies_ms).collect()
}

#[allow(clippy::cast_precision_loss)] // counts of lookups, contacts and sieges
const fn count(number: usize) -> f64 {
    number as f64
}

fn pct(part: f64, whole: f64) -> f64 {
    if whole > 0.0 {
        100.0 * part / whole
    } else {
        0.0
    }
}

/// Wilson's 95 % interval of a share, %.
fn wilson(part: usize, whole: usize) -> [f64; 2] {
    let n = count(whole).max(1.0);
    let share = count(part) / n;
    let z = NORMAL * NORMAL;
    let middle = share + z / (2.0 * n);
    let half = NORMAL * (share * (1.0 - share) / n + z / (4.0 * n * n)).sqrt();
    let end = |value: f64| (100.0 * value / (1.0 + z / n)).clamp(0.0, 100.0);
    [end(middle - half), end(middle + half)]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn damage(times_ms: &[Option<u64>]) -> Damage {
        let looked = |time: &Option<u64>| Looked {
            true_value: time.map(Duration::from_millis),
            queries: 10,
            true_peers: 1,
            false_peers: 3,
            closest: 3,
            hostile_closest: 1,
            ..Looked::default()
        };
        Damage {
            lookups: times_ms.iter().map(looked).collect(),
            ..Damage::default()
        }
    }

    #[test]
    fn figures_are_of_the_lookups_that_found_something_true() {
        let plain = [damage(&[Some(100); 40])];
        let mut times = [Some(300); 40];
        times[..20].fill(None);
        let attacked = [damage(&times)];
        let figures = Figures::of(&attacked, Some(&plain));
        assert_eq!((figures.success_pct, figures.p50_ms), (50.0, Some(300.0)));
        assert_eq!(figures.p50_change_ms, Some([200.0, 200.0]));
        assert_eq!(
            (figures.false_peers_pct, figures.queries_per_lookup),
            (75.0, 10.0)
        );
        assert_eq!(Figures::of(&plain, None).p50_change_ms, None);
        let none = Figures::of(&[damage(&[None; 3])], Some(&plain));
        assert_eq!((none.p50_ms, none.p50_interval_ms), (None, None));
    }

    #[test]
    fn the_interval_of_a_share_is_wilsons() {
        // worked out by hand: 8 of 10
        let [low, high] = wilson(8, 10);
        assert!(
            (low - 49.02).abs() < 0.01 && (high - 94.33).abs() < 0.01,
            "{low} {high}"
        );
        assert_eq!(wilson(0, 20)[0], 0.0);
        assert_eq!(wilson(20, 20)[1], 100.0);
    }
}
