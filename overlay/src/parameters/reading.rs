//! Parameters from TOML: the section `[overlay]` of a script.

use std::ops::Range;

use serde::Deserialize as _;
use serde::de::IntoDeserializer as _;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::catalogue;
use super::suggestion::suggestion;
use super::{ParameterError, Parameters};

impl Parameters {
    /// Name of the section.
    pub const SECTION: &str = "overlay";

    /// Reads and checks the section `[overlay]` of a script. What is left out
    /// has its default; other sections are not looked at.
    ///
    /// # Errors
    ///
    /// The text is not TOML, there is no such section, a key is unknown, a
    /// value is of another type, or [`check`](Self::check) refuses it.
    pub fn from_toml(text: &str) -> Result<Self, ParameterError> {
        let document = DeTable::parse(text).map_err(|error| not_toml(&error, text))?;
        let Some((_, section)) = document
            .get_ref()
            .iter()
            .find(|(key, _)| key.get_ref() == Self::SECTION)
        else {
            let error = ParameterError::new(Self::SECTION, "there is no such section");
            return Err(error.allowed("a section [overlay], which may be empty"));
        };
        let places = Places::of(section);
        let parameters = Self::deserialize(section.clone().into_deserializer())
            .map_err(|error| refused(&error, &places, text))?;
        parameters.check().map_err(|error| {
            let span = places.span(&error.key);
            let line = span.map(|span| line_of(text, span.start));
            ParameterError { line, ..error }
        })?;
        Ok(parameters)
    }

    /// Reads and checks a section that is at hand as a table, without the
    /// lines.
    ///
    /// # Errors
    ///
    /// As [`from_toml`](Self::from_toml).
    pub fn from_section(section: &toml::Table) -> Result<Self, ParameterError> {
        let section = toml::Value::Table(section.clone());
        let document = toml::Table::from_iter([(Self::SECTION.to_owned(), section)]);
        // one reader for both, so that both say the same
        Self::from_toml(&document.to_string()).map_err(|error| ParameterError {
            line: None,
            ..error
        })
    }
}

/// Where the keys of a section and their values stand in the text.
struct Places(Vec<(String, Range<usize>)>);

impl Places {
    fn of(section: &Spanned<DeValue<'_>>) -> Self {
        let mut places = Self(Vec::new());
        places.add(Parameters::SECTION, section);
        places
    }

    fn add(&mut self, path: &str, value: &Spanned<DeValue<'_>>) {
        self.0.push((path.to_owned(), value.span()));
        match value.get_ref() {
            DeValue::Table(table) => {
                for (key, value) in table {
                    let path = format!("{path}.{}", key.get_ref());
                    self.0.push((path.clone(), key.span()));
                    self.add(&path, value);
                }
            }
            DeValue::Array(values) => {
                for (place, value) in values.iter().enumerate() {
                    self.add(&format!("{path}[{place}]"), value);
                }
            }
            _ => {}
        }
    }

    /// Where a key stands, or else the nearest table or list around it.
    fn span(&self, key: &str) -> Option<Range<usize>> {
        let around = |path: &str| {
            let rest = key.strip_prefix(path);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        let found = self.0.iter().filter(|(path, _)| around(path));
        let found = found.max_by_key(|(path, _)| path.len());
        found.map(|(_, span)| span.clone())
    }

    /// The innermost key at a place.
    fn key(&self, at: &Range<usize>) -> Option<&str> {
        let within = |span: &Range<usize>| span.start <= at.start && at.end <= span.end;
        let found = self.0.iter().filter(|(_, span)| within(span));
        let found = found.min_by_key(|(path, span)| (span.len(), std::cmp::Reverse(path.len())));
        found.map(|(path, _)| path.as_str())
    }
}

fn not_toml(error: &toml::de::Error, text: &str) -> ParameterError {
    let reason = format!("this is not TOML: {}", one_line(error.message()));
    let line = error.span().map(|span| line_of(text, span.start));
    ParameterError {
        line,
        ..ParameterError::new(Parameters::SECTION, reason)
    }
}

/// What the reader could not take.
fn refused(error: &toml::de::Error, places: &Places, text: &str) -> ParameterError {
    let span = error.span();
    let key = span.as_ref().and_then(|span| places.key(span));
    let key = key.unwrap_or(Parameters::SECTION);
    let message = one_line(error.message());
    let mut refused = ParameterError::new(key, &message);
    if let Some((unknown, near)) = suggestion(&message) {
        refused.reason = match near {
            Some(near) => format!("there is no `{unknown}`; did you mean `{near}`?"),
            None => message,
        };
    } else if let Some(entry) = catalogue::entry(key) {
        refused = refused.allowed(entry.allowed.to_string());
    }
    refused.line = span.map(|span| line_of(text, span.start));
    refused
}

fn one_line(message: &str) -> String {
    message.lines().collect::<Vec<_>>().join("; ")
}

fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().iter().take(at);
    before.filter(|byte| **byte == b'\n').count() + 1
}
