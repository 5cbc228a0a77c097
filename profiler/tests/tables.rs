//! Tables as CSV, and waterfalls.

#![allow(clippy::unwrap_used)] // in helper functions too

mod profiling;
mod synthetic;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use mdht_krpc::Query;
use mdht_profiler::measurement::{Measurement, Section, Span};
use mdht_profiler::{BarOutcome, DataTable, Options, Profiler, Waterfall};
use profiling::{CaptureFile, options, try_profile};
use serde_json::{Value, json};
use synthetic::{NODE, Talk, id};

const A: &str = "10.0.0.2:1";
const B: &str = "10.0.0.3:1";
const C: &str = "10.0.0.4:1";

/// A directory that is removed in the end.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let name = format!("{name}-{}", std::process::id());
        Self(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name))
    }

    fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.0.join(file)).unwrap()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Cells that need quotes.
#[derive(Clone, Default)]
struct Awkward;

impl Measurement for Awkward {
    fn finish(self: Box<Self>, _: &Span) -> Section {
        Section {
            key: "awkward",
            tables: vec![DataTable {
                name: "awkward",
                title: "Cells that need quotes",
                columns: vec!["text", "figure"],
                rows: vec![
                    vec![json!("a,b"), json!(1.5)],
                    vec![json!("say \"it\"\r\nagain"), Value::Null],
                    vec![json!("plain"), json!(true)],
                ],
            }],
            ..Section::default()
        }
    }
}

fn two_lookups() -> Talk {
    let mut talk = Talk::new();
    talk.get_peers(0, A, b"1", id(7));
    talk.give(163, A, b"1", id(8), &["1.2.3.4:5"]);
    talk.get_peers(60_000, A, b"2", id(9));
    talk.get_peers(60_001, B, b"3", id(9));
    talk
}

#[test]
fn csv_of_every_table() {
    let talk = two_lookups();
    let file = CaptureFile::new(&talk.pcap.bytes);
    let nodes = vec![format!("{NODE}=ours").parse().unwrap(), A.parse().unwrap()];
    let profiler = Profiler::new(Options { nodes, ..options() });
    let profiler = profiler.with_measurement(|_| Box::<Awkward>::default());
    let profile = profiler.run(&[&file.0], &mut |_| {}).unwrap();
    let directory = Directory::new("csv");
    let nested = directory.0.join("a/b");
    let paths = profile.write_csv(&nested).unwrap();
    let names: BTreeSet<String> = files(&nested);
    assert_eq!(paths.len(), names.len(), "no temporary file is left");
    let lookups = directory.read("a/b/lookups.csv");
    let expected = format!(
        "node,label,infohash,start_s,latency_ms,cost,queries,responses,responses_late,\
         closest_ms,replicas,peers,announced,hops,closest_hops,first_distance_bits,\
         closest_distance_bits\r\n\
         {NODE},ours,{},0.0,163.0,1,1,1,0,163.0,1,1,false,0,0,156,156\r\n\
         {NODE},ours,{},60.0,,,2,0,0,,0,0,false,,,,\r\n",
        id(7),
        id(9)
    );
    assert_eq!(lookups, expected);
    assert_eq!(
        directory.read("a/b/awkward.csv"),
        format!(
            "node,label,text,figure\r\n{0}\"a,b\",1.5\r\n{0}\"say \"\"it\"\"\r\nagain\",\r\n\
             {0}plain,true\r\n{1}\"a,b\",1.5\r\n{1}\"say \"\"it\"\"\r\nagain\",\r\n{1}plain,true\r\n",
            format!("{NODE},ours,"),
            format!("{A},,")
        )
    );
    let summary = directory.read("a/b/summary.csv");
    assert!(summary.starts_with("node,label,figure,value\r\n"));
    for line in [
        "10.0.0.1:6881,ours,lookup_latency_ms.p50,163.0\r\n",
        "10.0.0.1:6881,ours,maintenance.total,0\r\n",
        "10.0.0.2:1,,lookup_latency_ms.p50,\r\n",
    ] {
        assert!(summary.contains(line), "{summary}");
    }
    // again, over what is there
    assert_eq!(profile.write_csv(&nested).unwrap(), paths);
}

fn files(directory: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let name = |entry: std::fs::DirEntry| entry.file_name().into_string().unwrap();
    entries.map(|entry| name(entry.unwrap())).collect()
}

