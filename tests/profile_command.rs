//! `mdht profile` and `mdht profile diff` as they are called: what they write
//! where, and how they fail.

#![allow(clippy::unwrap_used)] // a panic fails the test

mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use support::captures::{LOOKUPS, LOOKUPS_NODE, data, json, profile};
use support::{MDHT, TemporaryDir, mdht};

#[test]
fn report_figures_and_tables_are_written_beside_the_results() {
    let dir = TemporaryDir::new();
    let (report, plots, csv) = (dir.file("r.html"), dir.file("plots"), dir.file("csv"));
    let run = profile(&format!(
        "{} --report {report} --plots {plots} --csv {csv} --waterfalls 2 --format json",
        data(LOOKUPS)
    ));
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(
        run.err,
        format!(
            "report written to {report}\nfigures written to {plots}\ntables written to {csv}\n"
        )
    );
    let [document] = &run.documents()[..] else {
        panic!("one document, not {}", run.out);
    };
    assert_eq!(document["nodes"][0]["node"], LOOKUPS_NODE);
    let page = std::fs::read_to_string(&report).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"));
    assert_eq!(waterfalls(&plots).len(), 2);
    let figures = files(&plots);
    for name in ["lookup_latency.svg", "lookup_latency_log.png", "rtt.svg"] {
        assert!(figures.contains(name), "no {name} in {figures:?}");
    }
    let lookups = std::fs::read_to_string(Path::new(&csv).join("lookups.csv")).unwrap();
    assert_eq!(lookups.lines().count(), 1 + 13);
    assert!(files(&csv).contains("summary.csv"));
}

#[test]
fn waterfalls_of_the_slowest_and_of_named_lookups() {
    let dir = TemporaryDir::new();
    let plots = dir.file("plots");
    let lookups = json(&format!("{} --node {LOOKUPS_NODE}", data(LOOKUPS)));
    let lookups = lookups["nodes"][0]["lookups"].as_array().unwrap().clone();
    let infohash = |lookup: &Value| lookup["infohash"].as_str().unwrap().to_owned();
    let slowest = lookups.iter().max_by(|a, b| {
        let latency = |lookup: &Value| lookup["latency_ms"].as_f64().unwrap();
        latency(a).total_cmp(&latency(b))
    });
    let draw = |options: &str| {
        let run = profile(&format!("{} --plots {plots} {options}", data(LOOKUPS)));
        assert_eq!(run.code, Some(0), "{run:?}");
        waterfalls(&plots)
    };
    let five = draw("");
    assert_eq!(five.len(), 5);
    assert!(five[0].contains(&infohash(slowest.unwrap())[..12]));
    // fewer than before, in the same folder
    assert_eq!(draw("--waterfalls 1").len(), 1);
    let named = infohash(&lookups[7]);
    let only_named = draw(&format!("--waterfalls 0 --waterfall {named}"));
    assert!(matches!(&only_named[..], [one] if one.contains(&named[..12])));
    assert!(draw("--waterfalls 0").is_empty());
}

#[test]
fn files_are_written_though_nobody_reads_the_results() {
    let dir = TemporaryDir::new();
    let report = dir.file("r.html");
    let mut command = Command::new(MDHT);
    command.args(["profile", &data(LOOKUPS), "--report", &report]);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(support::wait(&mut child), Some(0));
    assert!(Path::new(&report).exists());
}

#[test]
fn what_cannot_be_written_is_named_and_the_rest_is_written() {
    let dir = TemporaryDir::new();
    let (in_the_way, csv) = (dir.file("file"), dir.file("csv"));
    std::fs::write(&in_the_way, "").unwrap();
    let no_dir = dir.file("missing/r.html");
    for (option, place) in [
        ("--plots", &in_the_way),
        ("--plots", &format!("{in_the_way}/plots")),
        ("--report", &no_dir),
        ("--report", &dir.path().display().to_string()),
    ] {
        let _ = std::fs::remove_dir_all(&csv);
        let run = profile(&format!(
            "{} {option} {place} --csv {csv} --format json",
            data(LOOKUPS)
        ));
        assert_eq!(run.code, Some(1), "{option} {place}: {run:?}");
        let failure = run.err.lines().last().unwrap();
        let told = failure.strip_prefix(&format!("error: {place}: "));
        let told = told.unwrap_or_else(|| panic!("{option} {place}: {}", run.err));
        assert!(!told.contains(place.as_str()), "named twice: {failure}");
        assert!(files(&csv).contains("lookups.csv"), "{option} {place}");
        assert_eq!(
            run.documents().len(),
            1,
            "the results are told all the same"
        );
    }
    let run = profile(&format!("{} --csv {in_the_way}", data(LOOKUPS)));
    assert_eq!(run.code, Some(1));
    let told = run.err.starts_with(&format!("error: {in_the_way}: "));
    assert!(told, "{}", run.err);
    // nothing half written stays
    let left = ["csv", "file"].map(str::to_owned);
    assert_eq!(files(dir.path()), left.into());
}

