//! `mdht profile --parquet`: rows for other tools to go on from.

use std::path::Path;

use mdht_profiler::Profiler;

use crate::output::Failure;

#[cfg(feature = "parquet")]
pub(crate) use with::Export;
#[cfg(not(feature = "parquet"))]
pub(crate) use without::Export;

#[cfg(feature = "parquet")]
mod with {
    use mdht_profiler::parquet::{Tables, TablesError};

    use super::{Failure, Path, Profiler};
    use crate::output::note;

    /// Tables in the making, if any were asked for. That they cannot be
    /// written does not keep the profile from being printed.
    pub(crate) struct Export(Option<Result<Tables, TablesError>>);

    impl Export {
        /// Begins the tables in `dir`. The result is there for the build that
        /// has none.
        #[allow(clippy::unnecessary_wraps)]
        pub(crate) fn begin(dir: Option<&Path>) -> Result<Self, Failure> {
            Ok(Self(dir.map(Tables::create)))
        }

        /// Has `profiler` fill the tables.
        pub(crate) fn filled_by(&self, profiler: Profiler) -> Profiler {
            match &self.0 {
                Some(Ok(tables)) => profiler.with_measurement(tables.measurement()),
                _ => profiler,
            }
        }

        /// Completes the tables, or tells why there are none.
        pub(crate) fn finish(self) -> Result<(), Failure> {
            let Some(tables) = self.0 else { return Ok(()) };
            let paths = tables.and_then(Tables::finish).map_err(Failure::failed)?;
            for path in paths {
                note(&format!("rows written to {}", path.display()));
            }
            Ok(())
        }
    }
}

#[cfg(not(feature = "parquet"))]
mod without {
    use super::{Failure, Path, Profiler};

    /// Stands in for what this build does not have.
    pub(crate) struct Export;

    impl Export {
        /// Says how to get it, if it is asked for.
        pub(crate) fn begin(dir: Option<&Path>) -> Result<Self, Failure> {
            match dir {
                Some(_) => Err(Failure::Failed(
                    "this mdht was built without Parquet; for --parquet build it with \
                     `cargo install --path . --features parquet`"
                        .to_owned(),
                )),
                None => Ok(Self),
            }
        }

        pub(crate) fn filled_by(&self, profiler: Profiler) -> Profiler {
            profiler
        }

        pub(crate) fn finish(self) -> Result<(), Failure> {
            Ok(())
        }
    }
}
