//! `mdht man`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap_mangen::Man;

use crate::output::{Failure, note};

/// Write a manual page for each command into a folder.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  mdht man ~/.local/share/man/man1
  mdht man pages && man -l pages/mdht-lookup.1")]
pub(crate) struct Args {
    /// Folder for the pages, made if it is not there
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

pub(crate) fn run(args: &Args, command: clap::Command) -> Result<(), Failure> {
    let dir = &args.dir;
    std::fs::create_dir_all(dir).map_err(failed(dir))?;
    let mut command = command.disable_help_subcommand(true);
    command.build();
    let pages = write_pages(&command, dir)?;
    note(&format!("{pages} pages written to {}", dir.display()));
    Ok(())
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> Failure {
    let place = path.display().to_string();
    move |error| Failure::Failed(format!("{place}: {error}"))
}

/// The page of a command and those of its own; returns how many.
fn write_pages(command: &clap::Command, dir: &Path) -> Result<usize, Failure> {
    // `mdht-profile-diff`, once the definitions are built
    let name = command.get_display_name().unwrap_or(command.get_name());
    let path = dir.join(format!("{name}.1"));
    let mut page = Vec::new();
    write_page(command, &mut page).map_err(failed(&path))?;
    std::fs::write(&path, page).map_err(failed(&path))?;
    let own = command.get_subcommands().filter(|own| !own.is_hide_set());
    own.map(|own| write_pages(own, dir))
        .sum::<Result<usize, _>>()
        .map(|n| n + 1)
}

fn write_page(command: &clap::Command, page: &mut Vec<u8>) -> io::Result<()> {
    let man = Man::new(command.clone())
        .manual("mdht")
        .source(concat!("mdht ", env!("CARGO_PKG_VERSION")));
    man.render_title(page)?;
    man.render_name_section(page)?;
    man.render_synopsis_section(page)?;
    man.render_description_section(page)?;
    if command
        .get_arguments()
        .any(|argument| !argument.is_hide_set())
    {
        man.render_options_section(page)?;
    }
    if command.has_subcommands() {
        man.render_subcommands_section(page)?;
    }
    if let Some(text) = command.get_after_help() {
        write_after_help(&text.to_string(), page)?;
    }
    writeln!(page, ".SH EXIT STATUS")?;
    writeln!(page, "0 success, 2 bad usage, 1 any other failure.")
}

/// What stands after the options: examples, line by line, and what is said
/// after them.
fn write_after_help(text: &str, page: &mut Vec<u8>) -> io::Result<()> {
    let (examples, remarks) = match text.strip_prefix("Examples:\n") {
        Some(rest) => rest.split_once("\n\n").unwrap_or((rest, "")),
        None => ("", text),
    };
    if !remarks.is_empty() {
        writeln!(page, ".SH NOTES")?;
        for line in remarks.lines() {
            writeln!(page, "{}", escaped(line))?;
        }
    }
    if !examples.is_empty() {
        writeln!(page, ".SH EXAMPLES\n.nf")?;
        for line in examples.lines() {
            writeln!(page, "{}", escaped(line.trim_start()))?;
        }
        writeln!(page, ".fi")?;
    }
    Ok(())
}

/// A line of text that roff takes for text.
fn escaped(line: &str) -> String {
    let line = line.replace('\\', "\\e").replace('-', "\\-");
    match line.starts_with(['.', '\'']) {
        true => format!("\\&{line}"),
        false => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_and_remarks_have_sections_of_their_own() {
        let mut page = Vec::new();
        let text = "Examples:\n  mdht a --b\n  .c\n\nSaid after.\nAnd on.";
        write_after_help(text, &mut page).unwrap();
        let page = String::from_utf8(page).unwrap();
        assert_eq!(
            page,
            ".SH NOTES\nSaid after.\nAnd on.\n.SH EXAMPLES\n.nf\nmdht a \\-\\-b\n\\&.c\n.fi\n"
        );
    }
}
