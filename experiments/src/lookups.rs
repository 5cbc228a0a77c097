//! The lookups of a profile, one by one.

use mdht_krpc::Id;
use mdht_profiler::{DataTable, NodeProfile};

/// The figure `column` of every lookup that has it, such as `latency_ms` of
/// those that got a value.
pub(crate) fn samples(profile: &NodeProfile, column: &str) -> Vec<f64> {
    let Some((table, column)) = table(profile).and_then(|t| Some((t, place(t, column)?))) else {
        return Vec::new();
    };
    let cells = table.rows.iter().filter_map(|row| row.get(column));
    cells.filter_map(serde_json::Value::as_f64).collect()
}

/// What was looked up, and when: seconds since the first packet.
pub(crate) fn starts(profile: &NodeProfile) -> Vec<(Id, f64)> {
    let Some(table) = table(profile) else {
        return Vec::new();
    };
    let (infohash, start) = (place(table, "infohash"), place(table, "start_s"));
    let of_row = |row: &Vec<serde_json::Value>| {
        let infohash = row.get(infohash?)?.as_str()?.parse().ok()?;
        Some((infohash, row.get(start?)?.as_f64()?))
    };
    table.rows.iter().filter_map(of_row).collect()
}

fn table(profile: &NodeProfile) -> Option<&DataTable> {
    let mut sections = profile.sections.iter();
    let section = sections.find(|section| section.key == "lookups")?;
    section.tables.first()
}

fn place(table: &DataTable, column: &str) -> Option<usize> {
    table.columns.iter().position(|name| *name == column)
}
