//! Several captures as one, and captures that are read while they grow.

#![allow(clippy::unwrap_used)] // in helper functions too

mod inputs;
mod profiling;
mod synthetic;

use std::io::{self, Cursor, Read};
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, Sender, channel};

use inputs::{OTHER, pings, received, sent};
use mdht_profiler::{Input, Options, Profile, Profiler};
use profiling::{CaptureFile, options};
use synthetic::{Format, NODE, Pcap, Talk, udp};

fn run(captures: &[&Pcap]) -> Profile {
    let files: Vec<_> = captures
        .iter()
        .map(|c| CaptureFile::new(&c.bytes))
        .collect();
    let paths: Vec<_> = files.iter().map(|file| &file.0).collect();
    Profiler::new(options()).run(&paths, &mut |_| {}).unwrap()
}

fn figure(profile: &Profile, section: &str, key: &str) -> serde_json::Value {
    profile.nodes[0].section(section).unwrap()[key].clone()
}

fn pcap(packets: &[(u64, Vec<u8>)]) -> Pcap {
    let mut pcap = Pcap::new(Format::RAW_IP);
    for (ms, packet) in packets {
        pcap.packet(ms * 1_000_000, packet);
    }
    pcap
}

#[test]
fn overlapping_captures_are_merged_by_time() {
    // queries in one, answers in the other, and all of one ID
    let queries: Vec<_> = (0..100).map(|i| (i * 3000, sent())).collect();
    let answers: Vec<_> = (0..100).map(|i| (i * 3000 + 20 + i, received())).collect();
    for captures in [
        [&pcap(&queries), &pcap(&answers)],
        [&pcap(&answers), &pcap(&queries)],
    ] {
        let profile = run(&captures);
        assert_eq!(figure(&profile, "rtt_ms", "count"), 100);
        assert_eq!(figure(&profile, "rtt_ms", "p50"), 69.5);
        assert_eq!(figure(&profile, "stray_answers", "duplicate"), 0);
        // the query's capture begins first
        assert_eq!(profile.captures[0].duration_s, Some(297.0));
    }
}

#[test]
fn at_the_same_time_the_capture_that_began_first_comes_first() {
    let query = pcap(&[(0, sent()), (70_000, sent())]);
    let answer = pcap(&[(1, received()), (70_000, received())]);
    let profile = run(&[&answer, &query]);
    assert_eq!(figure(&profile, "rtt_ms", "count"), 2);
}

#[test]
fn a_capture_keeps_its_order_where_time_goes_backwards() {
    // the clock is set back between a query and its answer
    let stepping = pcap(&[(5000, sent()), (1000, received()), (9000, sent())]);
    let other = pcap(&[
        (2000, udp(NODE, OTHER, b"x")),
        (6000, udp(NODE, OTHER, b"x")),
    ]);
    let profile = run(&[&stepping, &other]);
    assert_eq!(figure(&profile, "rtt_ms", "count"), 1);
    let capture = profile.captures.iter().find(|c| c.packets == 3).unwrap();
    assert_eq!(capture.time_steps_back, 1);
    assert_eq!(capture.duration_s, Some(8.0));
}

#[test]
fn time_covered_twice_counts_once() {
    // 0 to 60 s, 30 to 90 s, 40 to 50 s, and 120 to 150 s
    let captures = [(0, 10, 7), (30, 10, 7), (40, 10, 2), (120, 10, 4)];
    let captures = captures.map(|(start, gap, count)| pings(start * 1000, gap * 1000, count));
    let profile = run(&captures.each_ref());
    // 20 pings in 90 + 30 s
    assert_eq!(figure(&profile, "maintenance", "per_minute"), 10.0);
}

#[test]
fn a_thousand_captures_one_after_the_other() {
    let captures: Vec<_> = (0..1000).map(|i| pings(i * 100, 10, 3)).collect();
    let profile = run(&captures.iter().rev().collect::<Vec<_>>());
    assert_eq!(figure(&profile, "maintenance", "ping"), 3000);
    assert!(profile.captures.iter().is_sorted_by_key(|c| c.start));
}

#[test]
fn without_a_node_named_one_pass_finds_the_busiest_too() {
    let mut talk = Talk::new();
    for i in 0..50 {
        talk.payload(i, "10.9.9.9:9", NODE, &inputs::ping()); // only sends
        talk.ping(i, OTHER, b"1");
        talk.respond(i, OTHER, b"1", synthetic::id(3));
    }
    let file = CaptureFile::new(&talk.pcap.bytes);
    let profiler = Profiler::new(Options::default());
    let twice = profiler.run(&[&file.0], &mut |_| {}).unwrap();
    let input = Input::reader("-", Cursor::new(talk.pcap.bytes.clone()));
    let once = profiler
        .watch(vec![input], &mut |_| ControlFlow::Continue(()))
        .unwrap();
    assert_eq!(once.nodes, twice.nodes);
    assert_eq!(once.addresses, twice.addresses);
    assert_eq!(once.nodes[0].node.to_string(), NODE);
}

