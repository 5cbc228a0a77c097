//! The figures of the thesis [8, Tables I and II, Fig. 2].

/// A row of Tables I and II.
pub struct Row {
    /// The combination.
    pub label: &'static str,
    /// Lookup latency in milliseconds: percentiles 50, 75, 98 and 99.
    pub latency: [f64; 4],
    /// Queries of all 3,078 lookups.
    pub queries: f64,
    /// Percentage of them that were answered.
    pub answered: f64,
    /// Whether the row's latency was used to fit the overlay.
    pub is_fitted: bool,
}

const fn row(label: &'static str, latency: [f64; 4], queries: f64, answered: f64) -> Row {
    Row {
        label,
        latency,
        queries,
        answered,
        is_fitted: false,
    }
}

const fn fitted(row: Row) -> Row {
    Row {
        is_fitted: true,
        ..row
    }
}

/// Tables I and II without UTorrent.
pub const ROWS: [Row; 8] = [
    fitted(row(
        "BEP5-S",
        [1105.0, 3011.0, 6828.0, 7540.0],
        67_454.0,
        54.0,
    )),
    row("NICE-S", [510.0, 877.0, 4468.0, 5488.0], 68_923.0, 64.0),
    row("NRTT-S", [459.0, 928.0, 5060.0, 5737.0], 70_234.0, 63.0),
    row("NR128-S", [286.0, 589.0, 4375.0, 5343.0], 64_488.0, 61.0),
    row("BEP5-A", [825.0, 2601.0, 3840.0, 4168.0], 198_015.0, 59.0),
    row("NICE-A", [284.0, 420.0, 2619.0, 3247.0], 260_849.0, 64.0),
    row("NRTT-A", [185.0, 291.0, 512.0, 566.0], 281_335.0, 65.0),
    fitted(row(
        "NR128-A",
        [164.0, 269.0, 506.0, 566.0],
        221_543.0,
        63.0,
    )),
];

/// Lookups of each node.
pub const LOOKUPS: f64 = 3078.0;

/// Round-trip times of all nodes, percentiles 2, 25, 50, 75 and 98, in
/// milliseconds [Fig. 2].
pub const RTT: [f64; 5] = [2.13, 94.8, 175.2, 343.6, 1093.9];
