//! What is wrong with parameters.

use std::fmt::{self, Display, Formatter};

/// A parameter that a world cannot be made from. Its text is one line:
/// ``line 12: overlay.links.loss = 1.5: it is too large; allowed: a number from 0 to 1``.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterError {
    /// Path of the key, such as `overlay.connectivity[3].share`.
    pub key: String,
    /// What was given, as TOML would write it; `None` if nothing was.
    pub value: Option<String>,
    /// Why it is refused.
    pub reason: String,
    /// What would be accepted, where that can be said in a few words.
    pub allowed: Option<String>,
    /// Line of the text, from 1, if the parameters were read from one and the
    /// key stands in it.
    pub line: Option<usize>,
}

impl ParameterError {
    pub(super) fn new(key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            value: None,
            reason: reason.into(),
            allowed: None,
            line: None,
        }
    }

    pub(super) fn value(mut self, value: &impl Display) -> Self {
        self.value = Some(value.to_string());
        self
    }

    pub(super) fn allowed(mut self, allowed: impl Into<String>) -> Self {
        self.allowed = Some(allowed.into());
        self
    }
}

impl Display for ParameterError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        f.write_str(&self.key)?;
        if let Some(value) = &self.value {
            write!(f, " = {value}")?;
        }
        write!(f, ": {}", self.reason)?;
        match &self.allowed {
            Some(allowed) => write!(f, "; allowed: {allowed}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ParameterError {}
