//! Captures made byte by byte.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)] // each test takes what it needs

use std::net::{IpAddr, SocketAddr};

use mdht_krpc::{Body, ErrorReply, Id, Message, Method, Query, Response, Values};

/// Time of the first packet of most captures here: 2027-01-15T08:00:00Z.
pub const START_S: u64 = 1_800_000_000;

/// What the file header says.
#[derive(Clone, Copy)]
pub struct Format {
    pub big_endian: bool,
    pub nanoseconds: bool,
    pub link_type: u32,
}

impl Format {
    /// Raw IP in microseconds, little-endian.
    pub const RAW_IP: Self = Self {
        big_endian: false,
        nanoseconds: false,
        link_type: 101,
    };

    fn u32(self, value: u32) -> [u8; 4] {
        match self.big_endian {
            true => value.to_be_bytes(),
            false => value.to_le_bytes(),
        }
    }

    fn u16(self, value: u16) -> [u8; 2] {
        match self.big_endian {
            true => value.to_be_bytes(),
            false => value.to_le_bytes(),
        }
    }
}

/// A pcap file in the making.
pub struct Pcap {
    format: Format,
    pub bytes: Vec<u8>,
}

impl Pcap {
    pub fn new(format: Format) -> Self {
        let magic = match format.nanoseconds {
            true => 0xa1b2_3c4d,
            false => 0xa1b2_c3d4,
        };
        let mut bytes = Vec::new();
        bytes.extend(format.u32(magic));
        bytes.extend(format.u16(2));
        bytes.extend(format.u16(4));
        for field in [0, 0, 262_144, format.link_type] {
            bytes.extend(format.u32(field));
        }
        Self { format, bytes }
    }

    /// A packet at `nanos` after [`START_S`].
    pub fn packet(&mut self, nanos: u64, data: &[u8]) {
        self.cut_packet(nanos, data, data.len());
    }

    /// A packet of `original_len` bytes of which `data` was captured.
    pub fn cut_packet(&mut self, nanos: u64, data: &[u8], original_len: usize) {
        let per_tick = if self.format.nanoseconds { 1 } else { 1000 };
        let seconds = START_S + nanos / 1_000_000_000;
        let ticks = nanos % 1_000_000_000 / per_tick;
        let captured = data.len() as u64;
        for field in [seconds, ticks, captured, original_len as u64] {
            self.bytes
                .extend(self.format.u32(u32::try_from(field).unwrap()));
        }
        self.bytes.extend_from_slice(data);
    }
}

/// An IP packet with a UDP datagram; addresses of one family.
pub fn udp(source: &str, destination: &str, payload: &[u8]) -> Vec<u8> {
    udp_between(addr(source), addr(destination), payload)
}

/// The same between parsed addresses.
pub fn udp_between(source: SocketAddr, destination: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let udp_len = u16::try_from(8 + payload.len()).unwrap();
    let mut packet = Vec::new();
    match (source.ip(), destination.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            packet.extend([0x45, 0]);
            packet.extend((20 + udp_len).to_be_bytes());
            packet.extend([0, 0, 0, 0, 64, 17, 0, 0]);
            packet.extend(from.octets());
            packet.extend(to.octets());
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            packet.extend([0x60, 0, 0, 0]);
            packet.extend(udp_len.to_be_bytes());
            packet.extend([17, 64]);
            packet.extend(from.octets());
            packet.extend(to.octets());
        }
        _ => panic!("one family"),
    }
    packet.extend(source.port().to_be_bytes());
    packet.extend(destination.port().to_be_bytes());
    packet.extend(udp_len.to_be_bytes());
    packet.extend([0, 0]);
    packet.extend(payload);
    packet
}

/// An Ethernet frame around an IP packet, with VLAN tags.
pub fn ethernet(ip: &[u8], tags: &[u16]) -> Vec<u8> {
    let mut frame = vec![0; 12];
    for tag in tags {
        frame.extend(0x8100_u16.to_be_bytes());
        frame.extend(tag.to_be_bytes());
    }
    let kind: u16 = if ip[0] >> 4 == 4 { 0x0800 } else { 0x86dd };
    frame.extend(kind.to_be_bytes());
    frame.extend(ip);
    frame.resize(frame.len().max(60), 0); // as the wire pads it
    frame
}

pub fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// The ID whose bytes are all `byte`.
pub fn id(byte: u8) -> Id {
    Id::new([byte; 20])
}

/// The node under test of most captures here.
pub const NODE: &str = "10.0.0.1:6881";

/// What a node under test and others say to each other, in milliseconds since
/// the first packet, captured as raw IP.
pub struct Talk {
    pub pcap: Pcap,
}

impl Talk {
    pub fn new() -> Self {
        Self {
            pcap: Pcap::new(Format::RAW_IP),
        }
    }

    pub fn payload(&mut self, ms: u64, from: &str, to: &str, payload: &[u8]) {
        self.pcap.packet(ms * 1_000_000, &udp(from, to, payload));
    }

    pub fn message(&mut self, ms: u64, from: &str, to: &str, message: &Message<'_>) {
        self.payload(ms, from, to, &message.encode());
    }

    /// A query of the node under test.
    pub fn ask(&mut self, ms: u64, to: &str, tid: &[u8], query: Query<'_>) {
        self.message(ms, NODE, to, &Message::new(tid, Body::Query(query)));
    }

    /// A get_peers query of the node under test.
    pub fn get_peers(&mut self, ms: u64, to: &str, tid: &[u8], infohash: Id) {
        self.ask(ms, to, tid, Query::get_peers(id(1), infohash));
    }

    /// A ping of the node under test.
    pub fn ping(&mut self, ms: u64, to: &str, tid: &[u8]) {
        self.ask(ms, to, tid, Query::new(Method::Ping, id(1)));
    }

    /// A response to the node under test, without values.
    pub fn respond(&mut self, ms: u64, from: &str, tid: &[u8], node: Id) {
        let response = Body::Response(Response::new(node));
        self.message(ms, from, NODE, &Message::new(tid, response));
    }

    /// A response to the node under test with values; there may be none.
    pub fn give(&mut self, ms: u64, from: &str, tid: &[u8], node: Id, peers: &[&str]) {
        let peers: Vec<SocketAddr> = peers.iter().map(|peer| addr(peer)).collect();
        let response = Body::Response(Response {
            values: Some(Values::from_peers(&peers)),
            ..Response::new(node)
        });
        self.message(ms, from, NODE, &Message::new(tid, response));
    }

    /// An error to the node under test.
    pub fn refuse(&mut self, ms: u64, from: &str, tid: &[u8]) {
        let error = ErrorReply {
            code: 201,
            message: b"no",
        };
        self.message(ms, from, NODE, &Message::new(tid, Body::Error(error)));
    }
}
