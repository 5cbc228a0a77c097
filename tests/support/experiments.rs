//! A small script, and what a run of one leaves.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use super::{LONGEST_WAIT, TemporaryDir};

pub const TINY: &str = "name = 'tiny'
repetitions = 2
overlay.nodes = 2000
schedule = { infohashes = 5, warm_up_s = 60, interval_s = 5 }
matrix = { routing = ['bep5', 'nr128'], lookup = ['standard'] }
";

/// The script with as many lookups, in a file.
pub fn script(dir: &TemporaryDir, infohashes: u32) -> String {
    let file = dir.file("tiny.toml");
    let text = TINY.replace("infohashes = 5", &format!("infohashes = {infohashes}"));
    fs::write(&file, text).unwrap();
    file
}

/// What must be the same in every run of a script.
pub fn summary(out: &str) -> Value {
    let text = fs::read_to_string(Path::new(out).join("summary.json")).unwrap();
    let mut summary: Value = serde_json::from_str(&text).unwrap();
    summary.as_object_mut().unwrap().remove("wall_s").unwrap();
    summary
}

/// The captures that it left, by name.
pub fn captures(out: &str) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(Path::new(out).join("captures")).unwrap();
    let read = |path: PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, fs::read(path).unwrap())
    };
    entries.map(|entry| read(entry.unwrap().path())).collect()
}

/// Waits until a run has left its capture.
pub fn wait_for(capture: &Path) {
    let step = Duration::from_millis(2);
    let steps = LONGEST_WAIT.as_millis() / step.as_millis();
    let is_there = |_| {
        sleep(step);
        capture.exists()
    };
    assert!((0..steps).any(is_there), "no run was finished");
}