#[test]
fn every_row_has_a_cell_for_every_column() {
    let profile = try_profile(&two_lookups().pcap.bytes, options()).unwrap();
    let tables = profile.nodes[0]
        .sections
        .iter()
        .flat_map(|section| &section.tables);
    let mut names = BTreeSet::new();
    for table in tables {
        assert!(names.insert(table.name), "{} twice", table.name);
        for row in &table.rows {
            assert_eq!(row.len(), table.columns.len(), "{}", table.name);
        }
    }
    assert!(names.len() >= 9, "{names:?}");
    let figures = profile.nodes[0]
        .sections
        .iter()
        .flat_map(|section| &section.figures);
    let figures: Vec<&str> = figures.map(|figure| figure.name).collect();
    let distinct: BTreeSet<&str> = figures.iter().copied().collect();
    assert_eq!(distinct.len(), figures.len(), "{figures:?}");
}

#[test]
fn csv_into_what_is_no_directory() {
    let profile = try_profile(&two_lookups().pcap.bytes, options()).unwrap();
    let file = CaptureFile::new(b"");
    assert!(profile.write_csv(&file.0).is_err());
}

fn waterfalls(talk: &Talk, most: usize, named: &[u8]) -> Vec<Waterfall> {
    let options = Options {
        waterfalls: most,
        waterfall_infohashes: named.iter().map(|&byte| id(byte)).collect(),
        ..options()
    };
    let mut profile = try_profile(&talk.pcap.bytes, options).unwrap();
    profile.nodes.remove(0).waterfalls
}

#[test]
fn a_waterfall_has_a_bar_for_each_query() {
    let d = "10.0.0.5:1";
    let mut talk = Talk::new();
    talk.get_peers(1000, A, b"1", id(7));
    talk.get_peers(1001, B, b"2", id(7)); // never answered
    talk.get_peers(1002, C, b"3", id(7)); // answered late
    talk.refuse(1030, A, b"1");
    talk.get_peers(1040, d, b"4", id(7));
    talk.get_peers(1041, A, b"5", id(7));
    talk.respond(1100, A, b"5", id(0x87));
    talk.give(1200, d, b"4", id(7), &["1.2.3.4:5"]);
    talk.respond(4002, C, b"3", id(8));
    let found = waterfalls(&talk, 1, &[]);
    assert_eq!(found.len(), 1);
    let waterfall = &found[0];
    assert_eq!((waterfall.infohash, waterfall.start_s), (id(7), 0.0));
    assert_eq!(waterfall.latency_ms, Some(200.0));
    assert_eq!(waterfall.first_value_ms, Some(200.0));
    assert_eq!(waterfall.omitted, 0);
    let bars: Vec<_> = waterfall
        .bars
        .iter()
        .map(|bar| {
            let times = (bar.start_ms, bar.end_ms);
            (bar.label.as_str(), times, bar.outcome, bar.distance_bits)
        })
        .collect();
    assert_eq!(
        bars,
        [
            (A, (0.0, 30.0), BarOutcome::Error, None),
            (B, (1.0, 2001.0), BarOutcome::Timeout, None),
            (C, (2.0, 3002.0), BarOutcome::Late, Some(156)),
            (d, (40.0, 200.0), BarOutcome::Values, Some(0)),
            (A, (41.0, 100.0), BarOutcome::Nodes, Some(160)),
        ]
    );
}

#[test]
fn the_slowest_lookups_and_the_named_ones_are_kept() {
    let mut talk = Talk::new();
    for (i, latency) in [100, 500, 300, 400, 200].into_iter().enumerate() {
        let (start, number) = (10_000 * i as u64, u8::try_from(i).unwrap());
        let tid = [number];
        talk.get_peers(start, A, &tid, id(10 + number));
        talk.give(start + latency, A, &tid, id(8), &["1.2.3.4:5"]);
    }
    talk.get_peers(90_000, A, b"x", id(20)); // no value: behind all that have one
    talk.get_peers(90_001, B, b"y", id(20));
    talk.get_peers(95_000, A, b"z", id(30)); // refresh
    let found = |most, named: &[u8]| -> Vec<u8> {
        let found = waterfalls(&talk, most, named);
        found.iter().map(|w| w.infohash.as_bytes()[0]).collect()
    };
    assert!(found(0, &[]).is_empty());
    assert_eq!(found(2, &[]), [11, 13]);
    assert_eq!(found(9, &[]), [11, 13, 12, 14, 10, 20]);
    assert_eq!(found(2, &[13, 10]), [10, 13, 11, 12]);
    assert_eq!(found(0, &[30]), [30]);
}

#[test]
fn a_storm_does_not_fill_the_waterfall() {
    let mut talk = Talk::new();
    for i in 0..2000_u32 {
        talk.get_peers(u64::from(i), A, &i.to_be_bytes(), id(7));
    }
    talk.ask(3000, A, b"p", Query::find_node(id(1), id(7)));
    let found = waterfalls(&talk, 1, &[]);
    assert_eq!(found[0].bars.len(), Waterfall::MAX_BARS);
    assert_eq!(found[0].omitted, 1500);
}
