//! Messages, exchanges and lookups as Parquet files.

#![cfg(feature = "parquet")]
#![allow(clippy::unwrap_used)] // in helper functions too

mod profiling;
mod synthetic;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use mdht_krpc::{Body, Message, Method, Oddities, Query, Response, Values};
use mdht_profiler::parquet::Tables;
use mdht_profiler::{Input, Options, Profile, Profiler};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use profiling::{CaptureFile, options};
use synthetic::{NODE, START_S, Talk, addr, id};

const A: &str = "10.0.0.2:1";
const B: &str = "10.0.0.3:2";
const C: &str = "[2a00::1]:3";

/// A folder that is removed in the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("parquet-{name}-{}", std::process::id());
        Self(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name))
    }

    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
        let mut names: Vec<_> = entries.map(|entry| name(entry.unwrap())).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A row by its columns.
type Row = BTreeMap<String, Field>;

fn read(path: &Path) -> Vec<Row> {
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let rows = reader.get_row_iter(None).unwrap();
    rows.map(|row| {
        let row = row.unwrap();
        let fields = row.get_column_iter();
        fields
            .map(|(name, field)| (name.clone(), field.clone()))
            .collect()
    })
    .collect()
}

/// Profiles `talk` into `folder`: the rows of the three tables.
fn tables(folder: &Folder, talk: &Talk, options: Options) -> (Profile, [Vec<Row>; 3]) {
    let file = CaptureFile::new(&talk.pcap.bytes);
    let tables = Tables::create(&folder.0).unwrap();
    let profiler = Profiler::new(options).with_measurement(tables.measurement());
    let profile = profiler.run(&[&file.0], &mut |_| {}).unwrap();
    let paths = tables.finish().unwrap();
    (profile, paths.map(|path| read(&path)))
}

fn text(text: &str) -> Field {
    Field::Str(text.to_owned())
}

fn bytes(bytes: &[u8]) -> Field {
    Field::Bytes(bytes.to_vec().into())
}

/// The moment `ms` after the first packet.
fn time(ms: u64) -> Field {
    Field::Long(i64::try_from(START_S * 1_000_000_000 + ms * 1_000_000).unwrap())
}

/// The columns that are named here have these values.
fn assert_row(row: &Row, columns: &[(&str, Field)]) {
    for (name, value) in columns {
        assert_eq!(row.get(*name), Some(value), "{name} of {row:?}");
    }
}

/// An answered, a late, a refused and an unanswered query, in two lookups.
fn talk() -> Talk {
    let mut talk = Talk::new();
    talk.get_peers(0, A, b"1", id(7));
    talk.get_peers(10, B, b"2", id(7));
    let peers = [addr("1.2.3.4:5"), addr("1.2.3.4:6")];
    let found = Response {
        values: Some(Values::from_peers(&peers)),
        ..Response::new(id(6))
    };
    let mut answer = Message::new(b"1", Body::Response(found));
    answer.version = Some(b"LT\x01\x02");
    talk.message(163, A, NODE, &answer);
    talk.refuse(200, B, b"2");
    talk.ping(300, A, b"3");
    talk.respond(2800, A, b"3", id(6));
    talk.get_peers(60_000, A, b"4", id(9));
    talk.payload(60_001, A, NODE, b"d1:y1:q1:q3:a\xff'1:t1:x1:ad2:id3:abcee");
    talk
}

#[test]
fn a_row_for_each_message() {
    let folder = Folder::new("messages");
    let (_, [messages, ..]) = tables(&folder, &talk(), options());
    assert_eq!(messages.len(), 8);
    assert_row(
        &messages[0],
        &[
            ("time", time(0)),
            ("node", text(NODE)),
            ("local_ip", text("10.0.0.1")),
            ("local_port", Field::UShort(6881)),
            ("remote_ip", text("10.0.0.2")),
            ("remote_port", Field::UShort(1)),
            ("direction", text("sent")),
            ("kind", text("query")),
            ("method", text("get_peers")),
            ("transaction_id", bytes(b"1")),
            ("sender_id", bytes(&[1; 20])),
            ("target", bytes(&[7; 20])),
            ("client", Field::Null),
            ("read_only", Field::Bool(false)),
            ("nodes", Field::Null),
            ("peers", Field::Null),
            ("oddities", Field::Null),
        ],
    );
    assert_row(
        &messages[2],
        &[
            ("time", time(163)),
            ("direction", text("received")),
            ("kind", text("response")),
            ("method", Field::Null),
            ("sender_id", bytes(&[6; 20])),
            ("target", Field::Null),
            ("client", text("LT")),
            ("version", bytes(b"LT\x01\x02")),
            ("peers", Field::Int(2)),
        ],
    );
    assert_row(
        &messages[3],
        &[("kind", text("error")), ("error_code", Field::Long(201))],
    );
    let bad_id = Oddities::BAD_ID.names().next().unwrap();
    let Field::Str(oddities) = &messages[7]["oddities"] else {
        panic!("{:?}", messages[7]);
    };
    assert!(oddities.contains(bad_id), "{oddities}");
    assert_row(
        &messages[7],
        &[("method", text(r"a\xff\'")), ("sender_id", Field::Null)],
    );
}

