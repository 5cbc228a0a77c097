//! pcapng: sections, interfaces, clocks, and every kind of packet block.

#![allow(clippy::unwrap_used)] // in helper functions too

mod inputs;
mod profiling;
mod synthetic;

use inputs::pcapng::{ENHANCED, OBSOLETE, Pcapng, TSOFFSET, TSRESOL};
use inputs::{received, sent};
use profiling::{options, profile_json, try_profile};
use serde_json::{Value, json};
use synthetic::{START_S, ethernet};

fn rtt(file: &Pcapng) -> Value {
    profile_json(&file.bytes, options())["nodes"][0]["rtt_ms"]["p50"].take()
}

#[test]
fn byte_orders_and_timed_packet_blocks() {
    for big_endian in [false, true] {
        for kind in [ENHANCED, OBSOLETE] {
            let mut file = Pcapng::new(big_endian);
            file.interface(1, &[]);
            file.interface(101, &[]);
            let micros = START_S * 1_000_000;
            file.packet(kind, 0, micros + 1, &ethernet(&sent(), &[]));
            file.packet(kind, 1, micros + 40_003, &received());
            let profile = profile_json(&file.bytes, options());
            let capture = &profile["captures"][0];
            assert_eq!(capture["format"], "pcapng");
            assert_eq!(capture["packets"], 2, "{kind} {profile}");
            assert_eq!(capture["faults"], json!([]));
            assert_eq!(capture["start"], "2027-01-15T08:00:00.000001Z");
            assert_eq!(profile["nodes"][0]["rtt_ms"]["p50"], 40.002);
        }
    }
}

#[test]
fn each_interface_has_its_own_clock() {
    // (if_tsresol, if_tsoffset, ticks at the answer), 1/8 s after the query
    let s = START_S;
    for (tsresol, offset, ticks) in [
        (9, 0, s * 1_000_000_000 + 125_000_000),
        (3, 0, s * 1000 + 125),
        (3, i64::try_from(s).unwrap(), 125),
        (6, -5, (s + 5) * 1_000_000 + 125_000),
        (11, i64::try_from(s).unwrap(), 12_500_000_000),
        (0x80 | 3, 0, s * 8 + 1),
        (0x80 | 20, 0, (s << 20) + (1 << 17)),
        (0x80 | 32, 0, (s << 32) + (1 << 29)),
        (0x80 | 63, i64::try_from(s).unwrap(), 1 << 60),
    ] {
        for big_endian in [false, true] {
            let bytes = match big_endian {
                true => offset.to_be_bytes(),
                false => offset.to_le_bytes(),
            };
            let mut file = Pcapng::new(big_endian);
            file.interface(101, &[]);
            file.interface(101, &[(TSRESOL, &[tsresol]), (TSOFFSET, &bytes)]);
            file.at(0, &sent());
            file.packet(ENHANCED, 1, ticks, &received());
            assert_eq!(rtt(&file), 125.0, "{tsresol} {offset} {big_endian}");
        }
    }
}

#[test]
fn whole_nanoseconds_are_kept() {
    let mut file = Pcapng::new(false);
    file.interface(101, &[(TSRESOL, &[9])]);
    let start = START_S * 1_000_000_000;
    file.packet(ENHANCED, 0, start + 1, &sent());
    file.packet(ENHANCED, 0, start + 1_234_568, &received());
    assert_eq!(rtt(&file), 1.234_567);
}

#[test]
fn a_section_has_its_own_byte_order_and_interfaces() {
    let mut file = Pcapng::new(false);
    file.interface(1, &[(TSRESOL, &[0])]);
    file.packet(ENHANCED, 0, START_S, &ethernet(&sent(), &[]));
    file.section(true);
    file.interface(101, &[]);
    file.at(250_000, &received());
    file.section(false);
    // its interface is not described again
    file.at(300_000, &received());
    let at = file.bytes.len() - (32 + received().len().next_multiple_of(4));
    let profile = profile_json(&file.bytes, options());
    assert_eq!(profile["nodes"][0]["rtt_ms"]["p50"], 250.0);
    let expected = json!([{"kind": "unknown_interface", "count": 1, "first_offset": at}]);
    assert_eq!(profile["captures"][0]["faults"], expected);
}

