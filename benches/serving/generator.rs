//! The load: many askers, each with an address and a node ID of its own, and
//! always as many queries outstanding.

#![allow(clippy::disallowed_methods)] // real time is what is measured

use std::collections::VecDeque;
use std::io::{IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use mdht_krpc::{Body, Id, Message, Method, Query, Response, Rng};
use nix::sys::socket::{MsgFlags, MultiHeaders, recvmmsg};
use rustix::net::addr::SocketAddrArg as _;
use rustix::net::{MMsgHdr, SendAncillaryBuffer, SendFlags, sendmmsg};

/// Queries outstanding.
const WINDOW: usize = 128;
/// Queries that one asker sends at once.
const BURST: usize = 16;
/// Askers.
const ASKERS: u8 = 250;
/// An answer that takes longer is lost.
const PATIENCE: Duration = Duration::from_millis(200);
/// Turns of the processor between two looks for answers: some microseconds.
const PAUSE: usize = 100;
/// Announces that are lost, or refused, before a server is given up.
const MOST_FAILED: u64 = 1000;
/// Longest answer.
const LONGEST: usize = 4096;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    Ping,
    FindNode,
    GetPeers,
    /// get_peers for one of so many swarms, each in its turn.
    Swarm(u32),
    /// The same, for any of them.
    Held(u32),
    /// announce_peer to so many swarms at this port, with the tokens of `Swarm`.
    Announce(u32, u16),
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Answered {
    pub(crate) answers: u64,
    /// Errors, which count as no answers.
    pub(crate) errors: u64,
    pub(crate) lost: u64,
    /// Bytes of answers, and contacts in them.
    pub(crate) bytes: u64,
    pub(crate) contacts: u64,
}

struct Asker {
    socket: UdpSocket,
    id: Id,
}

/// A burst that is out.
struct Burst {
    asker: usize,
    first: u32,
    missing: usize,
}

pub(crate) struct Generator {
    askers: Vec<Asker>,
    rng: Rng,
    /// Number of the next query: its transaction ID.
    next: u32,
    turn: usize,
    headers: MultiHeaders<()>,
    input: Vec<u8>,
    output: [Vec<u8>; BURST],
    /// Tokens given to the askers, by swarm and asker.
    tokens: Vec<Vec<u8>>,
}

impl Generator {
    pub(crate) fn new() -> Self {
        let mut rng = Rng::from_u64(1);
        let asker = |last| {
            let socket = UdpSocket::bind((Ipv4Addr::new(127, 0, 9, last), 0)).unwrap();
            socket.set_nonblocking(true).unwrap();
            Asker {
                socket,
                id: Id::random(&mut rng),
            }
        };
        Self {
            askers: (1..=ASKERS).map(asker).collect(),
            rng,
            next: 0,
            turn: 0,
            headers: MultiHeaders::preallocate(BURST, None),
            input: vec![0; BURST * LONGEST],
            output: Default::default(),
            tokens: Vec::new(),
        }
    }

    /// Asks for so long.
    pub(crate) fn ask_for(&mut self, server: SocketAddrV4, ask: Ask, seconds: f64) -> Answered {
        let end = Instant::now() + Duration::from_secs_f64(seconds);
        self.ask_while(server, ask, |_| Instant::now() < end)
    }

    /// Announces at least `peers` peers to each of `swarms` swarms: each asker
    /// to each swarm, at one port after the other.
    pub(crate) fn announce(&mut self, server: SocketAddrV4, swarms: u32, peers: u32) -> Answered {
        let askers = self.askers.len() as u32;
        let swarms = swarms.next_multiple_of(BURST as u32);
        self.tokens = vec![Vec::new(); (swarms * askers) as usize];
        let count = u64::from(swarms) * u64::from(askers);
        let mut sum = Answered::default();
        for port in 0..peers.div_ceil(askers) as u16 {
            for ask in [Ask::Swarm(swarms), Ask::Announce(swarms, 1000 + port)] {
                (self.turn, self.next) = (0, 0);
                let got = self.ask_while(server, ask, |asked| asked < count);
                if matches!(ask, Ask::Announce(..)) {
                    sum.answers += got.answers;
                    sum.errors += got.errors;
                }
                sum.lost += got.lost;
                if sum.lost + sum.errors > MOST_FAILED {
                    return sum;
                }
            }
        }
        self.tokens = Vec::new();
        sum
    }

    fn ask_while(
        &mut self,
        server: SocketAddrV4,
        ask: Ask,
        goes_on: impl Fn(u64) -> bool,
    ) -> Answered {
        let mut out = VecDeque::new();
        let (mut sum, mut asked) = (Answered::default(), 0);
        loop {
            let is_deaf = sum.answers + sum.errors == 0 && sum.lost > MOST_FAILED;
            while out.len() < WINDOW / BURST && !is_deaf && goes_on(asked) {
                out.push_back(self.send(server, ask));
                asked += BURST as u64;
            }
            let Some(burst) = out.pop_front() else {
                return sum;
            };
            self.take(burst, ask, &mut sum);
        }
    }

    fn send(&mut self, server: SocketAddrV4, ask: Ask) -> Burst {
        let (asker, first) = (self.turn, self.next);
        self.turn = (self.turn + 1) % self.askers.len();
        self.next = self.next.wrapping_add(BURST as u32);
        let numbers = (0..).map(|n| first.wrapping_add(n));
        for (place, number) in (0..BURST).zip(numbers) {
            self.output[place].clear();
            let payload = &mut self.output[place];
            let id = self.askers[asker].id;
            let token: &[u8];
            let query = match ask {
                Ask::Ping => Query::new(Method::Ping, id),
                Ask::FindNode => Query::find_node(id, Id::random(&mut self.rng)),
                Ask::GetPeers => Query::get_peers(id, Id::random(&mut self.rng)),
                Ask::Swarm(_) => Query::get_peers(id, swarm(swarm_number(number))),
                Ask::Held(swarms) => held(id, self.rng.below(swarms as usize) as u32),
                Ask::Announce(swarms, port) => {
                    token = &self.tokens[place_of(number, asker, swarms)];
                    Query::announce_peer(id, swarm(swarm_number(number)), port, token)
                }
            };
            Message::new(&number.to_be_bytes(), Body::Query(query)).encode_into(payload);
        }
        let to = server.as_any();
        let slices: [_; BURST] = std::array::from_fn(|n| [IoSlice::new(&self.output[n])]);
        let mut control: [_; BURST] = std::array::from_fn(|_| SendAncillaryBuffer::default());
        let mut messages: Vec<_> = slices
            .iter()
            .zip(&mut control)
            .map(|(slices, control)| MMsgHdr::new_with_addr(&to, slices, control))
            .collect();
        // what is not taken counts as lost
        let _ = sendmmsg(
            &self.askers[asker].socket,
            &mut messages,
            SendFlags::empty(),
        );
        Burst {
            asker,
            first,
            missing: BURST,
        }
    }

    /// Waits for the answers to a burst, awake: over loopback the sender pays for
    /// waking the receiver, and a slower server finds it asleep more often.
    fn take(&mut self, mut burst: Burst, ask: Ask, sum: &mut Answered) {
        let Self {
            headers,
            input,
            askers,
            tokens,
            ..
        } = self;
        let until = Instant::now() + PATIENCE;
        while burst.missing > 0 && Instant::now() < until {
            let mut buffers = input.chunks_exact_mut(LONGEST);
            let mut slices: [[IoSliceMut<'_>; 1]; BURST] =
                std::array::from_fn(|_| [IoSliceMut::new(buffers.next().unwrap_or_default())]);
            let fd = askers[burst.asker].socket.as_raw_fd();
            let flags = MsgFlags::MSG_DONTWAIT;
            let Ok(batch) = recvmmsg(fd, headers, slices.iter_mut(), flags, None) else {
                // asking all the time would hold up who delivers
                (0..PAUSE).for_each(|_| std::hint::spin_loop());
                continue;
            };
            for received in batch {
                let payload = received.iovs().next().unwrap_or_default();
                let Ok(message) = Message::scan(payload) else {
                    continue;
                };
                let Ok(number) = message.transaction_id.try_into().map(u32::from_be_bytes) else {
                    continue;
                };
                if number.wrapping_sub(burst.first) >= BURST as u32 {
                    continue;
                }
                match &message.body {
                    Body::Response(response) => {
                        burst.missing = burst.missing.saturating_sub(1);
                        sum.answers += 1;
                        sum.bytes += payload.len() as u64;
                        sum.contacts += response.nodes.map_or(0, |nodes| nodes.len() as u64);
                        note_token(tokens, ask, (number, burst.asker), response);
                    }
                    Body::Error(_) => {
                        burst.missing = burst.missing.saturating_sub(1);
                        sum.errors += 1;
                    }
                    Body::Query(_) => {}
                }
            }
        }
        sum.lost += burst.missing as u64;
    }
}

/// Each asker has its turn with as many swarms as fit a burst, then with the next.
fn swarm_number(query: u32) -> u32 {
    let (burst, place) = (query / BURST as u32, query % BURST as u32);
    burst / u32::from(ASKERS) * BURST as u32 + place
}

fn swarm(number: u32) -> Id {
    let mut bytes = [0x5a; 20];
    bytes[..4].copy_from_slice(&number.wrapping_mul(2_654_435_761).to_be_bytes());
    Id::new(bytes)
}

/// A get_peers query for this swarm. It names the family that it is asked by,
/// which changes nothing but its length: by that the echo tells it.
pub(crate) fn held(id: Id, number: u32) -> Query<'static> {
    let mut query = Query::get_peers(id, swarm(number));
    query.want.v4 = true;
    query
}

/// Where the token of a query's swarm is kept.
fn place_of(query: u32, asker: usize, swarms: u32) -> usize {
    asker * swarms as usize + swarm_number(query) as usize
}

fn note_token(
    tokens: &mut [Vec<u8>],
    ask: Ask,
    (number, asker): (u32, usize),
    response: &Response<'_>,
) {
    if let (Ask::Swarm(swarms), Some(token)) = (ask, response.token) {
        let held = &mut tokens[place_of(number, asker, swarms)];
        held.clear();
        held.extend_from_slice(token);
    }
}
