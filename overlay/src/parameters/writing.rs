//! Parameters as TOML with comments.

use toml::{Table, Value};

use super::Parameters;
use super::catalogue::{ENTRIES, Entry};

/// No comment is wider.
const WIDTH: usize = 100;

impl Parameters {
    /// The section as TOML, every value with a comment that says what it means,
    /// its source and its bounds. [`from_toml`](Self::from_toml) reads the same
    /// parameters from it.
    pub fn to_toml(&self) -> String {
        // only a seed beyond what TOML can write fails, and `check` refuses it
        let section = Table::try_from(self).unwrap_or_default();
        let mut out = format!("[{}]\n", Self::SECTION);
        for entry in ENTRIES {
            write_entry(&section, entry, &mut out);
        }
        out
    }
}

fn write_entry(section: &Table, entry: &Entry, out: &mut String) {
    let (table, key) = match entry.key.split_once('.') {
        Some((table, key)) => (section.get(table).and_then(Value::as_table), key),
        None => (Some(section), entry.key),
    };
    let Some(value) = table.and_then(|table| table.get(key)) else {
        return;
    };
    if let Value::Table(_) = value {
        out.push_str(&format!("\n[{}.{key}]\n", Parameters::SECTION));
        return write_comment(entry.help, out);
    }
    if entry.help.is_empty() {
        write_comment(&format!("{}.", entry.allowed), out);
    } else {
        write_comment(&format!("{} Allowed: {}.", entry.help, entry.allowed), out);
    }
    out.push_str(&format!("{key} = {}\n", written(value)));
}

/// A list of lists or tables with a line for each.
fn written(value: &Value) -> String {
    let Value::Array(values) = value else {
        return value.to_string();
    };
    let nested = |value: &Value| value.is_array() || value.is_table();
    if !values.iter().any(nested) {
        return value.to_string();
    }
    let lines = values.iter().map(|value| format!("  {value},\n"));
    format!("[\n{}]", lines.collect::<String>())
}

fn write_comment(text: &str, out: &mut String) {
    out.push('#');
    let mut column = 1;
    for word in text.split_whitespace() {
        if column + 1 + word.len() > WIDTH {
            out.push_str("\n#");
            column = 1;
        }
        out.push(' ');
        out.push_str(word);
        column += 1 + word.len();
    }
    out.push('\n');
}
