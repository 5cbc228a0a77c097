//! What a survey shows while it runs and in the end.

use std::path::Path;

use mdht_connectivity::{Properties, Stats, Tally};
use mdht_krpc::Instant;
use mdht_profiler::plot;
use serde_json::{Value, json};

use crate::check::station::Station;
use crate::check::table;
use crate::output::Failure;

/// Draws Figure 5 into the folder of results; of no nodes there is none.
pub(super) fn figure_5(tally: &Tally, dir: &Path) -> Result<(), Failure> {
    let Some(measured) = tally.properties().parts() else {
        return Ok(());
    };
    let inside = [
        [false, false, false],
        [true, false, false],
        [true, false, true],
        [true, true, false],
        [true, true, true],
    ];
    let sizes = Properties::published_parts().into_iter().zip(measured);
    let parts = inside.into_iter().zip(sizes);
    let upset = plot::Upset {
        label: "% of nodes".to_owned(),
        sets: ["reciprocal", "transitive", "persistent"]
            .map(str::to_owned)
            .into(),
        series: ["published", "measured"].map(str::to_owned).into(),
        parts: parts
            .map(|(inside, (published, measured))| plot::UpsetPart {
                inside: inside.into(),
                sizes: vec![Some(published), Some(measured)],
            })
            .collect(),
    };
    let title = format!(
        "Connectivity properties of {} nodes",
        tally.properties().nodes
    );
    let note = "thesis 7, Fig. 5; published: the rows of Table 1, without its 5 % of others";
    let plot = plot::upset("figure5", &title, note, upset);
    let written = plot::write(plot.as_slice(), dir);
    written.map(drop).map_err(Failure::failed)
}

/// What is shown while it runs.
pub(super) fn screen(tally: &Tally, station: &Station, now: Instant) -> String {
    let stats = station.checker.stats();
    let (joined, nodes) = station.instrument.joined();
    format!(
        "{}{:.1} min, {joined} of {nodes} nodes joined, {} queries, {} checks open, {} done, {} \
         dropped, {} probes",
        table::text(tally),
        now.since(Instant::ZERO).as_secs_f64() / 60.0,
        stats.queries,
        station.checker.open(),
        stats.finished,
        stats.dropped,
        stats.probes,
    )
}

pub(super) fn counters(stats: &Stats) -> Value {
    json!({
        "queries": stats.queries,
        "started": stats.started,
        "finished": stats.finished,
        "dropped": stats.dropped,
        "repeats": stats.repeats,
        "refused": stats.refused,
        "without_id": stats.without_id,
        "read_only": stats.read_only,
        "flooding": stats.flooding,
        "forgotten": stats.forgotten,
        "not_asked_for": stats.not_asked_for,
        "probes": stats.probes,
        "delayed": stats.delayed,
        "answers": stats.answers,
        "late": stats.late,
        "wrong_source": stats.wrong_source,
        "wrong_socket": stats.wrong_socket,
        "changed_ids": stats.changed_ids,
        "uninvited": stats.uninvited,
        "malformed": stats.malformed,
    })
}
