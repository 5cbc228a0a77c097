//! A capture of very many flows, made while it is read.

use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddrV4};

use mdht_krpc::{Body, Id, Message, Query, Response};

/// The node under test.
pub(crate) const NODE: &str = "10.0.0.1:6881";

const NODE_ADDR: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 1), 6881);
const START_S: u32 = 1_800_000_000;
/// Time from one query to the next, and number of queries until an answer.
const STEP_MICROS: u32 = 10;
const UNTIL_ANSWER: u32 = 2000;

/// A pcap file (raw IP, microseconds) of one flow after the other: a node asks
/// each of so many addresses once, a hundred thousand a second, each for peers
/// of another infohash. Nine of ten answer, 20 ms later. Nothing of it is kept.
pub(crate) struct Flows {
    flows: u32,
    next: u32,
    /// What was made and not read yet, from `read` on.
    made: Vec<u8>,
    read: usize,
    payload: Vec<u8>,
}

impl Flows {
    /// Most flows: as many addresses there are.
    pub(crate) const MOST: u32 = 100_000_000;

    pub(crate) fn new(flows: u32) -> Self {
        let header = [0xa1b2_c3d4, 2 | 4 << 16, 0, 0, 262_144, 101_u32];
        Self {
            flows: flows.min(Self::MOST),
            next: 0,
            made: header.into_iter().flat_map(u32::to_le_bytes).collect(),
            read: 0,
            payload: Vec::new(),
        }
    }

    /// How many answers there are in it.
    pub(crate) fn answers(&self) -> u32 {
        self.flows - self.flows.div_ceil(10)
    }

    /// A query, and the answer to the one that was long enough ago.
    fn step(&mut self) {
        let number = self.next;
        self.next += 1;
        if number < self.flows {
            let query = Query::get_peers(id(0), id(number));
            self.packet(number, NODE_ADDR, remote(number), Body::Query(query));
        }
        let answered = number.checked_sub(UNTIL_ANSWER);
        if let Some(flow) = answered.filter(|flow| flow % 10 != 0) {
            let response = Body::Response(Response::new(id(flow)));
            self.packet(flow, remote(flow), NODE_ADDR, response);
        }
    }

    /// A message of a flow, now.
    fn packet(&mut self, flow: u32, from: SocketAddrV4, to: SocketAddrV4, body: Body<'_>) {
        self.payload.clear();
        let tid = flow.to_be_bytes();
        Message::new(&tid, body).encode_into(&mut self.payload);
        let udp_len = self.payload.len() as u16 + 8;
        let ip_len = udp_len + 20;
        let micros = u64::from(self.next) * u64::from(STEP_MICROS);
        let seconds = START_S + (micros / 1_000_000) as u32;
        let micros = (micros % 1_000_000) as u32;
        for word in [seconds, micros, ip_len.into(), ip_len.into()] {
            self.made.extend(word.to_le_bytes());
        }
        self.made.extend([0x45, 0]);
        self.made.extend(ip_len.to_be_bytes());
        self.made.extend([0, 0, 0, 0, 64, 17, 0, 0]);
        self.made.extend(from.ip().octets());
        self.made.extend(to.ip().octets());
        for word in [from.port(), to.port(), udp_len, 0] {
            self.made.extend(word.to_be_bytes());
        }
        self.made.extend_from_slice(&self.payload);
    }
}

impl Read for Flows {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read == self.made.len() {
            self.made.clear();
            self.read = 0;
            while self.made.len() < 1 << 16 && self.next < self.flows + UNTIL_ANSWER {
                self.step();
            }
        }
        let count = (&self.made[self.read..]).read(buffer)?;
        self.read += count;
        Ok(count)
    }
}

/// The other end of a flow.
fn remote(flow: u32) -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::from(0x0b00_0000 + flow), 6881)
}

/// Its node ID, and the infohash that it is asked about.
fn id(flow: u32) -> Id {
    let mut bytes = [0x5a; Id::LEN];
    bytes[..4].copy_from_slice(&flow.wrapping_mul(0x9e37_79b1).to_be_bytes());
    Id::new(bytes)
}