#[test]
fn bad_options_are_named_with_what_they_take() {
    for (options, name, takes) in [
        ("--waterfalls 1001", "--waterfalls", "0..=1000"),
        ("--waterfalls few", "--waterfalls", "invalid digit"),
        ("--waterfall 12", "--waterfall", "40 hexadecimal"),
        ("--lookup-gap 0", "--lookup-gap", "seconds above 0"),
        ("--lookup-gap=-1", "--lookup-gap", "seconds above 0"),
        ("--timeout soon", "--timeout", "seconds above 0"),
        ("--refresh-max-queries x", "--refresh-max-queries", "digit"),
        ("--node 10.0.0.1=", "--node", "give the label"),
        ("--format yaml", "--format", "text, json"),
        ("--report", "--report", "FILE.html"),
        ("--plots", "--plots", "DIR"),
        ("--csv", "--csv", "DIR"),
        ("--infohashes", "--infohashes", "FILE"),
        ("--colour", "--colour", "unexpected argument"),
    ] {
        let run = profile(&format!("{} {options}", data(LOOKUPS)));
        assert_eq!(run.code, Some(2), "{options}: {run:?}");
        let told = run.err.contains(name) && run.err.contains(takes);
        let one_error = run.err.starts_with("error: ") && run.out.is_empty();
        assert!(told && one_error, "{options}: {run:?}");
    }
}

#[test]
fn named_infohashes_say_what_a_lookup_is() {
    let dir = TemporaryDir::new();
    let list = dir.file("infohashes");
    let named = "db1bec2616aeb590254a38bd7639cfde4e02e944";
    std::fs::write(&list, format!("# looked up\n\n{named}\n")).unwrap();
    let all = json(&data(LOOKUPS))["nodes"][0]["lookup_queries"]["sent"].clone();
    let node = &json(&format!("{} --infohashes {list}", data(LOOKUPS)))["nodes"][0];
    let lookups = node["lookups"].as_array().unwrap();
    assert!(
        matches!(&lookups[..], [one] if one["infohash"] == named),
        "{lookups:?}"
    );
    let queries = lookups[0]["queries"].as_u64().unwrap();
    let others = all.as_u64().unwrap() - queries;
    assert_eq!(node["maintenance"]["get_peers_refresh"], others);
}

#[test]
fn two_profiles_side_by_side() {
    let dir = TemporaryDir::new();
    let (a, b) = (dir.file("a.json"), dir.file("b.json"));
    let documents = [LOOKUPS, "bittorrent-dht-cut.pcap"].map(|capture| json(&data(capture)));
    for (document, to) in documents.iter().zip([&a, &b]) {
        std::fs::write(to, document.to_string()).unwrap();
    }
    let run = mdht(&format!("profile diff {a} {b} --format json"));
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    let rows = run.documents()[0]["nodes"][0]["rows"].clone();
    let rows = rows.as_array().unwrap();
    let row = |figure: &str| rows.iter().find(|row| row["figure"] == figure).unwrap();
    let queries = row("queries of a whole lookup, mean");
    let [sent_by_a, sent_by_b] = documents.map(|document| {
        let sent = &document["nodes"][0]["lookup_queries"]["sent"];
        sent.as_f64().unwrap()
    });
    assert_eq!(queries["a"], sent_by_a / 13.0); // both looked up 13
    let ratio = queries["ratio"].as_f64().unwrap();
    assert!((ratio - sent_by_b / sent_by_a).abs() < 1e-9, "{ratio}");
    assert!(queries["difference"][0].as_f64() > Some(0.0), "{queries}");
    let text = mdht(&format!("profile diff {a} {b}"));
    assert_eq!(text.code, Some(0));
    let columns = |line: &str| line.split_whitespace().count();
    let heading = text.out.lines().next().unwrap();
    assert!(
        heading.contains(LOOKUPS_NODE) && heading.contains("10.60.0.1:6881"),
        "{heading}"
    );
    // wide figures do not run into each other
    let wide = text
        .out
        .lines()
        .find(|line| line.contains("latency p98"))
        .unwrap();
    assert_eq!(
        columns(wide),
        columns("lookup latency p98, ms 0.2 18495.3 99651.52"),
        "{wide}"
    );
}

#[test]
fn what_is_no_profile_is_named_by_diff() {
    let dir = TemporaryDir::new();
    let (good, other) = (dir.file("good.json"), dir.file("other.json"));
    std::fs::write(&good, json(&data(LOOKUPS)).to_string()).unwrap();
    std::fs::write(&other, "{}").unwrap();
    let missing = dir.file("missing.json");
    for (args, code, told) in [
        (format!("{good} {missing}"), 1, missing.as_str()),
        (format!("{missing} {good}"), 1, &missing),
        (format!("{good} {other}"), 1, "--format json"),
        (format!("{good} {}", data("README.md")), 1, "README.md"),
        (good.clone(), 2, "<B.json>"),
        (format!("{good} {good} {good}"), 2, "unexpected argument"),
    ] {
        let run = mdht(&format!("profile diff {args}"));
        assert_eq!(run.code, Some(code), "{args}: {run:?}");
        let named = run.err.starts_with("error: ") && run.err.contains(told);
        assert!(named && run.out.is_empty(), "{args}: {}", run.err);
    }
}

fn files(dir: impl AsRef<Path>) -> BTreeSet<String> {
    let entries = std::fs::read_dir(dir).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string());
    names.map(Result::unwrap).collect()
}

/// The waterfalls in a folder of figures, as SVG, in the order of their
/// names; each is there as PNG too.
fn waterfalls(plots: &str) -> Vec<String> {
    let names = files(plots);
    let drawn = names.iter().filter(|name| name.starts_with("waterfall-"));
    let (svg, png): (Vec<_>, Vec<_>) = drawn.partition(|name| name.ends_with(".svg"));
    assert_eq!(svg.len(), png.len());
    let read = |name: &&String| std::fs::read_to_string(Path::new(plots).join(name)).unwrap();
    svg.iter().map(read).collect()
}
