//! Every command line that the guides and `--help` show is one that the
//! command takes.

use std::fs;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser as _};

use super::Cli;

/// The `mdht …` of a line of a shell, each without what follows it: comments,
/// pipes, redirections.
fn commands(line: &str) -> Vec<Vec<String>> {
    let line = substituted(line)
        .trim_start_matches("$ ")
        .replace("cargo run --release -- ", "mdht ");
    let line = line.split(" #").next().unwrap_or_default();
    // remarks of `--help` stand behind so many spaces
    let line = line.trim_start().split("    (").next().unwrap_or_default();
    let parts = line.split(['|', ';', '&']).map(str::trim);
    let parts = parts.filter_map(|part| part.strip_prefix("mdht "));
    let words = |part: &str| {
        let words = part.split(['>', '<']).next().unwrap_or_default();
        unquoted(&words.replace("INFOHASH", &"0".repeat(40)))
    };
    parts
        .filter(|part| !part.contains('…'))
        .map(words)
        .collect()
}

/// A line with what another command prints, `$(…)`, as an infohash: nothing else is shown so.
fn substituted(line: &str) -> String {
    match line.split_once("$(") {
        Some((before, rest)) => {
            let after = rest.split_once(')').map_or("", |(_, after)| after);
            format!("{before}INFOHASH{after}")
        }
        None => line.to_owned(),
    }
}

/// The words of a line, those in quotes as one.
fn unquoted(line: &str) -> Vec<String> {
    let (mut words, mut quote) = (vec![String::new()], None);
    for letter in line.chars() {
        match quote {
            Some(open) if letter == open => quote = None,
            None if matches!(letter, '"' | '\'') => quote = Some(letter),
            None if letter == ' ' => words.push(String::new()),
            _ => words.last_mut().unwrap().push(letter),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The lines of the fenced blocks of a page that show a shell, those that end
/// in `\` joined with the next.
fn shell_lines(page: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut is_shell = None;
    for line in page.replace("\\\n", " ").lines() {
        match (line.strip_prefix("```"), is_shell) {
            (Some(info), None) => is_shell = Some(info.is_empty() || info.starts_with("console")),
            (Some(_), Some(_)) => is_shell = None,
            (None, Some(true)) => lines.push(line.to_owned()),
            (None, _) => {}
        }
    }
    lines
}

/// The lines of the examples of a command and of its own.
fn examples(command: &clap::Command) -> Vec<String> {
    let own = command.get_after_help().map(ToString::to_string);
    let own = own.unwrap_or_default().replace("\\\n", " ");
    let mut lines: Vec<_> = own.lines().map(str::to_owned).collect();
    command
        .get_subcommands()
        .for_each(|command| lines.extend(examples(command)));
    lines
}

#[test]
fn every_command_line_that_is_shown_is_one_that_is_taken() {
    let root = env!("CARGO_MANIFEST_DIR");
    let docs = fs::read_dir(format!("{root}/docs")).unwrap();
    let mut places: Vec<_> = docs.map(|entry| entry.unwrap().path()).collect();
    places.retain(|path| path.extension().is_some_and(|kind| kind == "md"));
    places.push(format!("{root}/README.md").into());
    let mut lines = vec![("--help".to_owned(), examples(&Cli::command()))];
    for path in places {
        let page = fs::read_to_string(&path).unwrap();
        lines.push((path.display().to_string(), shell_lines(&page)));
    }
    let (mut taken, mut refused) = (0, Vec::new());
    for (place, lines) in lines {
        for words in lines.iter().flat_map(|line| commands(line)) {
            let shown = words.join(" ");
            let parsed = Cli::try_parse_from(["mdht".to_owned()].into_iter().chain(words));
            match parsed.map_err(|error| (error.kind(), error.to_string())) {
                Ok(_) | Err((ErrorKind::DisplayHelp | ErrorKind::DisplayVersion, _)) => taken += 1,
                Err((_, why)) => refused.push(format!("{place}: mdht {shown}\n{why}")),
            }
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
    assert!(taken > 100, "only {taken} were found");
}
