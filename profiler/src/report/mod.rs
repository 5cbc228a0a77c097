//! The profile as one HTML page.
//!
//! ```text
//! sections     what the page says, in its order
//! meaning      each metric in a line
//! table        tables that sort at a click
//! page.css     the look, light and dark
//! page.js      the sorting
//! ```
//!
//! The page holds all it needs: it opens without a network and asks for
//! nothing. Whatever comes from a capture is escaped.

mod meaning;
mod sections;
mod table;

use std::path::Path;

pub use sections::{Section, comparison, definitions, figures, slowest};
pub use table::Table;

use crate::Profile;
pub use crate::plot::escaped;
use crate::plot::{PlotError, replace};

/// `profile` as one self-contained HTML page.
///
/// It shows the waterfalls that the profile holds; ask for some with
/// [`Options::waterfalls`](crate::Options::waterfalls).
pub fn html(profile: &Profile) -> String {
    let title = sections::title(profile);
    page(&title, "Made by mdht profile.", &sections::all(profile))
}

/// A self-contained page of `sections`, with links to each of them. Title and
/// footer are text, and are escaped here.
pub fn page(title: &str, footer: &str, sections: &[Section]) -> String {
    let (title, footer) = (escaped(title), escaped(footer));
    let mut links = String::new();
    let mut body = String::new();
    for Section { id, title, html } in sections {
        links.push_str(&format!("<a href=\"#{id}\">{title}</a>\n"));
        body.push_str(&format!("<section id=\"{id}\">\n<h2>{title}</h2>\n"));
        body.push_str(html);
        body.push_str("</section>\n");
    }
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <link rel=\"icon\" href=\"data:,\">\n\
         <title>{title}</title>\n<style>\n{CSS}</style>\n</head>\n<body>\n\
         <header>\n<h1>{title}</h1>\n<nav aria-label=\"Sections\">\n{links}</nav>\n</header>\n\
         <main>\n{body}</main>\n<footer>{footer}</footer>\n\
         <script>\n{JS}</script>\n</body>\n</html>\n"
    )
}

/// Writes the page of `profile` to `path`, at once.
///
/// # Errors
/// The file cannot be written.
pub fn write(profile: &Profile, path: &Path) -> Result<(), PlotError> {
    write_page(&html(profile), path)
}

/// Writes a page to `path`, at once.
///
/// # Errors
/// The file cannot be written.
pub fn write_page(html: &str, path: &Path) -> Result<(), PlotError> {
    let io = |source| PlotError::Io {
        path: path.to_owned(),
        source,
    };
    replace(path, html.as_bytes()).map_err(io)
}

/// Nothing is fetched from anywhere.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; \
                      script-src 'unsafe-inline'; img-src data:";

const CSS: &str = include_str!("page.css");
const JS: &str = include_str!("page.js");
