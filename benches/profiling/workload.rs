//! A capture such as a busy node makes, seeded, so that it is always the same.
//!
//! The node under test sends a query every 40 ms or so: lookups of about 20
//! get_peers queries, with a find_node or ping of maintenance between every
//! four of them. Four of five are answered, 20 to 400 ms later: one in a
//! hundred with an error, one in five get_peers queries with up to 30 peers,
//! all others with eight contacts. For each query that it sends, one comes in
//! and is answered at once. Others are one of a million addresses with an ID
//! and a client of their own.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::Path;

use mdht_krpc::{
    Body, Contact, ErrorReply, Family, Id, Message, Method, Nodes, Query, Response, Rng, Values,
    error_code,
};

/// The node under test.
pub(crate) const NODE: &str = "10.0.0.1:6881";
const NODE_ADDR: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 1), 6881);

/// Time of the first packet: 2027-01-15T08:00:00Z.
const START_S: u64 = 1_800_000_000;
/// Lengths of the headers in bytes.
const ETHERNET: u16 = 14;
const IPV4: u16 = 20;
const UDP: u16 = 8;

/// Writes a pcap file (Ethernet, microseconds) of `packets` packets.
pub(crate) fn write(path: &Path, packets: u64) -> io::Result<()> {
    let mut rng = Rng::from_u64(1);
    let mut traffic = Traffic {
        file: BufWriter::with_capacity(1 << 20, File::create(path)?),
        left: packets,
        id: Id::random(&mut rng),
        rng,
        answers: BinaryHeap::new(),
        payload: Vec::new(),
    };
    traffic.run()?;
    traffic.file.flush()
}

/// The UDP payload of a frame that [`write()`] made.
pub(crate) fn payload(frame: &[u8]) -> &[u8] {
    let udp = &frame[usize::from(ETHERNET + IPV4)..];
    let len = u16::from_be_bytes([udp[4], udp[5]]);
    &udp[usize::from(UDP)..usize::from(len)]
}

struct Traffic {
    file: BufWriter<File>,
    /// Packets still to be written.
    left: u64,
    /// ID of the node under test.
    id: Id,
    rng: Rng,
    /// Answers on their way to the node: arrival, sender, payload.
    answers: BinaryHeap<Reverse<(u64, Remote, Vec<u8>)>>,
    payload: Vec<u8>,
}

/// One of a million nodes elsewhere, by its number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Remote(u32);

impl Remote {
    fn any(rng: &mut Rng) -> Self {
        Self(u32::try_from(rng.below(1_000_000)).unwrap_or(0))
    }

    fn addr(self) -> SocketAddrV4 {
        SocketAddrV4::new(Ipv4Addr::from(0x0b00_0000 + self.0), 6881)
    }

    fn id(self) -> Id {
        Id::random(&mut Rng::from_u64(self.0.into()))
    }

    fn version(self) -> Option<&'static [u8]> {
        match self.0 % 8 {
            0..=2 => Some(b"LT\x02\x01"),
            3..=5 => Some(b"UT\xb0\x2c"),
            6 => Some(b"lt\x0d\x80"),
            _ => None,
        }
    }
}

impl Traffic {
    fn run(&mut self) -> io::Result<()> {
        self.file_header()?;
        let mut infohash = self.id;
        let mut now = 0;
        for number in 0_u32.. {
            if self.left == 0 {
                break;
            }
            now += 20_000 + self.rng.below(40_000) as u64;
            self.deliver(now)?;
            if number.is_multiple_of(25) {
                infohash = Id::random(&mut self.rng);
            }
            self.ask(now, number, infohash)?;
            self.be_asked(now)?;
        }
        Ok(())
    }

    /// The answers that have arrived by `now`, in microseconds.
    fn deliver(&mut self, now: u64) -> io::Result<()> {
        while self.answers.peek().is_some_and(|next| next.0.0 <= now) {
            if let Some(Reverse((at, from, payload))) = self.answers.pop() {
                self.packet(at, from.addr(), NODE_ADDR, &payload)?;
            }
        }
        Ok(())
    }

    /// A query of the node, and what will come of it.
    fn ask(&mut self, now: u64, number: u32, infohash: Id) -> io::Result<()> {
        let remote = Remote::any(&mut self.rng);
        let query = match (number.is_multiple_of(5), number.is_multiple_of(2)) {
            (true, true) => Query::find_node(self.id, Id::random(&mut self.rng)),
            (true, false) => Query::new(Method::Ping, self.id),
            (false, _) => Query::get_peers(self.id, infohash),
        };
        let tid = &number.to_be_bytes()[1..];
        if self.rng.below(5) > 0 {
            let arrival = now + 20_000 + self.rng.below(380_000) as u64;
            let payload = match self.rng.below(100) {
                0 => refusal(tid, remote.version()),
                _ => self.answer(tid, remote.id(), remote.version(), query.method),
            };
            self.answers.push(Reverse((arrival, remote, payload)));
        }
        let mut message = Message::new(tid, Body::Query(query));
        message.version = Some(b"MD\x00\x01");
        self.message(now, NODE_ADDR, remote.addr(), &message)
    }