#[test]
fn a_row_for_each_query_sent() {
    let folder = Folder::new("exchanges");
    let (_, [_, mut exchanges, _]) = tables(&folder, &talk(), options());
    exchanges.sort_by_key(|row| row["time"].to_string());
    let [found, refused, late, unanswered] = exchanges.try_into().unwrap();
    assert_row(
        &found,
        &[
            ("time", time(0)),
            ("method", text("get_peers")),
            ("target", bytes(&[7; 20])),
            ("lookup", Field::Long(0)),
            ("hops", Field::Int(0)),
            ("named_distance_bits", Field::Null),
            ("outcome", text("answered")),
            ("rtt_ns", Field::Long(163_000_000)),
            ("answer", text("response")),
            ("responder_id", bytes(&[6; 20])),
            ("distance_bits", Field::Int(153)), // 6 and 7 differ in the eighth bit
            ("client", text("LT")),
            ("peers", Field::Int(2)),
            ("has_item", Field::Bool(false)),
            ("error_code", Field::Null),
        ],
    );
    assert_row(
        &refused,
        &[
            ("lookup", Field::Long(0)),
            ("outcome", text("answered")),
            ("rtt_ns", Field::Long(190_000_000)),
            ("answer", text("error")),
            ("error_code", Field::Long(201)),
            ("responder_id", Field::Null),
            ("distance_bits", Field::Null),
        ],
    );
    assert_row(
        &late,
        &[
            ("method", text("ping")),
            ("target", Field::Null),
            ("lookup", Field::Null),
            ("outcome", text("answered_late")),
            ("rtt_ns", Field::Long(2_500_000_000)),
        ],
    );
    assert_row(
        &unanswered,
        &[
            ("lookup", Field::Long(1)),
            ("outcome", text("unanswered")),
            ("rtt_ns", Field::Null),
            ("answer", Field::Null),
            ("client", Field::Null),
            ("has_item", Field::Null),
        ],
    );
}

#[test]
fn a_row_for_each_lookup() {
    let folder = Folder::new("lookups");
    let mut talk = talk();
    let get = Query {
        target: Some(id(3)),
        ..Query::new(Method::Get, id(1))
    };
    talk.ask(60_002, B, b"5", get);
    let (profile, [_, _, lookups]) = tables(&folder, &talk, options());
    let [found, refresh, get] = lookups.try_into().unwrap();
    assert_row(
        &found,
        &[
            ("time", time(0)),
            ("node", text(NODE)),
            ("lookup", Field::Long(0)),
            ("kind", text("get_peers")),
            ("target", bytes(&[7; 20])),
            ("latency_ns", Field::Long(163_000_000)),
            ("cost", Field::Long(2)),
            ("queries", Field::Long(2)),
            ("answered", Field::Long(2)),
            ("answered_late", Field::Long(0)),
            ("closest_ns", Field::Long(163_000_000)),
            ("replicas", Field::Long(1)),
            ("peers", Field::Long(2)),
            ("announced", Field::Bool(false)),
            ("hops", Field::Int(0)),
            ("closest_distance_bits", Field::Int(153)),
        ],
    );
    assert_row(
        &refresh,
        &[
            ("kind", text("refresh")),
            ("latency_ns", Field::Null),
            ("cost", Field::Null),
            ("closest_ns", Field::Null),
            ("replicas", Field::Long(0)),
        ],
    );
    assert_row(&get, &[("kind", text("get")), ("lookup", Field::Long(2))]);
    // nothing of it shows in the profile
    let sections = &profile.nodes[0].sections;
    assert!(sections.last().unwrap().key.is_empty());
}

