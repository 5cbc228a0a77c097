//! The state file: whole or absent whatever happens to the process, and a
//! node that starts whatever is in it.

#![allow(clippy::unwrap_used)] // a panic fails the test

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use mdht_node::Dht;
use serde_json::Value;
use support::{MDHT, Running, TemporaryDir, eventually, local, overlay, start, start_with, v4};

fn state_file(dir: &TemporaryDir) -> PathBuf {
    dir.path().join("node.state")
}

/// The document in a state file, which must be whole; `None` if there is no file.
fn document(path: &Path) -> Option<Value> {
    let text = std::fs::read_to_string(path).ok()?;
    let (header, json) = text.split_once('\n').unwrap();
    let checksum = header.strip_prefix("mdht-state 1 ").unwrap();
    assert_eq!(checksum.len(), 40, "{header}");
    Some(serde_json::from_str(json).unwrap())
}

fn id(document: &Value) -> &str {
    document["overlays"][0]["id"].as_str().unwrap()
}

/// `mdht node` on 127.51.1.`host` that keeps its state in `dir`.
fn node(host: u8, dir: &TemporaryDir, options: &str) -> Running {
    let dir = dir.path().display();
    start(&format!(
        "node --bind 127.51.1.{host} --no-default-bootstrap --state {dir} \
         --routing nice:quarantine=0s,startup_refresh=100ms {options}"
    ))
}

