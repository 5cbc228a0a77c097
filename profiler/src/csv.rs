//! The tables of a profile as CSV files [RFC 4180].

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{DataTable, NodeProfile, Profile};

impl Profile {
    /// Writes every table to `NAME.csv` in `dir`, which is made if it is not
    /// there: those of the measurements, and `summary.csv` with every single
    /// figure. The first columns are the node and its label, so that one file
    /// holds all nodes. A cell without a figure is empty. Returns the files'
    /// paths.
    ///
    /// # Errors
    /// `dir` cannot be made, or a file in it not be written; no file is left
    /// half written.
    pub fn write_csv(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        fs::create_dir_all(dir)?;
        let mut paths = vec![write_file(dir, "summary", |out| self.write_summary(out))?];
        for (name, tables) in self.tables() {
            paths.push(write_file(dir, name, |out| write_tables(out, &tables))?);
        }
        Ok(paths)
    }

    /// The tables of each name, with their nodes.
    fn tables(&self) -> BTreeMap<&'static str, Vec<(&NodeProfile, &DataTable)>> {
        let mut by_name: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for node in &self.nodes {
            for table in node.sections.iter().flat_map(|section| &section.tables) {
                by_name.entry(table.name).or_default().push((node, table));
            }
        }
        by_name
    }

    fn write_summary(&self, out: &mut dyn Write) -> io::Result<()> {
        write_record(out, &["node", "label", "figure", "value"].map(Value::from))?;
        for node in &self.nodes {
            for section in &node.sections {
                if !section.json.is_null() {
                    write_figures(out, node, section.key, &section.json)?;
                }
            }
        }
        Ok(())
    }
}

/// Writes every number under `value`, by its path, such as `rtt_ms.p50`.
/// Lists are left out: they are tables of their own.
fn write_figures(
    out: &mut dyn Write,
    node: &NodeProfile,
    path: &str,
    value: &Value,
) -> io::Result<()> {
    match value {
        Value::Object(figures) => figures.iter().try_for_each(|(key, value)| {
            let path = format!("{path}.{key}");
            write_figures(out, node, &path, value)
        }),
        Value::Array(_) => Ok(()),
        figure => {
            let [address, label] = name(node);
            write_record(out, &[address, label, path.into(), figure.clone()])
        }
    }
}

fn write_tables(out: &mut dyn Write, tables: &[(&NodeProfile, &DataTable)]) -> io::Result<()> {
    if let Some((_, first)) = tables.first() {
        let columns = ["node", "label"]
            .into_iter()
            .chain(first.columns.iter().copied());
        write_record(out, &columns.map(Value::from).collect::<Vec<_>>())?;
    }
    for (node, table) in tables {
        let mut record = Vec::from(name(node));
        for row in &table.rows {
            record.truncate(2);
            record.extend_from_slice(row);
            write_record(out, &record)?;
        }
    }
    Ok(())
}

/// A node's address and label, the first two cells of its rows.
fn name(node: &NodeProfile) -> [Value; 2] {
    [node.node.to_string().into(), node.node.label.clone().into()]
}

fn write_record(out: &mut dyn Write, cells: &[Value]) -> io::Result<()> {
    for (i, cell) in cells.iter().enumerate() {
        if i > 0 {
            write!(out, ",")?;
        }
        match cell {
            Value::Null => {}
            Value::String(text) => write_text(out, text)?,
            Value::Array(_) | Value::Object(_) => write_text(out, &cell.to_string())?,
            Value::Bool(_) | Value::Number(_) => write!(out, "{cell}")?,
        }
    }
    write!(out, "\r\n")
}

/// In quotes where it has to be.
fn write_text(out: &mut dyn Write, text: &str) -> io::Result<()> {
    match text.contains([',', '"', '\r', '\n']) {
        true => write!(out, "\"{}\"", text.replace('"', "\"\"")),
        false => write!(out, "{text}"),
    }
}

/// Writes to a temporary name first, so that nobody reads half a file.
fn write_file(
    dir: &Path,
    name: &str,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<PathBuf> {
    let path = dir.join(format!("{name}.csv"));
    let temporary = dir.join(format!(".{name}.csv.{}", std::process::id()));
    let written = File::create(&temporary).and_then(|file| {
        let mut out = BufWriter::new(file);
        write(&mut out)?;
        out.flush()
    });
    match written.and_then(|()| fs::rename(&temporary, &path)) {
        Ok(()) => Ok(path),
        Err(error) => {
            let _ = fs::remove_file(&temporary); // the first error is the one to tell
            Err(error)
        }
    }
}
