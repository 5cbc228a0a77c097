//! The ports that symmetric NATs of full nodes show: another one towards every
//! destination, each leading back for that destination only.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use foldhash::fast::FixedState;
use mdht_krpc::Instant;

use super::NodeIndex;
use crate::draws::{Draws, below};

/// Lowest port that a NAT gives.
const LOWEST_PORT: u64 = 1024;
/// Ports tried before one in use is taken over.
const TRIES: u64 = 64;
/// Mappings at which the table is first swept.
const FIRST_SWEEP: usize = 1024;

/// A mapping of a symmetric NAT.
#[derive(Clone, Copy, Debug)]
struct Mapping {
    node: NodeIndex,
    peer: SocketAddrV4,
    until: Instant,
}

impl Mapping {
    fn is_of(&self, node: NodeIndex, peer: SocketAddrV4) -> bool {
        self.node == node && self.peer == peer
    }
}

/// All mappings of all symmetric NATs, by what they show. There are as many as
/// were used within the timeout, and at most 64,512 of one IP address.
#[derive(Debug)]
pub(crate) struct SymmetricPorts {
    mappings: HashMap<SocketAddrV4, Mapping, FixedState>,
    draws: Draws,
    sweep_at: usize,
}

impl SymmetricPorts {
    pub(crate) fn new(draws: Draws) -> Self {
        Self {
            mappings: HashMap::default(),
            draws,
            sweep_at: FIRST_SWEEP,
        }
    }

    /// The address that `peer` sees of a datagram that `node` sends it now. It
    /// stays the same while it is used at least once in `timeout`.
    pub(crate) fn show(
        &mut self,
        (node, ip): (NodeIndex, Ipv4Addr),
        peer: SocketAddrV4,
        timeout: Duration,
        now: Instant,
    ) -> SocketAddrV4 {
        let is_free = |addr: &SocketAddrV4| {
            let mapping = self.mappings.get(addr);
            mapping.is_none_or(|m| m.is_of(node, peer) || m.until < now)
        };
        let candidate = |attempt| self.candidate((node, ip), peer, attempt);
        let found = (0..TRIES).map(candidate).find(is_free);
        let shown = found.unwrap_or_else(|| candidate(0));
        let until = now + timeout;
        self.mappings.insert(shown, Mapping { node, peer, until });
        if self.mappings.len() >= self.sweep_at {
            self.mappings.retain(|_, mapping| mapping.until >= now);
            self.sweep_at = (self.mappings.len() * 2).max(FIRST_SWEEP);
        }
        shown
    }

    /// The address that `peer` last saw of `node`.
    pub(crate) fn shown(
        &self,
        host: (NodeIndex, Ipv4Addr),
        peer: SocketAddrV4,
    ) -> Option<SocketAddrV4> {
        let is_shown = |addr: &SocketAddrV4| {
            let mapping = self.mappings.get(addr);
            mapping.is_some_and(|mapping| mapping.is_of(host.0, peer))
        };
        let candidate = |attempt| self.candidate(host, peer, attempt);
        (0..TRIES).map(candidate).find(is_shown)
    }

    /// What a host shows towards `peer` if it can, and otherwise at each
    /// further attempt.
    fn candidate(
        &self,
        (node, ip): (NodeIndex, Ipv4Addr),
        peer: SocketAddrV4,
        attempt: u64,
    ) -> SocketAddrV4 {
        let to = u64::from(peer.ip().to_bits()) << 16 | u64::from(peer.port());
        let draw = self.draws.of(node.0.into()).draw(to, attempt);
        let port = LOWEST_PORT + below(draw, (1 << 16) - LOWEST_PORT);
        SocketAddrV4::new(ip, u16::try_from(port).unwrap_or(u16::MAX))
    }

    /// Whose mapping an address is, whether or not it still leads there.
    pub(crate) fn owner(&self, shown: &SocketAddrV4) -> Option<NodeIndex> {
        self.mappings.get(shown).map(|mapping| mapping.node)
    }

    /// Whether what `from` sends to `shown` is led on.
    pub(crate) fn leads(&self, shown: &SocketAddrV4, from: SocketAddrV4, now: Instant) -> bool {
        let mapping = self.mappings.get(shown);
        mapping.is_some_and(|mapping| mapping.peer == from && now <= mapping.until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draws::Subject;

    const TIMEOUT: Duration = Duration::from_secs(120);

    #[test]
    fn each_destination_sees_a_port_of_its_own_and_old_ones_go() {
        let mut ports = SymmetricPorts::new(Draws::new(1, Subject::Port));
        let host = (NodeIndex(7), Ipv4Addr::new(9, 9, 9, 9));
        let peer = |n: u32| SocketAddrV4::new((0x0800_0000 + n).into(), 6881);
        let mut seen = Vec::new();
        for n in 0..500 {
            let shown = ports.show(host, peer(n), TIMEOUT, Instant::ZERO);
            assert_eq!(ports.show(host, peer(n), TIMEOUT, Instant::ZERO), shown);
            assert!(ports.leads(&shown, peer(n), Instant::ZERO));
            assert!(!ports.leads(&shown, peer(n + 1), Instant::ZERO));
            seen.push(shown);
        }
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 500);
        let later = Instant::ZERO + 2 * TIMEOUT;
        assert!(!ports.leads(&seen[0], peer(0), later));
        for n in 0..3000 {
            let later = later + TIMEOUT * n;
            ports.show(host, peer(n), TIMEOUT, later);
        }
        assert!(ports.mappings.len() <= FIRST_SWEEP);
    }
}
