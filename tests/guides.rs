//! What the guides promise: their commands run and print what they show, their
//! links lead somewhere, and every page is in the book.

#![allow(clippy::unwrap_used)] // a panic fails the test

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use support::{MDHT, TemporaryDir, wait};

/// A folder of the guides, and the page beside them.
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// What stands for anything in the output shown: on a line of its own for
/// lines, else for the rest of a line.
const LEFT_OUT: char = '…';

/// The pages of `docs/` and the README: path and text.
fn pages() -> Vec<(PathBuf, String)> {
    let docs = fs::read_dir(format!("{ROOT}/docs")).unwrap();
    let docs = docs.map(|entry| entry.unwrap().path());
    let mut pages: Vec<_> = docs
        .filter(|path| path.extension() == Some("md".as_ref()))
        .collect();
    pages.push(PathBuf::from(format!("{ROOT}/README.md")));
    pages.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        (path, text)
    };
    pages.into_iter().map(read).collect()
}

/// A fenced block: what stands behind the fence, and the lines in it.
struct Block<'t> {
    info: &'t str,
    lines: Vec<&'t str>,
}

/// The fenced blocks of a page, and the lines outside of them.
fn parted(text: &str) -> (Vec<Block<'_>>, Vec<&str>) {
    let (mut blocks, mut outside) = (Vec::new(), Vec::new());
    let mut open: Option<Block<'_>> = None;
    for line in text.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(info), None) => {
                let info = info.trim();
                open = Some(Block {
                    info,
                    lines: Vec::new(),
                });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => block.lines.push(line),
            (None, None) => outside.push(line),
        }
    }
    assert!(open.is_none(), "a block that does not end");
    (blocks, outside)
}

#[test]
fn what_the_guides_show_is_what_comes_out() {
    let mut commands = 0;
    for (page, text) in pages() {
        let (blocks, _) = parted(&text);
        let folder = folder();
        for block in blocks {
            let mut words = block.info.split(',');
            if let Some(name) = words.clone().find_map(|word| word.strip_prefix("file=")) {
                fs::write(folder.file(name), block.lines.join("\n")).unwrap();
            }
            if words.any(|word| word == "run") {
                commands += run_block(&page, &block, &folder);
            }
        }
    }
    assert!(commands >= 8, "only {commands} commands were found");
}

/// A folder that looks like a clone of the repository, but can be written to.
fn folder() -> TemporaryDir {
    let folder = TemporaryDir::new();
    for name in ["docs", "examples", "experiments", "tests"] {
        std::os::unix::fs::symlink(format!("{ROOT}/{name}"), folder.file(name)).unwrap();
    }
    folder
}

/// Runs each command of a block, and compares what it prints with the lines
/// below it. Returns how many there were.
fn run_block(page: &Path, block: &Block<'_>, folder: &TemporaryDir) -> usize {
    let place = page.file_name().unwrap().display();
    let is_command = |line: &&str| line.starts_with("$ ");
    let first = block.lines.first();
    assert!(
        first.is_some_and(is_command),
        "{place}: a block without a command"
    );
    let mut rest = &block.lines[..];
    let mut commands = 0;
    while let Some((command, after)) = rest.split_first() {
        let lines = after.iter().take_while(|line| !is_command(line)).count();
        let shown = after[..lines].join("\n");
        let printed = printed(&command[2..], folder, &place.to_string());
        let fits = fits(&shown, printed.trim_end());
        assert!(
            fits,
            "{place}: {command}\nshows\n{shown}\nand prints\n{printed}"
        );
        (rest, commands) = (&after[lines..], commands + 1);
    }
    commands
}

/// What a command prints; it must end well.
fn printed(command: &str, folder: &TemporaryDir, place: &str) -> String {
    let tools = Path::new(MDHT).parent().unwrap().display().to_string();
    let path = format!("{tools}:{}", std::env::var("PATH").unwrap());
    let (out, err) = (folder.file("out.txt"), folder.file("err.txt"));
    let mut shell = Command::new("sh");
    shell
        .args(["-e", "-c", command])
        .current_dir(folder.path())
        .env("PATH", path);
    shell.stdin(Stdio::null());
    shell
        .stdout(fs::File::create(&out).unwrap())
        .stderr(fs::File::create(&err).unwrap());
    let code = wait(&mut shell.spawn().unwrap());
    let told = fs::read_to_string(err).unwrap();
    assert_eq!(code, Some(0), "{place}: {command}: {told}");
    fs::read_to_string(out).unwrap()
}

