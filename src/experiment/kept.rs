//! The folder in which the result of a script stays, and the end of every run.

use std::path::{Path, PathBuf};

use mdht_experiments::write_whole;
use serde_json::Value;

use crate::output::{Failure, Format, document, line, note};

/// The folder, which exists.
pub(super) struct Kept(PathBuf);

impl Kept {
    pub(super) fn make(folder: PathBuf) -> Result<Self, Failure> {
        let made = std::fs::create_dir_all(&folder);
        made.map_err(|error| Failure::failed(format!("{}: {error}", folder.display())))?;
        Ok(Self(folder))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let path = self.0.join(name);
        write_whole(&path, bytes)
            .map_err(|error| Failure::failed(format!("{}: {error}", path.display())))
    }

    pub(super) fn write_summary(&self, summary: &Value) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(summary).map_err(Failure::failed)?;
        self.write("summary.json", text.as_bytes())
    }

    /// Prints the result as was asked for, and where it is kept.
    pub(super) fn print(&self, summary: &Value, text: &str, format: Format) -> Result<(), Failure> {
        match format {
            Format::Json => document(summary)?,
            Format::Text => line(text)?,
        }
        note(&format!("kept in {}", self.0.display()));
        Ok(())
    }
}

/// The failure of a run that was stopped and cannot go on.
pub(super) fn stopped_early(is_whole: bool) -> Result<(), Failure> {
    match is_whole {
        true => Ok(()),
        false => Err(Failure::failed(
            "stopped before the end; the figures are of what was done",
        )),
    }
}
