//! Datagrams kept in their order, many in one piece of memory.

use std::net::SocketAddr;

use crate::Timestamp;
use crate::capture::Datagram;

/// Datagrams and what goes with each. Used again when it was emptied, so that
/// nothing is allocated for a packet.
#[derive(Clone)]
pub(crate) struct Kept<T> {
    payloads: Vec<u8>,
    entries: Vec<Entry<T>>,
}

#[derive(Clone)]
struct Entry<T> {
    time: Timestamp,
    source: SocketAddr,
    destination: SocketAddr,
    ip_len: usize,
    payload_len: usize,
    snapped: bool,
    with: T,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self {
            payloads: Vec::new(),
            entries: Vec::new(),
        }
    }
}

impl<T> Kept<T> {
    #[inline]
    pub(crate) fn add(&mut self, datagram: &Datagram<'_>, with: T) {
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
            with,
        });
    }

    /// Hands out every datagram, in order of their coming.
    #[inline]
    pub(crate) fn each(&self, mut on_datagram: impl FnMut(&Datagram<'_>, &T)) {
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
            on_datagram(&datagram, &entry.with);
        }
    }

    /// Datagrams kept.
    pub(crate) const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Bytes of their payloads.
    pub(crate) const fn bytes(&self) -> usize {
        self.payloads.len()
    }

    pub(crate) fn clear(&mut self) {
        self.payloads.clear();
        self.entries.clear();
    }
}
