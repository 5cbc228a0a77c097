//! A full node with its link and whatever guards it.

use std::fmt;
use std::net::{SocketAddr, SocketAddrV4};

use mdht_krpc::Instant;
use mdht_node::core::{Config, Core, SocketId};

use super::acquaintances::Acquainted;
use super::guard::Guard;
use super::inhabitant::Inhabitant;
use super::links::End;
use super::tap::Tap;
use crate::draws::Draws;
use crate::nat::LastSent;
use crate::parameters::{Class, Connectivity};
use crate::population::{Access, Identity};

/// Most sockets of a full node.
pub(super) const MOST_SOCKETS: usize = 4;

/// What a full node is made with.
pub struct FullNodeSetup {
    /// Its configuration. The first socket becomes its address; up to three
    /// more IPv4 ones, on the same host or another, are further vantage points
    /// [thesis 7.4], which nothing guards and nobody takes up.
    pub config: Config,
    /// Its address.
    pub addr: SocketAddrV4,
    /// Seed of its randomness.
    pub seed: [u8; 32],
    /// How its host is connected.
    pub access: Access,
    /// What lies between it and the world.
    pub connectivity: Connectivity,
    /// Sees its packets.
    pub tap: Option<Box<dyn Tap>>,
}

impl FullNodeSetup {
    /// A node under test: open, in a laboratory, without a tap.
    pub fn new(addr: SocketAddrV4, config: Config, seed: [u8; 32]) -> Self {
        Self {
            config,
            addr,
            seed,
            access: Access::Laboratory,
            connectivity: Connectivity {
                class: Class::Open,
                mapping_timeout_s: 0,
                share: 1.0,
            },
            tap: None,
        }
    }
}

impl fmt::Debug for FullNodeSetup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FullNodeSetup")
            .field("addr", &self.addr)
            .finish_non_exhaustive()
    }
}

/// A full node of a simulation.
pub(crate) struct FullNode {
    pub(crate) core: Inhabitant,
    pub(crate) addr: SocketAddrV4,
    /// Its further sockets.
    others: Vec<SocketAddrV4>,
    pub(crate) known: Acquainted,
    pub(crate) tap: Option<Box<dyn Tap>>,
    /// When it will be woken.
    pub(crate) wake: Option<Instant>,
    /// Who it is, if it belongs to the world.
    pub(crate) resident: Option<Identity>,
    access: Access,
    guard: Option<Box<Guard>>,
}

impl FullNode {
    pub(crate) fn new(setup: FullNodeSetup, draws: Draws, now: Instant) -> Self {
        let mut config = setup.config;
        let further = config.sockets.iter().skip(1);
        let others: Vec<_> = further
            .filter_map(|addr| match addr {
                SocketAddr::V4(addr) => Some(*addr),
                SocketAddr::V6(_) => None,
            })
            .take(MOST_SOCKETS - 1)
            .collect();
        let sockets = [setup.addr].into_iter().chain(others.iter().copied());
        config.sockets = sockets.map(Into::into).collect();
        Self {
            others,
            core: Inhabitant::Core(Core::new(config, setup.seed, now)),
            addr: setup.addr,
            known: Acquainted::new(draws),
            tap: setup.tap,
            wake: None,
            resident: None,
            access: setup.access,
            guard: Guard::new(setup.connectivity, draws.of(1)),
        }
    }

    /// A client outside, open and in a laboratory.
    pub(crate) fn client(addr: SocketAddrV4, draws: Draws) -> Self {
        Self {
            core: Inhabitant::Client(None),
            addr,
            others: Vec::new(),
            known: Acquainted::new(draws),
            tap: None,
            wake: None,
            resident: None,
            access: Access::Laboratory,
            guard: None,
        }
    }

    /// The end of a link at one of its sockets.
    pub(crate) fn end_at(&self, socket: SocketId) -> End {
        (*self.socket(socket).ip(), self.access)
    }

    /// The address of one of its sockets.
    pub(crate) fn socket(&self, socket: SocketId) -> SocketAddrV4 {
        let further = socket.0.checked_sub(1);
        let other = further.and_then(|place| self.others.get(place));
        other.copied().unwrap_or(self.addr)
    }

    /// All its sockets.
    pub(crate) fn sockets(&self) -> impl Iterator<Item = SocketAddrV4> {
        [self.addr].into_iter().chain(self.others.iter().copied())
    }

    /// The further socket at an address, or else the first.
    pub(crate) fn socket_at(&self, addr: SocketAddrV4) -> SocketId {
        let place = self.others.iter().position(|other| *other == addr);
        SocketId(place.map_or(0, |place| place + 1))
    }

    /// When a guarded node last sent here, as its guard sees it when a
    /// datagram comes from one of the sockets.
    pub(crate) fn last_sent(&self, by: Identity, socket: SocketId) -> LastSent {
        let host = *self.socket(socket).ip();
        let mut last = LastSent::default();
        for (place, addr) in self.sockets().enumerate() {
            let at = self.known.last_sent(by, SocketId(place));
            last.anyone = last.anyone.max(at);
            if *addr.ip() == host {
                last.ip = last.ip.max(at);
            }
            if place == socket.0 {
                last.addr = at;
            }
        }
        last
    }

    /// What stands between it and the world, if anything does.
    pub(crate) fn guard(&self) -> Option<&Guard> {
        self.guard.as_deref()
    }

    /// Keeps what a NAT would.
    pub(crate) fn note_sent(&mut self, to: SocketAddrV4, at: Instant) {
        if let Some(guard) = &mut self.guard {
            guard.note_sent(to, at);
        }
    }

    /// Whether a datagram from `from` gets in.
    pub(crate) fn lets_in(&self, from: SocketAddrV4, now: Instant) -> bool {
        let guard = self.guard.as_ref();
        guard.is_none_or(|guard| guard.lets_in(from, now))
    }
}

impl fmt::Debug for FullNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FullNode")
            .field("addr", &self.addr)
            .finish_non_exhaustive()
    }
}
