//! The figures that the thesis published [8, Tables I to III, Fig. 2, 8, 9].

use mdht_overlay::parameters::Parameters;
use serde::Serialize;

/// What a published figure is to a measured one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The overlay's free parameters were fitted to it: that it is met proves
    /// nothing.
    Fitted,
    /// Nothing was fitted to it: it is scored.
    Predicted,
    /// Shown and not scored: of a stand-in, or of another reading of a module.
    NotScored,
}

impl Basis {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Fitted => "fitted",
            Self::Predicted => "predicted",
            Self::NotScored => "not scored",
        }
    }
}

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
    /// What the latencies are. The parameters were fitted to NR128-A's only.
    pub latency_basis: Basis,
    /// What the share answered is. The parameters were fitted to those of
    /// every row but BEP5's.
    pub answered_basis: Basis,
    /// Median lookup latency in milliseconds of swarms of up to 50 peers and
    /// of more than 200 [8.VIII.A], where the text gives it.
    pub by_swarm_ms: Option<[f64; 2]>,
    /// Time to the closest node: the median in milliseconds, and the
    /// percentage of lookups that take up to a second [8.VIII.B], where the
    /// text gives them.
    pub closest: Option<[f64; 2]>,
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
    /// Clients by their code in `v`, with how many of the addresses that nine
    /// nodes met in 80 hours had it [Table III].
    pub clients: [(&'static str, u32); 5],
}

impl Published {
    /// The percentiles of [`PublishedRow::latency_ms`].
    pub const LATENCY_PERCENTILES: [u8; 4] = [50, 75, 98, 99];
    /// The percentiles of [`Published::rtt_ms`].
    pub const RTT_PERCENTILES: [u8; 5] = [2, 25, 50, 75, 98];
    /// Lookups of each node [8.VI].
    pub const LOOKUPS: u32 = 3078;
    /// Nodes of its measurement [8.VI].
    pub const NODES: u32 = 9;
    /// Hours that it took [8.VIII.D].
    pub const HOURS: u32 = 80;
    /// What Table III calls all clients that are not named in it.
    pub const OTHER_CLIENTS: &str = "other versions";
    /// What Table III calls nodes that sent no `v`.
    pub const NO_CLIENT: &str = "no version";

    /// Whether a world is the thesis's: of its size, and otherwise as worlds
    /// are by default, for that was fitted to it.
    pub fn is_of(world: &Parameters) -> bool {
        let fitted = Parameters {
            nodes: world.nodes,
            seed: world.seed,
            ..Parameters::default()
        };
        (4_000_000..=10_000_000).contains(&world.nodes) && *world == fitted
    }

    /// The thesis's chapter 8.
    pub fn thesis() -> Self {
        let mut rows = vec![
            row("UT22-S", [647.0, 1047.0, 3736.0, 5140.0], 92_450.0, 57.0),
            row("BEP5-S", [1105.0, 3011.0, 6828.0, 7540.0], 67_454.0, 54.0),
            row("NICE-S", [510.0, 877.0, 4468.0, 5488.0], 68_923.0, 64.0),
            row("NRTT-S", [459.0, 928.0, 5060.0, 5737.0], 70_234.0, 63.0),
            row("NR128-S", [286.0, 589.0, 4375.0, 5343.0], 64_488.0, 61.0),
            row("BEP5-A", [825.0, 2601.0, 3840.0, 4168.0], 198_015.0, 59.0),
            row("NICE-A", [284.0, 420.0, 2619.0, 3247.0], 260_849.0, 64.0),
            row("NRTT-A", [185.0, 291.0, 512.0, 566.0], 281_335.0, 65.0),
            row("NR128-A", [164.0, 269.0, 506.0, 566.0], 221_543.0, 63.0),
        ];
        for row in &mut rows {
            match row.label {
                "UT22-S" => row.by_swarm_ms = Some([848.0, 521.0]),
                "NR128-A" => {
                    row.by_swarm_ms = Some([289.0, 92.0]);
                    row.closest = Some([455.0, 92.8]);
                }
                _ => {}
            }
        }
        Self {
            source: "Jimenez, Osmani, Knutsson: Sub-Second Lookups on a Large-Scale Kademlia-Based Overlay, P2P 2011",
            rows,
            rtt_ms: [2.13, 94.8, 175.2, 343.6, 1093.9],
            clients: [
                ("UT", 2_663_538),
                ("LT", 324_122),
                ("TR", 7_666),
                (Self::OTHER_CLIENTS, 4_813),
                (Self::NO_CLIENT, 1_441_899),
            ],
        }
    }

    /// Distinct IP addresses that all nodes met together [8.VIII.D].
    pub fn unique_ips(&self) -> u32 {
        self.clients.iter().map(|(_, addresses)| addresses).sum()
    }

    /// The row of a combination; a label with something behind an apostrophe
    /// or a space, such as `BEP5-S code`, is another reading of it, whose
    /// figures are shown beside and not scored.
    pub fn row(&self, label: &str) -> Option<PublishedRow> {
        let stem = label.split([' ', '\'']).next().unwrap_or(label);
        let mut row = *self.rows.iter().find(|row| row.label == stem)?;
        if stem != label {
            row.latency_basis = Basis::NotScored;
            row.answered_basis = Basis::NotScored;
        }
        Some(row)
    }
}

fn row(label: &'static str, latency_ms: [f64; 4], queries: f64, answered_pct: f64) -> PublishedRow {
    let (latency_basis, answered_basis) = match label {
        // a stand-in for a closed client
        "UT22-S" => (Basis::NotScored, Basis::NotScored),
        "BEP5-S" | "BEP5-A" => (Basis::Predicted, Basis::Predicted),
        "NR128-A" => (Basis::Fitted, Basis::Fitted),
        _ => (Basis::Predicted, Basis::Fitted),
    };
    PublishedRow {
        label,
        latency_ms,
        queries_per_lookup: queries / f64::from(Published::LOOKUPS),
        answered_pct,
        latency_basis,
        answered_basis,
        by_swarm_ms: None,
        closest: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_reading_has_the_figures_but_is_not_scored() {
        let published = Published::thesis();
        let (row, other) = (
            published.row("BEP5-A").unwrap(),
            published.row("BEP5-A code").unwrap(),
        );
        assert_eq!(row.latency_basis, Basis::Predicted);
        assert_eq!(other.latency_basis, Basis::NotScored);
        assert_eq!(row.latency_ms, other.latency_ms);
        assert_eq!(published.row("LT-A"), None);
        // Table III's own total
        assert_eq!(published.unique_ips(), 4_442_038);
    }
}
