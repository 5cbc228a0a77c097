//! What a shell has of the command: completions, manual pages, suggestions for
//! near misses, and output that fits where it goes.

#![allow(clippy::unwrap_used)] // a panic fails the test

mod support;

use std::process::Command;

use support::{MDHT, TemporaryDir, mdht};

const INFO_HASH: &str = "2c6b6858d61da9543d4231a71db4b1c9264b0685";

/// The commands that `mdht --help` lists.
fn commands() -> Vec<String> {
    let help = mdht("--help").out;
    let list = help.split_once("Commands:\n").unwrap().1;
    let list = list.lines().take_while(|line| !line.is_empty());
    let names = list.map(|line| line.split_whitespace().next().unwrap().to_owned());
    names.filter(|name| name != "help").collect()
}

#[test]
fn every_shell_completes_every_command_and_option() {
    let commands = commands();
    assert!(commands.len() >= 12, "{commands:?}");
    for shell in ["bash", "zsh", "fish"] {
        let run = mdht(&format!("completions {shell}"));
        assert_eq!(run.code, Some(0), "{run:?}");
        for word in commands.iter().map(String::as_str).chain(["bootstrap"]) {
            assert!(run.out.contains(word), "{shell}: {word}");
        }
    }
    let unknown = mdht("completions bsh");
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.err.contains("'bash'"), "{}", unknown.err);
}

#[test]
fn bash_completes_a_command_line() {
    let dir = TemporaryDir::new();
    let script = dir.file("mdht.bash");
    std::fs::write(&script, mdht("completions bash").out).unwrap();
    for (line, expected) in [
        ("mdht prof", "profile"),
        ("mdht lookup --boot", "--bootstrap"),
        ("mdht profile --format j", "json"),
        ("mdht overlay des", "describe"),
    ] {
        let words: Vec<_> = line.split(' ').collect();
        let (current, before) = (words[words.len() - 1], words[words.len() - 2]);
        let ask = format!(
            "source '{script}'; COMP_WORDS=({line}); COMP_CWORD={}; \
             _mdht mdht '{current}' '{before}'; echo \"${{COMPREPLY[*]}}\"",
            words.len() - 1
        );
        let run = Command::new("bash").args(["-c", &ask]).output().unwrap();
        let told = String::from_utf8(run.stdout).unwrap();
        assert_eq!(told.trim(), expected, "{line}");
    }
}

#[test]
fn every_command_has_a_manual_page_with_its_examples() {
    let dir = TemporaryDir::new();
    let pages = dir.file("new/pages");
    let run = mdht(&format!("man {pages}"));
    assert_eq!(run.code, Some(0), "{run:?}");
    let page = |name: &str| std::fs::read_to_string(format!("{pages}/{name}.1")).unwrap();
    for command in commands() {
        let page = page(&format!("mdht-{command}"));
        assert!(page.contains(&format!("mdht\\-{command}")), "{page}");
        assert!(page.contains(".SH OPTIONS"), "{command}");
    }
    for (name, text) in [
        ("mdht", "mdht\\-lookup(1)"),
        ("mdht-profile-diff", "mdht profile diff"),
        ("mdht-lookup", "mdht lookup "),
    ] {
        assert!(page(name).contains(text), "{name}: {}", page(name));
    }
    let examples = page("mdht-profile");
    let examples = examples.split_once(".SH EXAMPLES\n.nf\n").unwrap().1;
    assert!(
        examples.starts_with("mdht profile own.pcap\n"),
        "{examples}"
    );
    // a file in the way
    let run = mdht(&format!("man {pages}/mdht.1"));
    assert_eq!(run.code, Some(1));
    assert!(
        run.err.starts_with("error: ") && run.err.contains("mdht.1"),
        "{run:?}"
    );
}

