//! Who lives behind a full node's address: a core of ours, which the
//! simulation drives, or a client outside, which sends and receives as it
//! likes.

use std::net::SocketAddr;

use mdht_krpc::{Family, Id, Instant};
use mdht_node::core::{AnnouncePort, Core, Event, SavedNode, SocketId, Transmit};

/// The one behind the address. Everything that a core can be told is told to
/// it in the same words; a client outside hears datagrams only, and those are
/// handed over in [`super::Simulation::take_received`].
#[allow(clippy::large_enum_variant)] // nearly all are cores
pub(crate) enum Inhabitant {
    /// A core of ours.
    Core(Core),
    /// A client outside, with the ID that it last used.
    Client(Option<Id>),
}

impl Inhabitant {
    /// The core, if it is one.
    pub(crate) const fn as_core(&self) -> Option<&Core> {
        match self {
            Self::Core(core) => Some(core),
            Self::Client(_) => None,
        }
    }

    pub(crate) const fn as_core_mut(&mut self) -> Option<&mut Core> {
        match self {
            Self::Core(core) => Some(core),
            Self::Client(_) => None,
        }
    }

    pub(crate) fn id(&self, family: Family) -> Option<Id> {
        match self {
            Self::Core(core) => core.id(family),
            Self::Client(id) => *id,
        }
    }

    pub(crate) fn handle_datagram(
        &mut self,
        now: Instant,
        socket: SocketId,
        from: SocketAddr,
        payload: &[u8],
    ) {
        if let Self::Core(core) = self {
            core.handle_datagram(now, socket, from, payload);
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if let Self::Core(core) = self {
            core.handle_timeout(now);
        }
    }

    pub(crate) fn poll_transmit(&mut self) -> Option<Transmit> {
        self.as_core_mut()?.poll_transmit()
    }

    pub(crate) fn poll_event(&mut self) -> Option<Event> {
        self.as_core_mut()?.poll_event()
    }

    pub(crate) fn poll_timeout(&mut self) -> Option<Instant> {
        self.as_core_mut()?.poll_timeout()
    }

    pub(crate) fn restore(&mut self, now: Instant, saved: &SavedNode) {
        if let Self::Core(core) = self {
            core.restore(now, saved);
        }
    }

    pub(crate) fn add_bootstrap(&mut self, now: Instant, addrs: &[SocketAddr]) {
        if let Self::Core(core) = self {
            core.add_bootstrap(now, addrs);
        }
    }

    pub(crate) fn announce(&mut self, now: Instant, key: Id, port: AnnouncePort) {
        if let Self::Core(core) = self {
            core.announce(now, key, port);
        }
    }

    pub(crate) fn hold_peer(&mut self, now: Instant, key: Id, peer: SocketAddr) {
        if let Self::Core(core) = self {
            core.hold_peer(now, key, peer);
        }
    }
}
