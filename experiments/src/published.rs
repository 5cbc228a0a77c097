//! The figures that the thesis published [8, Tables I and II, Fig. 2].

use serde::Serialize;

/// Published figures of one combination.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PublishedRow {
    /// The combination, such as `NR128-A`.
    pub label: &'static str,
    /// Lookup latency in milliseconds: percentiles 50, 75, 98 and 99 [Table I].
    pub latency_ms: [f64; 4],
    /// Queries sent for each lookup [Table II, over 3,078 lookups].
    pub queries_per_lookup: f64,
    /// Percentage of them that were answered [Table II].
    pub answered_pct: f64,
    /// Whether the overlay's free parameters were fitted to the latencies. To
    /// the shares answered they were in every row but BEP5's.
    pub is_fitted: bool,
}

/// What the thesis published.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Published {
    /// Where.
    pub source: &'static str,
    /// The combinations.
    pub rows: Vec<PublishedRow>,
    /// Round-trip times of all nodes together: percentiles 2, 25, 50, 75 and
    /// 98 in milliseconds [Fig. 2].
    pub rtt_ms: [f64; 5],
}

impl Published {
    /// The thesis's chapter 8.
    pub fn thesis() -> Self {
        let row = |label, latency_ms, queries: f64, answered_pct| PublishedRow {
            label,
            latency_ms,
            queries_per_lookup: queries / LOOKUPS,
            answered_pct,
            is_fitted: label == "NR128-A",
        };
        Self {
            source: "Jimenez, Osmani, Knutsson: Sub-Second Lookups on a Large-Scale Kademlia-Based Overlay, P2P 2011",
            rows: vec![
                row("UT22-S", [647.0, 1047.0, 3736.0, 5140.0], 92_450.0, 57.0),
                row("BEP5-S", [1105.0, 3011.0, 6828.0, 7540.0], 67_454.0, 54.0),
                row("NICE-S", [510.0, 877.0, 4468.0, 5488.0], 68_923.0, 64.0),
                row("NRTT-S", [459.0, 928.0, 5060.0, 5737.0], 70_234.0, 63.0),
                row("NR128-S", [286.0, 589.0, 4375.0, 5343.0], 64_488.0, 61.0),
                row("BEP5-A", [825.0, 2601.0, 3840.0, 4168.0], 198_015.0, 59.0),
                row("NICE-A", [284.0, 420.0, 2619.0, 3247.0], 260_849.0, 64.0),
                row("NRTT-A", [185.0, 291.0, 512.0, 566.0], 281_335.0, 65.0),
                row("NR128-A", [164.0, 269.0, 506.0, 566.0], 221_543.0, 63.0),
            ],
            rtt_ms: [2.13, 94.8, 175.2, 343.6, 1093.9],
        }
    }

    /// The row of a combination; a label with something behind an apostrophe
    /// or a space, such as `BEP5-S code`, is another reading of it.
    pub fn row(&self, label: &str) -> Option<&PublishedRow> {
        let label = label.split([' ', '\'']).next().unwrap_or(label);
        self.rows.iter().find(|row| row.label == label)
    }
}

/// Lookups of each node [8.VI].
const LOOKUPS: f64 = 3078.0;
