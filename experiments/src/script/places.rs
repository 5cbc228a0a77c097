//! Where keys and values stand in the text of a script.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::ScriptError;

/// Longest value that an error repeats, in bytes.
const LONGEST_VALUE: usize = 60;

/// Where each key of a text, such as `matrix.sweep[0].values`, and its value
/// stand.
pub(crate) struct Places<'t> {
    text: &'t str,
    places: Vec<Place>,
}

struct Place {
    path: String,
    /// Of the key where there is one, else of the value.
    start: usize,
    value: Range<usize>,
}

impl<'t> Places<'t> {
    /// # Errors
    /// The text is not TOML.
    pub(super) fn of(text: &'t str) -> Result<Self, ScriptError> {
        let document = DeTable::parse(text).map_err(|error| {
            let reason = format!("this is not TOML: {}", one_line(error.message()));
            let line = error.span().map(|span| line_of(text, span.start));
            ScriptError {
                line,
                ..ScriptError::new("", reason)
            }
        })?;
        let mut places = Self {
            text,
            places: Vec::new(),
        };
        places.add_table("", document.get_ref());
        Ok(places)
    }

    fn add_table(&mut self, path: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let dot = if path.is_empty() { "" } else { "." };
            let path = format!("{path}{dot}{}", key.get_ref());
            self.add(path, key.span().start, value);
        }
    }

    fn add(&mut self, path: String, start: usize, value: &Spanned<DeValue<'_>>) {
        match value.get_ref() {
            DeValue::Table(table) => self.add_table(&path, table),
            DeValue::Array(values) => {
                for (place, value) in values.iter().enumerate() {
                    self.add(format!("{path}[{place}]"), value.span().start, value);
                }
            }
            _ => {}
        }
        let value = value.span();
        self.places.push(Place { path, start, value });
    }

    /// Whether this key stands in the text.
    pub(super) fn has(&self, key: &str) -> bool {
        self.places.iter().any(|place| place.path == key)
    }

    /// The error with its line, that of the nearest table around if the key
    /// does not stand in the text, and its value.
    pub(crate) fn locate(&self, error: ScriptError) -> ScriptError {
        let around = |place: &&Place| {
            let rest = error.key.strip_prefix(&place.path);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        let found = self.places.iter().filter(around);
        let Some(place) = found.max_by_key(|place| place.path.len()) else {
            return error;
        };
        let is_it = place.path == error.key;
        let value = self.text.get(place.value.clone()).filter(|_| is_it);
        let value = value.filter(|value| value.len() <= LONGEST_VALUE && !value.contains('\n'));
        // a table's span is its header or its key: no value to show
        let value = value.filter(|value| !error.key.ends_with(value));
        let value = value.filter(|value| {
            !value.starts_with('[') || value.ends_with(']') && !value.starts_with("[[")
        });
        ScriptError {
            line: error.line.or_else(|| Some(line_of(self.text, place.start))),
            value: error.value.clone().or_else(|| value.map(Into::into)),
            ..error
        }
    }

    /// The text with another seed at its top.
    pub(super) fn with_seed(&self, seed: u64) -> String {
        let mut text = self.text.to_owned();
        match self.places.iter().find(|place| place.path == "seed") {
            Some(place) => text.replace_range(place.value.clone(), &seed.to_string()),
            // a key before all tables belongs to none of them
            None => text.insert_str(0, &format!("seed = {seed}\n")),
        }
        text
    }

    /// What the reader of the shapes refused.
    pub(super) fn refused(&self, error: &toml::de::Error) -> ScriptError {
        let span = error.span();
        let key = span.as_ref().and_then(|span| self.innermost(span));
        let message = one_line(error.message());
        let line = span.as_ref().map(|span| line_of(self.text, span.start));
        ScriptError {
            line,
            ..ScriptError::new(key.unwrap_or_default(), message)
        }
    }

    /// The innermost key at a place of the text.
    fn innermost(&self, at: &Range<usize>) -> Option<&str> {
        let within = |place: &&Place| place.start <= at.start && at.end <= place.value.end;
        let found = self.places.iter().filter(within);
        let found = found.min_by_key(|place| place.value.end - place.start);
        found.map(|place| place.path.as_str())
    }
}

fn one_line(message: &str) -> String {
    message.lines().collect::<Vec<_>>().join("; ")
}

fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().iter().take(at);
    before.filter(|byte| **byte == b'\n').count() + 1
}
