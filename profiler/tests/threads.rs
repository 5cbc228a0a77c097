//! Reading in one thread and measuring in another: nothing must show it.

#![allow(clippy::unwrap_used)] // in helper functions too

mod inputs;
mod profiling;
mod synthetic;

use std::num::NonZero;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use inputs::{OTHER, bad, pings, received, sent};
use mdht_profiler::measurement::{Measurement, Section, Span};
use mdht_profiler::{Exchange, Input, Options, Profile, Profiler, Progress};
use profiling::{CaptureFile, options};
use synthetic::{NODE, Talk};

fn threads(count: usize, options: Options) -> Options {
    Options {
        threads: NonZero::new(count),
        ..options
    }
}

/// What is to be seen of a run: progress and snapshot at every report, and
/// the profile, or the error.
type Seen = (Vec<(Progress, Option<String>)>, Result<Profile, String>);

/// Profiles `files`, and stops at the report of this number.
fn run(options: Options, files: &[CaptureFile], stop_at: usize) -> Seen {
    let inputs = files.iter().map(|file| Input::file(&file.0)).collect();
    let mut reports = Vec::new();
    let profile = Profiler::new(options).watch(inputs, &mut |running| {
        let snapshot = running.snapshot();
        let snapshot = snapshot.map(|profile| serde_json::to_string(&profile).unwrap());
        reports.push((running.progress(), snapshot));
        match reports.len() < stop_at {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    });
    (reports, profile.map_err(|error| error.to_string()))
}

/// Checks that two threads see what one does, and returns that.
fn same(options: &Options, captures: &[&[u8]], stop_at: usize) -> Seen {
    let files: Vec<_> = captures
        .iter()
        .map(|bytes| CaptureFile::new(bytes))
        .collect();
    let one = run(threads(1, options.clone()), &files, stop_at);
    let two = run(threads(2, options.clone()), &files, stop_at);
    assert_eq!(one.0.len(), two.0.len());
    for (alone, apart) in one.0.iter().zip(&two.0) {
        assert_eq!(alone, apart);
    }
    let text = |seen: &Seen| {
        seen.1
            .as_ref()
            .map(|p| serde_json::to_string(p).unwrap())
            .ok()
    };
    assert_eq!(text(&one), text(&two), "byte for byte");
    assert_eq!(one.1, two.1);
    two
}

/// Traffic of all kinds, of `rounds` lookups.
fn talk(rounds: u64) -> Talk {
    let mut talk = Talk::new();
    for i in 0..rounds {
        let tid = i.to_be_bytes();
        talk.ping(i * 40, OTHER, &tid);
        talk.respond(i * 40 + 20, OTHER, &tid, synthetic::id(2));
        talk.payload(i * 40 + 30, NODE, OTHER, b"d4:spam4:eggse");
        talk.payload(i * 40 + 31, OTHER, NODE, b"no KRPC");
    }
    talk
}

#[test]
fn every_capture_of_the_tests_reads_the_same() {
    for capture in bad::captures().iter().chain(&bad::good()) {
        for options in [options(), Options::default()] {
            let _ = same(&options, &[&capture.bytes], usize::MAX);
        }
    }
}

#[test]
fn more_than_fits_the_blocks_reads_the_same() {
    let capture = talk(50_000).pcap.bytes;
    for options in [options(), Options::default()] {
        let passes = if options.nodes.is_empty() { 2 } else { 1 };
        let (reports, profile) = same(&options, &[&capture], usize::MAX);
        assert_eq!(reports.len(), passes * 4); // three of 65,536 packets, and the end
        assert_eq!(reports.last().unwrap().0.packets, passes as u64 * 200_000);
        assert_eq!(profile.unwrap().captures[0].malformed, 50_000);
    }
}

#[test]
fn merged_captures_read_the_same() {
    let first = talk(20_000).pcap.bytes;
    let overlapping = pings(500_000, 10, 30_000).bytes;
    let later = pings(10_000_000, 10, 70_000).bytes;
    let captures = [&first[..], &later, &overlapping];
    let (_, profile) = same(&options(), &captures, usize::MAX);
    assert_eq!(profile.unwrap().captures.len(), 3);
    let _ = same(&options(), &captures, 2);
}

#[test]
fn stopped_at_a_report_nothing_behind_it_counts() {
    let capture = talk(60_000).pcap.bytes;
    for stop_at in 1..4 {
        let (reports, profile) = same(&options(), &[&capture], stop_at);
        assert_eq!(reports.len(), stop_at);
        assert_eq!(
            profile.unwrap().captures[0].packets,
            65_536 * stop_at as u64
        );
    }
}

#[test]
fn a_capture_that_is_gone_is_an_error_all_the_same() {
    let empty = pings(0, 1, 0).bytes;
    let garbage = [empty, vec![7; 16]].concat();
    let good = pings(0, 1, 10).bytes;
    let (_, profile) = same(&options(), &[&good, &garbage], usize::MAX);
    assert!(profile.unwrap_err().contains("nothing in"));
}

#[test]
fn a_panic_of_the_watcher_goes_on_in_the_caller() {
    let file = CaptureFile::new(&talk(50_000).pcap.bytes);
    let run = || Profiler::new(threads(2, options())).run(&[&file.0], &mut |_| panic!("watcher"));
    let panic = catch_unwind(AssertUnwindSafe(run)).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"watcher"));
}

/// Panics at the hundredth exchange.
#[derive(Clone)]
struct Fragile(u32);

impl Measurement for Fragile {
    fn on_exchange(&mut self, _: &Exchange<'_>) {
        self.0 += 1;
        assert!(self.0 < 100, "measurement");
    }

    fn finish(self: Box<Self>, _: &Span) -> Section {
        unreachable!("it panicked")
    }
}

#[test]
fn a_panic_of_a_measurement_goes_on_in_the_caller() {
    let file = CaptureFile::new(&talk(50_000).pcap.bytes);
    let profiler = Profiler::new(threads(2, options())).with_measurement(|_| Box::new(Fragile(0)));
    let run = || profiler.run(&[&file.0], &mut |_| ());
    let panic = catch_unwind(AssertUnwindSafe(run)).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"measurement"));
}

#[test]
fn a_pair_of_packets_is_a_round_trip() {
    let mut capture = pings(0, 10, 0);
    capture.packet(0, &sent());
    capture.packet(1_000_000, &received());
    let (_, profile) = same(&options(), &[&capture.bytes], usize::MAX);
    let profile = profile.unwrap();
    assert_eq!(profile.nodes[0].section("rtt_ms").unwrap()["count"], 1);
}
