//! Why tables could not be written.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use parquet::errors::ParquetError;

/// Why the tables could not be written: which file, why, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {cause}{}", path.display(), remedy(cause.as_ref()))]
pub struct TablesError {
    path: PathBuf,
    #[source]
    cause: Box<dyn Error + Send + Sync>,
}

impl TablesError {
    pub(super) fn new(path: &Path, error: ParquetError) -> Self {
        let path = path.to_owned();
        let cause = match error {
            // the operating system's own words
            ParquetError::External(cause) => cause,
            error => error.into(),
        };
        Self { path, cause }
    }

    /// The file, or the folder that could not be made.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// What to do about it, where that is known.
fn remedy(cause: &(dyn Error + 'static)) -> &'static str {
    let kind = cause.downcast_ref::<io::Error>().map(io::Error::kind);
    match kind {
        Some(
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge,
        ) => "; make room there, or name a folder on another disk",
        Some(io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem) => {
            "; name a folder that you may write to"
        }
        Some(io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory) => {
            "; name a folder: a file of this name is in the way"
        }
        _ => "",
    }
}
