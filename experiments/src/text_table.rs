//! Tables of figures for the terminal, as wide as what is in them.

use std::fmt::{self, Display, Formatter};

/// Most columns of a line: a terminal as it opens.
pub(crate) const WIDTH: usize = 80;
/// Least columns of the names; longer ones have a line of their own where they
/// do not fit.
const LEAST_NAME: usize = 11;
/// Names up to this length are given room before columns are set apart by two
/// spaces.
const MOST_NAME: usize = 20;

/// Names in the first column, figures in the others.
#[derive(Default)]
pub(crate) struct TextTable {
    /// What stands above the headings of figures: above how many, and the text.
    pub(crate) groups: Vec<(usize, &'static str)>,
    pub(crate) columns: Vec<&'static str>,
    /// Parts of the table, each under the heading and with columns as wide.
    pub(crate) blocks: Vec<Block>,
}

/// Rows below a heading.
#[derive(Default)]
pub(crate) struct Block {
    /// Stands in the heading; may be empty.
    pub(crate) label: String,
    pub(crate) rows: Vec<Vec<String>>,
}

impl TextTable {
    /// Columns of each column and of the space between two.
    fn widths(&self) -> (Vec<usize>, usize) {
        let rows = || self.blocks.iter().flat_map(|block| &block.rows);
        let widest = |place: usize| {
            let cells = rows().filter_map(|row| row.get(place));
            let cells = cells.map(|cell| cell.chars().count());
            cells.chain([self.columns[place].chars().count()]).max()
        };
        let mut widths: Vec<_> = (0..self.columns.len())
            .map(|place| widest(place).unwrap_or(0))
            .collect();
        let mut first = 1;
        for (count, text) in &self.groups {
            let after = first + count;
            let wide: usize = widths[first..after].iter().map(|width| width + 1).sum();
            let missing = text.chars().count().saturating_sub(wide - 1);
            for place in (first..after).cycle().take(missing) {
                widths[place] += 1;
            }
            first = after;
        }
        let names = widths[0];
        let figures: usize = widths[1..].iter().sum();
        let spaces = widths.len() - 1;
        let is_roomy = names.min(MOST_NAME) + figures + 2 * spaces <= WIDTH;
        let space = if is_roomy { 2 } else { 1 };
        let room = WIDTH.saturating_sub(figures + space * spaces);
        widths[0] = names.min(room.max(LEAST_NAME));
        (widths, space)
    }
}

impl Display for TextTable {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (widths, space) = self.widths();
        let line = |f: &mut Formatter<'_>, cells: &[&str]| {
            let name = cells.first().copied().unwrap_or_default();
            let mut text = begun(f, name, widths[0])?;
            for (cell, width) in cells.iter().zip(&widths).skip(1) {
                text.push_str(&format!("{:space$}{cell:>width$}", ""));
            }
            writeln!(f, "{}", text.trim_end())
        };
        for (number, block) in self.blocks.iter().enumerate() {
            if number > 0 {
                writeln!(f)?;
            }
            if !self.groups.is_empty() {
                self.write_groups(f, &block.label, &widths, space)?;
            }
            line(f, &self.columns)?;
            for row in &block.rows {
                line(f, &row.iter().map(String::as_str).collect::<Vec<_>>())?;
            }
        }
        Ok(())
    }
}

impl TextTable {
    /// The line above the headings: each text in the middle of its columns, or
    /// at the right of a single one.
    fn write_groups(
        &self,
        f: &mut Formatter<'_>,
        label: &str,
        widths: &[usize],
        space: usize,
    ) -> fmt::Result {
        let mut text = begun(f, label, widths[0])?;
        let mut rest = &widths[1..];
        for (count, group) in &self.groups {
            let (own, after) = rest.split_at(*count);
            let wide = own.iter().sum::<usize>() + space * (count - 1);
            let placed = match count {
                1 => format!("{group:>wide$}"),
                _ => format!("{group:^wide$}"),
            };
            text.push_str(&format!("{:space$}{placed}", ""));
            rest = after;
        }
        writeln!(f, "{}", text.trim_end())
    }
}

/// The first column of a line. A longer name has been written on a line of its
/// own: what sets it apart may stand at its end.
fn begun(f: &mut Formatter<'_>, name: &str, width: usize) -> Result<String, fmt::Error> {
    if name.chars().count() <= width {
        return Ok(format!("{name:<width$}"));
    }
    writeln!(f, "{name}")?;
    Ok(" ".repeat(width))
}

/// Breaks a text at its spaces; lines after the first are indented.
pub(crate) fn write_wrapped(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    let mut column = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > WIDTH {
            write!(f, "\n  {word}")?;
            column = 2 + length;
        } else {
            let space = if column > 0 { " " } else { "" };
            write!(f, "{space}{word}")?;
            column += space.len() + length;
        }
    }
    writeln!(f)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[[&str; 3]]) -> String {
        let row = |row: &[&str; 3]| row.map(str::to_owned).to_vec();
        let rows = rows.iter().map(row).collect();
        TextTable {
            groups: vec![(2, "both of them")],
            columns: vec!["name", "a", "b"],
            blocks: vec![Block {
                label: "set".to_owned(),
                rows,
            }],
        }
        .to_string()
    }

    #[test]
    fn columns_are_as_wide_as_their_cells_and_headings() {
        let expected = [
            "set    both of them",
            "name      a        b",
            "one       1    22222",
            "three     3        4",
            "",
        ];
        let made = table(&[["one", "1", "22222"], ["three", "3", "4"]]);
        assert_eq!(made, expected.join("\n"));
    }

    #[test]
    fn a_name_that_does_not_fit_has_a_line_of_its_own() {
        let (long, wide) = ("a name of twenty lett", "9".repeat(33));
        let text = table(&[[long, &wide, &wide], ["short", "1", "2"]]);
        assert!(
            text.lines().all(|line| line.chars().count() <= WIDTH),
            "{text}"
        );
        assert!(text.lines().any(|line| line == long), "{text}");
    }
}
