//! Where people would rather look: what is lost against the number of
//! attackers.

use mdht_overlay::attack::Kind;
use mdht_profiler::Axis;
use mdht_profiler::plot::{Plot, lines};

use super::{AttackOutcome, Figures};

/// A figure against an attack's strength.
struct Picture {
    kind: Kind,
    name: &'static str,
    title: &'static str,
    note: &'static str,
    x: Axis,
    y: Axis,
    of: fn(&Figures) -> Option<f64>,
    is_share: bool,
}

const PICTURES: [Picture; 4] = [
    Picture {
        kind: Kind::Sybil,
        name: "announces-lost",
        title: "Announces that nobody finds",
        note: "Lookups that announced to none of the twenty honest nodes nearest to the key.",
        x: Axis::log("Sybils near the key"),
        y: Axis::linear("share"),
        of: |figures| Some(figures.announces_lost_pct / 100.0),
        is_share: true,
    },
    Picture {
        kind: Kind::Poison,
        name: "false-peers",
        title: "False peers",
        note: "Of the peers that a lookup finds, those that Sybils made up.",
        x: Axis::log("Sybils near the key"),
        y: Axis::linear("share"),
        of: |figures| Some(figures.false_peers_pct / 100.0),
        is_share: true,
    },
    Picture {
        kind: Kind::Sybil,
        name: "sybil-latency",
        title: "Median time to a true value",
        note: "",
        x: Axis::log("Sybils near the key"),
        y: Axis::log("median (ms)"),
        of: |figures| figures.p50_ms,
        is_share: false,
    },
    Picture {
        kind: Kind::Table,
        name: "table-taken",
        title: "Attackers in the table",
        note: "Of the contacts in the table at the end.",
        x: Axis::log("attackers that court the node"),
        y: Axis::linear("share"),
        of: |figures| Some(figures.hostile_contacts_pct / 100.0),
        is_share: true,
    },
];

impl AttackOutcome {
    /// What is lost against the number of attackers, where the script has them
    /// in at least two numbers.
    pub fn plots(&self) -> Vec<Plot> {
        PICTURES
            .iter()
            .filter_map(|picture| self.plot(picture))
            .collect()
    }

    fn plot(&self, picture: &Picture) -> Option<Plot> {
        let series = self.rows().map(|(label, rows)| {
            let played = rows
                .iter()
                .filter(|(attack, _)| attack.kind == picture.kind);
            let points = played
                .filter_map(|(attack, figures)| Some((attack.strength, (picture.of)(figures)?)));
            (label.to_owned(), points.collect::<Vec<_>>())
        });
        let series: Vec<_> = series.collect();
        let shows = series.iter().any(|(_, points)| points.len() > 1);
        let words = (picture.name, picture.title, picture.note);
        let axes = (picture.x, picture.y);
        lines(words, axes, series, picture.is_share).filter(|_| shows)
    }
}
