//! Declared parameters of modules, and their values as people write them.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// One parameter that a module declares.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name, as in `--routing nr128:refresh=3s`.
    pub name: &'static str,
    /// Type and range.
    pub kind: Kind,
    /// Its value when none is given.
    pub default: Value,
    /// Its value when none is given to a node on the open Internet, where that
    /// is another: see [`Registry::live`](crate::Registry::live).
    pub live: Option<Value>,
    /// Its meaning, in one line.
    pub help: &'static str,
}

/// Type and range of a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A whole number of `unit`.
    Integer {
        /// Least value allowed.
        min: u32,
        /// Greatest value allowed.
        max: u32,
        /// What is counted; empty for a plain number.
        unit: &'static str,
    },
    /// A length of time.
    Duration {
        /// Least value allowed.
        min: Duration,
        /// Greatest value allowed.
        max: Duration,
    },
    /// One of these words.
    Choice(&'static [&'static str]),
}

/// The value of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value {
    /// Of [`Kind::Integer`].
    Integer(u32),
    /// Of [`Kind::Duration`].
    Duration(Duration),
    /// Of [`Kind::Choice`].
    Choice(&'static str),
}

/// Why a text is no value of a parameter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("parameter `{name}` cannot be `{given}`: it takes {accepted}")]
pub struct ParameterError {
    /// The parameter.
    pub name: &'static str,
    /// What was given.
    pub given: String,
    /// What would do.
    pub accepted: String,
}

impl Parameter {
    /// A whole-number parameter.
    pub const fn integer(
        name: &'static str,
        default: u32,
        (min, max): (u32, u32),
        unit: &'static str,
        help: &'static str,
    ) -> Self {
        Self {
            name,
            kind: Kind::Integer { min, max, unit },
            default: Value::Integer(default),
            live: None,
            help,
        }
    }

    /// A length of time, bounds and default in milliseconds.
    pub const fn duration(
        name: &'static str,
        default_ms: u64,
        (min_ms, max_ms): (u64, u64),
        help: &'static str,
    ) -> Self {
        let (min, max) = (Duration::from_millis(min_ms), Duration::from_millis(max_ms));
        let default = Value::Duration(Duration::from_millis(default_ms));
        Self {
            name,
            kind: Kind::Duration { min, max },
            default,
            live: None,
            help,
        }
    }

    /// One word out of `choices`; the first is the default.
    pub const fn choice(
        name: &'static str,
        choices: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self {
            name,
            kind: Kind::Choice(choices),
            default: Value::Choice(choices[0]),
            live: None,
            help,
        }
    }

    /// With another default on the open Internet.
    #[must_use]
    pub const fn live(mut self, value: Value) -> Self {
        self.live = Some(value);
        self
    }

    /// Reads a value of this parameter.
    ///
    /// # Errors
    /// The text is of another type or out of range; the error says what is accepted.
    pub fn parse(&self, text: &str) -> Result<Value, ParameterError> {
        let value = match &self.kind {
            Kind::Integer { min, max, .. } => {
                let number = text.parse().ok().filter(|n| (min..=max).contains(&n));
                number.map(Value::Integer)
            }
            Kind::Duration { min, max } => {
                let time = parse_duration(text).filter(|t| (min..=max).contains(&t));
                time.map(Value::Duration)
            }
            Kind::Choice(choices) => choices
                .iter()
                .find(|choice| **choice == text)
                .map(|choice| Value::Choice(choice)),
        };
        value.ok_or_else(|| ParameterError {
            name: self.name,
            given: text.to_owned(),
            accepted: self.kind.to_string(),
        })
    }
}

impl Kind {
    /// The type's name: `integer`, `duration` or `choice`.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Integer { .. } => "integer",
            Self::Duration { .. } => "duration",
            Self::Choice(_) => "choice",
        }
    }

    /// The unit that bounds and default are in; empty where there is none.
    pub const fn unit(&self) -> &'static str {
        match self {
            Self::Integer { unit, .. } => unit,
            Self::Duration { .. } => "s",
            Self::Choice(_) => "",
        }
    }
}

