//! Fragmented datagrams, put together where all pieces are there.
//!
//! Some nodes answer with more than a packet holds (a whole routing table in
//! 3.4 kB). Bounded in number, in pieces, and in time as the capture has it.

use std::net::IpAddr;
use std::time::Duration;

use etherparse::defrag::IpDefragBuf;
use etherparse::{IpFragOffset, IpNumber};

use super::fault::{FaultKind, Faults};
use crate::Timestamp;

/// A piece of a fragmented UDP datagram.
pub(super) struct Piece<'a> {
    pub(super) key: Key,
    pub(super) offset: IpFragOffset,
    /// It is not the last.
    pub(super) more: bool,
    /// `None` if the capture does not hold all of it.
    pub(super) payload: Option<&'a [u8]>,
    /// Length of its IP packet in bytes.
    pub(super) ip_len: usize,
    pub(super) time: Timestamp,
    /// Offset in the capture of its record or block.
    pub(super) at: u64,
}

/// What the pieces of one datagram have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) identification: u32,
}

/// The datagrams of a capture of which pieces are missing.
#[derive(Default)]
pub(crate) struct Fragments {
    /// From the oldest to the newest.
    pending: Vec<Pending>,
    /// The datagram that was put together last.
    whole: Vec<u8>,
    given_up: Faults,
}

struct Pending {
    key: Key,
    buffer: IpDefragBuf,
    pieces: usize,
    ip_len: usize,
    since: Timestamp,
    at: u64,
}

impl Fragments {
    /// Adds a piece. If it was the last that was missing: the datagram, from
    /// its UDP header on, and the length of all its IP packets.
    pub(super) fn add(&mut self, piece: &Piece<'_>) -> Option<(&[u8], usize)> {
        self.give_up_old(piece.time);
        let known = self.pending.iter().position(|p| p.key == piece.key);
        let index = known.unwrap_or_else(|| self.start(piece));
        let pending = &mut self.pending[index];
        pending.pieces += 1;
        pending.ip_len += piece.ip_len;
        let added = piece.payload.is_some_and(|payload| {
            let buffer = &mut pending.buffer;
            buffer.add(piece.offset, piece.more, payload).is_ok()
        });
        if !added || pending.pieces > MAX_PIECES {
            self.give_up(index);
            return None;
        }
        if !pending.buffer.is_complete() {
            return None;
        }
        let done = self.pending.remove(index);
        (self.whole, _) = done.buffer.take_bufs();
        Some((&self.whole, done.ip_len))
    }

    fn start(&mut self, piece: &Piece<'_>) -> usize {
        if self.pending.len() >= MAX_PENDING {
            self.give_up(0);
        }
        // the buffer of the last whole datagram is done with
        let bytes = std::mem::take(&mut self.whole);
        self.pending.push(Pending {
            key: piece.key,
            buffer: IpDefragBuf::new(IpNumber::UDP, bytes, Vec::new()),
            pieces: 0,
            ip_len: 0,
            since: piece.time,
            at: piece.at,
        });
        self.pending.len() - 1
    }

    /// Far apart in either direction, as the clock may have been set back.
    fn give_up_old(&mut self, now: Timestamp) {
        while let Some(oldest) = self.pending.first()
            && oldest.since.apart(now) > TIMEOUT
        {
            self.give_up(0);
        }
    }

    fn give_up(&mut self, index: usize) {
        let pending = self.pending.remove(index);
        self.given_up.add(FaultKind::FragmentsGivenUp, pending.at);
    }

    /// The datagrams that were given up so far and, if the capture is `over`,
    /// those that will be.
    pub(crate) fn given_up(&self, over: bool) -> Faults {
        let mut faults = self.given_up.clone();
        for pending in self.pending.iter().filter(|_| over) {
            faults.add(FaultKind::FragmentsGivenUp, pending.at);
        }
        faults
    }
}

/// Most datagrams that are put together at once; of at most 64 KiB each.
const MAX_PENDING: usize = 128;

/// Most pieces of a datagram: 64 KiB in packets of the least length that is
/// common, 576 bytes.
const MAX_PIECES: usize = 120;

/// How long the first piece waits for the others, as in Linux
/// (`net.ipv4.ipfrag_time`).
const TIMEOUT: Duration = Duration::from_secs(30);
