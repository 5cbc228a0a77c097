//! A full node with its link and whatever guards it.

use std::fmt;
use std::net::SocketAddrV4;

use mdht_krpc::Instant;
use mdht_node::core::{Config, Core};

use super::acquaintances::Acquainted;
use super::guard::Guard;
use super::inhabitant::Inhabitant;
use super::links::End;
use super::tap::Tap;
use crate::draws::Draws;
use crate::parameters::{Class, Connectivity};
use crate::population::{Access, Identity};

/// What a full node is made with.
pub struct FullNodeSetup {
    /// Its configuration. The first socket is its address, which must be IPv4.
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
        config.sockets = vec![setup.addr.into()];
        Self {
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
            known: Acquainted::new(draws),
            tap: None,
            wake: None,
            resident: None,
            access: Access::Laboratory,
            guard: None,
        }
    }

    /// Its end of a link.
    pub(crate) const fn end(&self) -> End {
        (*self.addr.ip(), self.access)
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