#[test]
fn other_blocks_are_passed_over() {
    let mut file = Pcapng::new(false);
    file.block(0x0bad_cafe, &[7; 64]);
    file.block(4, &[0; 4]); // name resolution
    file.interface(101, &[(2, b"eth0"), (12, b"Linux")]);
    file.at(0, &sent());
    file.block(5, &[0; 12]); // interface statistics
    file.block(0x4000_0bad, &[1; 8]); // custom
    file.block(0x0bad, &vec![0; 3 << 20]); // larger than the usual window
    file.at(40_000, &received());
    let profile = profile_json(&file.bytes, options());
    assert_eq!(profile["captures"][0]["faults"], json!([]));
    assert_eq!(profile["nodes"][0]["rtt_ms"]["p50"], 40.0);
}

#[test]
fn simple_packets_are_of_the_first_interface_and_have_the_time_before() {
    let mut file = Pcapng::new(false);
    file.snapping_interface(101, u32::try_from(sent().len()).unwrap() + 1, &[]);
    file.at(40_000, &sent());
    file.simple(sent().len(), &sent());
    // longer than was captured of it; the padding is not its content
    let mut padded = sent();
    padded.push(0);
    file.simple(1000, &padded);
    let profile = profile_json(&file.bytes, options());
    let capture = &profile["captures"][0];
    assert_eq!(
        (
            &capture["packets"],
            &capture["krpc_messages"],
            &capture["duration_s"]
        ),
        (&json!(3), &json!(3), &json!(0.0))
    );
    assert_eq!(capture["faults"][0]["kind"], "no_time");
    assert_eq!(capture["faults"][0]["count"], 2);
}

#[test]
fn options_of_a_packet_do_not_matter_even_broken() {
    let mut file = Pcapng::new(false);
    file.interface(101, &[]);
    let mut block = Pcapng::new(false);
    let from = block.bytes.len();
    block.at(0, &sent());
    let content = block.bytes[from + 8..block.bytes.len() - 4].to_vec();
    file.block(
        ENHANCED,
        &[&content[..], &[2, 0, 4, 0, 1, 0, 0, 0]].concat(),
    );
    file.block(ENHANCED, &[&content[..], &[2, 0, 0xff, 0xff]].concat());
    let profile = profile_json(&file.bytes, options());
    assert_eq!(profile["captures"][0]["krpc_messages"], 2);
    assert_eq!(profile["captures"][0]["faults"], json!([]));
}

#[test]
fn cut_at_any_byte_it_is_read_up_to_the_cut() {
    for big_endian in [false, true] {
        let mut file = Pcapng::new(big_endian);
        file.interface(101, &[]);
        let mut ends = vec![file.bytes.len()];
        for micros in 0..3 {
            file.at(micros, &sent());
            ends.push(file.bytes.len());
        }
        for len in 28..=file.bytes.len() {
            let whole = ends.iter().rposition(|&end| end <= len).unwrap_or(0);
            let on_edge = len == 28 || ends.contains(&len);
            match try_profile(&file.bytes[..len], options()) {
                Ok(profile) => {
                    let capture = &profile.captures[0];
                    assert_eq!(capture.packets, whole as u64, "{len}");
                    assert_eq!(capture.truncated, !on_edge, "{len}");
                    let at = (!on_edge).then(|| ends[whole] as u64);
                    assert_eq!(capture.truncated_at, at, "{len}");
                }
                Err(error) => {
                    assert!(whole == 0 && !on_edge, "{len}: {error}");
                    assert!(
                        error.to_string().contains("ends inside a record"),
                        "{error}"
                    );
                }
            }
        }
    }
}