    /// A query from elsewhere, answered at once.
    fn be_asked(&mut self, now: u64) -> io::Result<()> {
        let remote = Remote::any(&mut self.rng);
        let (id, key) = (remote.id(), Id::random(&mut self.rng));
        let query = match self.rng.below(20) {
            0..=9 => Query::get_peers(id, key),
            10..=16 => Query::find_node(id, key),
            17 | 18 => Query::new(Method::Ping, id),
            _ => Query::announce_peer(id, key, 6881, b"ab12cd34"),
        };
        let answer = self.answer(b"aa", self.id, Some(b"MD\x00\x01"), query.method);
        let mut message = Message::new(b"aa", Body::Query(query));
        message.version = remote.version();
        self.message(now, remote.addr(), NODE_ADDR, &message)?;
        self.packet(now, NODE_ADDR, remote.addr(), &answer)
    }

    /// The response of the node `id` to a query of `method`.
    fn answer(
        &mut self,
        tid: &[u8],
        id: Id,
        version: Option<&[u8]>,
        method: Method<'_>,
    ) -> Vec<u8> {
        let rng = &mut self.rng;
        let (mut nodes, mut peers) = (Vec::new(), Vec::new());
        let mut response = Response::new(id);
        if matches!(method, Method::GetPeers | Method::FindNode) {
            for _ in 0..8 {
                let contact = Contact::new(Id::random(rng), Remote::any(rng).addr().into());
                Nodes::write(&contact, &mut nodes);
            }
            response.nodes = Some(Nodes::new(Family::V4, &nodes));
        }
        if method == Method::GetPeers {
            response.token = Some(b"ab12cd34");
            if rng.below(5) == 0 {
                let count = 1 + rng.below(30);
                peers.extend((0..count).map(|_| SocketAddr::from(Remote::any(rng).addr())));
                response.values = Some(Values::from_peers(&peers));
            }
        }
        let mut message = Message::new(tid, Body::Response(response));
        message.version = version;
        message.encode()
    }

    fn message(
        &mut self,
        at: u64,
        from: SocketAddrV4,
        to: SocketAddrV4,
        message: &Message<'_>,
    ) -> io::Result<()> {
        let mut payload = std::mem::take(&mut self.payload);
        payload.clear();
        message.encode_into(&mut payload);
        let written = self.packet(at, from, to, &payload);
        self.payload = payload;
        written
    }

    fn file_header(&mut self) -> io::Result<()> {
        for word in [0xa1b2_c3d4, 2 | 4 << 16, 0, 0, 262_144, 1_u32] {
            self.file.write_all(&word.to_le_bytes())?;
        }
        Ok(())
    }

    /// A packet `at` microseconds after the first, unless there are enough.
    fn packet(
        &mut self,
        at: u64,
        from: SocketAddrV4,
        to: SocketAddrV4,
        payload: &[u8],
    ) -> io::Result<()> {
        if self.left == 0 {
            return Ok(());
        }
        self.left -= 1;
        let udp_len = UDP + u16::try_from(payload.len()).map_err(io::Error::other)?;
        let ip_len = udp_len + IPV4;
        let len = u32::from(ip_len + ETHERNET);
        let seconds = u32::try_from(START_S + at / 1_000_000).map_err(io::Error::other)?;
        let micros = (at % 1_000_000) as u32;
        for word in [seconds, micros, len, len] {
            self.file.write_all(&word.to_le_bytes())?;
        }
        self.file.write_all(&[0; 12])?;
        self.file.write_all(&[8, 0, 0x45, 0])?;
        self.file.write_all(&ip_len.to_be_bytes())?;
        self.file.write_all(&[0, 0, 0, 0, 64, 17, 0, 0])?;
        self.file.write_all(&from.ip().octets())?;
        self.file.write_all(&to.ip().octets())?;
        for port in [from.port(), to.port(), udp_len, 0] {
            self.file.write_all(&port.to_be_bytes())?;
        }
        self.file.write_all(payload)
    }
}

fn refusal(tid: &[u8], version: Option<&[u8]>) -> Vec<u8> {
    let error = ErrorReply {
        code: error_code::PROTOCOL,
        message: b"bad token",
    };
    let mut message = Message::new(tid, Body::Error(error));
    message.version = version;
    message.encode()
}
