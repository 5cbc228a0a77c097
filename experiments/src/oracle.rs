//! What no lookup can beat: the round trip to the nearest node that holds
//! values. It is worked out from the world, outside the nodes under test, and
//! marked wherever it is shown.

use std::net::SocketAddrV4;
use std::time::Duration;

use mdht_krpc::Instant;
use mdht_overlay::World;
use mdht_overlay::population::Access;
use mdht_profiler::{NodeProfile, bootstrap};
use serde_json::{Value, json};

use crate::lookups::starts;
use crate::outcome::Outcome;

/// What the oracle is called in tables and figures.
pub(crate) const LABEL: &str = "oracle";

/// What the oracle is, in a sentence.
pub(crate) const MEANING: &str = "Worked out from the world, not from packets: the least round \
    trip, without jitter, to any online node that holds values of the swarm when the lookup \
    starts. No lookup can have a value sooner.";

/// For each lookup of a node in the laboratory at `addr` the least time in
/// which it could have had a value, in milliseconds; a lookup of what nobody
/// holds has none.
pub(crate) fn limits_ms(world: &World, addr: SocketAddrV4, profile: &NodeProfile) -> Vec<f64> {
    let from = (*addr.ip(), Access::Laboratory);
    let limit = |(infohash, start_s)| {
        let at = Instant::ZERO + Duration::from_secs_f64(start_s);
        world.nearest_holder(from, &infohash, at)
    };
    let limits = starts(profile).into_iter().filter_map(limit);
    limits.map(|limit| 1e3 * limit.as_secs_f64()).collect()
}

/// A percentile, 0 to 100, of limits; `None` if there is none.
pub(crate) fn percentile(limits_ms: &[f64], p: f64) -> Option<f64> {
    let mut sorted = limits_ms.to_vec();
    (!sorted.is_empty()).then(|| bootstrap::percentile(&mut sorted, p / 100.0))
}

impl Outcome {
    /// The limits of all lookups of all variants, in milliseconds.
    pub fn limits_ms(&self) -> Vec<f64> {
        let all = self.variants.iter().flat_map(|variant| &variant.limits_ms);
        all.copied().collect()
    }

    /// The oracle's row of `summary.json`; `null` if there is no world to ask.
    pub(crate) fn oracle(&self) -> Value {
        let limits = self.limits_ms();
        if limits.is_empty() {
            return Value::Null;
        }
        let latency = |limits: &[f64]| {
            json!({
                "count": limits.len(),
                "p50": percentile(limits, 50.0),
                "p75": percentile(limits, 75.0),
                "p98": percentile(limits, 98.0),
                "p99": percentile(limits, 99.0),
            })
        };
        let variants = self.variants.iter().map(|variant| {
            json!({
                "label": variant.variant.label,
                "lookup_latency_ms": latency(&variant.limits_ms),
            })
        });
        json!({
            "label": LABEL,
            "meaning": MEANING,
            "lookup_latency_ms": latency(&limits),
            "variants": variants.collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_limits() {
        assert_eq!(percentile(&[3.0, 1.0, 2.0], 50.0), Some(2.0));
        assert_eq!(percentile(&[], 50.0), None);
    }
}