#[test]
fn one_file_holds_all_nodes_by_their_labels() {
    let folder = Folder::new("nodes");
    let nodes = vec![format!("{NODE}=ours").parse().unwrap(), A.parse().unwrap()];
    let mut talk = talk();
    talk.payload(70_000, NODE, "10.9.9.9:9", b"d1:y1:q1:q4:ping1:t1:xe");
    let (profile, [messages, ..]) = tables(&folder, &talk, Options { nodes, ..options() });
    for (node, name) in profile.nodes.iter().zip(["ours", A]) {
        let rows = messages.iter().filter(|row| row["node"] == text(name));
        assert_eq!(rows.count() as u64, node.messages, "{name}");
    }
    assert!(messages.is_sorted_by_key(|row| row["time"].to_string()));
}

#[test]
fn the_same_capture_gives_the_same_bytes() {
    let bytes = |name| {
        let folder = Folder::new(name);
        tables(&folder, &talk(), options());
        let files = folder.files();
        assert_eq!(
            files,
            ["exchanges.parquet", "lookups.parquet", "messages.parquet"]
        );
        let read = |name| fs::read(folder.0.join(name)).unwrap();
        files.into_iter().map(read).collect::<Vec<_>>()
    };
    assert_eq!(bytes("once"), bytes("again"));
}

/// Hands out a few bytes at a time, so that the profiler waits often.
struct Dripping(std::io::Cursor<Vec<u8>>);

impl Read for Dripping {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = buffer.len().min(100);
        self.0.read(&mut buffer[..most])
    }
}

#[test]
fn looking_at_a_growing_capture_writes_nothing_twice() {
    for nodes in [options().nodes, Vec::new()] {
        let folder = Folder::new(&format!("live-{}", nodes.len()));
        let tables = Tables::create(&folder.0).unwrap();
        let options = Options { nodes, ..options() };
        let profiler = Profiler::new(options).with_measurement(tables.measurement());
        let capture = Dripping(std::io::Cursor::new(talk().pcap.bytes));
        let mut seen = 0;
        let watched = profiler.watch(vec![Input::reader("live", capture)], &mut |running| {
            seen += running.snapshot().map_or(0, |profile| profile.nodes.len());
            ControlFlow::Continue(())
        });
        let messages = watched.unwrap().nodes[0].messages;
        assert!(seen > 3, "{seen}");
        let rows = tables
            .finish()
            .unwrap()
            .map(|path| read(&path).len() as u64);
        assert_eq!(rows, [messages, 4, 2]);
    }
}

#[test]
fn where_nothing_can_be_written_the_error_says_where() {
    let file = CaptureFile::new(b"");
    let error = Tables::create(&file.0).err().unwrap();
    assert_eq!(error.path(), file.0);
    let told = error.to_string();
    assert!(told.contains(file.0.to_str().unwrap()), "{told}");
    assert!(told.contains("name a folder"), "{told}");

    // a folder has the name that a table is to have
    let folder = Folder::new("taken");
    fs::create_dir_all(folder.0.join("lookups.parquet/x")).unwrap();
    let tables = Tables::create(&folder.0).unwrap();
    let error = tables.finish().unwrap_err();
    assert!(error.path().ends_with("lookups.parquet"), "{error}");
    let left = folder.files();
    assert!(left.iter().all(|name| !name.starts_with('.')), "{left:?}");
}

#[test]
fn tables_that_are_given_up_leave_nothing() {
    let folder = Folder::new("given-up");
    let tables = Tables::create(&folder.0).unwrap();
    assert_eq!(folder.files().len(), 3);
    drop(tables);
    assert!(folder.files().is_empty());
}

#[test]
fn addresses_of_both_families() {
    let folder = Folder::new("families");
    let mut talk = Talk::new();
    let node = "[2a00::9]:6881";
    talk.payload(
        0,
        node,
        C,
        b"d1:ad2:id20:aaaaaaaaaaaaaaaaaaaae1:q4:ping1:t1:x1:y1:qe",
    );
    let nodes = vec![node.parse().unwrap()];
    let (_, [messages, exchanges, _]) = tables(&folder, &talk, Options { nodes, ..options() });
    for row in messages.iter().chain(&exchanges) {
        assert_row(row, &[("node", text(node)), ("remote_ip", text("2a00::1"))]);
    }
}
