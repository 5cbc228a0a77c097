//! Tables that sort at a click.

use serde_json::Value;

use crate::plot::escaped;

/// A table on a page, which sorts at a click. Text is escaped.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// What it shows, for those who do not see it.
    pub label: String,
    /// Headings; `_` is shown as a space.
    pub columns: Vec<String>,
    /// The rows, each with a cell for every column; `null` is a dash.
    pub rows: Vec<Vec<Value>>,
    /// Rows that were left out already.
    pub omitted: usize,
}

impl Table {
    /// The table in its own box, which scrolls when it is too wide, and a
    /// line on the rows that were left out.
    pub fn html(&self) -> String {
        let columns = 0..self.columns.len();
        let digits: Vec<Option<usize>> = columns.map(|i| self.digits(i)).collect();
        let class = |digits: Option<usize>| digits.map_or(" class=\"text\"", |_| "");
        let shown = &self.rows[..self.rows.len().min(MAX_ROWS)];
        let tall = if shown.len() > ROWS_OF_TALL {
            " tall"
        } else {
            ""
        };
        let label = escaped(&self.label);
        let mut html = format!(
            "<div class=\"scroll{tall}\" tabindex=\"0\" role=\"region\" aria-label=\"{label}\">\n\
             <table aria-label=\"{label}\">\n<thead><tr>"
        );
        for (column, digits) in self.columns.iter().zip(&digits) {
            let (name, class) = (escaped(&column.replace('_', " ")), class(*digits));
            let heading =
                format!("<th scope=\"col\"{class}><button type=\"button\">{name}</button></th>");
            html.push_str(&heading);
        }
        html.push_str("</tr></thead>\n<tbody>\n");
        for row in shown {
            html.push_str("<tr>");
            for (value, digits) in row.iter().zip(&digits) {
                html.push_str(&cell(value, class(*digits), digits.unwrap_or(2)));
            }
            html.push_str("</tr>\n");
        }
        html.push_str("</tbody>\n</table>\n</div>\n");
        let (shown, all) = (shown.len(), self.rows.len() + self.omitted);
        if all > shown {
            html.push_str(&format!(
                "<p class=\"note\">{shown} of {all} rows; the JSON and the CSV have all.</p>\n"
            ));
        }
        html
    }

    /// How many digits the figures of a column have behind the point; `None`
    /// if it holds anything but numbers.
    fn digits(&self, column: usize) -> Option<usize> {
        let cells = || self.rows.iter().filter_map(|row| row.get(column));
        let numeric = cells().all(|cell| cell.is_number() || cell.is_null());
        let figures = || cells().filter_map(Value::as_f64);
        let greatest = figures().map(f64::abs).fold(0.0, f64::max);
        (numeric && !self.rows.is_empty()).then(|| match greatest {
            _ if figures().all(|figure| figure.fract() == 0.0) => 0,
            // rounded before
            _ if figures().all(|figure| (figure * 10.0).round() / 10.0 == figure) => 1,
            small if small < 10.0 => 3,
            middling if middling < 1000.0 => 2,
            _ => 1,
        })
    }
}

fn cell(value: &Value, class: &str, digits: usize) -> String {
    match value {
        Value::Null => format!("<td{class} data-none>–</td>"),
        Value::Number(number) => {
            format!(
                "<td{class} data-value=\"{number}\">{}</td>",
                in_words(value, digits)
            )
        }
        _ => {
            let words = in_words(value, digits);
            let class = match words.chars().nth(MAX_ON_A_LINE) {
                Some(_) => " class=\"text long\"",
                None => class,
            };
            format!("<td{class}>{}</td>", escaped(&words))
        }
    }
}

/// A value as it is read, not escaped.
fn in_words(value: &Value, digits: usize) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(number) => match (number.is_f64(), number.as_f64()) {
            (true, Some(figure)) => format!("{figure:.digits$}"),
            _ => number.to_string(),
        },
        Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// Most characters of a text that is kept on one line; an infohash has 40.
const MAX_ON_A_LINE: usize = 44;

/// Most rows of a table.
pub(super) const MAX_ROWS: usize = 500;

/// From how many rows on a table scrolls downwards in its box.
const ROWS_OF_TALL: usize = 25;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn table(rows: Vec<Vec<Value>>) -> String {
        let columns = vec!["client_code".into(), "p50_ms".into()];
        let label = "a <b>".into();
        Table {
            label,
            columns,
            rows,
            omitted: 0,
        }
        .html()
    }

    #[test]
    fn what_comes_from_outside_is_escaped() {
        let html = table(vec![vec![
            json!("<img src=x onerror=alert(1)>\u{0}"),
            json!(1.5),
        ]]);
        assert!(!html.contains("<img") && !html.contains('\u{0}'), "{html}");
        assert!(html.contains("&lt;img") && html.contains("aria-label=\"a &lt;b&gt;\""));
    }

    #[test]
    fn numbers_sort_by_their_value_and_no_figure_is_a_dash() {
        let html = table(vec![
            vec![json!("UT"), json!(163.123_456)],
            vec![json!("LT"), Value::Null],
        ]);
        assert!(
            html.contains("<td data-value=\"163.123456\">163.12</td>"),
            "{html}"
        );
        assert!(html.contains("<td data-none>–</td>"));
        assert!(
            html.contains("<th scope=\"col\" class=\"text\"><button type=\"button\">client code<")
        );
        assert!(html.contains("<th scope=\"col\"><button type=\"button\">p50 ms<"));
    }

    #[test]
    fn a_long_table_is_cut_and_says_so() {
        let html = table((0..2000).map(|i| vec![json!("x"), json!(i)]).collect());
        assert_eq!(html.matches("<tr>").count(), 1 + MAX_ROWS);
        assert!(html.contains(">500 of 2000 rows"));
        assert!(!table(vec![]).contains("rows;"));
    }
}
