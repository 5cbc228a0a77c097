//! What a terminal can show: how wide it is, and whether a line on it can be
//! drawn again.

use std::io::{IsTerminal as _, Stderr, Stdout, stderr, stdout};

use terminal_size::{Width, terminal_size_of};

/// Narrower terminals are written to as if they were this wide.
const LEAST_COLUMNS: usize = 40;

/// Columns of the terminal that results go to; `None` where it is a file or a
/// pipe, whose readers want whole lines.
pub(crate) fn result_columns() -> Option<usize> {
    let out: Stdout = stdout();
    if !out.is_terminal() {
        return None;
    }
    terminal_size_of(out).map(|(Width(columns), _)| LEAST_COLUMNS.max(columns.into()))
}

/// Whether standard error is a terminal on which a line can be drawn again.
pub(crate) fn redraws() -> bool {
    let is_dumb = std::env::var_os("TERM").is_some_and(|kind| kind == "dumb");
    stderr().is_terminal() && !is_dumb
}

/// A line of progress cut to what the terminal shows on one line: what runs
/// over stays on the screen when the line is drawn again.
pub(crate) fn one_line(text: &str) -> &str {
    let err: Stderr = stderr();
    match terminal_size_of(err) {
        Some((Width(columns), _)) => cut(text, usize::from(columns).saturating_sub(1)),
        None => text,
    }
}

/// The first `columns` letters.
fn cut(text: &str, columns: usize) -> &str {
    let end = text.char_indices().nth(columns);
    end.map_or(text, |(at, _)| &text[..at])
}

/// `text` with every line broken at spaces so that it takes at most `columns`.
/// What is broken off stands under the last column of the line, for most of
/// our lines are a key and a value; or is indented a little, where that column
/// begins beyond the middle.
pub(crate) fn wrapped(text: &str, columns: usize) -> String {
    let mut out = String::new();
    for (number, line) in text.split('\n').enumerate() {
        if number > 0 {
            out.push('\n');
        }
        wrap_line(line, columns, &mut out);
    }
    out
}

fn wrap_line(line: &str, columns: usize, out: &mut String) {
    let hanging = hanging(line, columns);
    let mut rest = line;
    let mut indent = 0;
    while rest.chars().count() + indent > columns {
        // at the last space that fits or follows what fits, but for those that
        // the line begins with
        let room = cut(rest, columns - indent + 1);
        let least = rest.len() - rest.trim_start().len();
        let Some(at) = room.rfind(' ').filter(|at| *at > least) else {
            break; // a word that is longer than the terminal is wide
        };
        out.push_str(rest[..at].trim_end());
        rest = rest[at..].trim_start();
        indent = hanging;
        out.push('\n');
        out.push_str(&" ".repeat(indent));
    }
    out.push_str(rest);
}

/// Columns by which the second line of a broken one is indented.
fn hanging(line: &str, columns: usize) -> usize {
    let leading = line.len() - line.trim_start().len();
    let last = line.trim_end().rfind("  ").map_or(0, |at| at + 2);
    let column = line.get(..last).map_or(0, |before| before.chars().count());
    match column > leading && column <= columns / 2 {
        true => column,
        false => (leading + 4).min(columns / 2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_broken_under_their_last_column() {
        let line = "  k=8         least capacity of a bucket; a whole number from 1 to 64";
        let expected = "  k=8         least capacity of a\n              \
                        bucket; a whole\n              number from 1 to 64";
        assert_eq!(wrapped(line, 34), expected);
        assert_eq!(wrapped(line, 80), line);
    }

    #[test]
    fn a_column_beyond_the_middle_is_no_place_for_text() {
        let line = "  name                            what is said of it";
        assert_eq!(
            wrapped(line, 40),
            "  name                            what\n      is said of it"
        );
    }

    #[test]
    fn words_and_empty_lines_stay_whole() {
        let id = "2c6b6858d61da9543d4231a71db4b1c9264b0685";
        let text = format!("\n{id}{id}\n  {id}{id}\n");
        assert_eq!(wrapped(&text, 40), text);
        assert_eq!(wrapped("ä ö ü", 3), "ä ö\n ü");
    }

    #[test]
    fn progress_is_cut() {
        assert_eq!(cut("größer", 4), "größ");
        assert_eq!(cut("größer", 40), "größer");
    }
}
