//! Hop count and XOR progress of lookups.

use serde_json::{Value, json};

use super::{Hooks, Measurement, Row, Section, Span};
use crate::{Axis, DataTable, Distribution, Figure, FigureData, Lookup, LookupProgress};

/// Hops to the first node that returned values and to the closest node, and
/// how near the lookups were to the infohash within how many hops.
#[derive(Clone, Debug)]
pub(super) struct Hops {
    first_value: Distribution,
    closest: Distribution,
    /// Lookups by hops to the first value; those further away in the last.
    by_hops: [u64; HOPS],
    /// Bits of XOR distance to the closest node that responded within so many
    /// hops.
    bits_within: [Distribution; HOPS],
}

impl Default for Hops {
    fn default() -> Self {
        Self {
            first_value: Distribution::of_counts(),
            closest: Distribution::of_counts(),
            by_hops: [0; HOPS],
            bits_within: [const { Distribution::of_counts() }; HOPS],
        }
    }
}

impl Measurement for Hops {
    fn hooks(&self) -> Hooks {
        Hooks::NONE
    }

    fn on_lookup(&mut self, lookup: &Lookup) {
        if let Some(hops) = lookup.first_value.and_then(|first| first.hops) {
            self.first_value.add(hops.into());
            self.by_hops[usize::from(hops).min(HOPS - 1)] += 1;
        }
        if let Some(hops) = lookup.progress.closest_hops {
            self.closest.add(hops.into());
        }
        for (hops, bits) in self.bits_within.iter_mut().enumerate() {
            if let Some(within) = lookup.progress.bits_within(hops) {
                bits.add(within.into());
            }
        }
    }

    fn finish(mut self: Box<Self>, _: &Span) -> Section {
        let figures = |distribution: &mut Distribution| {
            let mut json = json!({"count": distribution.count(), "mean": distribution.mean()});
            for p in [50_u8, 75, 98] {
                json[format!("p{p}")] = distribution.percentile(p.into()).into();
            }
            json["max"] = distribution.max().into();
            json
        };
        let furthest = [self.closest.max(), self.first_value.max()];
        let furthest = furthest.into_iter().flatten().fold(0.0, f64::max);
        let bits: Vec<Option<f64>> = self
            .bits_within
            .iter_mut()
            .enumerate()
            .take_while(|(hops, _)| *hops as f64 <= furthest)
            .map(|(_, bits)| bits.percentile(50.0))
            .collect();
        let json = json!({
            "first_value": figures(&mut self.first_value),
            "closest": figures(&mut self.closest),
            "distance_bits_p50": bits,
        });
        Section {
            key: "hops",
            json,
            figures: self.figures(&bits),
            tables: vec![self.table(&bits)],
            rows: vec![
                Row::spread("hops to the value", &mut self.first_value),
                Row::spread("hops to closest", &mut self.closest),
            ],
        }
    }
}

impl Hops {
    fn figures(&self, bits: &[Option<f64>]) -> Vec<Figure> {
        let bars = self.by_hops.iter().enumerate().take(bits.len());
        let line = bits.iter().enumerate();
        vec![
            Figure {
                name: "hops",
                title: "Hops to the first value",
                x: Axis::linear("hops"),
                y: Axis::linear("lookups"),
                data: FigureData::Bars(
                    bars.map(|(hops, count)| (hops.to_string(), *count as f64))
                        .collect(),
                ),
                note: "",
            },
            Figure {
                name: "xor_progress",
                title: "Median distance of the closest node that responded",
                x: Axis::linear("hops"),
                y: Axis::linear("bits of XOR distance"),
                data: FigureData::Line(
                    line.filter_map(|(hops, bits)| Some((hops as f64, (*bits)?)))
                        .collect(),
                ),
                note: "",
            },
        ]
    }

    fn table(&self, bits: &[Option<f64>]) -> DataTable {
        let rows = self.by_hops.iter().zip(bits).enumerate();
        DataTable {
            name: "hops",
            title: "Hop count and XOR progress of lookups",
            columns: vec!["hops", "first_values", "distance_bits_p50"],
            rows: rows
                .map(|(hops, (count, bits))| vec![hops.into(), (*count).into(), Value::from(*bits)])
                .collect(),
        }
    }
}

/// Numbers of hops that are told apart.
const HOPS: usize = LookupProgress::MAX_HOPS + 1;
