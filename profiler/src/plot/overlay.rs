//! Figures of the same name of several nodes become one plot.

use crate::{Axis, Figure, FigureData, NodeProfile, Scale, WaterfallBar};

use super::bars::{Bars, MAX_GROUPS};
use super::curves::{Curves, Kind, Series};
use super::extent::Extent;
use super::style::{Look, MAX_SERIES};
use super::waterfall::{MAX_BARS, Waterfall};
use super::{Body, Plot};

/// The figures of `nodes`, laid over each other by name, in the order of the
/// measurements. Where the horizontal axis of a CDF is logarithmic there are
/// two, one with a linear axis. A figure without data is left out.
pub fn plots(nodes: &[NodeProfile]) -> Vec<Plot> {
    let labels = labels(nodes);
    let mut groups: Vec<(&str, Vec<Layer<'_>>)> = Vec::new();
    for (number, node) in nodes.iter().enumerate() {
        for figure in node.sections.iter().flat_map(|section| &section.figures) {
            let label = &labels[number];
            let look = Look::of(number);
            let layer = Layer {
                figure,
                label,
                look,
            };
            match groups.iter_mut().find(|group| group.0 == figure.name) {
                Some(group) => group.1.push(layer),
                None => groups.push((figure.name, vec![layer])),
            }
        }
    }
    let names: Vec<&str> = groups.iter().map(|group| group.0).collect();
    groups
        .iter()
        .flat_map(|(_, layers)| overlay(layers, &names))
        .collect()
}

/// The waterfalls that the profile of `nodes` holds.
pub fn waterfalls(nodes: &[NodeProfile]) -> Vec<Plot> {
    let labels = labels(nodes);
    let each = nodes.iter().zip(labels).enumerate();
    let lookups = each.flat_map(|(i, (node, label))| {
        let numbered = node.waterfalls.iter().enumerate();
        numbered.filter_map(move |(j, lookup)| {
            let name = format!("waterfall-{}-{:02}", i + 1, j + 1);
            let hex = lookup.infohash.to_string();
            let title = format!(
                "{label}: {}… at {:.3} s",
                &hex[..hex.len().min(12)],
                lookup.start_s
            );
            let first_value = lookup.first_value_ms.or(lookup.latency_ms);
            let all = lookup.bars.len() as u64 + lookup.omitted;
            waterfall(name, title, (&lookup.bars, all), first_value)
        })
    });
    lookups.collect()
}

/// What each of `nodes` is called: its label, or its address, or both where
/// two have the same label.
pub(crate) fn labels(nodes: &[NodeProfile]) -> Vec<String> {
    let label = |node: &NodeProfile| node.node.label.clone();
    let names = nodes.iter().map(|node| match label(node) {
        None => node.node.to_string(),
        Some(name) => match nodes
            .iter()
            .filter(|n| label(n).as_ref() == Some(&name))
            .count()
        {
            1 => name,
            _ => format!("{name} ({})", node.node),
        },
    });
    names.collect()
}

/// A node's part of a plot.
struct Layer<'a> {
    figure: &'a Figure,
    label: &'a str,
    look: Look,
}

