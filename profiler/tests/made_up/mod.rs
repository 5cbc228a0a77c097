//! Figures of data that is made up, of every form there is.
#![allow(dead_code, unreachable_pub)]

use mdht_profiler::{Axis, BarOutcome, Figure, FigureData, WaterfallBar};

pub fn figure(name: &'static str, x: Axis, y: Axis, data: FigureData) -> Figure {
    Figure {
        name,
        title: "A made-up figure",
        x,
        y,
        data,
        note: "thesis 8, Fig. 0",
    }
}

/// Latencies like those of the thesis, slower with each node.
pub fn latencies(node: usize) -> Vec<f64> {
    let mut state = 7 + node as u64;
    let mut samples: Vec<f64> = (0..400)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let uniform = ((state >> 33) as f64 + 1.0) / (1u64 << 31) as f64;
            (60.0 + 40.0 * node as f64) * uniform.powf(-0.7)
        })
        .collect();
    samples.sort_by(f64::total_cmp);
    samples
}

pub fn cdf(node: usize) -> Figure {
    let (x, y) = (
        Axis::log("lookup latency, ms"),
        Axis::linear("share of lookups"),
    );
    figure("latency", x, y, FigureData::Cdf(latencies(node)))
}

pub fn every_form(node: usize) -> Vec<Figure> {
    let steps = (0..500).map(|i| {
        let burst = if node == 1 {
            f64::from(i / 40) * 60.0
        } else {
            f64::from(i) * 1.5
        };
        (f64::from(i) / 60.0, burst + node as f64 * 50.0)
    });
    let scatter = latencies(node).into_iter().enumerate();
    let scatter = scatter.map(|(i, l)| ((i % 37 + 1) as f64 * (node + 1) as f64, l));
    let line = (0..200).map(|i| (f64::from(i), f64::from(i * 37 % 101) + 80.0 * node as f64));
    let bars = [
        ("UT", 61.2),
        ("LT", 20.1),
        ("no version", 12.0),
        ("libTorrent of rTorrent", 0.04),
    ];
    let bars = bars
        .map(|(name, pct)| (name.to_owned(), pct + node as f64))
        .to_vec();
    let waterfall = (0..12u32).map(|i| WaterfallBar {
        label: format!("203.0.113.{i}:{}", 6881 + i * 3000),
        start_ms: f64::from(i * 35),
        end_ms: f64::from(i * 35) + [140.0, 95.0, 2000.0, 60.0, 2600.0][i as usize % 5],
        outcome: [
            BarOutcome::Nodes,
            BarOutcome::Nodes,
            BarOutcome::Timeout,
            BarOutcome::Values,
            BarOutcome::Late,
        ][i as usize % 5],
        distance_bits: (i % 4 != 2).then_some(158 - i * 3),
    });
    let linear = Axis::linear;
    vec![
        cdf(node),
        figure(
            "maintenance",
            linear("time, hours"),
            linear("queries sent"),
            FigureData::Steps(steps.collect()),
        ),
        figure(
            "swarm",
            Axis::log("peers in the swarm"),
            Axis::log("lookup latency, ms"),
            FigureData::Scatter(scatter.collect()),
        ),
        figure(
            "rate",
            linear("time, s"),
            linear("queries a minute"),
            FigureData::Line(line.collect()),
        ),
        figure(
            "clients",
            linear("client"),
            linear("share of nodes, %"),
            FigureData::Bars(bars),
        ),
        figure(
            "lookup",
            linear(""),
            linear(""),
            FigureData::Waterfall(waterfall.collect()),
        ),
    ]
}
