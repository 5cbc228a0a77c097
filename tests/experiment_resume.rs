//! `mdht experiment run` that does not come to its end: what is left, and what
//! `--resume` makes of it.

#![allow(clippy::unwrap_used)] // a panic fails the test

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use support::experiments::{captures, script, summary, wait_for};
use support::{MDHT, TemporaryDir, mdht, start};

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
    assert!(!Path::new(&out).join("captures/BEP5-S.2.part").exists());
    let resumed = mdht(&format!(
        "experiment run {file} --out {out} --keep pcap --resume"
    ));
    assert_eq!(resumed.code, Some(0), "{resumed:?}");
    assert_eq!(summary(&out), expected);
}
