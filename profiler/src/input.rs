//! What is profiled: files, and anything that can be read once.

use std::fmt;
use std::fs::File;
use std::io::{Read, stdin};
use std::path::{Path, PathBuf};

use crate::capture::{Capture, CaptureError, Refusal};

/// A capture to be profiled.
pub struct Input {
    name: String,
    from: From,
}

enum From {
    File(PathBuf),
    Reader(Box<dyn Read + Send>),
}

/// An input that was opened.
pub(crate) struct Opened {
    pub(crate) capture: Capture,
    /// Its length in bytes and where it is, if it is a file, which can be
    /// read again.
    pub(crate) file: Option<(u64, PathBuf)>,
}

impl Input {
    /// The file at `path`. A pipe or a device will do, but cannot be read twice.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self {
            name: path.display().to_string(),
            from: From::File(path),
        }
    }

    /// What comes out of `reader`, called `name` in the profile. It is read
    /// once, so the [node under test](crate::Options::nodes), if none is
    /// named, is chosen from its beginning.
    pub fn reader(name: impl Into<String>, reader: impl Read + Send + 'static) -> Self {
        Self {
            name: name.into(),
            from: From::Reader(Box::new(reader)),
        }
    }

    /// Standard input, called `-` in the profile.
    pub fn stdin() -> Self {
        Self::reader(STDIN, stdin())
    }

    /// As named on a command line: `-` is standard input, anything else a file.
    pub fn named(path: &Path) -> Self {
        match path.as_os_str() == STDIN {
            true => Self::stdin(),
            false => Self::file(path),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn open(self) -> Result<Opened, CaptureError> {
        let (reader, file) = match self.from {
            From::Reader(reader) => (reader, None),
            From::File(path) => {
                let opened = File::open(&path).and_then(|file| Ok((file.metadata()?, file)));
                let (metadata, file) =
                    opened.map_err(|cause| Refusal::Open(cause).of(self.name.clone()))?;
                let regular = metadata.is_file().then_some((metadata.len(), path));
                (Box::new(file) as Box<dyn Read + Send>, regular)
            }
        };
        match Capture::read(reader) {
            Ok(capture) => Ok(Opened { capture, file }),
            Err(refusal) => Err(refusal.of(self.name)),
        }
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Input").field(&self.name).finish()
    }
}

/// The path that stands for standard input.
const STDIN: &str = "-";
