//! Reading captures: formats, link layers, what is counted, bad input.

#![allow(clippy::unwrap_used)] // in helper functions too

mod profiling;
mod synthetic;

use mdht_krpc::{Body, Message, Method, Query};
use mdht_profiler::{Error, Options, Profiler};
use profiling::{CaptureFile, options, profile_json, try_profile};
use proptest::prelude::*;
use serde_json::{Value, json};
use synthetic::{Format, NODE, Pcap, Talk, ethernet, id, udp};

const A: &str = "10.0.0.2:1";

fn ping() -> Vec<u8> {
    Message::new(b"aa", Body::Query(Query::new(Method::Ping, id(1)))).encode()
}

#[test]
fn byte_orders_resolutions_and_link_layers() {
    let v4 = udp(NODE, A, &ping());
    let v6 = udp("[2a00::1]:6881", "[2a00::2]:1", &ping());
    let frames = |link_type: u32| -> Vec<(Vec<u8>, &str)> {
        match link_type {
            1 => vec![
                (ethernet(&v4, &[]), NODE),
                (ethernet(&v4, &[5]), NODE),
                (ethernet(&v6, &[5, 6, 7]), "[2a00::1]:6881"),
            ],
            101 => vec![(v4.clone(), NODE), (v6.clone(), "[2a00::1]:6881")],
            228 => vec![(v4.clone(), NODE)],
            _ => vec![(v6.clone(), "[2a00::1]:6881")],
        }
    };
    for link_type in [1, 101, 228, 229] {
        for (frame, node) in frames(link_type) {
            for (big_endian, nanoseconds) in
                [(false, false), (false, true), (true, false), (true, true)]
            {
                let mut pcap = Pcap::new(Format {
                    big_endian,
                    nanoseconds,
                    link_type,
                });
                pcap.packet(1_000, &frame);
                pcap.packet(1_500_002_000, &frame);
                let options = Options {
                    nodes: vec![node.parse().unwrap()],
                    ..Options::default()
                };
                let profile = profile_json(&pcap.bytes, options);
                let capture = &profile["captures"][0];
                assert_eq!(capture["krpc_messages"], 2, "{link_type} {profile}");
                assert_eq!(capture["start"], "2027-01-15T08:00:00.000001Z");
                assert_eq!(capture["duration_s"], 1.500_001);
                let node = &profile["nodes"][0];
                assert_eq!(node["maintenance"]["ping"], 2);
                let ip_len = if node["node"] == NODE {
                    v4.len()
                } else {
                    v6.len()
                };
                assert_eq!(node["all_queries"]["bytes_out"], 2 * ip_len);
            }
        }
    }
}

#[test]
fn nanoseconds_are_kept() {
    let mut pcap = Pcap::new(Format {
        nanoseconds: true,
        ..Format::RAW_IP
    });
    let response = Message::new(b"aa", Body::Response(mdht_krpc::Response::new(id(2))));
    pcap.packet(1, &udp(NODE, A, &ping()));
    pcap.packet(1_234_568, &udp(A, NODE, &response.encode()));
    let profile = profile_json(&pcap.bytes, options());
    assert_eq!(
        profile["captures"][0]["start"],
        "2027-01-15T08:00:00.000000001Z"
    );
    assert_eq!(profile["nodes"][0]["rtt_ms"]["p50"], 1.234_567);
}

#[test]
fn every_packet_is_counted_once() {
    let mut talk = Talk::new();
    talk.ping(0, A, b"aa");
    talk.payload(
        1,
        NODE,
        A,
        b"d1:q4:ping1:ad2:id20:aaaaaaaaaaaaaaaaaaaae1:t1:x1:y1:qe",
    ); // unsorted
    talk.payload(2, NODE, A, b"d1:ad2:id20:short"); // malformed
    talk.payload(3, NODE, A, b"d4:spam4:eggse"); // bencode, but no KRPC
    talk.payload(4, NODE, A, b"hello");
    talk.payload(5, NODE, A, b"de");
    talk.payload(6, NODE, A, b"");
    let whole = udp(NODE, A, &ping());
    let mut fragment = whole.clone();
    fragment[6] = 0x20; // more fragments
    talk.pcap.packet(7_000_000, &fragment);
    let mut tcp = whole.clone();
    tcp[9] = 6;
    talk.pcap.packet(8_000_000, &tcp);
    talk.pcap.cut_packet(9_000_000, &whole[..60], whole.len());
    talk.pcap.cut_packet(10_000_000, &whole[..22], whole.len()); // not even a UDP header
    talk.pcap.packet(11_000_000, b"");
    let profile = profile_json(&talk.pcap.bytes, options());
    let mut capture = profile["captures"][0].clone();
    capture["path"].take();
    let faults = capture["faults"].take();
    assert_eq!(
        capture,
        json!({
            "path": null, "format": "pcap", "packets": 12, "krpc_messages": 2, "not_krpc": 7,
            "malformed": 2, "noncanonical": 1, "fragments": 1, "reassembled": 0, "snapped": 1,
            "time_steps_back": 0, "truncated": false, "truncated_at": null, "faults": null,
            "start": "2027-01-15T08:00:00Z", "duration_s": 0.011,
        })
    );
    let kinds = faults.as_array().unwrap().iter();
    let kinds: Vec<_> = kinds.map(|f| json!([f["kind"], f["count"]])).collect();
    assert_eq!(
        Value::from(kinds),
        json!([
            ["malformed", 2],
            ["fragments_given_up", 1],
            ["snapped", 1],
            ["broken_headers", 2]
        ])
    );
    assert!(
        faults
            .as_array()
            .unwrap()
            .is_sorted_by_key(|f| f["first_offset"].as_u64())
    );
    assert_eq!(profile["nodes"][0]["maintenance"]["ping"], 2);
}

