//! What is wrong with a script.

use std::fmt::{self, Display, Formatter};
use std::path::Path;

use mdht_overlay::parameters::ParameterError;

/// A script that cannot be run. Its text is one line:
/// ``mine.toml: line 12: schedule.interval_s = 0: it is too small; allowed: a number from 0.001 to 86400``.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptError {
    /// The script, if it was read from a file.
    pub file: Option<Box<Path>>,
    /// Line of the text, from 1, if the key stands in it.
    pub line: Option<usize>,
    /// Path of the key, such as `variant[2].routing`; empty if it is about the
    /// whole script.
    pub key: String,
    /// What was given, as it stands in the text; `None` if nothing was.
    pub value: Option<Box<str>>,
    /// Why it is refused.
    pub reason: String,
    /// What would be accepted, where that can be said in a few words.
    pub allowed: Option<String>,
}

impl ScriptError {
    pub(crate) fn new(key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            file: None,
            line: None,
            key: key.into(),
            value: None,
            reason: reason.into(),
            allowed: None,
        }
    }

    pub(crate) fn allowed(mut self, allowed: impl Into<String>) -> Self {
        self.allowed = Some(allowed.into());
        self
    }

    /// The same, about a file.
    #[must_use]
    pub fn of(mut self, file: &Path) -> Self {
        self.file = Some(file.into());
        self
    }
}

impl From<ParameterError> for ScriptError {
    fn from(error: ParameterError) -> Self {
        Self {
            file: None,
            line: error.line,
            key: error.key,
            value: error.value.map(Into::into),
            reason: error.reason,
            allowed: error.allowed,
        }
    }
}

impl Display for ScriptError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}: ", file.display())?;
        }
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        match (self.key.as_str(), &self.value) {
            ("", _) => {}
            (key, Some(value)) => write!(f, "{key} = {value}: ")?,
            (key, None) => write!(f, "{key}: ")?,
        }
        f.write_str(&self.reason)?;
        match &self.allowed {
            Some(allowed) => write!(f, "; allowed: {allowed}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ScriptError {}
