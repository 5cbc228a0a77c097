//! Figures: overlays, variants, what is left out, files.

#![allow(clippy::unwrap_used)] // in helper functions too

mod made_up;
mod profiling;
mod synthetic;

use std::collections::BTreeSet;
use std::path::PathBuf;

use made_up::{cdf, every_form, figure, latencies};
use mdht_profiler::measurement::Section;
use mdht_profiler::plot::{self, Plot};
use mdht_profiler::{Axis, Figure, FigureData, NodeProfile, Options, Profile};
use profiling::{options, try_profile};
use synthetic::{Talk, id};

/// A profile of `labels`, of which each has `figures`, made from its number.
fn overlaid(labels: &[&str], figures: impl Fn(usize) -> Vec<Figure>) -> Profile {
    let mut profile = one_lookup();
    let node = profile.nodes[0].clone();
    let made = labels.iter().enumerate().map(|(i, label)| {
        let mut node: NodeProfile = node.clone();
        node.node.label = Some((*label).to_owned());
        node.waterfalls.clear();
        node.sections = vec![Section {
            key: "made_up",
            figures: figures(i),
            ..Section::default()
        }];
        node
    });
    profile.nodes = made.collect();
    profile
}

/// A capture of one lookup, with a waterfall.
fn one_lookup() -> Profile {
    let mut talk = Talk::new();
    for (i, at) in (0u8..).zip([0, 0, 40, 90, 130]) {
        let (to, tid) = (format!("10.0.1.{i}:6881"), [b'a' + i]);
        talk.get_peers(at, &to, &tid, id(7));
    }
    talk.respond(40, "10.0.1.0:6881", b"a", id(1));
    talk.respond(90, "10.0.1.1:6881", b"b", id(4));
    talk.give(190, "10.0.1.3:6881", b"d", id(6), &["1.2.3.4:5"]);
    let options = Options {
        waterfalls: 3,
        ..options()
    };
    try_profile(&talk.pcap.bytes, options).unwrap()
}

fn names(plots: &[Plot]) -> Vec<&str> {
    plots.iter().map(|plot| plot.name.as_str()).collect()
}

fn directory(name: &str) -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&dir);
    dir
}

#[test]
fn every_form_is_drawn_with_all_nodes_in_one_figure() {
    let labels = ["NR128-A", "UT", "BEP5-S"];
    let profile = overlaid(&labels, every_form);
    let plots = plot::plots(&profile.nodes);
    let expected = [
        "latency",
        "latency_log",
        "maintenance",
        "swarm",
        "rate",
        "clients",
        "lookup-1",
        "lookup-2",
        "lookup-3",
    ];
    assert_eq!(names(&plots), expected);
    for plot in &plots[..6] {
        let svg = plot::svg(plot).unwrap();
        for label in labels {
            assert!(
                svg.contains(&format!(">\n{label}\n</text>")),
                "{} lacks {label}",
                plot.name
            );
        }
    }
    let waterfall = plot::svg(&plots[6]).unwrap();
    for text in [
        "d=158",
        "203.0.113.0:6881",
        "values",
        "nodes only",
        "late answer",
        "no answer",
    ] {
        assert!(waterfall.contains(text), "{text}");
    }
    assert!(!waterfall.contains("error"), "no query ended in one");
}

#[test]
fn files_are_written_and_no_others_stay() {
    let dir = directory("plots-files");
    let profile = overlaid(&["a", "b"], every_form);
    let written = plot::write_all(&profile, &dir).unwrap();
    let found: BTreeSet<PathBuf> = std::fs::read_dir(&dir)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    assert_eq!(written.iter().cloned().collect::<BTreeSet<_>>(), found);
    assert_eq!(written.len(), 2 * 8);
    for path in written {
        let bytes = std::fs::read(&path).unwrap();
        match path.extension().unwrap().to_str().unwrap() {
            "png" => assert!(bytes.starts_with(b"\x89PNG\r\n\x1a\n")),
            _ => assert!(bytes.starts_with(b"<svg ") && bytes.ends_with(b"</svg>\n")),
        }
    }
    // a second time over the first
    assert_eq!(plot::write_all(&profile, &dir).unwrap().len(), 16);
}

/// They are named by number only: one of a run that had more would pass for
/// one of this run.
#[test]
fn waterfalls_of_an_earlier_run_are_removed() {
    let dir = directory("plots-rerun");
    std::fs::create_dir_all(&dir).unwrap();
    let place = |name: &str| dir.join(name);
    let (old, others) = (
        [
            "waterfall-1-02.svg",
            "waterfall-1-02.png",
            "waterfall-2-01.svg",
        ],
        [
            "waterfall-1-02.txt",
            "waterfall-best-02.svg",
            "rtt.svg",
            "notes.txt",
        ],
    );
    for name in old.iter().chain(&others) {
        std::fs::write(place(name), "of an earlier run").unwrap();
    }
    plot::write_all(&one_lookup(), &dir).unwrap();
    assert!(place("waterfall-1-01.svg").exists() && place("waterfall-1-01.png").exists());
    assert!(old.iter().all(|name| !place(name).exists()));
    assert!(others.iter().all(|name| place(name).exists()));
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let file = directory("plots-no-directory");
    std::fs::write(&file, "").unwrap();
    let error = plot::write_all(&overlaid(&["a"], every_form), &file).unwrap_err();
    assert!(error.to_string().contains("plots-no-directory"), "{error}");
}