/// A capture with a lookup, and the offset at which each record ends.
fn small_capture() -> (Vec<u8>, Vec<usize>) {
    let mut talk = Talk::new();
    let mut ends = vec![talk.pcap.bytes.len()];
    talk.get_peers(0, A, b"1", id(7));
    ends.push(talk.pcap.bytes.len());
    talk.give(40, A, b"1", id(8), &["1.2.3.4:5"]);
    ends.push(talk.pcap.bytes.len());
    talk.ping(50, A, b"2");
    ends.push(talk.pcap.bytes.len());
    (talk.pcap.bytes, ends)
}

#[test]
fn a_capture_cut_at_any_byte_is_read_up_to_the_cut() {
    let (bytes, ends) = small_capture();
    for len in 0..=bytes.len() {
        let profile = try_profile(&bytes[..len], options());
        if len < ends[1] && len != ends[0] {
            let text = profile.unwrap_err().to_string();
            let expected = match len {
                0 => "is empty",
                1..4 => "is not a capture",
                4..24 => "inside its file header",
                _ => "could be read: ends inside a record at byte 24",
            };
            assert!(text.contains(expected), "{len}: {text}");
            continue;
        }
        let profile = serde_json::to_value(profile.unwrap()).unwrap();
        let whole = ends.iter().rposition(|&end| end <= len).unwrap();
        let capture = &profile["captures"][0];
        assert_eq!(capture["packets"], whole, "{len}");
        assert_eq!(capture["truncated"], len != ends[whole], "{len}");
        let cut = (len != ends[whole]).then_some(ends[whole]);
        let fault = json!({"kind": "truncated", "count": 1, "first_offset": cut});
        let faults: Vec<_> = cut.map(|_| fault).into_iter().collect();
        assert_eq!(capture["faults"], Value::from(faults), "{len}");
        assert_eq!(capture["truncated_at"], json!(cut), "{len}");
        let node = &profile["nodes"][0];
        let latency = node["lookups"][0]["latency_ms"].as_f64();
        assert_eq!(latency, (whole >= 2).then_some(40.0), "{len}");
        assert_eq!(node["maintenance"]["ping"], u32::from(whole == 3));
    }
}

#[test]
fn a_capture_without_packets_has_no_figures() {
    let bytes = Pcap::new(Format::RAW_IP).bytes;
    let profile = profile_json(&bytes, options());
    let capture = &profile["captures"][0];
    assert_eq!(
        (&capture["start"], &capture["duration_s"]),
        (&Value::Null, &Value::Null)
    );
    let node = &profile["nodes"][0];
    assert_eq!(node["maintenance"]["per_minute"], Value::Null);
    assert_eq!(node["all_queries"]["per_hour"], Value::Null);
    assert_eq!(node["lookup_queries"]["answered_pct"], Value::Null);
    let none_named = profile_json(&bytes, Options::default());
    assert_eq!(none_named["nodes"], json!([]));
}

#[test]
fn a_record_of_impossible_length_ends_the_capture() {
    let (mut bytes, ends) = small_capture();
    bytes[ends[1] + 8..ends[1] + 12].copy_from_slice(&u32::MAX.to_le_bytes());
    bytes.resize(5_000_000, 0);
    let profile = profile_json(&bytes, options());
    assert_eq!(profile["captures"][0]["packets"], 1);
    assert_eq!(profile["captures"][0]["truncated_at"], ends[1]);
    let expected = json!([{"kind": "impossible_length", "count": 1, "first_offset": ends[1]}]);
    assert_eq!(profile["captures"][0]["faults"], expected);
}

#[test]
fn a_capture_larger_than_the_buffer() {
    let mut talk = Talk::new();
    for i in 0..20_000_u64 {
        talk.ping(i, A, &i.to_be_bytes());
    }
    assert!(talk.pcap.bytes.len() > 2 << 20);
    let profile = profile_json(&talk.pcap.bytes, options());
    assert_eq!(profile["nodes"][0]["maintenance"]["ping"], 20_000);
    assert_eq!(profile["captures"][0]["truncated"], false);
}

