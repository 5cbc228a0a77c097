//! Messages on their way from one thread to the other, many at once.

use std::net::SocketAddr;

use mdht_krpc::Message;

use super::packed::Packed;
use crate::Timestamp;
use crate::capture::Datagram;

/// Datagrams and the messages in them, in their order. Used again when it was
/// emptied, so that nothing is allocated for a packet.
#[derive(Default)]
pub(super) struct Block {
    payloads: Vec<u8>,
    entries: Vec<Entry>,
}

struct Entry {
    time: Timestamp,
    source: SocketAddr,
    destination: SocketAddr,
    ip_len: usize,
    payload_len: usize,
    snapped: bool,
    message: Packed,
}

impl Block {
    #[inline]
    pub(super) fn add(&mut self, datagram: &Datagram<'_>, message: &Message<'_>) {
        let &Datagram {
            time,
            source,
            destination,
            ip_len,
            payload,
            snapped,
        } = datagram;
        self.payloads.extend_from_slice(payload);
        self.entries.push(Entry {
            time,
            source,
            destination,
            ip_len,
            payload_len: payload.len(),
            snapped,
            message: Packed::new(message, payload),
        });
    }

    /// Whether it is to be handed over.
    #[inline]
    pub(super) const fn is_full(&self) -> bool {
        self.payloads.len() >= MAX_BYTES || self.entries.len() >= MAX_MESSAGES
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Hands out every message.
    #[inline]
    pub(super) fn each(&self, mut on_message: impl FnMut(&Datagram<'_>, &Message<'_>)) {
        let mut rest = &self.payloads[..];
        for entry in &self.entries {
            let (payload, behind) = rest.split_at(entry.payload_len);
            rest = behind;
            let datagram = Datagram {
                time: entry.time,
                source: entry.source,
                destination: entry.destination,
                ip_len: entry.ip_len,
                payload,
                snapped: entry.snapped,
            };
            on_message(&datagram, &entry.message.unpack(payload));
        }
    }

    pub(super) fn clear(&mut self) {
        self.payloads.clear();
        self.entries.clear();
    }
}

/// Bytes of datagrams that fill a block, the last one whole. With what goes
/// with them, a block stays in the second-level cache of either core, and is
/// worth the microseconds that it may take to wake a thread.
const MAX_BYTES: usize = 1 << 17;

/// Messages that fill a block, if they are short.
const MAX_MESSAGES: usize = 1 << 10;
