//! Link layers, IP options, extension headers and fragments.

#![allow(clippy::unwrap_used)] // in helper functions too

mod inputs;
mod profiling;
mod synthetic;

use inputs::{OTHER, fragments, long_answer, ping, received, sent};
use mdht_profiler::Options;
use profiling::{options, profile_json};
use serde_json::{Value, json};
use synthetic::{Format, NODE, Pcap, ethernet, udp};

const NODE_V6: &str = "[2a00::1]:6881";
const OTHER_V6: &str = "[2a00::2]:1";

/// `packet` in a frame of this link type.
fn frames(link_type: u32, packet: &[u8]) -> Vec<Vec<u8>> {
    let v6 = packet[0] >> 4 == 6;
    let ether_type: [u8; 2] = if v6 { [0x86, 0xdd] } else { [8, 0] };
    let ppp: u8 = if v6 { 0x57 } else { 0x21 };
    let before = |header: &[u8]| [header, packet].concat();
    let families: &[u8] = if v6 { &[10, 24, 28, 30] } else { &[2] };
    let cooked = |hardware: [u8; 2]| {
        let address = [0, 0, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0];
        [&[0, 0], &hardware[..], &address[2..], &ether_type].concat()
    };
    match link_type {
        0 => families
            .iter()
            .flat_map(|f| [before(&[*f, 0, 0, 0]), before(&[0, 0, 0, *f])])
            .collect(),
        108 => families.iter().map(|f| before(&[0, 0, 0, *f])).collect(),
        1 => {
            let tags = |kinds: &[u16]| {
                let mut frame = vec![0; 12];
                for kind in kinds {
                    frame.extend(kind.to_be_bytes());
                    frame.extend([0, 5]);
                }
                [&frame[..], &ether_type, packet].concat()
            };
            let session = [0x88, 0x64, 0x11, 0, 0, 1, 0, 99, 0, ppp];
            vec![
                ethernet(packet, &[]),
                tags(&[0x8100]),
                tags(&[0x88a8, 0x8100]),
                tags(&[0x9100, 0x8100]),
                [&[0; 12], &session[..], packet].concat(),
            ]
        }
        9 => vec![
            before(&[0, ppp]),
            before(&[0xff, 3, 0, ppp]),
            before(&[ppp]),
        ],
        50 => vec![before(&[0xff, 3, 0, ppp])],
        51 => vec![before(&[0x11, 0, 0, 1, 0, 99, 0, ppp])],
        // Ethernet, loopback, PPP and tun
        113 => [[0, 1], [3, 4], [2, 0], [0xff, 0xfe]]
            .map(|h| before(&cooked(h)))
            .into(),
        276 => {
            let rest = [0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0];
            vec![[&ether_type[..], &rest, packet].concat()]
        }
        _ => vec![packet.to_vec()],
    }
}

#[test]
fn every_link_layer_in_both_families() {
    let v6 = udp(NODE_V6, OTHER_V6, &ping());
    for link_type in [0, 1, 9, 12, 14, 50, 51, 101, 108, 113, 276] {
        for packet in [sent(), v6.clone()] {
            for (number, frame) in frames(link_type, &packet).iter().enumerate() {
                let mut pcap = Pcap::new(Format {
                    link_type,
                    ..Format::RAW_IP
                });
                pcap.packet(0, frame);
                pcap.packet(1, &frame[..10]);
                let profile = profile_json(&pcap.bytes, options());
                let capture = &profile["captures"][0];
                assert_eq!(
                    capture["krpc_messages"], 1,
                    "{link_type} {number} {frame:x?}"
                );
                assert_eq!(capture["packets"], 2);
            }
        }
    }
}

#[test]
fn what_is_no_ip_is_passed_over() {
    let arp = [&[0; 12][..], &[8, 6], &[0; 28]].concat();
    let ipx = [0, 0, 0, 23, 0x45, 0, 0, 0];
    for (link_type, frame) in [
        (1, &arp[..]),
        (0, &ipx),
        (9, &[0xc0, 0x21, 1, 1]),
        (51, &[0x11, 9]),
    ] {
        let mut pcap = Pcap::new(Format {
            link_type,
            ..Format::RAW_IP
        });
        pcap.packet(0, frame);
        let profile = profile_json(&pcap.bytes, options());
        assert_eq!(profile["captures"][0]["not_krpc"], 1);
        assert_eq!(profile["captures"][0]["faults"], json!([]));
    }
}