#[test]
fn nothing_to_draw_is_no_figure() {
    let axis = Axis::linear("");
    let log = Axis::log("");
    let none = |data| figure("none", axis, axis, data);
    for empty in [
        none(FigureData::Cdf(vec![])),
        none(FigureData::Steps(vec![])),
        none(FigureData::Line(vec![])),
        none(FigureData::Scatter(vec![])),
        none(FigureData::Bars(vec![])),
        none(FigureData::Waterfall(vec![])),
        none(FigureData::Cdf(vec![f64::NAN])),
        figure("none", log, log, FigureData::Scatter(vec![(0.0, -1.0)])),
    ] {
        let profile = overlaid(&["a", "b"], |_| vec![empty.clone()]);
        assert!(plot::plots(&profile.nodes).is_empty(), "{empty:?}");
    }
}

#[test]
fn a_node_without_data_is_left_out_and_the_others_keep_their_colours() {
    let data = |node| if node == 0 { vec![] } else { latencies(node) };
    let profile = overlaid(&["empty", "full"], |node| {
        let axis = Axis::linear("ms");
        vec![figure("latency", axis, axis, FigureData::Cdf(data(node)))]
    });
    let svg = plot::svg(&plot::plots(&profile.nodes)[0]).unwrap();
    assert!(svg.contains(">\nfull\n") && !svg.contains(">\nempty\n"));
    assert!(svg.contains("#D55E00") && !svg.contains("#0072B2"));
}

#[test]
fn a_long_tail_is_cut_only_where_the_other_axis_shows_it() {
    let mut samples: Vec<f64> = (1..=1000).map(f64::from).collect();
    samples.extend([50_000.0, 90_000.0]);
    let linear_axis = figure(
        "f",
        Axis::linear("ms"),
        Axis::linear(""),
        FigureData::Cdf(samples.clone()),
    );
    let log_axis = |name| {
        figure(
            name,
            Axis::log("ms"),
            Axis::linear(""),
            FigureData::Cdf(samples.clone()),
        )
    };
    // one figure, or both as the measurement made them
    for figures in [
        vec![log_axis("f")],
        vec![linear_axis, log_axis("f_log")],
        vec![log_axis("f_log")],
    ] {
        let both = overlaid(&["a"], |_| figures.clone());
        let plots = plot::plots(&both.nodes);
        assert_eq!(names(&plots), ["f", "f_log"]);
        assert!(
            plots[0].note.contains("up to 0.2 % beyond"),
            "{}",
            plots[0].note
        );
        assert!(!plots[1].note.contains("beyond"));
        assert!(plot::svg(&plots[0]).unwrap().contains(">\n1000\n"));
        assert!(plot::svg(&plots[1]).unwrap().contains(">\n100,000\n"));
    }
    let linear = overlaid(&["a"], |_| {
        vec![figure(
            "f",
            Axis::linear("ms"),
            Axis::linear(""),
            FigureData::Cdf(samples.clone()),
        )]
    });
    let svg = plot::svg(&plot::plots(&linear.nodes)[0]).unwrap();
    assert!(svg.contains(">\n80,000\n"));
}

#[test]
fn one_point_of_a_line_is_seen() {
    let axis = Axis::linear("");
    let profile = overlaid(&["a"], |_| {
        vec![figure("f", axis, axis, FigureData::Line(vec![(0.0, 3.0)]))]
    });
    let svg = plot::svg(&plot::plots(&profile.nodes)[0]).unwrap();
    assert_eq!(
        svg.matches("<circle").count(),
        2,
        "in the legend and in the figure"
    );
}

#[test]
fn labels_from_outside_are_escaped() {
    let profile = overlaid(&["<script>alert(1)</script>", "\u{1}&\"'"], |i| {
        vec![cdf(i)]
    });
    let svg = plot::svg(&plot::plots(&profile.nodes)[0]).unwrap();
    assert!(!svg.contains("<script") && svg.contains("&lt;script&gt;"));
    assert!(!svg.contains('\u{1}'));
}

#[test]
fn the_same_figures_come_out_byte_for_byte() {
    let profile = overlaid(&["a", "b"], every_form);
    for plot in &plot::plots(&profile.nodes) {
        assert_eq!(plot::svg(plot).unwrap(), plot::svg(plot).unwrap());
        assert_eq!(plot::png(plot).unwrap(), plot::png(plot).unwrap());
    }
}

#[test]
fn a_million_points_make_a_small_figure() {
    let profile = overlaid(&["a"], |_| {
        let points = || (0..1_000_000).map(|i| (f64::from(i), f64::from(i % 1013)));
        let axis = Axis::linear("x");
        vec![
            figure(
                "cdf",
                axis,
                axis,
                FigureData::Cdf(points().map(|p| p.0).collect()),
            ),
            figure(
                "scatter",
                axis,
                axis,
                FigureData::Scatter(points().collect()),
            ),
            figure("line", axis, axis, FigureData::Line(points().collect())),
        ]
    });
    for plot in &plot::plots(&profile.nodes) {
        let bytes = plot::svg(plot).unwrap().len();
        assert!(bytes < 4_000_000, "{}: {bytes} bytes", plot.name);
    }
}

#[test]
fn the_waterfall_of_a_captured_lookup() {
    let profile = one_lookup();
    let plots = plot::waterfalls(&profile.nodes);
    assert_eq!(names(&plots), ["waterfall-1-01"]);
    let svg = plot::svg(&plots[0]).unwrap();
    assert!(svg.contains("10.0.1.3:6881") && svg.contains("190 ms"));
    assert!(svg.contains("first value") && svg.contains("no answer"));
}

#[test]
fn more_nodes_than_can_be_told_apart() {
    let labels: Vec<String> = (0..40).map(|i| format!("node {i}")).collect();
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    let profile = overlaid(&labels, |i| vec![cdf(i)]);
    let plots = plot::plots(&profile.nodes);
    assert!(
        plots[0].note.contains("24 of 40 nodes"),
        "{}",
        plots[0].note
    );
}
