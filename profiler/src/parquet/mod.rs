//! Messages, exchanges and lookups as Parquet files, for DuckDB, Polars,
//! DataFusion or Spark to go on from.
//!
//! Three files in one folder hold the rows of all nodes under test:
//! `messages.parquet`, `exchanges.parquet` and `lookups.parquet`. What each
//! column means is told in `docs/parquet.md`. They are written while the
//! captures are read, a row group at a time, so that memory does not grow with
//! them (65 MB in all), and under temporary names until they are complete. The
//! same captures and options give the same bytes.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = std::env::temp_dir().join(format!("mdht-tables-{}", std::process::id()));
//! # std::fs::create_dir_all(&dir)?;
//! # let capture = dir.join("run.pcap");
//! # std::fs::write(&capture, [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0,
//! #     0, 0, 4, 0, 101, 0, 0, 0])?;
//! use mdht_profiler::{Options, Profiler, parquet::Tables};
//!
//! let tables = Tables::create(&dir.join("tables"))?;
//! let profiler = Profiler::new(Options::default()).with_measurement(tables.measurement());
//! let profile = profiler.run(&[&capture], &mut |_| {})?;
//! let [messages, exchanges, lookups] = tables.finish()?;
//! assert!(messages.ends_with("tables/messages.parquet"));
//! # std::fs::remove_dir_all(&dir)?;
//! # Ok(())
//! # }
//! ```

mod column;
mod error;
mod feed;
mod file;
mod said;
mod schema;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::Options;
use crate::measurement::Measurement;

use column::Cell;
use feed::Feed;
use file::TableFile;

pub use error::TablesError;

/// The tables of one run, in the making. Dropped without
/// [`finish`](Self::finish), they leave nothing.
pub struct Tables(Arc<Mutex<State>>);

/// Once writing has failed, or the tables are finished, rows are dropped.
enum State {
    Writing(Box<Files>),
    Failed(TablesError),
    Finished,
}

struct Files {
    messages: TableFile,
    exchanges: TableFile,
    lookups: TableFile,
}

impl Tables {
    /// Begins the files in `dir`, which is made if it is not there.
    ///
    /// # Errors
    /// `dir` cannot be made, or not be written to.
    pub fn create(dir: &Path) -> Result<Self, TablesError> {
        fs::create_dir_all(dir).map_err(|error| TablesError::new(dir, error.into()))?;
        let files = Files {
            messages: TableFile::create(dir, &schema::MESSAGES)?,
            exchanges: TableFile::create(dir, &schema::EXCHANGES)?,
            lookups: TableFile::create(dir, &schema::LOOKUPS)?,
        };
        Ok(Self(Arc::new(Mutex::new(State::Writing(Box::new(files))))))
    }

    /// Makes what fills the tables, for
    /// [`Profiler::with_measurement`](crate::Profiler::with_measurement). It
    /// has no part in the profile itself.
    pub fn measurement(&self) -> impl Fn(&Options) -> Box<dyn Measurement> + Send + Sync + use<> {
        let state = Arc::clone(&self.0);
        move |_| Box::new(Feed::new(Sheet(Some(Arc::clone(&state)))))
    }

    /// Completes the files, once the profiler has run, and gives them their
    /// names: those of messages, exchanges and lookups are returned. Files of
    /// an earlier run are replaced.
    ///
    /// # Errors
    /// A file could not be written, now or earlier. Nothing half written is
    /// left; reading and the profile are not disturbed by it.
    pub fn finish(self) -> Result<[PathBuf; 3], TablesError> {
        match std::mem::replace(&mut *lock(&self.0), State::Finished) {
            State::Writing(files) => files.finish(),
            State::Failed(error) => Err(error),
            State::Finished => unreachable!("finishing consumes the tables"),
        }
    }
}

impl Files {
    /// No file gets its name before all are complete.
    fn finish(mut self) -> Result<[PathBuf; 3], TablesError> {
        self.messages.complete()?;
        self.exchanges.complete()?;
        self.lookups.complete()?;
        Ok([
            self.messages.publish()?,
            self.exchanges.publish()?,
            self.lookups.publish()?,
        ])
    }
}

/// Where one measurement writes to; a copy of a measurement writes nowhere.
struct Sheet(Option<Arc<Mutex<State>>>);

impl Sheet {
    fn push<const N: usize>(
        &self,
        table: impl FnOnce(&mut Files) -> &mut TableFile,
        row: [Cell<'_>; N],
    ) {
        let Some(state) = &self.0 else { return };
        let mut state = lock(state);
        if let State::Writing(files) = &mut *state
            && let Err(error) = table(files).push(row)
        {
            *state = State::Failed(error);
        }
    }
}

/// A thread that panicked half way through a row ends the profile anyway.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
