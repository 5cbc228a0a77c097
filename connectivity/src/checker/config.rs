//! What a checker is made with, and what it is bounded by.

use std::net::SocketAddr;
use std::time::Duration;

use mdht_krpc::{Family, Id};

use crate::{SearchLimits, Timing, TimingError};

/// An instrumented node and its localchecker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its node ID, which its own socket probes with.
    pub id: Id,
    /// Address of its own socket.
    pub own: SocketAddr,
    /// Address of its localchecker: same IP, another port.
    pub local: SocketAddr,
}

/// Configuration of a [`Checker`](super::Checker).
#[derive(Clone, Debug)]
pub struct Config {
    /// The instrumented nodes, 1 to 65,536.
    pub identities: Vec<Identity>,
    /// Address of the remotechecker, on another IP; without one its letters
    /// are `?`.
    pub remote: Option<SocketAddr>,
    /// When a check does what.
    pub timing: Timing,
    /// What it is bounded by.
    pub limits: Limits,
    /// Check everybody who queries us, not only whom the user names.
    pub survey: bool,
    /// Search for the lifetime of NATs' mappings. Default none.
    pub mapping: Option<SearchLimits>,
    /// Check queriers at private addresses even where ours are public.
    pub allow_private: bool,
    /// The own sockets answer queries, so their probes need not say that they
    /// do not (BEP 43). Those of the checkers always say so: a node that took
    /// them into its table would send to them, and its NAT would let us in.
    pub own_answers: bool,
    /// Client code and version in `v` of probes.
    pub version: Option<[u8; 4]>,
}

impl Config {
    /// A configuration with the thesis's timings and our usual limits.
    pub fn new(identities: Vec<Identity>) -> Self {
        Self {
            identities,
            remote: None,
            timing: Timing::default(),
            limits: Limits::default(),
            survey: false,
            mapping: None,
            allow_private: false,
            own_answers: false,
            version: None,
        }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.identities.is_empty() || self.identities.len() > usize::from(u16::MAX) {
            return Err(ConfigError::Identities(self.identities.len()));
        }
        for identity in &self.identities {
            let Identity { own, local, .. } = identity;
            if own.port() == local.port() || own.ip() != local.ip() {
                return Err(ConfigError::Local(*local, *own));
            }
            let Some(remote) = self.remote else { continue };
            if remote.ip() == own.ip() || remote.ip().is_unspecified() {
                return Err(ConfigError::SameIp(remote));
            }
            if Family::of(&remote) != Family::of(own) {
                return Err(ConfigError::RemoteFamily(remote, *own));
            }
        }
        Ok(())
    }
}

/// What a checker is bounded by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most checks at once; beyond it the oldest is dropped. Default 100,000,
    /// about 50 MB.
    pub open: usize,
    /// Most probes a second, over all sockets. Default 2000.
    pub probes_per_second: u32,
    /// Nodes remembered so that each is checked once; the oldest are forgotten
    /// first. Default 1,835,008, at most 110 MB.
    pub remembered: usize,
    /// Most node IDs checked at one IP address. Default 16: a query's source
    /// can be forged, and nobody should be able to aim our probes at another.
    pub ids_per_ip: u16,
    /// How long a search for a mapping's lifetime may take, from the start of
    /// the check. Default 2 hours.
    pub search: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            open: 100_000,
            probes_per_second: 2000,
            // just what two hash tables of 2^21 slots hold
            remembered: 7 << 18,
            ids_per_ip: 16,
            search: Duration::from_secs(2 * 3600),
        }
    }
}

/// Why a checker cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The timings contradict each other.
    #[error(transparent)]
    Timing(#[from] TimingError),
    /// None, or more than can be told apart.
    #[error("{0} instrumented nodes: it takes 1 to 65535")]
    Identities(usize),
    /// The localchecker must share the IP address and not the port.
    #[error("the localchecker {0} must be at another port of the same IP address as {1}")]
    Local(SocketAddr, SocketAddr),
    /// The remotechecker must have an IP address of its own.
    #[error("the remotechecker {0} must be at an IP address that no instrumented node has")]
    SameIp(SocketAddr),
    /// The remotechecker cannot reach what the own socket reaches.
    #[error("the remotechecker {0} is of another address family than {1}")]
    RemoteFamily(SocketAddr, SocketAddr),
}
