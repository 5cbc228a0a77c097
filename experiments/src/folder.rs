//! The folder of an experiment: the script that was run, and the captures.
//!
//! ```text
//! DIR/script.toml               written first: what the rest belongs to
//! DIR/captures/LABEL.pcap.zst   of a run that was finished
//! DIR/captures/LABEL.node       live: the node's address in its capture
//! DIR/captures/LABEL.part       of one that goes on, or was killed
//! ```

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use mdht_plugins::Registry;

use crate::experiment::Error;
use crate::script::{Keep, Script};

/// The folder of an experiment.
pub(crate) struct Folder {
    captures: PathBuf,
    suffix: &'static str,
}

/// What names of captures end with, and of those not finished.
const SUFFIXES: [&str; 4] = [".pcap", ".pcap.zst", NODE, PART];
const NODE: &str = ".node";
const PART: &str = ".part";

impl Folder {
    /// Makes the folder ready: a new one, or one whose captures of the same
    /// script are used again if `resume`. Captures of an earlier experiment
    /// are removed otherwise, and those of a killed run always.
    pub(crate) fn open(
        dir: &Path,
        script: &Script,
        registry: &Registry,
        resume: bool,
    ) -> Result<Self, Error> {
        let folder = Self {
            captures: dir.join("captures"),
            suffix: match script.captures {
                Keep::Pcap => ".pcap",
                Keep::None | Keep::Zst => ".pcap.zst",
            },
        };
        fs::create_dir_all(&folder.captures).map_err(at(&folder.captures))?;
        let written = dir.join("script.toml");
        if folder.files()?.next().is_some() && !written.exists() {
            return Err(Error::NotOurs {
                path: folder.captures,
            });
        }
        if resume && written.exists() {
            let earlier = Script::read(&written, registry);
            if !earlier.is_ok_and(|earlier| earlier.runs_as(script)) {
                return Err(Error::OtherScript { path: written });
            }
            folder.remove(&[PART])?;
        } else {
            folder.remove(&SUFFIXES)?;
            write_whole(&written, script.text.as_bytes()).map_err(at(&written))?;
        }
        Ok(folder)
    }

    /// The capture of a run that was finished before, compressed or not.
    pub(crate) fn finished(&self, label: &str) -> Option<PathBuf> {
        let names = [".pcap.zst", ".pcap"].map(|suffix| format!("{label}{suffix}"));
        let mut paths = names.iter().map(|name| self.captures.join(name));
        paths.find(|path| path.exists())
    }

    /// Where the capture of a run goes once it is finished.
    pub(crate) fn capture(&self, label: &str) -> PathBuf {
        self.captures.join(format!("{label}{}", self.suffix))
    }

    /// Where the capture goes if it is not compressed.
    pub(crate) fn plain(&self, label: &str) -> PathBuf {
        self.captures.join(format!("{label}.pcap"))
    }

    /// Where the address of the node in a capture is written, if only the run
    /// knew it.
    pub(crate) fn node(&self, label: &str) -> PathBuf {
        self.captures.join(format!("{label}{NODE}"))
    }

    /// The capture of a run that goes on.
    pub(crate) fn part(&self, label: &str) -> PathBuf {
        self.captures.join(format!("{label}{PART}"))
    }

    /// Removes all captures, and their folder if nothing else is in it.
    pub(crate) fn forget(&self) -> Result<(), Error> {
        self.remove(&SUFFIXES)?;
        if self.files()?.next().is_none() {
            fs::remove_dir(&self.captures).map_err(at(&self.captures))?;
        }
        Ok(())
    }

    fn remove(&self, suffixes: &[&str]) -> Result<(), Error> {
        for path in self.files()? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if suffixes.iter().any(|suffix| name.ends_with(suffix)) {
                fs::remove_file(&path).map_err(at(&path))?;
            }
        }
        Ok(())
    }

    fn files(&self) -> Result<impl Iterator<Item = PathBuf> + use<>, Error> {
        let entries = fs::read_dir(&self.captures).map_err(at(&self.captures))?;
        Ok(entries.filter_map(|entry| Some(entry.ok()?.path())))
    }
}

/// Writes a file in the place of another of its name, whole or not at all.
///
/// # Errors
/// It cannot be written.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut part = path.as_os_str().to_owned();
    part.push(PART);
    let written = fs::write(&part, bytes).and_then(|()| fs::rename(&part, path));
    if written.is_err() {
        // it may not even be there
        let _ = fs::remove_file(&part);
    }
    written
}

/// Says which file it was.
pub(crate) fn at(path: &Path) -> impl Fn(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::File {
        path: path.clone(),
        source,
    }
}