#[test]
fn ip_options_and_extension_headers() {
    let mut with_options = sent();
    with_options[0] = 0x46;
    with_options.splice(20..20, [0x94, 4, 0, 0]); // router alert
    let len = u16::try_from(with_options.len()).unwrap();
    with_options[2..4].copy_from_slice(&len.to_be_bytes());
    let mut extended = udp(NODE_V6, OTHER_V6, &ping());
    extended[6] = 0; // hop by hop, then destination options, then UDP
    let headers = [60, 0, 1, 4, 0, 0, 0, 0, 17, 0, 1, 4, 0, 0, 0, 0];
    extended.splice(40..40, headers);
    let len = u16::try_from(extended.len() - 40).unwrap();
    extended[4..6].copy_from_slice(&len.to_be_bytes());
    for (packet, node) in [(with_options, NODE), (extended, NODE_V6)] {
        let mut pcap = Pcap::new(Format::RAW_IP);
        pcap.packet(0, &packet);
        let options = Options {
            nodes: vec![node.parse().unwrap()],
            ..Options::default()
        };
        let profile = profile_json(&pcap.bytes, options);
        let node = &profile["nodes"][0];
        assert_eq!(node["maintenance"]["ping"], 1, "{profile}");
        assert_eq!(node["all_queries"]["bytes_out"], packet.len());
    }
}

/// The summary of a capture of `packets`, one a second, after a ping; and the
/// RTT of its answer.
fn in_pieces(packets: &[Vec<u8>], gap_s: u64) -> (Value, Value) {
    let mut pcap = Pcap::new(Format::RAW_IP);
    pcap.packet(0, &sent());
    for (packet, number) in packets.iter().zip(1..) {
        pcap.packet(number * gap_s * 1_000_000_000, packet);
    }
    let profile = profile_json(&pcap.bytes, options());
    (profile["captures"][0].clone(), profile["nodes"][0].clone())
}

#[test]
fn fragments_in_any_order_are_put_together() {
    let whole = udp(OTHER, NODE, &long_answer());
    let pieces = fragments(&whole, 976);
    assert_eq!(pieces.len(), 3);
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]] {
        let pieces = order.map(|index| pieces[index].clone());
        let (capture, node) = in_pieces(&pieces, 0);
        assert_eq!(capture["fragments"], 3);
        assert_eq!(capture["reassembled"], 1);
        assert_eq!(capture["krpc_messages"], 2, "{capture}");
        assert_eq!(capture["not_krpc"], 2);
        assert_eq!(capture["faults"], json!([]));
        // every IP header counts
        assert_eq!(node["all_queries"]["bytes_in"], whole.len() + 40);
        assert_eq!(node["lookup_queries"]["answered"], 0);
        assert_eq!(node["rtt_ms"]["count"], 1);
    }
    let whole = udp(OTHER_V6, NODE_V6, &long_answer());
    let (capture, _) = in_pieces(&fragments(&whole, 1232), 0);
    assert_eq!(
        (&capture["fragments"], &capture["krpc_messages"]),
        (&json!(3), &json!(2))
    );
}

#[test]
fn the_last_piece_to_come_is_the_time_of_the_answer() {
    let pieces = fragments(&udp(OTHER, NODE, &long_answer()), 1480);
    let mut pcap = Pcap::new(Format::RAW_IP);
    pcap.packet(0, &sent());
    pcap.packet(100_000_000, &pieces[0]);
    pcap.packet(100_000_000, &pieces[0]); // captured twice
    pcap.packet(140_000_000, &pieces[1]);
    let profile = profile_json(&pcap.bytes, options());
    assert_eq!(profile["nodes"][0]["rtt_ms"]["p50"], 140.0);
}

#[test]
fn fragments_of_several_datagrams_are_not_mixed_up() {
    let pieces = |number: u8| -> Vec<Vec<u8>> {
        let mut pieces = fragments(&received(), 24);
        for piece in &mut pieces {
            piece[5] = number;
        }
        pieces
    };
    let mixed: Vec<_> = pieces(1)
        .into_iter()
        .zip(pieces(2))
        .flat_map(|(a, b)| [b, a])
        .collect();
    let (capture, node) = in_pieces(&mixed, 0);
    assert_eq!(capture["reassembled"], 2);
    assert_eq!(node["stray_answers"]["duplicate"], 1);
}

#[test]
fn pieces_that_are_missing_late_or_contradictory_are_given_up() {
    let pieces = fragments(&udp(OTHER, NODE, &long_answer()), 976);
    let given_up = |packets: &[Vec<u8>], gap_s| {
        let (capture, _) = in_pieces(packets, gap_s);
        let faults = capture["faults"].as_array().unwrap().iter();
        let mut faults = faults.filter(|fault| fault["kind"] == "fragments_given_up");
        (
            capture["reassembled"].as_u64(),
            faults.next().map_or(0, |f| f["count"].as_u64().unwrap()),
        )
    };
    assert_eq!(given_up(&pieces[1..], 0), (Some(0), 1));
    assert_eq!(given_up(&pieces, 14), (Some(1), 0));
    // the first is given up before the last comes, which waits for ever
    assert_eq!(given_up(&pieces, 16), (Some(0), 2));
    let mut longer = pieces[2].clone();
    longer.truncate(100);
    longer[3] = 100;
    longer[2] = 0;
    assert_eq!(given_up(&[pieces[2].clone(), longer], 0), (Some(0), 1));
    let flood: Vec<_> = (0..1000_u16)
        .map(|number| {
            let mut piece = pieces[0].clone();
            piece[4..6].copy_from_slice(&number.to_be_bytes());
            piece
        })
        .collect();
    assert_eq!(given_up(&flood, 0), (Some(0), 1000));
}
