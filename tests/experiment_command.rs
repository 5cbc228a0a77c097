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
use support::{LONGEST_WAIT, MDHT, Running, TemporaryDir, mdht, start};

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

const SWARM: &str = "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a";

/// Nodes of ours on 127.`net`.0.1 to 6, joined by the first; `SWARM` has a peer.
fn company(net: u8) -> Vec<Running> {
    let join = format!("--no-default-bootstrap --bootstrap 127.{net}.0.1:6881");
    let node = |host: u8| {
        let mut node = start(&format!(
            "node --bind 127.{net}.0.{host}:6881 --routing bep5 {join}"
        ));
        node.wait_for("listening on");
        node
    };
    let nodes = (1..=6).map(node).collect();
    let announced = mdht(&format!(
        "announce {SWARM} --port 7 --bind 127.{net}.0.9 {join}"
    ));
    assert_eq!(announced.code, Some(0), "{announced:?}");
    nodes
}

/// A live script in a file, with two infohashes of which the first has a peer.
fn live_script(dir: &TemporaryDir, net: u8, warm_up_s: f64) -> String {
    let (file, list) = (dir.file("live.toml"), dir.file("infohashes"));
    fs::write(&list, format!("# two\n{SWARM}\n{}\n", "a5".repeat(20))).unwrap();
    let text = format!(
        "name = 'live'\noverlay = 'live'\n\
         schedule = {{ infohashes = 2, warm_up_s = {warm_up_s}, interval_s = 0.1 }}\n\
         matrix = {{ routing = ['bep5', 'nr128'], lookup = ['aggressive'] }}\n\
         [live]\ninfohashes = '{list}'\nbind = '127.{net}.0.20'\n\
         bootstrap = ['127.{net}.0.1:6881']\n"
    );
    fs::write(&file, text).unwrap();
    file
}

#[test]
fn a_live_script_measures_nodes_on_real_sockets_and_resumes() {
    let dir = TemporaryDir::new();
    let company = company(93);
    let (file, out) = (live_script(&dir, 93, 1.0), dir.file("out"));
    let args = format!("experiment run {file} --out {out} --keep zst");
    let run = mdht(&args);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(
        run.out.starts_with("live: on real sockets, 2 lookups each"),
        "{run:?}"
    );
    let summary = summary(&out);
    assert_eq!(
        (
            &summary["overlay"],
            &summary["oracle"],
            &summary["complete"]
        ),
        (&"live".into(), &Value::Null, &true.into())
    );
    for variant in summary["variants"].as_array().unwrap() {
        let latency = &variant["lookup_latency_ms"];
        assert_eq!(
            (&latency["count"], &latency["no_value"]),
            (&1.into(), &1.into())
        );
        // the order of the file
        let capture = format!("{out}/captures/{}", variant["label"].as_str().unwrap());
        let node = fs::read_to_string(format!("{capture}.node")).unwrap();
        let profile = mdht(&format!(
            "profile {capture}.pcap.zst --node {node} --format json"
        ));
        let profile = &profile.documents()[0];
        let looked_up = profile["nodes"][0]["lookups"].as_array().unwrap();
        let looked_up: Vec<_> = looked_up.iter().map(|one| &one["infohash"]).collect();
        assert_eq!(looked_up[0], SWARM, "{looked_up:?}");
    }
    let together = &summary["unique_ips"]["measured"][0];
    let count = |key: &str| together[key].as_u64().unwrap();
    assert_eq!(count("nodes"), 2);
    // six nodes, and perhaps the announcer and each other
    assert!((6..=8).contains(&count("ips")), "{together}");
    assert!(count("ips") < count("sum_of_nodes"), "{together}");
    // what is finished is not run again, with or without company
    company.iter().for_each(|node| node.signal("TERM"));
    let again = mdht(&format!("{args} --resume"));
    assert_eq!(again.code, Some(0), "{again:?}");
    assert_eq!(self::summary(&out)["variants"], summary["variants"]);
    company.into_iter().for_each(|node| drop(node.finish()));
}

#[test]
fn ctrl_c_ends_a_live_run_with_what_was_measured() {
    let dir = TemporaryDir::new();
    let company = company(94);
    let (file, out) = (live_script(&dir, 94, 600.0), dir.file("out"));
    let running = start(&format!("experiment run {file} --out {out}"));
    let part = Path::new(&out).join("captures/NR128-A.part");
    wait_for(&part);
    // the first packets reach the file within this time
    sleep(Duration::from_millis(500));
    running.signal("INT");
    let run = running.finish();
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.err.contains("--resume goes on"), "{run:?}");
    let summary = summary(&out);
    assert_eq!(summary["complete"], false);
    assert_eq!(summary["variants"][1]["lookup_latency_ms"]["count"], 0);
    assert!(summary["variants"][1]["all_queries"]["sent"].as_u64() > Some(0));
    company.iter().for_each(|node| node.signal("TERM"));
    company.into_iter().for_each(|node| drop(node.finish()));
}

#[test]
fn a_live_script_without_enough_infohashes_says_so() {
    let dir = TemporaryDir::new();
    let file = live_script(&dir, 95, 1.0);
    fs::write(dir.file("infohashes"), format!("{SWARM}\n")).unwrap();
    let run = mdht(&format!("experiment run {file} --out {}", dir.file("out")));
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(
        run.err
            .contains("holds 1 infohashes and schedule.infohashes is 2"),
        "{run:?}"
    );
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
    assert!(!Path::new(&out).join("captures/BEP5-S.2.part").exists());
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
