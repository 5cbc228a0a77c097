//! Bad captures, and what is to be said of each.

use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write as _;

use super::pcapng::{ENHANCED, OBSOLETE, Pcapng, TSOFFSET, TSRESOL};
use super::{fragments, pings, pong, received, sent};
use crate::synthetic::{Format, Pcap, START_S, ethernet, udp};

/// A bad capture.
pub struct Bad {
    pub name: &'static str,
    pub bytes: Vec<u8>,
    /// Packets that can be read, and what cannot; or a part of the error.
    pub expected: Result<(u64, Vec<Fault>), &'static str>,
}

/// Kind, count and first offset.
pub type Fault = (&'static str, u64, usize);

fn readable(name: &'static str, bytes: Vec<u8>, packets: u64, faults: &[Fault]) -> Bad {
    Bad {
        name,
        bytes,
        expected: Ok((packets, faults.to_vec())),
    }
}

fn refused(name: &'static str, bytes: &[u8], error: &'static str) -> Bad {
    Bad {
        name,
        bytes: bytes.to_vec(),
        expected: Err(error),
    }
}

/// Every one.
pub fn captures() -> Vec<Bad> {
    let mut all = refusals();
    all.extend(pcap());
    all.extend(broken_blocks());
    all.extend(odd_packets_in_pcapng());
    all.extend(packets());
    all
}

fn refusals() -> Vec<Bad> {
    let mut unknown_links = Pcapng::new(false);
    unknown_links.interface(147, &[]);
    unknown_links.at(0, &sent());
    let mut big_header = Pcapng::new(true).bytes;
    big_header[8..12].fill(0);
    vec![
        refused("empty", b"", "is empty"),
        refused("garbage", b"GET / HTTP/1.0\r\n\r\n", "is not a capture"),
        refused("zeros", &[0; 4096], "is not a capture"),
        refused(
            "header-cut",
            &pings(0, 1, 0).bytes[..20],
            "inside its file header",
        ),
        refused("ng-order-unknown", &big_header, "is not a capture"),
        refused(
            "ng-header-cut",
            &Pcapng::new(false).bytes[..27],
            "inside its file header",
        ),
        refused(
            "ng-link-type-unknown",
            &unknown_links.bytes,
            "unknown link type at byte 48",
        ),
        refused(
            "first-record-cut",
            &pings(0, 1, 1).bytes[..50],
            "ends inside a record at byte 24",
        ),
        refused(
            "gzip-garbage",
            b"\x1f\x8b\x08\x00garbage all the way",
            "cannot read",
        ),
        refused("gzip-of-nothing", &gzip(b""), "is empty"),
        refused(
            "gzip-twice",
            &gzip(&gzip(&pings(0, 1, 1).bytes)),
            "more than once",
        ),
        // a frame with a window of 2 GiB, and one block of zeros
        refused(
            "zstd-window",
            b"\x28\xb5\x2f\xfd\x00\xa8\x03\x00\x10\x00",
            "cannot read",
        ),
    ]
}

fn pcap() -> Vec<Bad> {
    let good = pings(0, 10, 3).bytes;
    let record = (good.len() - 24) / 3;
    let mut absurd = good.clone();
    absurd[24 + record + 8..][..4].copy_from_slice(&0x7fff_ffff_u32.to_le_bytes());
    let mut absurd_big = Pcap::new(Format {
        big_endian: true,
        ..Format::RAW_IP
    });
    absurd_big.packet(0, &sent());
    let end = absurd_big.bytes.len();
    absurd_big
        .bytes
        .extend([0, 0, 0, 1, 0, 0, 0, 0, 0, 4, 0, 1, 0, 4, 0, 1]);
    let compressed = gzip(&good);
    // stored without compression, so that what precedes the cut comes out
    let mut stored = GzEncoder::new(Vec::new(), Compression::none());
    stored.write_all(&good).unwrap();
    let mut stored = stored.finish().unwrap();
    stored.truncate(stored.len() - 8 - record + 10);
    let mut rotten = compressed.clone();
    let checksum = rotten.len() - 8;
    rotten[checksum] ^= 1;
    let mut back = pings(1000, 10, 1);
    back.packet(0, &sent());
    back.packet(5_000_000, &sent());
    vec![
        readable(
            "cut",
            good[..good.len() - 1].to_vec(),
            2,
            &[("truncated", 1, 24 + 2 * record)],
        ),
        readable(
            "absurd-length",
            absurd,
            2,
            &[("impossible_length", 1, 24 + record)],
        ),
        readable(
            "absurd-length-be",
            absurd_big.bytes,
            1,
            &[("impossible_length", 1, end)],
        ),
        readable(
            "gzip-cut",
            stored,
            2,
            &[
                ("truncated", 1, 24 + 2 * record),
                ("compression", 1, 34 + 2 * record),
            ],
        ),
        readable(
            "gzip-checksum",
            rotten,
            3,
            &[("compression", 1, good.len())],
        ),
        readable(
            "time-backwards",
            back.bytes,
            3,
            &[("time_step_back", 1, 24 + record)],
        ),
    ]
}

/// A section with an interface, and a packet at byte 48.
fn ng() -> (Pcapng, usize) {
    let mut file = Pcapng::new(false);
    file.interface(101, &[]);
    file.at(0, &sent());
    let end = file.bytes.len();
    (file, end)
}

fn broken_blocks() -> Vec<Bad> {
    let with_block = |spoil: fn(&mut Vec<u8>, usize)| {
        let (mut file, from) = ng();
        file.at(1, &sent());
        spoil(&mut file.bytes, from);
        file.at(2, &sent());
        (file.bytes, from)
    };
    let (trailer, at) = with_block(|bytes, _| *bytes.last_mut().unwrap() = 1);
    let trailer = readable("ng-trailer", trailer, 2, &[("broken_block", 1, at)]);
    let (long, at) = with_block(|bytes, from| bytes[from + 7] = 0x7f);
    let long = readable("ng-absurd-length", long, 2, &[("impossible_length", 1, at)]);
    let (short, at) = with_block(|bytes, from| bytes[from + 4..from + 8].fill(0));
    let short = readable("ng-no-length", short, 2, &[("impossible_length", 1, at)]);
    let (beyond, at) = with_block(|bytes, from| bytes[from + 6] = 1);
    let beyond = readable(
        "ng-length-beyond-the-end",
        beyond,
        2,
        &[("broken_block", 1, at)],
    );
    let (lost, at) = with_block(|bytes, from| {
        bytes.drain(from + 30..from + 41);
    });
    let lost = readable("ng-bytes-lost", lost, 2, &[("broken_block", 1, at)]);
    let (caplen, at) = with_block(|bytes, from| bytes[from + 22] = 1);
    let caplen = readable(
        "ng-captured-length",
        caplen,
        2,
        &[("broken_packet_block", 1, at)],
    );
    let (section, at) = with_block(|bytes, from| {
        let rest = bytes.split_off(from);
        bytes.extend(0x0a0d_0d0a_u32.to_le_bytes());
        bytes.extend(&rest[4..]);
    });
    let section = readable(
        "ng-section",
        section,
        2,
        &[("broken_section_header", 1, at)],
    );
    let (mut cut, at) = ng();
    cut.at(1, &sent());
    cut.bytes.truncate(cut.bytes.len() - 3);
    let cut = readable("ng-cut", cut.bytes, 1, &[("truncated", 1, at)]);
    vec![trailer, long, short, beyond, lost, caplen, section, cut]
}

fn odd_packets_in_pcapng() -> Vec<Bad> {
    let (mut nowhere, at) = ng();
    nowhere.packet(ENHANCED, 1, START_S * 1_000_000, &sent());
    nowhere.packet(ENHANCED, 9, START_S * 1_000_000, &sent());
    nowhere.at(3, &sent());
    let (mut short, at_short) = ng();
    short.block(1, &[101, 0, 0, 0]);
    let at_packet = short.bytes.len();
    short.packet(ENHANCED, 1, START_S * 1_000_000, &sent());
    short.block(ENHANCED, &[0; 8]);
    let at_block = at_packet + packet_block_len();
    let (mut timeless, at_simple) = ng();
    timeless.simple(sent().len(), &sent());
    let (mut late, at_late) = ng();
    late.packet(ENHANCED, 0, u64::MAX, &sent());
    let (mut other_link, at_other) = ng();
    other_link.interface(147, &[]);
    let at_other = at_other + 20;
    other_link.packet(ENHANCED, 1, 0, &sent());
    vec![
        readable(
            "ng-interface-missing",
            nowhere.bytes,
            2,
            &[("unknown_interface", 2, at)],
        ),
        readable(
            "ng-interface-short",
            short.bytes,
            1,
            &[
                ("broken_interface", 1, at_short),
                ("unknown_interface", 1, at_packet),
                ("broken_packet_block", 1, at_block),
            ],
        ),
        readable(
            "ng-simple-packet",
            timeless.bytes,
            2,
            &[("no_time", 1, at_simple)],
        ),
        readable(
            "ng-impossible-time",
            late.bytes,
            1,
            &[("impossible_time", 1, at_late)],
        ),
        readable(
            "ng-other-link-type",
            other_link.bytes,
            1,
            &[("unknown_link_type", 1, at_other)],
        ),
    ]
}

fn packet_block_len() -> usize {
    32 + sent().len().next_multiple_of(4)
}

fn packets() -> Vec<Bad> {
    let mut snapped = pings(0, 10, 1);
    let at = snapped.bytes.len();
    snapped.cut_packet(1_000_000, &sent()[..60], sent().len());
    let mut headers = pings(0, 10, 1);
    let mut bad_ip = sent();
    bad_ip[0] = 0x41; // a header of 4 bytes
    headers.packet(1_000_000, &bad_ip);
    headers.packet(2_000_000, &[]);
    let mut missing = pings(0, 10, 1);
    missing.packet(1_000_000, &fragments(&sent(), 40)[0]);
    let mut tags = Pcap::new(Format {
        link_type: 1,
        ..Format::RAW_IP
    });
    tags.packet(0, &ethernet(&sent(), &[1; 100]));
    vec![
        readable("snapped", snapped.bytes, 2, &[("snapped", 1, at)]),
        readable("ip-header", headers.bytes, 3, &[("broken_headers", 2, at)]),
        readable(
            "fragment-missing",
            missing.bytes,
            2,
            &[("fragments_given_up", 1, at)],
        ),
        readable("a-hundred-tags", tags.bytes, 1, &[]),
    ]
}

/// Captures with nothing wrong, from which fuzzing goes further.
pub fn good() -> Vec<Bad> {
    let mut links = Vec::new();
    for (name, link_type, frame) in [
        ("ethernet", 1, ethernet(&sent(), &[5, 6])),
        ("null", 0, [&[2, 0, 0, 0], &sent()[..]].concat()),
        ("ppp", 9, [&[0xff, 3, 0, 0x21], &sent()[..]].concat()),
        ("cooked-1", 113, [&[0; 14][..], &[8, 0], &sent()].concat()),
        ("cooked-2", 276, [&[8, 0][..], &[0; 18], &sent()].concat()),
    ] {
        let mut pcap = Pcap::new(Format {
            big_endian: true,
            nanoseconds: true,
            link_type,
        });
        pcap.packet(1, &frame);
        links.push(readable(name, pcap.bytes, 1, &[]));
    }
    let mut pieces = Pcap::new(Format::RAW_IP);
    for (packet, at) in fragments(&received(), 24).iter().zip(0..) {
        pieces.packet(at, packet);
    }
    let v6 = udp("[2a00::2]:1", "[2a00::1]:6881", &pong());
    for (packet, at) in fragments(&v6, 24).iter().zip(9..) {
        pieces.packet(at, packet);
    }
    links.push(readable("fragments", pieces.bytes, 6, &[]));
    let mut sections = Pcapng::new(false);
    sections.interface(101, &[(TSRESOL, &[0x80 | 20])]);
    sections.packet(OBSOLETE, 0, START_S << 20, &sent());
    sections.section(true);
    sections.interface(101, &[(TSOFFSET, &[0, 0, 0, 0, 0, 0, 0, 1])]);
    sections.at(0, &received());
    links.push(readable("sections", sections.bytes, 2, &[]));
    links
}

/// `bytes` as gzip.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
