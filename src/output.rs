//! Results on standard output, failures on standard error.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum;
use serde_json::Value;

use crate::terminal::{result_columns, wrapped};

/// How results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It was asked wrongly: exit code 2.
    Usage(String),
    /// It could not: exit code 1.
    Failed(String),
    /// Nobody reads the results any more: nothing to say.
    NobodyReads,
}

impl Failure {
    #[allow(clippy::needless_pass_by_value)] // so that it can be handed to map_err
    pub(crate) fn failed(error: impl ToString) -> Self {
        Self::Failed(error.to_string())
    }

    pub(crate) fn report(self) -> ExitCode {
        match self {
            Self::Usage(text) => {
                note(&format!("error: {text}"));
                ExitCode::from(2)
            }
            Self::Failed(text) => {
                note(&format!("error: {text}"));
                ExitCode::FAILURE
            }
            Self::NobodyReads => ExitCode::SUCCESS,
        }
    }
}

/// Tells the user something beside the results. Nobody need be listening:
/// `eprintln!` would panic where standard error is closed.
pub(crate) fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Writes lines of results for people: where they go to a terminal, broken to
/// its width.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    match result_columns() {
        Some(columns) => whole(format!("{}\n", wrapped(text, columns)).as_bytes()),
        None => whole(format!("{text}\n").as_bytes()),
    }
}

/// Writes results as they are.
pub(crate) fn whole(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Failure::NobodyReads),
        Err(error) => Err(Failure::Failed(format!(
            "cannot write the results: {error}"
        ))),
    }
}

/// Writes one JSON document on a line of its own.
pub(crate) fn document(value: &Value) -> Result<(), Failure> {
    whole(format!("{value}\n").as_bytes())
}

/// Milliseconds with the microseconds as decimals.
#[allow(clippy::cast_precision_loss)] // exact up to 285 years
pub(crate) fn ms(time: Duration) -> f64 {
    time.as_micros() as f64 / 1000.0
}

/// Milliseconds for a person; a dash for none.
pub(crate) fn ms_text(time: Option<Duration>) -> String {
    time.map_or_else(|| "-".to_owned(), |time| format!("{:.1} ms", ms(time)))
}
