//! A message as it reaches the core.

use std::net::SocketAddr;

use mdht_krpc::{Family, Message};

use super::SocketId;

/// A message, who sent it, and which of our sockets it came by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Incoming<'a> {
    pub(crate) socket: SocketId,
    pub(crate) from: SocketAddr,
    pub(crate) message: &'a Message<'a>,
}

impl Incoming<'_> {
    /// The overlay that it belongs to.
    pub(crate) const fn family(&self) -> Family {
        Family::of(&self.from)
    }
}
