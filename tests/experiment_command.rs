//! `mdht experiment`: a small script from end to end, and what is said when
//! something is wrong.

#![allow(clippy::unwrap_used)] // a panic fails the test

mod support;

use std::fs;
use std::path::Path;

use mdht_experiments::script::MEASUREMENTS;
use serde_json::Value;
use support::experiments::{TINY, captures, script, summary};
use support::{TemporaryDir, mdht};

#[test]
fn a_script_gives_the_same_bytes_with_one_thread_and_with_two() {
    let dir = TemporaryDir::new();
    let (file, one, two) = (script(&dir, 5), dir.file("one"), dir.file("two"));
    for (out, threads) in [(&one, 1), (&two, 2)] {
        let run = mdht(&format!(
            "experiment run {file} --out {out} --keep zst --threads {threads}"
        ));
        assert_eq!(run.code, Some(0), "{run:?}");
        assert!(
            run.out.contains("NR128-S") && run.err.contains("kept in"),
            "{run:?}"
        );
    }
    assert_eq!(summary(&one), summary(&two));
    assert_eq!(captures(&one), captures(&two));
    let names: Vec<_> = captures(&one).into_keys().collect();
    let expected = ["BEP5-S.1", "BEP5-S.2", "NR128-S.1", "NR128-S.2"];
    assert_eq!(names, expected.map(|label| format!("{label}.pcap.zst")));
    let variant = &summary(&one)["variants"][0]["repetitions"][0];
    for key in variant.as_object().unwrap().keys() {
        assert!(
            MEASUREMENTS.contains(&key.as_str()),
            "{key} cannot be asked for"
        );
    }
}

#[test]
fn captures_are_kept_as_asked_and_measurements_reported_as_asked() {
    let dir = TemporaryDir::new();
    let (file, out) = (script(&dir, 3), dir.file("out"));
    fs::write(&file, format!("report = ['rtt_ms']\n{TINY}")).unwrap();
    let run = mdht(&format!(
        "experiment run {file} --out {out} --keep pcap --seed 9 --format json"
    ));
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(run.documents()[0]["seed"], 9);
    let variant = &summary(&out)["variants"][0]["repetitions"][0];
    assert_eq!(
        variant.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["rtt_ms"]
    );
    let capture = Path::new(&out).join("captures/BEP5-S.1.pcap");
    let profile = mdht(&format!("profile {} --format json", capture.display()));
    assert_eq!(profile.code, Some(0), "{profile:?}");
    // without captures, nothing is left of them
    mdht(&format!("experiment run {file} --out {out}"));
    assert!(!Path::new(&out).join("captures").exists());
}

#[test]
fn nodes_of_several_kinds_are_measured_among_full_nodes() {
    let dir = TemporaryDir::new();
    let (file, out) = (dir.file("full.toml"), dir.file("out"));
    let text = "name = 'full'\noverlay.nodes = 100\n\
        schedule = { infohashes = 3, warm_up_s = 300, interval_s = 10, nodes_each = 2 }\n\
        matrix = { routing = ['bep5', 'nice'], lookup = ['standard'] }\n\
        [[world]]\nlabel = 'half'\nfull_nodes.plugins = [\n\
        { routing = 'bep5', lookup = 'standard', share = 0.5 },\n\
        { routing = 'nice', lookup = 'standard', share = 0.5 }]\n";
    fs::write(&file, text).unwrap();
    let run = mdht(&format!("experiment run {file} --out {out} --keep zst"));
    assert_eq!(run.code, Some(0), "{run:?}");
    let whole = summary(&out);
    let rows = whole["full_nodes"].as_array().unwrap();
    let told: Vec<_> = rows
        .iter()
        .map(|row| (&row["label"], &row["share"]))
        .collect();
    let (bep5, nice) = ("BEP5-S half".into(), "NICE-S half".into());
    assert_eq!(told, [(&bep5, &0.5.into()), (&nice, &0.5.into())]);
    assert_eq!(
        whole["variants"][0]["repetitions"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(whole["oracle"], Value::Null);
    // where one of those that lived together is lost, all are run again, alike
    let captures = captures(&out);
    let names: Vec<_> = captures.keys().map(String::as_str).collect();
    assert_eq!(
        names[..2],
        ["BEP5-S half.1.pcap.zst", "BEP5-S half.2.pcap.zst"]
    );
    fs::remove_file(format!("{out}/captures/{}", names[1])).unwrap();
    let again = mdht(&format!(
        "experiment run {file} --out {out} --keep zst --resume"
    ));
    assert_eq!(again.code, Some(0), "{again:?}");
    assert_eq!((summary(&out), self::captures(&out)), (whole, captures));
}

#[test]
fn bad_scripts_are_bad_usage_and_bad_folders_are_failures() {
    let dir = TemporaryDir::new();
    let file = script(&dir, 3);
    let bad = dir.file("bad.toml");
    fs::write(&bad, format!("{TINY}report = ['rtt']\n")).unwrap();
    for (args, code, told) in [
        (
            bad.clone(),
            2,
            format!("error: {bad}: line 6: report[0] = 'rtt': there is no such measurement"),
        ),
        ("compar".to_owned(), 2, "did you mean `compare`?".to_owned()),
        (
            dir.file("none.toml"),
            1,
            "none.toml: No such file".to_owned(),
        ),
        (
            format!("{file} --out {file}/x"),
            1,
            "tiny.toml/x/captures: Not a directory".to_owned(),
        ),
        (
            format!("{file} --seed 9223372036854775807"),
            2,
            "seed".to_owned(),
        ),
    ] {
        let run = mdht(&format!("experiment run {args}"));
        assert_eq!(run.code, Some(code), "{run:?}");
        assert!(run.err.contains(&told) && run.out.is_empty(), "{run:?}");
    }
}

#[test]
fn shipped_scripts_are_listed_and_run_by_name() {
    let list = &mdht("experiment list --format json").documents()[0];
    let compare = &list[0];
    assert_eq!(
        (&compare["name"], &compare["runs"]),
        (&"compare".into(), &9.into())
    );
    let text = mdht("experiment list").out;
    assert!(
        text.contains("thesis") && text.contains("virtual hours"),
        "{text}"
    );
}
