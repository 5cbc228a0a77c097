//! Probes on the wire.

use std::net::SocketAddr;

use mdht_krpc::{Body, Id, Message, Method, Query};

use super::in_flight;
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
    pub(super) transaction: [u8; in_flight::LEN],
    pub(super) id: Id,
    pub(super) read_only: bool,
    pub(super) version: Option<[u8; 4]>,
}

impl Transmit {
    /// Appends the datagram to `out`.
    pub fn encode_into(&self, out: &mut Vec<u8>) {
        let query = Query::new(Method::Ping, self.id);
        let message = Message {
            version: self.version.as_ref().map(<[u8; 4]>::as_slice),
            read_only: self.read_only,
            ..Message::new(&self.transaction, Body::Query(query))
        };
        message.encode_into(out);
    }
}