/// Whether a text is what is shown, but for what was left out.
fn fits(shown: &str, printed: &str) -> bool {
    let mut parts = shown.split(LEFT_OUT);
    let Some(mut rest) = printed.strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    let mut is_open = false;
    for part in parts {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
        is_open = part.is_empty();
    }
    rest.is_empty() || is_open
}

#[test]
fn what_is_left_out_may_be_anything_and_nothing_else_may() {
    for (shown, printed, expected) in [
        ("a", "a", true),
        ("a", "ab", false),
        ("a…", "ab\nc", true),
        ("…\nb …", "x\ny\nb z", true),
        ("…\nb …", "x\ny\nc z", false),
        ("a…c", "abcd", false),
    ] {
        assert_eq!(fits(shown, printed), expected, "{shown} {printed}");
    }
}

/// The targets of the links and pictures in a line.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target)
}

/// The anchors that headings get in the book.
fn anchors(text: &str) -> BTreeSet<String> {
    let (_, outside) = parted(text);
    let headings = outside.into_iter().filter(|line| line.starts_with('#'));
    let plain = |line: &str| {
        let kept = line.trim_start_matches('#').trim().to_lowercase();
        let kept = kept.chars().map(|c| if c == ' ' { '-' } else { c });
        kept.filter(|c| c.is_alphanumeric() || "-_".contains(*c))
            .collect()
    };
    headings.map(plain).collect()
}

#[test]
fn links_lead_somewhere() {
    let mut links = 0;
    for (page, text) in pages() {
        let (_, outside) = parted(&text);
        for target in outside.iter().flat_map(|line| targets(line)) {
            if target.contains("://") {
                continue;
            }
            links += 1;
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = match file {
                "" => page.clone(),
                _ => page.parent().unwrap().join(file),
            };
            assert!(path.exists(), "{}: {target}", page.display());
            let stays = page.ends_with("README.md") || !file.contains('/');
            assert!(stays, "{}: {target} is not in the book", page.display());
            if !anchor.is_empty() {
                let there = anchors(&fs::read_to_string(&path).unwrap());
                assert!(
                    there.contains(anchor),
                    "{}: {target}: {there:?}",
                    page.display()
                );
            }
        }
    }
    assert!(links > 50, "only {links} links were found");
}

#[test]
fn every_page_is_in_the_book() {
    let summary = fs::read_to_string(format!("{ROOT}/docs/SUMMARY.md")).unwrap();
    let listed: BTreeSet<_> = summary
        .lines()
        .flat_map(targets)
        .map(str::to_owned)
        .collect();
    for (page, _) in pages() {
        let name = page.file_name().unwrap().to_str().unwrap();
        if !["README.md", "SUMMARY.md"].contains(&name) {
            assert!(
                listed.contains(name),
                "{name} is missing in docs/SUMMARY.md"
            );
        }
    }
}

#[test]
fn included_code_begins_where_it_should() {
    let mut includes = 0;
    for (page, text) in pages() {
        for line in text.lines() {
            let Some(rest) = line.strip_prefix("{{#include ") else {
                continue;
            };
            includes += 1;
            let what = rest.trim_end_matches("}}");
            let mut parts = what.split(':');
            let file = page.parent().unwrap().join(parts.next().unwrap());
            let from: usize = parts.next().unwrap().parse().unwrap();
            let code = fs::read_to_string(&file).unwrap();
            let first = code.lines().nth(from - 1).unwrap();
            let begins = first.starts_with("use ") || first.starts_with("# %%");
            assert!(begins, "{}: {what} begins with {first}", page.display());
        }
    }
    assert!(includes >= 5, "only {includes} were found");
}
