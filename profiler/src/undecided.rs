//! The beginning of captures that cannot be read twice, kept until it shows
//! which node is busiest.

use std::net::SocketAddr;

use mdht_krpc::Message;

use crate::busiest::Tally;
use crate::capture::Datagram;
use crate::{BusyAddress, Timestamp};

/// The first messages, and who sends and receives them.
#[derive(Clone, Default)]
pub(crate) struct Undecided {
    tally: Tally,
    kept: Vec<Kept>,
    payloads: Vec<u8>,
}

#[derive(Clone, Copy)]
struct Kept {
    time: Timestamp,
    source: SocketAddr,
    destination: SocketAddr,
    ip_len: usize,
    payload_len: usize,
    snapped: bool,
}

impl Undecided {
    pub(crate) fn add(&mut self, datagram: &Datagram<'_>) {
        self.tally.add(datagram);
        self.payloads.extend_from_slice(datagram.payload);
        self.kept.push(Kept {
            time: datagram.time,
            source: datagram.source,
            destination: datagram.destination,
            ip_len: datagram.ip_len,
            payload_len: datagram.payload.len(),
            snapped: datagram.snapped,
        });
    }

    /// Whether no more is to be kept.
    pub(crate) const fn is_full(&self) -> bool {
        self.kept.len() >= MAX_MESSAGES || self.payloads.len() >= MAX_BYTES
    }

    /// The busiest addresses so far.
    pub(crate) fn busiest(&self) -> Vec<BusyAddress> {
        self.tally.clone().busiest()
    }

    /// Hands out what was kept, in its order.
    pub(crate) fn replay(&self, mut on_message: impl FnMut(&Datagram<'_>, &Message<'_>)) {
        let mut rest = &self.payloads[..];
        for kept in &self.kept {
            let (payload, behind) = rest.split_at(kept.payload_len);
            rest = behind;
            let datagram = Datagram {
                time: kept.time,
                source: kept.source,
                destination: kept.destination,
                ip_len: kept.ip_len,
                payload,
                snapped: kept.snapped,
            };
            if let Ok(message) = Message::scan(payload) {
                on_message(&datagram, &message);
            }
        }
    }
}

/// Most messages that are kept; about 10 MB with what they hold as a rule.
const MAX_MESSAGES: usize = 1 << 15;

/// Most bytes of messages that are kept.
const MAX_BYTES: usize = 1 << 25;