/// The plots of figures of one name, of which there is at least one; `names`
/// are those of all figures.
fn overlay(layers: &[Layer<'_>], names: &[&str]) -> Vec<Plot> {
    let Some(first) = layers.first().map(|layer| layer.figure) else {
        return Vec::new();
    };
    let shown = &layers[..layers.len().min(MAX_SERIES)];
    let mut plots = match &first.data {
        FigureData::Waterfall(_) => each_waterfall(layers),
        FigureData::Bars(_) => bars(first, shown).into_iter().collect(),
        FigureData::Cdf(_) => cdfs(first, shown, names),
        _ => curves(first, shown).into_iter().collect(),
    };
    if layers.len() > shown.len() {
        let all = layers.len();
        let cut = format!("{MAX_SERIES} of {all} nodes are shown");
        plots.iter_mut().for_each(|plot| add_note(plot, &cut));
    }
    plots
}

fn plot_of(figure: &Figure, body: Body) -> Plot {
    Plot {
        name: plot_name(figure.name),
        title: figure.title.to_owned(),
        note: figure.note.to_owned(),
        body,
    }
}

/// `name` as the stem of a file name.
fn plot_name(name: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    name.chars()
        .map(|c| if safe(c) { c } else { '_' })
        .collect()
}

fn add_note(plot: &mut Plot, note: &str) {
    if !plot.note.is_empty() {
        plot.note.push_str("; ");
    }
    plot.note.push_str(note);
}

fn curves(figure: &Figure, layers: &[Layer<'_>]) -> Option<Plot> {
    let is_share = matches!(figure.data, FigureData::Cdf(_));
    let series = layers.iter().filter_map(|layer| {
        let (kind, points) = match &layer.figure.data {
            FigureData::Cdf(samples) if is_share => (Kind::Steps, distribution(samples)),
            FigureData::Steps(points) if !is_share => (Kind::Steps, points.clone()),
            FigureData::Line(points) if !is_share => (Kind::Line, points.clone()),
            FigureData::Scatter(points) if !is_share => (Kind::Points, points.clone()),
            _ => return None,
        };
        (!points.is_empty()).then(|| Series {
            label: layer.label.to_owned(),
            look: layer.look,
            kind,
            points,
        })
    });
    let curves = Curves {
        x: figure.x,
        y: figure.y,
        series: series.collect(),
        x_end: None,
        is_share,
        rings: Vec::new(),
    };
    curves.extents()?;
    Some(plot_of(figure, Body::Curves(curves)))
}

/// A CDF; one with a logarithmic axis comes with a linear one before it,
/// unless the measurement made that itself.
fn cdfs(figure: &Figure, layers: &[Layer<'_>], names: &[&str]) -> Vec<Plot> {
    let stem = figure.name.strip_suffix(LOG).unwrap_or(figure.name);
    let log_name = format!("{stem}{LOG}");
    let mut as_named = curves(figure, layers);
    if figure.x.scale == Scale::Linear {
        if names.contains(&log_name.as_str()) {
            as_named.iter_mut().for_each(cut_tail);
        }
        return as_named.into_iter().collect();
    }
    let mut linear = None;
    if stem == figure.name || !names.contains(&stem) {
        let x = Axis::linear(figure.x.label);
        linear = curves(
            &Figure {
                x,
                ..figure.clone()
            },
            layers,
        );
    }
    if let (Some(linear), true) = (&mut linear, as_named.is_some()) {
        linear.name.truncate(stem.len());
        cut_tail(linear);
    }
    if let Some(log) = &mut as_named {
        log.name = plot_name(&log_name);
        log.title.push_str(" (log)");
    }
    linear.into_iter().chain(as_named).collect()
}

/// Ends the horizontal axis at the greatest 99th percentile when the tail
/// would take more than half of it. The logarithmic axis shows all.
fn cut_tail(plot: &mut Plot) {
    let Body::Curves(curves) = &mut plot.body else {
        return;
    };
    let nearly_all = curves.series.iter().filter_map(|series| {
        let at = series.points.partition_point(|p| p.1 < 0.99);
        series.points.get(at).map(|p| p.0)
    });
    let end = nearly_all.fold(0.0, f64::max);
    let series = &curves.series;
    let points = || series.iter().flat_map(|series| &series.points);
    if end <= 0.0 || points().all(|p| p.0 <= 2.0 * end) {
        return;
    }
    let shown = Extent::of([end].into_iter(), Scale::Linear).map_or(end, |x| x.high());
    let last_shown = |series: &Series| {
        let count = series.points.partition_point(|p| p.0 <= shown);
        count
            .checked_sub(1)
            .map_or(0.0, |last| series.points[last].1)
    };
    let least = series.iter().map(last_shown).fold(1.0, f64::min);
    curves.x_end = Some(shown);
    if least < 1.0 {
        let beyond = 100.0 * (1.0 - least);
        add_note(
            plot,
            &format!("up to {beyond:.1} % beyond the axis, see (log)"),
        );
    }
}

/// The empirical CDF of `samples`: its steps.
pub(super) fn distribution(samples: &[f64]) -> Vec<(f64, f64)> {
    let mut sorted: Vec<f64> = samples.iter().copied().filter(|s| s.is_finite()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let count = sorted.len() as f64;
    let start = sorted.first().map(|first| (*first, 0.0));
    let steps = sorted.iter().enumerate();
    let steps = steps.map(|(i, sample)| (*sample, (i + 1) as f64 / count));
    start.into_iter().chain(steps).collect()
}

fn bars(figure: &Figure, layers: &[Layer<'_>]) -> Option<Plot> {
    let named = |layer: &Layer<'_>| match &layer.figure.data {
        FigureData::Bars(bars) if !bars.is_empty() => Some(bars.clone()),
        _ => None,
    };
    let layers: Vec<_> = layers.iter().filter_map(|l| Some((l, named(l)?))).collect();
    let mut groups: Vec<(String, Vec<Option<f64>>)> = Vec::new();
    for (i, (_, bars)) in layers.iter().enumerate() {
        for (name, value) in bars {
            let at = groups.iter().position(|group| group.0 == *name);
            let at = at.unwrap_or_else(|| {
                groups.push((name.clone(), vec![None; layers.len()]));
                groups.len() - 1
            });
            groups[at].1[i] = Some(*value).filter(|v| v.is_finite());
        }
    }
    let all = groups.len();
    groups.truncate(MAX_GROUPS);
    let bars = Bars {
        label: figure.y.label,
        scale: figure.y.scale,
        series: layers
            .iter()
            .map(|(l, _)| (l.label.to_owned(), l.look))
            .collect(),
        groups,
    };
    bars.extent()?;
    let mut plot = plot_of(figure, Body::Bars(bars));
    if all > MAX_GROUPS {
        add_note(&mut plot, &format!("{MAX_GROUPS} of {all} are shown"));
    }
    Some(plot)
}

fn each_waterfall(layers: &[Layer<'_>]) -> Vec<Plot> {
    let plots = layers.iter().enumerate().filter_map(|(i, layer)| {
        let FigureData::Waterfall(bars) = &layer.figure.data else {
            return None;
        };
        let name = format!("{}-{}", layer.figure.name, i + 1);
        let title = format!("{}: {}", layer.label, layer.figure.title);
        waterfall(name, title, (bars, bars.len() as u64), None)
    });
    plots.collect()
}

fn waterfall(
    name: String,
    title: String,
    (bars, all): (&[WaterfallBar], u64),
    first_value_ms: Option<f64>,
) -> Option<Plot> {
    let mut sorted = bars.to_vec();
    sorted.sort_by(|a, b| a.start_ms.total_cmp(&b.start_ms));
    sorted.truncate(MAX_BARS);
    let note = match sorted.len() as u64 {
        shown if shown < all => format!("the first {shown} of {all} queries"),
        _ => String::new(),
    };
    let body = Body::Waterfall(Waterfall {
        bars: sorted,
        first_value_ms,
    });
    (!bars.is_empty()).then_some(Plot {
        name,
        title,
        note,
        body,
    })
}

/// How the name of a figure with a logarithmic axis ends.
const LOG: &str = "_log";
