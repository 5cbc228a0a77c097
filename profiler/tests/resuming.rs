//! A pcap file with a record of impossible length: what is behind it is read
//! too, if it can be found.

#![allow(clippy::unwrap_used)] // in helper functions too

mod inputs;
mod profiling;
mod synthetic;

use inputs::{laws, pings, received, sent};
use mdht_profiler::{CaptureSummary, Fault, FaultKind};
use profiling::{options, try_profile};
use proptest::prelude::*;
use synthetic::{Format, Pcap, udp};

const FILE_HEADER: usize = 24;

fn read(bytes: &[u8]) -> CaptureSummary {
    laws::check(bytes); // however much a read returns
    try_profile(bytes, options()).unwrap().captures.remove(0)
}

fn fault(capture: &CaptureSummary) -> (FaultKind, u64, u64) {
    let Fault {
        kind,
        count,
        first_offset,
        ..
    } = capture.faults[0];
    (kind, count, first_offset)
}

/// A capture of `before` packets, a record header of impossible length,
/// `noise`, and `after` packets that begin `gap_ms` later; and where the
/// broken record is.
fn broken(format: Format, before: u64, noise: &[u8], gap_ms: u64, after: u64) -> (Vec<u8>, u64) {
    let mut pcap = Pcap::new(format);
    for i in 0..before {
        pcap.packet(i * 1_000_000, &sent());
    }
    let at = pcap.bytes.len();
    let mut rest = Pcap::new(format);
    rest.packet(0, b"");
    rest.bytes[FILE_HEADER + 8..FILE_HEADER + 12].fill(0x7f);
    pcap.bytes.extend(&rest.bytes[FILE_HEADER..]);
    pcap.bytes.extend(noise);
    for i in 0..after {
        pcap.packet((gap_ms + i) * 1_000_000, &received());
    }
    (pcap.bytes, at as u64)
}

#[test]
fn reading_goes_on_at_the_next_records() {
    for (big_endian, nanoseconds) in [(false, false), (false, true), (true, false), (true, true)] {
        let format = Format {
            big_endian,
            nanoseconds,
            ..Format::RAW_IP
        };
        for after in 1..6 {
            let noise = udp("10.0.0.3:1", "10.0.0.4:1", &[0; 300]);
            let (bytes, at) = broken(format, 3, &noise, 5000, after);
            let capture = read(&bytes);
            assert_eq!(capture.packets, 3 + after);
            assert_eq!(fault(&capture), (FaultKind::ImpossibleLength, 1, at));
            assert_eq!(capture.skipped_bytes, 16 + noise.len() as u64);
            assert_eq!((capture.truncated, capture.truncated_at), (false, None));
        }
    }
}

#[test]
fn the_text_says_how_much_was_passed_over() {
    let (bytes, _) = broken(Format::RAW_IP, 3, b"", 0, 3);
    let text = try_profile(&bytes, options()).unwrap().to_string();
    assert!(text.contains("  16 bytes passed over"), "{text}");
}

#[test]
fn each_break_counts() {
    let (first, at) = broken(Format::RAW_IP, 3, b"one", 0, 3);
    let (second, _) = broken(Format::RAW_IP, 0, b"three", 0, 3);
    let capture = read(&[&first, &second[FILE_HEADER..]].concat());
    assert_eq!(capture.packets, 9);
    assert_eq!(fault(&capture), (FaultKind::ImpossibleLength, 2, at));
    assert_eq!(capture.skipped_bytes, 16 + 3 + 16 + 5);
}

#[test]
fn the_first_record_may_be_the_broken_one() {
    let (bytes, _) = broken(Format::RAW_IP, 0, &[0; 100], 0, 4);
    assert_eq!(read(&bytes).packets, 4);
}

#[test]
fn a_cut_behind_the_next_records_is_a_cut() {
    let (mut bytes, at) = broken(Format::RAW_IP, 3, b"noise", 0, 3);
    bytes.truncate(bytes.len() - 4);
    let capture = read(&bytes);
    assert_eq!(capture.packets, 5);
    assert_eq!(fault(&capture), (FaultKind::ImpossibleLength, 1, at));
    let record = 16 + received().len();
    assert_eq!(
        capture.truncated_at,
        Some((bytes.len() + 4 - record) as u64)
    );
}

#[test]
fn what_only_looks_like_a_record_is_none() {
    let week = 7 * 86_400_000;
    for (noise, gap_ms, after) in [
        (&b""[..], 0, 0),   // nothing
        (&[0; 1000], 0, 0), // zeros would be empty records
        (&[1; 1000], 0, 0), // as would no text
        (b"", week, 5),     // records of another time
    ] {
        let (bytes, at) = broken(Format::RAW_IP, 3, noise, gap_ms, after);
        let capture = read(&bytes);
        assert_eq!(capture.packets, 3, "{gap_ms} {after}");
        assert_eq!(fault(&capture), (FaultKind::ImpossibleLength, 1, at));
        assert_eq!(capture.truncated_at, Some(at));
        assert_eq!(capture.skipped_bytes, bytes.len() as u64 - at);
    }
}

#[test]
fn records_behind_much_that_is_none_are_found() {
    let noise: Vec<u8> = (0..3_000_000_u32)
        .map(|i| i.wrapping_mul(i).to_le_bytes()[1])
        .collect();
    let (bytes, _) = broken(Format::RAW_IP, 3, &noise, 0, 100);
    assert_eq!(
        try_profile(&bytes, options()).unwrap().captures[0].packets,
        103
    );
}

proptest! {
    #[test]
    fn any_noise_and_no_packet_lost(noise in prop::collection::vec(any::<u8>(), 0..300)) {
        let (bytes, _) = broken(Format::RAW_IP, 2, &noise, 10, 3);
        prop_assert_eq!(read(&bytes).packets, 5);
    }

    /// A record counted for more than is there takes others with it, no more.
    #[test]
    fn any_wrong_length_leaves_most(wrong in 0_u32..=u32::MAX, record in 0_usize..20) {
        let mut bytes = pings(0, 10, 200).bytes;
        let len = (bytes.len() - FILE_HEADER) / 200;
        let at = FILE_HEADER + record * len + 8;
        bytes[at..at + 4].copy_from_slice(&wrong.to_le_bytes());
        let capture = read(&bytes);
        let most = wrong > 1 << 18 || (wrong as usize) < 10 * len;
        prop_assert!(!most || capture.packets >= 188, "{}", capture.packets);
    }
}