#[test]
fn near_misses_are_told_what_may_have_been_meant() {
    let dir = TemporaryDir::new();
    let file = |name: &str, text: &str| {
        std::fs::write(dir.file(name), text).unwrap();
        dir.file(name)
    };
    let matrix = "name = \"x\"\n[matrix]\nrouting = [\"nr182\"]\nlookup = [\"standard\"]\n";
    let matrix = file("matrix.toml", matrix);
    let report = "name = \"x\"\nreport = [\"latncy\"]\n[[variant]]\nrouting = \"bep5\"\nlookup = \"standard\"\n";
    let report = file("report.toml", report);
    let world = file("world.toml", "[overlay]\nnods = 3\n");
    let lookup = |options: &str| format!("lookup {INFO_HASH} {options}");
    for (args, meant) in [
        ("lokup".to_owned(), "'lookup'"),
        ("check nod".to_owned(), "'node'"),
        (lookup("--bootstap a:1"), "'--bootstrap'"),
        (lookup("--format jsn"), "'json'"),
        (lookup("--routing NR-128"), "did you mean `nr128`?"),
        (
            lookup("--routing nr128:refesh=3s"),
            "did you mean `refresh`?",
        ),
        (lookup("--lookup agressive"), "did you mean `aggressive`?"),
        (format!("lookup magnet:?xt=urn:btih:{INFO_HASH}"), INFO_HASH),
        (
            format!("lookup {INFO_HASH}{}", "0".repeat(24)),
            "v2 infohash",
        ),
        ("plugins standrd".to_owned(), "did you mean `standard`?"),
        (
            "experiment run compar".to_owned(),
            "did you mean `compare`?",
        ),
        (
            "experiment run compare.tml".to_owned(),
            "mdht experiment run compare",
        ),
        (format!("experiment run {matrix}"), "did you mean `nr128`?"),
        (
            format!("experiment run {report}"),
            "did you mean `lookup_latency_ms`?",
        ),
        (
            format!("overlay describe --parameters {world}"),
            "did you mean `nodes`?",
        ),
    ] {
        let run = mdht(&args);
        assert!(matches!(run.code, Some(1 | 2)), "mdht {args}: {run:?}");
        assert!(run.err.contains(meant), "mdht {args}: {}", run.err);
    }
}

#[test]
fn what_goes_to_a_pipe_is_plain_and_unbroken() {
    for args in ["--help", "profile --help", "lokup", "plugins nr128"] {
        let run = mdht(args);
        assert!(
            !run.out.contains('\x1b') && !run.err.contains('\x1b'),
            "{args}"
        );
    }
    let longest = mdht("plugins nr128").out.lines().map(str::len).max();
    assert!(longest > Some(100), "{longest:?}");
}

/// Runs `mdht` on a terminal of so many columns.
#[cfg(target_os = "linux")]
fn on_a_terminal(columns: u16, environment: &[(&str, &str)], args: &str) -> String {
    let line = format!("stty rows 24 cols {columns}; exec '{MDHT}' {args}");
    let mut command = Command::new("script");
    command.args(["-qec", &line, "/dev/null"]);
    // CI: where it is set, colours are shown even by a terminal that says it has none
    for name in ["NO_COLOR", "CLICOLOR_FORCE", "CI"] {
        command.env_remove(name);
    }
    command
        .env("TERM", "xterm")
        .envs(environment.iter().copied());
    let run = command.stdin(std::process::Stdio::null()).output().unwrap();
    String::from_utf8(run.stdout).unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_gets_colours_unless_it_refuses_them_and_lines_that_fit() {
    let help = |environment: &[(&str, &str)]| on_a_terminal(100, environment, "lookup --help");
    assert!(help(&[]).contains('\x1b'));
    assert!(!help(&[("NO_COLOR", "1")]).contains('\x1b'));
    assert!(!help(&[("TERM", "dumb")]).contains('\x1b'));
    // what programs read stays whole
    let json = on_a_terminal(60, &[], "plugins --format json");
    assert_eq!(json.trim().lines().count(), 1);
    for args in [
        "lookup --help",
        "plugins nr128",
        "experiment list",
        "profile tests/data/mdht-lookup.pcap",
    ] {
        let shown = on_a_terminal(60, &[("NO_COLOR", "1")], args);
        assert!(shown.lines().count() > 5, "{args}: {shown}");
        for line in shown.lines() {
            // a line of progress is drawn and taken away
            let line = line.rsplit("\x1b[K").next().unwrap().trim_end_matches('\r');
            let width = line.chars().count();
            assert!(width <= 60, "{args}: {width}: {line}");
        }
    }
}
