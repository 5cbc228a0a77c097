//! Inputs of every kind, made byte by byte.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)] // each test takes what it needs

pub mod bad;
pub mod laws;
pub mod pcapng;

use mdht_krpc::{Body, Message, Method, Query, Response};

use crate::synthetic::{Format, NODE, Pcap, addr, id, udp};

/// The other side of most conversations here.
pub const OTHER: &str = "10.0.0.2:1";

/// A ping.
pub fn ping() -> Vec<u8> {
    Message::new(b"aa", Body::Query(Query::new(Method::Ping, id(1)))).encode()
}

/// The answer to [`ping`].
pub fn pong() -> Vec<u8> {
    Message::new(b"aa", Body::Response(Response::new(id(2)))).encode()
}

/// An IP packet of the node under test with a ping.
pub fn sent() -> Vec<u8> {
    udp(NODE, OTHER, &ping())
}

/// An IP packet with the answer.
pub fn received() -> Vec<u8> {
    udp(OTHER, NODE, &pong())
}

/// A capture of `count` pings, `gap` milliseconds apart, the first after `start`.
pub fn pings(start: u64, gap: u64, count: u64) -> Pcap {
    let mut pcap = Pcap::new(Format::RAW_IP);
    for i in 0..count {
        pcap.packet((start + i * gap) * 1_000_000, &sent());
    }
    pcap
}

/// The packets that `packet` becomes when it is fragmented into pieces of
/// `len` bytes, a multiple of 8. IPv4 without options, or IPv6.
pub fn fragments(packet: &[u8], len: usize) -> Vec<Vec<u8>> {
    let header_len = if packet[0] >> 4 == 4 { 20 } else { 40 };
    let (header, payload) = packet.split_at(header_len);
    let last = payload.len().div_ceil(len) - 1;
    let pieces = payload.chunks(len).enumerate();
    let fragment = |(number, piece): (usize, &[u8])| {
        let offset = u16::try_from(number * len / 8).unwrap();
        let more = u16::from(number < last);
        let mut fragment = header.to_vec();
        if header_len == 20 {
            let total = u16::try_from(20 + piece.len()).unwrap();
            fragment[2..4].copy_from_slice(&total.to_be_bytes());
            fragment[4..6].copy_from_slice(&[7, 7]);
            fragment[6..8].copy_from_slice(&(offset | more << 13).to_be_bytes());
        } else {
            let total = u16::try_from(8 + piece.len()).unwrap();
            fragment[4..6].copy_from_slice(&total.to_be_bytes());
            fragment[6] = 44;
            fragment.extend([17, 0]);
            fragment.extend((offset << 3 | more).to_be_bytes());
            fragment.extend([0, 0, 7, 7]);
        }
        fragment.extend(piece);
        fragment
    };
    pieces.map(fragment).collect()
}

/// A response that is too long for a packet: a hundred nodes.
pub fn long_answer() -> Vec<u8> {
    let mut nodes = Vec::new();
    for number in 0..100 {
        let contact = mdht_krpc::Contact::new(id(number), addr("1.2.3.4:5"));
        mdht_krpc::Nodes::write(&contact, &mut nodes);
    }
    let mut response = Response::new(id(2));
    response.nodes = Some(mdht_krpc::Nodes::new(mdht_krpc::Family::V4, &nodes));
    Message::new(b"aa", Body::Response(response)).encode()
}
