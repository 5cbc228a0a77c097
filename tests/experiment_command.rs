//! `mdht experiment`: a small script from end to end, what is left after a
//! kill, and what is said when something is wrong.

#![allow(clippy::unwrap_used)] // a panic fails the test

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use mdht_experiments::script::MEASUREMENTS;
use serde_json::Value;
use support::{LONGEST_WAIT, MDHT, TemporaryDir, mdht, start};

const TINY: &str = "name = 'tiny'
repetitions = 2
overlay.nodes = 2000
schedule = { infohashes = 5, warm_up_s = 60, interval_s = 5 }
matrix = { routing = ['bep5', 'nr128'], lookup = ['standard'] }
";

/// The script with as many lookups, in a file.
fn script(dir: &TemporaryDir, infohashes: u32) -> String {
    let file = dir.file("tiny.toml");
    let text = TINY.replace("infohashes = 5", &format!("infohashes = {infohashes}"));
    fs::write(&file, text).unwrap();
    file
}

/// What must be the same in every run of a script.
fn summary(out: &str) -> Value {
    let text = fs::read_to_string(Path::new(out).join("summary.json")).unwrap();
    let mut summary: Value = serde_json::from_str(&text).unwrap();
    summary.as_object_mut().unwrap().remove("wall_s").unwrap();
    summary
}

fn captures(out: &str) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(Path::new(out).join("captures")).unwrap();
    let read = |path: std::path::PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, fs::read(path).unwrap())
    };
    entries.map(|entry| read(entry.unwrap().path())).collect()
}

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
fn after_a_kill_resume_gives_what_an_uninterrupted_run_gives() {
    let dir = TemporaryDir::new();
    let (file, whole, killed) = (script(&dir, 3000), dir.file("whole"), dir.file("killed"));
    let args = |out: &str| format!("experiment run {file} --out {out} --keep zst --threads 1");
    let mut command = Command::new(MDHT);
    command
        .args(args(&killed).split(' '))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let first = Path::new(&killed).join("captures/BEP5-S.1.pcap.zst");
    wait_for(&first);
    child.kill().unwrap();
    child.wait().unwrap();
    fs::write(Path::new(&killed).join("captures/NR128-S.2.part"), "half").unwrap();
    let made = fs::metadata(&first).unwrap().modified().unwrap();
    let run = mdht(&format!("{} --resume", args(&killed)));
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(
        fs::metadata(&first).unwrap().modified().unwrap(),
        made,
        "it was run again"
    );
    assert_eq!(mdht(&args(&whole)).code, Some(0));
    assert_eq!(summary(&killed), summary(&whole));
    assert_eq!(captures(&killed), captures(&whole));
}

/// Waits until a run has left its capture.
fn wait_for(capture: &Path) {
    let step = Duration::from_millis(2);
    let steps = LONGEST_WAIT.as_millis() / step.as_millis();
    let is_there = |_| {
        sleep(step);
        capture.exists()
    };
    assert!((0..steps).any(is_there), "no run was finished");
}

#[test]
fn ctrl_c_reports_what_was_finished() {
    let dir = TemporaryDir::new();
    let (file, out) = (script(&dir, 3000), dir.file("out"));
    let running = start(&format!("experiment run {file} --out {out} --threads 1"));
    let first = Path::new(&out).join("captures/BEP5-S.1.pcap.zst");
    wait_for(&first);
    running.signal("INT");
    let run = running.finish();
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.err.contains("--resume goes on"), "{run:?}");
    assert_eq!(summary(&out)["complete"], false);
    assert!(captures(&out).keys().all(|name| !name.ends_with(".part")));
}

#[test]
fn only_the_same_script_is_resumed_and_no_foreign_file_is_touched() {
    let dir = TemporaryDir::new();
    let (file, out) = (script(&dir, 3), dir.file("out"));
    let run = mdht(&format!("experiment run {file} --out {out} --keep zst"));
    assert_eq!(run.code, Some(0), "{run:?}");
    let other = mdht(&format!(
        "experiment run {file} --out {out} --seed 2 --resume"
    ));
    assert_eq!(other.code, Some(1), "{other:?}");
    assert!(
        other.err.contains("script.toml is not the script"),
        "{other:?}"
    );
    assert_eq!(captures(&out).len(), 4);
    let foreign = dir.file("foreign/captures");
    fs::create_dir_all(&foreign).unwrap();
    fs::write(Path::new(&foreign).join("mine.pcap"), "mine").unwrap();
    let refused = mdht(&format!(
        "experiment run {file} --out {}",
        dir.file("foreign")
    ));
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.err.contains("name another folder"), "{refused:?}");
    assert!(Path::new(&foreign).join("mine.pcap").exists());
}

/// A limit on the size of files stands in for a full disk.
#[test]
fn a_full_disk_is_told_with_the_file_and_what_to_do_and_finished_runs_are_kept() {
    let dir = TemporaryDir::new();
    let (file, out) = (script(&dir, 300), dir.file("out"));
    // bep5 writes less than nr128; room for the one and not for the other
    let limited = |kib: u32| {
        let run = format!(
            "trap '' XFSZ; ulimit -f {kib}; exec {MDHT} experiment run {file} --out {out} --keep pcap --threads 1"
        );
        Command::new("bash").args(["-c", &run]).output().unwrap()
    };
    let whole = mdht(&format!("experiment run {file} --out {out} --keep pcap"));
    assert_eq!(whole.code, Some(0), "{whole:?}");
    let expected = summary(&out);
    let size = |name: &str| captures(&out)[name].len();
    let (least, most) = (size("BEP5-S.1.pcap"), size("NR128-S.1.pcap"));
    assert!(least + 4096 < most, "{least} {most}");
    let run = limited(u32::try_from((least + most) / 2 / 1024).unwrap());
    let told = String::from_utf8_lossy(&run.stderr);
    assert_eq!(run.status.code(), Some(1), "{told}");
    assert!(
        told.contains("NR128-S.1.part: ") && told.contains("--resume goes on"),
        "{told}"
    );
    let left: Vec<_> = captures(&out).into_keys().collect();
    assert_eq!(left, ["BEP5-S.1.pcap"]);
    let resumed = mdht(&format!(
        "experiment run {file} --out {out} --keep pcap --resume"
    ));
    assert_eq!(resumed.code, Some(0), "{resumed:?}");
    assert_eq!(summary(&out), expected);
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
