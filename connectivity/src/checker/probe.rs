//! Probes on the wire.

use std::net::SocketAddr;

use mdht_krpc::{Body, Id, Message, Method, Query};

use crate::Vantage;

/// One of the checker's sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Port {
    /// The own socket of an instrumented node, counted from 0.
    Own(u16),
    /// The localchecker beside it.
    Local(u16),
    /// The remotechecker that all share.
    Remote,
}

impl Port {
    /// Which vantage point this is.
    pub const fn vantage(self) -> Vantage {
        match self {
            Self::Own(_) => Vantage::Own,
            Self::Local(_) => Vantage::Local,
            Self::Remote => Vantage::Remote,
        }
    }

    /// The socket of a vantage point of the instrumented node `identity`.
    pub const fn of(vantage: Vantage, identity: u16) -> Self {
        match vantage {
            Vantage::Own => Self::Own(identity),
            Vantage::Local => Self::Local(identity),
            Vantage::Remote => Self::Remote,
        }
    }
}

/// A ping to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Transmit {
    /// The socket it leaves by.
    pub port: Port,
    /// Where it goes.
    pub to: SocketAddr,
    pub(super) transaction: Transaction,
    pub(super) id: Id,
    pub(super) read_only: bool,
    pub(super) version: Option<[u8; 4]>,
}

impl Transmit {
    /// Appends the datagram to `out`.
    pub fn encode_into(&self, out: &mut Vec<u8>) {
        let transaction = self.transaction.bytes();
        let query = Query::new(Method::Ping, self.id);
        let message = Message {
            version: self.version.as_ref().map(<[u8; 4]>::as_slice),
            read_only: self.read_only,
            ..Message::new(&transaction, Body::Query(query))
        };
        message.encode_into(out);
    }
}

/// What a transaction ID says: which ping of which check. Ten bytes, where our
/// node's own have four.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Transaction {
    pub(super) slot: u32,
    /// Drawn for each check, so that answers cannot be made up.
    pub(super) nonce: u32,
    pub(super) burst: u8,
    pub(super) ping: u8,
}

impl Transaction {
    /// The burst of pings that search for a mapping's lifetime.
    pub(super) const SEARCH: u8 = u8::MAX;

    pub(super) fn bytes(self) -> [u8; 10] {
        let mut bytes = [0; 10];
        bytes[..4].copy_from_slice(&self.slot.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.nonce.to_be_bytes());
        bytes[8..].copy_from_slice(&[self.burst, self.ping]);
        bytes
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (slot, rest) = bytes.split_first_chunk::<4>()?;
        let (nonce, rest) = rest.split_first_chunk::<4>()?;
        let [burst, ping] = *<&[u8; 2]>::try_from(rest).ok()?;
        Some(Self {
            slot: u32::from_be_bytes(*slot),
            nonce: u32::from_be_bytes(*nonce),
            burst,
            ping,
        })
    }
}