/// Asks a node to stop and kills it some steps of a shell later, so that the
/// kill falls before, into and behind the write.
fn stop_and_kill(child: u32, steps: u32) {
    let script = format!(
        "kill -TERM {child}; i=0; while [ $i -lt {steps} ]; do i=$((i+1)); done; kill -KILL {child}"
    );
    assert!(Command::new("sh").args(["-c", &script]).status().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn after_kill_9_at_any_moment_the_file_is_whole_and_the_next_start_succeeds() {
    const RUNS: u32 = 24;
    let nodes = overlay(51, 8).await;
    let bootstrap = format!("--bootstrap {}", local(&nodes[0]).await);
    let dir = TemporaryDir::new();
    let mut first_id = None;
    for run in 0..RUNS {
        let mut node = node(1, &dir, &bootstrap);
        match run % 4 {
            // in the middle of starting
            3 => node.signal("KILL"),
            // not at all: on a busy machine every other kill may come too soon
            2 => {
                node.wait_for("joined the IPv4 DHT");
                node.signal("TERM");
            }
            _ => {
                node.wait_for("joined the IPv4 DHT");
                stop_and_kill(node.child.id(), run * 100);
            }
        }
        let err = node.finish().err;
        assert!(!err.contains("node.state"), "run {run}: {err}");
        let Some(saved) = document(&state_file(&dir)) else {
            assert!(first_id.is_none(), "run {run}: the file is gone");
            continue;
        };
        let id = id(&saved).to_owned();
        assert_eq!(first_id.get_or_insert(id.clone()), &id, "run {run}");
    }
    assert!(first_id.is_some(), "no run got as far as saving");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clean_restart_keeps_the_id_and_joins_by_saved_contacts_alone() {
    let nodes: Vec<Dht> = overlay(52, 8).await;
    let dir = TemporaryDir::new();
    let mut first = node(2, &dir, &format!("--bootstrap {}", local(&nodes[0]).await));
    first.wait_for("joined the IPv4 DHT");
    // its own ID was looked up, so the others have met it
    let met = async || {
        v4(&nodes[3])
            .await
            .table
            .iter()
            .any(|e| e.contact.addr.ip().to_string() == "127.51.1.2")
    };
    eventually("the others have met it", met).await;
    first.signal("TERM");
    assert_eq!(first.finish().code, Some(0));
    let saved = document(&state_file(&dir)).unwrap();
    let contacts = saved["overlays"][0]["contacts"].as_array().unwrap();
    assert!(contacts.len() >= 2, "{saved}");
    // the node it joined by is gone, and it is given no other
    nodes[0].shutdown().await;
    let mut second = node(2, &dir, "--format json");
    second.wait_for("joined the IPv4 DHT");
    second.signal("TERM");
    let second = second.finish();
    assert_eq!(second.code, Some(0));
    let stats = second.documents().pop().unwrap();
    assert_eq!(stats["overlays"][0]["id"], id(&saved));
}

#[test]
fn a_file_that_cannot_be_used_is_told_and_replaced() {
    let dir = TemporaryDir::new();
    let file = state_file(&dir);
    let run = || {
        let mut node = node(3, &dir, "");
        node.wait_for("listening on");
        node.signal("TERM");
        let run = node.finish();
        assert_eq!(run.code, Some(0), "{run:?}");
        run.err
    };
    assert!(
        !run().contains("node.state"),
        "nothing there is nothing to tell"
    );
    let whole = std::fs::read(&file).unwrap();
    let mut changed = whole.clone();
    *changed.last_mut().unwrap() ^= 1;
    let of_the_future = [b"mdht-state 9 ", &whole[13..]].concat();
    for (bytes, what) in [
        (&changed[..], "damaged: its checksum does not fit"),
        (
            &whole[..whole.len() / 2],
            "damaged: its checksum does not fit",
        ),
        (b"", "not a state file"),
        (b"d1:ad2:id20:", "not a state file"),
        (b"\x7fELF\n\xff\xfe", "not a state file"),
        (&of_the_future, "a state file of another version"),
    ] {
        std::fs::write(&file, bytes).unwrap();
        let err = run();
        let told = format!("{what}; starting with an empty table");
        assert!(err.contains("node.state: ") && err.contains(&told), "{err}");
        assert!(document(&file).is_some(), "replaced by a whole one");
    }
    // what an interrupted write has left behind is in nobody's way
    std::fs::write(file.with_extension("tmp"), "mdht-sta").unwrap();
    assert!(!run().contains("node.state"));
    assert!(!file.with_extension("tmp").exists());
}

/// What is saved while the node runs is there after a crash.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_crash_nothing_older_than_the_interval_is_lost() {
    let nodes = overlay(53, 8).await;
    let bootstrap = format!("--bootstrap {} --save-every 1", local(&nodes[0]).await);
    let dir = TemporaryDir::new();
    let mut running = node(4, &dir, &bootstrap);
    running.wait_for("joined the IPv4 DHT");
    let saved = async || {
        let contacts = |saved: Value| saved["overlays"][0]["contacts"].as_array().map(Vec::len);
        document(&state_file(&dir)).and_then(contacts) >= Some(2)
    };
    eventually("contacts are saved while it runs", saved).await;
    running.signal("KILL");
    running.finish();
    nodes[0].shutdown().await;
    let mut again = node(4, &dir, "");
    again.wait_for("joined the IPv4 DHT");
    again.signal("TERM");
    assert_eq!(again.finish().code, Some(0));
}

/// A limit on the size of files stands in for a full disk.
#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_the_node_runs_and_says_so_and_the_old_file_stays() {
    let nodes = overlay(54, 8).await;
    let dir = TemporaryDir::new();
    let bootstrap = format!("--bootstrap {}", local(&nodes[0]).await);
    let mut first = node(5, &dir, &bootstrap);
    first.wait_for("joined the IPv4 DHT");
    first.signal("TERM");
    assert_eq!(first.finish().code, Some(0));
    let before = std::fs::read(state_file(&dir)).unwrap();
    let folder = dir.path().display();
    let limited = format!(
        "trap '' XFSZ; ulimit -f 0; exec {MDHT} node --bind 127.51.1.6 --no-default-bootstrap \
         --state {folder} --save-every 1 {bootstrap}"
    );
    let mut full = start_with(Command::new("bash").args(["-c", &limited]));
    full.wait_for("joined the IPv4 DHT");
    full.wait_for("state not saved: ");
    full.signal("TERM");
    let full = full.finish();
    assert_eq!(full.code, Some(1), "and at the end it is a failure");
    assert_eq!(std::fs::read(state_file(&dir)).unwrap(), before);
    assert!(!state_file(&dir).with_extension("tmp").exists());
}