#[test]
fn beyond_what_is_kept_the_choice_stands_and_nothing_is_lost() {
    let late_riser = "10.0.0.7:7";
    let mut capture = pings(0, 1, 40_000);
    capture.packet(0, &received());
    let mut capture_of_both = Pcap::new(Format::RAW_IP);
    for i in 0..40_000 {
        capture_of_both.packet(i * 1_000_000, &sent());
    }
    for i in 40_000..140_000 {
        capture_of_both.packet(i * 1_000_000, &udp(late_riser, OTHER, &inputs::ping()));
    }
    // OTHER must both send and receive to be chosen
    let mut bytes = pcap(&[(0, received())]).bytes;
    bytes.extend_from_slice(&capture_of_both.bytes[24..]);
    let input = Input::reader("-", Cursor::new(bytes));
    let profiler = Profiler::new(Options::default());
    let profile = profiler
        .watch(vec![input], &mut |_| ControlFlow::Continue(()))
        .unwrap();
    assert_eq!(profile.captures[0].krpc_messages, 140_001);
    assert_eq!(profile.nodes[0].node.to_string(), NODE);
    assert_eq!(figure(&profile, "maintenance", "ping"), 40_000);
}

/// Hands out what it is sent, at most one piece a read.
struct Pipe(Receiver<Vec<u8>>, Cursor<Vec<u8>>);

impl Read for Pipe {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self.1.read(buf)? {
            0 => {
                self.1 = Cursor::new(self.0.recv().unwrap_or_default());
                self.1.read(buf)
            }
            read => Ok(read),
        }
    }
}

fn pipe() -> (Sender<Vec<u8>>, Input) {
    let (sender, receiver) = channel();
    let pipe = Pipe(receiver, Cursor::default());
    (sender, Input::reader("-", pipe))
}

#[test]
fn a_snapshot_before_each_wait_shows_what_came_so_far() {
    for (options, from) in [(options(), 1), (Options::default(), 2)] {
        let (sender, input) = pipe();
        let capture = pcap(&[
            (0, sent()),
            (40, received()),
            (1000, sent()),
            (1060, received()),
        ]);
        let record = 16 + sent().len();
        let (header, mut rest) = capture.bytes.split_at(24);
        sender.send(header.to_vec()).unwrap();
        let mut pieces = vec![rest.split_off(..record).unwrap().to_vec()];
        pieces.extend(rest.chunks(7).map(<[u8]>::to_vec)); // records in pieces
        pieces.reverse();
        sender.send(pieces.pop().unwrap()).unwrap();
        let mut sender = Some(sender);
        let mut seen = Vec::new();
        let profile = Profiler::new(options)
            .watch(vec![input], &mut |running| {
                let snapshot = running.snapshot().unwrap();
                assert!(running.progress().live);
                assert_eq!(running.progress().packets, snapshot.captures[0].packets);
                seen.push(snapshot);
                match pieces.pop() {
                    Some(piece) => sender.as_ref().unwrap().send(piece).unwrap(),
                    None => sender = None,
                }
                ControlFlow::Continue(())
            })
            .unwrap();
        let packets: Vec<_> = seen.iter().map(|s| s.captures[0].packets).collect();
        assert!(packets.is_sorted() && packets[0] == 1, "{packets:?}");
        for count in 1..=4 {
            assert!(packets.contains(&count), "{packets:?}");
        }
        // the last snapshot is the profile
        assert_eq!(seen.last(), Some(&profile));
        // and those on the way are what a profile of so much would be
        for (snapshot, packets) in seen.iter().zip(packets).filter(|(_, p)| *p >= from) {
            let answered = figure(snapshot, "rtt_ms", "count");
            assert_eq!(answered, packets / 2);
        }
    }
}

#[test]
fn reading_ends_when_the_watcher_says_so() {
    let (sender, input) = pipe();
    sender.send(pings(0, 10, 3).bytes).unwrap();
    let profile = Profiler::new(options())
        .watch(
            vec![input],
            &mut |running| match running.progress().packets {
                0..3 => ControlFlow::Continue(()),
                _ => ControlFlow::Break(()),
            },
        )
        .unwrap();
    assert_eq!(figure(&profile, "maintenance", "ping"), 3);
    drop(sender); // was still open: the input was not over
}

#[test]
fn ended_while_looking_for_the_busiest_there_is_no_figure() {
    let file = CaptureFile::new(&pings(0, 1, 70_000).bytes);
    let profile = Profiler::new(Options::default())
        .watch(vec![Input::file(&file.0)], &mut |running| {
            assert!(running.snapshot().is_none());
            ControlFlow::Break(())
        })
        .unwrap();
    assert_eq!(profile.captures[0].packets, 65_536);
    assert!(profile.nodes.is_empty());
}

#[test]
fn a_pipe_and_a_file_together() {
    let file = CaptureFile::new(&pcap(&[(40, received())]).bytes);
    let inputs = vec![
        Input::reader("-", Cursor::new(pcap(&[(0, sent())]).bytes)),
        Input::named(&file.0),
    ];
    let profiler = Profiler::new(Options::default());
    let profile = profiler
        .watch(inputs, &mut |_| ControlFlow::Continue(()))
        .unwrap();
    assert_eq!(profile.captures[0].path, "-");
    assert_eq!(profile.addresses.len(), 2);
    assert_eq!(profile.nodes.len(), 1);
}
