//! `mdht experiment run` of live scripts: nodes of ours on real sockets.

#![allow(clippy::unwrap_used)] // a panic fails the test

mod support;

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;
use support::experiments::{summary, wait_for};
use support::{Running, TemporaryDir, mdht, start};

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
