//! The results of a survey on disk, one JSON document a line, to be gone on
//! with.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use mdht_connectivity::{Letter, Pattern};
use mdht_krpc::Id;
use serde_json::Value;

use crate::output::Failure;

/// The file that a survey writes to.
pub(super) struct Records {
    path: PathBuf,
    out: BufWriter<File>,
}

/// What a line of the file says that matters for going on.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Record {
    pub(super) ip: IpAddr,
    pub(super) id: Option<Id>,
    pub(super) pattern: Pattern,
    pub(super) survival: Vec<(Duration, Letter)>,
}

impl Records {
    /// Name of the file in the folder of results.
    const NAME: &str = "nodes.jsonl";

    /// Begins a file, or goes on with one: then `each` is told every record in
    /// it. A last line that was cut is taken away.
    pub(super) fn open(
        dir: &Path,
        resume: bool,
        mut each: impl FnMut(Record),
    ) -> Result<Self, Failure> {
        let path = dir.join(Self::NAME);
        let fault = |error: std::io::Error| {
            Failure::Failed(format!("cannot write {}: {error}", path.display()))
        };
        std::fs::create_dir_all(dir).map_err(fault)?;
        if !resume && path.exists() {
            return Err(Failure::Usage(format!(
                "{} is there already: go on with --resume, or name another folder with --out",
                path.display()
            )));
        }
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(&path)
            .map_err(fault)?;
        let whole = read_whole_lines(&path, &file, &mut each)?;
        file.set_len(whole).map_err(fault)?;
        file.seek(SeekFrom::End(0)).map_err(fault)?;
        Ok(Self {
            out: BufWriter::new(file),
            path,
        })
    }

    /// Adds a node.
    pub(super) fn add(&mut self, document: &Value) -> Result<(), Failure> {
        let written = writeln!(self.out, "{document}");
        written.map_err(|error| self.fault(&error))
    }

    /// Writes what is held back.
    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        let flushed = self.out.flush();
        flushed.map_err(|error| self.fault(&error))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn fault(&self, error: &std::io::Error) -> Failure {
        Failure::Failed(format!("cannot write {}: {error}", self.path.display()))
    }
}

/// Reads all lines that end; their length in bytes.
fn read_whole_lines(
    path: &Path,
    file: &File,
    each: &mut impl FnMut(Record),
) -> Result<u64, Failure> {
    /// No line of ours is longer.
    const LONGEST_LINE: u64 = 64 << 10;
    let mut reader = BufReader::new(file);
    let (mut whole, mut number, mut line) = (0, 0_u64, String::new());
    loop {
        line.clear();
        number += 1;
        let wrong = |what: &str| {
            Failure::Failed(format!(
                "{} line {number}: {what}; take the line away, or begin anew in another folder",
                path.display()
            ))
        };
        let read = reader.by_ref().take(LONGEST_LINE).read_line(&mut line);
        let read = read.map_err(|error| wrong(&error.to_string()))?;
        if !line.ends_with('\n') {
            let cut = read > 0 && read as u64 == LONGEST_LINE;
            return if cut {
                Err(wrong("it is longer than any we write"))
            } else {
                Ok(whole)
            };
        }
        each(record(&line).ok_or_else(|| wrong("it is no record of a checked node"))?);
        whole += read as u64;
    }
}

fn record(line: &str) -> Option<Record> {
    let document: Value = serde_json::from_str(line).ok()?;
    let node: SocketAddr = document["node"].as_str()?.parse().ok()?;
    let id = match &document["id"] {
        Value::Null => None,
        id => Some(id.as_str()?.parse().ok()?),
    };
    let ages = document["survival"].as_array()?.iter();
    let survival = ages.map(|point| {
        let age = Duration::try_from_secs_f64(point["age_s"].as_f64()?).ok()?;
        let letter = match point["reachable"].as_bool() {
            Some(true) => Letter::Reachable,
            Some(false) => Letter::Unreachable,
            None => Letter::Unknown,
        };
        Some((age, letter))
    });
    Some(Record {
        ip: node.ip(),
        id,
        pattern: document["pattern"].as_str()?.parse().ok()?,
        survival: survival.collect::<Option<_>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_back_a_cut_one_is_dropped_and_a_wrong_one_named() {
        let dir = std::env::temp_dir().join(format!("mdht-records-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        let line = r#"{"node":"8.8.8.8:7","id":null,"pattern":"RUU-UUU","survival":[]}"#;
        let mut records = Records::open(&dir, false, |_| panic!("empty")).unwrap();
        records.add(&serde_json::from_str(line).unwrap()).unwrap();
        records.flush().unwrap();
        let path = records.path().to_owned();
        assert!(matches!(
            Records::open(&dir, false, |_| {}),
            Err(Failure::Usage(_))
        ));
        std::fs::write(&path, format!("{line}\n{line}\n{{\"node\"")).unwrap();
        let mut read = Vec::new();
        drop(Records::open(&dir, true, |record| read.push(record)).unwrap());
        assert_eq!(read.len(), 2);
        assert_eq!(read[0].pattern.to_string(), "RUU-UUU");
        let length = std::fs::metadata(&path).unwrap().len();
        assert_eq!(length, 2 * (line.len() as u64 + 1), "the cut line is gone");
        std::fs::write(&path, format!("{line}\nnonsense\n")).unwrap();
        let Err(Failure::Failed(text)) = Records::open(&dir, true, |_| {}) else {
            panic!("read")
        };
        assert!(text.contains("line 2"), "{text}");
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
