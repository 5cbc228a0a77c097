//! Clients that ask as fast as they are told to.

#![allow(clippy::disallowed_methods)] // real time is what is measured

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use mdht_krpc::{Body, Id, Message, Query};

/// Sockets, each a client of its own.
const CLIENTS: u8 = 8;
/// Every so many queries one is timed.
const TIMED: u32 = 16;
/// Queries sent before answers are taken.
const BURST: u32 = 16;

pub(crate) struct Load {
    sockets: Vec<UdpSocket>,
    bootstrap: SocketAddr,
    buffer: [u8; 2048],
    payload: Vec<u8>,
    next: u32,
}

/// What was offered and what came of it.
pub(crate) struct Sent {
    pub(crate) queries: u32,
    pub(crate) answers: u32,
    pub(crate) seconds: f64,
}

impl Load {
    pub(crate) fn new(bootstrap: SocketAddr) -> Self {
        let socket = |last| {
            let socket = UdpSocket::bind((Ipv4Addr::new(127, 0, 7, last), 0)).unwrap();
            socket.set_nonblocking(true).unwrap();
            socket
        };
        Self {
            sockets: (1..=CLIENTS).map(socket).collect(),
            bootstrap,
            buffer: [0; 2048],
            payload: Vec::new(),
            next: 0,
        }
    }

    /// Addresses of nodes that answer, at least `count`.
    pub(crate) fn crawl(&mut self, count: usize) -> Vec<SocketAddr> {
        let (mut to_ask, mut known) = (vec![self.bootstrap], BTreeSet::new());
        let mut answered = BTreeSet::new();
        while answered.len() < count {
            for node in std::mem::take(&mut to_ask) {
                self.ask(0, node);
                std::thread::sleep(Duration::from_micros(20));
            }
            std::thread::sleep(Duration::from_millis(500));
            let (mut found, bootstrap) = (Vec::new(), self.bootstrap);
            self.take(&mut |payload, from, _| {
                if from != bootstrap {
                    answered.insert(from);
                }
                contacts(payload, &mut found);
            });
            to_ask.extend(
                found
                    .into_iter()
                    .filter(|node| known.insert(*node))
                    .take(3000),
            );
            to_ask.push(self.bootstrap);
        }
        answered.into_iter().collect()
    }

    /// The least of a few round trips to each node, while nothing else goes on,
    /// by the first client; in seconds.
    pub(crate) fn least_round_trips(&mut self, nodes: &[SocketAddr]) -> BTreeMap<SocketAddr, f64> {
        let mut least = BTreeMap::new();
        for _ in 0..5 {
            let mut begun = BTreeMap::new();
            for node in nodes {
                begun.insert(self.ask(0, *node), Instant::now());
                self.collect(&mut begun, &mut least);
                std::thread::sleep(Duration::from_millis(1));
            }
            let end = Instant::now() + Duration::from_secs(2);
            while Instant::now() < end {
                self.collect(&mut begun, &mut least);
                std::thread::sleep(Duration::from_micros(20));
            }
        }
        least
    }

    fn collect(
        &mut self,
        begun: &mut BTreeMap<u32, Instant>,
        least: &mut BTreeMap<SocketAddr, f64>,
    ) {
        self.take(&mut |_, from, number| {
            if let Some(begun) = begun.remove(&number) {
                let took = begun.elapsed().as_secs_f64();
                let entry = least.entry(from).or_insert(took);
                *entry = entry.min(took);
            }
        });
    }

    /// Sends `rate` queries a second for `seconds`, and hands the round trips
    /// of the first client, in seconds, to `timed`.
    pub(crate) fn offer(
        &mut self,
        nodes: &[SocketAddr],
        rate: u32,
        seconds: f64,
        timed: &mut dyn FnMut(SocketAddr, f64),
    ) -> Sent {
        let (mut queries, mut answers) = (0, 0);
        let mut begun = BTreeMap::new();
        let start = Instant::now();
        let elapsed = |start: Instant| start.elapsed().as_secs_f64();
        while elapsed(start) < seconds {
            let due = (elapsed(start) * f64::from(rate)) as u32;
            let upto = due.min(queries + BURST);
            while queries < upto {
                let node = nodes[(queries.wrapping_mul(2_654_435_761) as usize) % nodes.len()];
                if queries % TIMED == 0 {
                    let node = nodes[(queries / TIMED) as usize % nodes.len().min(300)];
                    begun.insert(self.ask(0, node), Instant::now());
                } else {
                    self.ask(1 + queries as usize % (self.sockets.len() - 1), node);
                }
                queries += 1;
            }
            answers += self.take_timed(&mut begun, timed);
            // the server may have only this processor
            if queries == due {
                std::thread::sleep(Duration::from_micros(50));
            }
        }
        let sent_for = elapsed(start);
        // those on their way
        while elapsed(start) < seconds + 2.0 {
            answers += self.take_timed(&mut begun, timed);
            std::thread::sleep(Duration::from_micros(50));
        }
        Sent {
            queries,
            answers,
            seconds: sent_for,
        }
    }

    fn take_timed(
        &mut self,
        begun: &mut BTreeMap<u32, Instant>,
        timed: &mut dyn FnMut(SocketAddr, f64),
    ) -> u32 {
        self.take(&mut |_, from, number| {
            if let Some(begun) = begun.remove(&number) {
                timed(from, begun.elapsed().as_secs_f64());
            }
        })
    }

    /// Asks a node; the number of the query.
    fn ask(&mut self, client: usize, node: SocketAddr) -> u32 {
        self.next += 1;
        let number = self.next.to_be_bytes();
        let mut target = [0; 20];
        target[..4].copy_from_slice(&self.next.wrapping_mul(2_654_435_761).to_be_bytes());
        let query = Query::find_node(Id::new([client as u8 + 1; 20]), Id::new(target));
        self.payload.clear();
        Message::new(&number, Body::Query(query)).encode_into(&mut self.payload);
        // a full buffer counts as a query that nobody answered
        let _ = self.sockets[client].send_to(&self.payload, node);
        self.next
    }

    /// Takes what has come in; the number of answers.
    fn take(&mut self, each: &mut dyn FnMut(&[u8], SocketAddr, u32)) -> u32 {
        let mut answers = 0;
        for socket in &self.sockets {
            while let Ok((len, from)) = socket.recv_from(&mut self.buffer) {
                let payload = &self.buffer[..len];
                let Ok(message) = Message::scan(payload) else {
                    continue;
                };
                if let (Body::Response(_), Ok(number)) =
                    (&message.body, message.transaction_id.try_into())
                {
                    answers += 1;
                    each(payload, from, u32::from_be_bytes(number));
                }
            }
        }
        answers
    }
}

fn contacts(payload: &[u8], out: &mut Vec<SocketAddr>) {
    if let Ok(message) = Message::scan(payload)
        && let Body::Response(response) = message.body
    {
        let nodes = response.nodes.iter().flat_map(|nodes| nodes.iter());
        out.extend(nodes.map(|node| node.addr));
    }
}