#[test]
fn what_is_no_capture_is_refused_with_a_reason() {
    let user_0 = Pcap::new(Format {
        link_type: 147,
        ..Format::RAW_IP
    });
    let zeros = [0; 100];
    for (start, expected) in [
        (&b""[..], "is empty"),
        (
            b"hello, world",
            "is not a capture (it starts with 68656c6c)",
        ),
        (&zeros, "is not a capture"),
        (
            b"\x0a\x0d\x0d\x0a",
            "ends after 4 bytes, inside its file header",
        ),
        (
            b"\x0a\x0d\x0d\x0a and more",
            "is not a capture (it starts with 0a0d0d0a)",
        ),
        (b"\x1f\x8b", "cannot read the capture"),
        (b"\x1f\x8b\x08\x00\x00", "cannot read the capture"),
        (b"\x28\xb5\x2f\xfd\xff", "cannot read the capture"),
        (b"\xfd7zXZ\x00", "cannot read the capture"),
        (b"\xd4\xc3\xb2\xa1\x02\x00", "inside its file header"),
        (&user_0.bytes, "link type 147"),
    ] {
        let file = CaptureFile::new(start);
        let error = Profiler::new(options())
            .run(&[&file.0], &mut |_| {})
            .unwrap_err();
        let text = error.to_string();
        assert!(text.contains(expected), "{text}");
        assert!(text.contains(file.0.to_str().unwrap()), "{text}");
        assert!(!text.contains('\n'));
    }
}

#[test]
fn a_missing_file_a_directory_and_no_file_at_all() {
    let run = |path: &str| {
        Profiler::new(options())
            .run(&[path], &mut |_| {})
            .unwrap_err()
    };
    let missing = run("/nowhere/x.pcap").to_string();
    assert!(
        missing.starts_with("cannot open the capture /nowhere/x.pcap: "),
        "{missing}"
    );
    let directory = run("/").to_string();
    assert!(
        directory.starts_with("cannot read the capture /: "),
        "{directory}"
    );
    let none: [&str; 0] = [];
    let error = Profiler::new(options())
        .run(&none, &mut |_| {})
        .unwrap_err();
    assert!(matches!(error, Error::NoCapture));
}

#[test]
fn captures_are_read_in_the_order_of_their_time() {
    let (mut early, mut late) = (Talk::new(), Talk::new());
    early.get_peers(0, A, b"1", id(7));
    early.get_peers(500, A, b"2", id(7));
    late.give(1250, A, b"1", id(8), &["1.2.3.4:5"]);
    late.ping(3250, A, b"3");
    let (early, late) = (
        CaptureFile::new(&early.pcap.bytes),
        CaptureFile::new(&late.pcap.bytes),
    );
    let profiler = Profiler::new(options());
    let profile = profiler.run(&[&late.0, &early.0], &mut |_| {}).unwrap();
    assert_eq!(profile.captures[0].path, early.0.display().to_string());
    let node = &profile.nodes[0];
    assert_eq!(node.section("lookup_latency_ms").unwrap()["p50"], 1250.0);
    // 0.5 s and 2 s were observed, not the time between the captures
    assert_eq!(node.section("maintenance").unwrap()["per_minute"], 24.0);
}

#[test]
fn progress_grows_to_the_whole() {
    let (bytes, _) = small_capture();
    let file = CaptureFile::new(&bytes);
    for (options, passes) in [(options(), 1), (Options::default(), 2)] {
        let mut seen = Vec::new();
        Profiler::new(options)
            .run(&[&file.0], &mut |p| seen.push(p))
            .unwrap();
        assert!(seen.is_sorted_by_key(|p| p.bytes_done));
        let last = seen.last().unwrap();
        assert_eq!(last.bytes_done, passes * bytes.len() as u64);
        assert_eq!(last.bytes_total, last.bytes_done);
        assert_eq!(last.packets, passes * 3);
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = try_profile(&bytes, Options::default());
    }

    #[test]
    fn random_records_never_panic(
        link_type in prop::sample::select(vec![0, 1, 9, 51, 101, 108, 113, 228, 229, 276]),
        big_endian: bool,
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let mut pcap = Pcap::new(Format { big_endian, nanoseconds: true, link_type });
        pcap.packet(0, &bytes);
        pcap.bytes.extend(&bytes);
        let profile = profile_json(&pcap.bytes, Options::default());
        prop_assert!(profile["captures"][0]["packets"].as_u64() >= Some(1));
    }

    #[test]
    fn changed_bytes_never_panic(changes in proptest::collection::vec(any::<(u16, u8)>(), 1..20)) {
        let (mut bytes, ends) = small_capture();
        for (at, byte) in changes {
            let at = ends[0] + usize::from(at) % (bytes.len() - ends[0]);
            bytes[at] = byte;
        }
        // nothing is read where the first record has lost its length
        let Ok(profile) = try_profile(&bytes, options()) else {
            return Ok(());
        };
        let profile = serde_json::to_value(profile).unwrap();
        let capture = &profile["captures"][0];
        let sum = ["krpc_messages", "not_krpc", "malformed", "snapped"]
            .map(|key| capture[key].as_u64().unwrap());
        prop_assert_eq!(capture["packets"].as_u64(), Some(sum.iter().sum()));
    }
}