/// What is accepted, for a person.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer { min, max, .. } => write!(f, "a whole number from {min} to {max}"),
            Self::Duration { min, max } => {
                let (min, max) = (Value::Duration(*min), Value::Duration(*max));
                write!(f, "a time from {min} to {max}, such as 500ms, 3s or 15m")
            }
            Self::Choice(choices) => write!(f, "one of {}", choices.join(", ")),
        }
    }
}

/// As a person would write it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(n) => write!(f, "{n}"),
            Self::Choice(word) => write!(f, "{word}"),
            Self::Duration(time) => {
                let ms = time.as_millis();
                match ms {
                    0 => write!(f, "0s"),
                    _ if ms.is_multiple_of(3_600_000) => write!(f, "{}h", ms / 3_600_000),
                    _ if ms.is_multiple_of(60_000) => write!(f, "{}m", ms / 60_000),
                    _ if ms.is_multiple_of(1000) => write!(f, "{}s", ms / 1000),
                    _ => write!(f, "{ms}ms"),
                }
            }
        }
    }
}

/// A whole number with a unit: `500ms`, `3s`, `15m`, `2h`.
fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    let ms = number.parse::<u64>().ok()?.checked_mul(unit_ms)?;
    Some(Duration::from_millis(ms))
}

/// A value for each parameter that a module declares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters(BTreeMap<&'static str, Value>);

impl Parameters {
    /// Every parameter at its default.
    pub fn defaults(declared: &[Parameter]) -> Self {
        Self(declared.iter().map(|p| (p.name, p.default)).collect())
    }

    /// Gives a parameter another value.
    pub fn set(&mut self, name: &'static str, value: Value) {
        self.0.insert(name, value);
    }

    /// A whole-number parameter.
    ///
    /// # Panics
    /// The module did not declare it so: a bug in the module.
    pub fn integer(&self, name: &str) -> usize {
        match self.0.get(name) {
            Some(Value::Integer(n)) => *n as usize,
            other => panic!("`{name}` is not declared as an integer: {other:?}"),
        }
    }

    /// A length of time.
    ///
    /// # Panics
    /// The module did not declare it so: a bug in the module.
    pub fn duration(&self, name: &str) -> Duration {
        match self.0.get(name) {
            Some(Value::Duration(time)) => *time,
            other => panic!("`{name}` is not declared as a duration: {other:?}"),
        }
    }

    /// A word.
    ///
    /// # Panics
    /// The module did not declare it so: a bug in the module.
    pub fn choice(&self, name: &str) -> &'static str {
        match self.0.get(name) {
            Some(Value::Choice(word)) => word,
            other => panic!("`{name}` is not declared as a choice: {other:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_within_their_range() {
        let number = Parameter::integer("k", 8, (1, 64), "contacts", "");
        assert_eq!(number.parse("64"), Ok(Value::Integer(64)));
        for bad in ["0", "65", "-1", "x", "", "8.0"] {
            assert!(number.parse(bad).is_err(), "{bad}");
        }
        let time = Parameter::duration("refresh", 6000, (100, 3_600_000), "");
        for (text, ms) in [
            ("100ms", 100),
            ("3s", 3000),
            ("15m", 900_000),
            ("1h", 3_600_000),
        ] {
            assert_eq!(
                time.parse(text),
                Ok(Value::Duration(Duration::from_millis(ms)))
            );
        }
        for bad in [
            "3",
            "99ms",
            "2h",
            "s",
            "3 s",
            "99999999999999999999h",
            "-1s",
        ] {
            assert!(time.parse(bad).is_err(), "{bad}");
        }
        let word = Parameter::choice("good", &["thesis", "bep5"], "");
        assert_eq!(word.default, Value::Choice("thesis"));
        assert_eq!(word.parse("bep5"), Ok(Value::Choice("bep5")));
    }

    #[test]
    fn an_error_names_parameter_and_range() {
        let time = Parameter::duration("refresh", 6000, (1000, 3_600_000), "");
        assert_eq!(
            time.parse("0s").unwrap_err().to_string(),
            "parameter `refresh` cannot be `0s`: it takes a time from 1s to 1h, such as 500ms, 3s or 15m"
        );
    }
}
