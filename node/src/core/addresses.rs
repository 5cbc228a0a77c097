//! Which addresses we talk to, and what others say ours is.

use std::net::{IpAddr, SocketAddr};

use mdht_krpc::is_public;

/// Accepts or refuses addresses: never port 0, multicast or our own; private
/// and loopback ones only in a world that is private itself.
#[derive(Debug)]
pub(crate) struct AddressPolicy {
    allow_private: bool,
    own: Vec<SocketAddr>,
}

impl AddressPolicy {
    /// A world is private if we are told so, or are bound to such an address.
    pub(crate) fn new(allow_private: bool, sockets: impl Iterator<Item = SocketAddr>) -> Self {
        let own: Vec<_> = sockets.filter(|addr| !addr.ip().is_unspecified()).collect();
        let private = own.iter().any(|addr| !is_public(addr.ip()));
        Self {
            allow_private: allow_private || private,
            own,
        }
    }

    /// A bootstrap node that the user named makes the world private if it is.
    pub(crate) fn trust_bootstrap(&mut self, addr: &SocketAddr) {
        self.allow_private |= !is_public(addr.ip()) && can_be_a_host(addr.ip());
    }

    /// Others see us under this address.
    pub(crate) fn add_own(&mut self, addr: SocketAddr) {
        const MOST_OWN: usize = 8;
        if !self.own.contains(&addr) {
            self.own.truncate(MOST_OWN - 1);
            self.own.push(addr);
        }
    }

    /// Whether a node other than ourselves can be at `addr`.
    pub(crate) fn accepts(&self, addr: &SocketAddr) -> bool {
        self.accepts_peer(addr) && !self.own.contains(addr)
    }

    /// Whether a peer can be at `addr`: we may well be one ourselves.
    pub(crate) fn accepts_peer(&self, addr: &SocketAddr) -> bool {
        let reachable = is_public(addr.ip()) || (self.allow_private && can_be_a_host(addr.ip()));
        addr.port() != 0 && reachable
    }
}

/// /16 of IPv4, /32 of IPv6: what one operator's fault is likely to take down.
pub(crate) fn network(ip: IpAddr) -> (bool, u32) {
    match ip {
        IpAddr::V4(ip) => (false, ip.to_bits() >> 16),
        IpAddr::V6(ip) => (true, u32::try_from(ip.to_bits() >> 96).unwrap_or(0)),
    }
}

fn can_be_a_host(ip: IpAddr) -> bool {
    let broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast() || ip.octets()[0] == 0);
    let mapped = matches!(ip, IpAddr::V6(ip) if ip.to_ipv4_mapped().is_some());
    !(ip.is_unspecified() || ip.is_multicast() || broadcast || mapped)
}

/// Votes on our external address, from the `ip` field of responses (BEP 42).
///
/// Each voter's IP counts once among the latest [`ExternalAddress::VOTERS`];
/// an address that more than half of at least three voters name is ours.
#[derive(Debug, Default)]
pub(crate) struct ExternalAddress {
    votes: Vec<(IpAddr, SocketAddr)>,
    agreed: Option<SocketAddr>,
}

impl ExternalAddress {
    const VOTERS: usize = 16;
    const QUORUM: usize = 3;

    /// Counts a vote; returns our address if it is newly agreed on.
    pub(crate) fn vote(&mut self, voter: IpAddr, says: SocketAddr) -> Option<SocketAddr> {
        self.votes.retain(|(other, _)| *other != voter);
        if self.votes.len() == Self::VOTERS {
            self.votes.remove(0);
        }
        self.votes.push((voter, says));
        let agreeing = self.votes.iter().filter(|(_, addr)| *addr == says).count();
        let wins = agreeing >= Self::QUORUM && 2 * agreeing > self.votes.len();
        if !wins || self.agreed == Some(says) {
            return None;
        }
        self.agreed = Some(says);
        self.agreed
    }

    /// Whether the voters see us at so many ports that our mapping depends on
    /// who is asked (RFC 4787, section 4.1): of those who name our most named
    /// IP address at most a third agree on a port.
    pub(crate) fn is_scattered(&self) -> bool {
        const ENOUGH: usize = 5;
        let naming = |ip: IpAddr| self.votes.iter().filter(move |(_, addr)| addr.ip() == ip);
        let most = self.votes.iter().map(|(_, addr)| addr.ip());
        let Some(ip) = most.max_by_key(|ip| naming(*ip).count()) else {
            return false;
        };
        let at_port = |port| naming(ip).filter(|(_, addr)| addr.port() == port).count();
        let agreeing = naming(ip).map(|(_, addr)| at_port(addr.port())).max();
        let voters = naming(ip).count();
        voters >= ENOUGH && 3 * agreeing.unwrap_or(0) <= voters
    }

    pub(crate) const fn agreed(&self) -> Option<SocketAddr> {
        self.agreed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn private_addresses_only_in_a_private_world() {
        let public = AddressPolicy::new(false, [addr("0.0.0.0:6881")].into_iter());
        assert!(public.accepts(&addr("8.8.8.8:1")));
        for refused in [
            "8.8.8.8:0",
            "127.0.0.1:1",
            "10.0.0.1:1",
            "224.0.0.1:1",
            "[::1]:1",
        ] {
            assert!(!public.accepts(&addr(refused)), "{refused}");
        }
        let bound = AddressPolicy::new(false, [addr("127.0.0.5:6881")].into_iter());
        assert!(bound.accepts(&addr("127.0.0.1:1")));
        for refused in [
            "127.0.0.5:6881",
            "0.0.0.0:1",
            "255.255.255.255:1",
            "[::ffff:8.8.8.8]:1",
        ] {
            assert!(!bound.accepts(&addr(refused)), "{refused}");
        }
        let mut bootstrapped = AddressPolicy::new(false, [addr("0.0.0.0:6881")].into_iter());
        bootstrapped.trust_bootstrap(&addr("8.8.8.8:6881"));
        assert!(!bootstrapped.accepts(&addr("10.0.0.1:1")));
        bootstrapped.trust_bootstrap(&addr("10.0.0.9:6881"));
        assert!(bootstrapped.accepts(&addr("10.0.0.1:1")));
    }

    #[test]
    fn one_voter_counts_once_and_a_majority_decides() {
        let mut external = ExternalAddress::default();
        let (home, lie) = (addr("5.5.5.5:1"), addr("6.6.6.6:1"));
        let voter = |n: u8| IpAddr::from([9, 9, 9, n]);
        for _ in 0..10 {
            assert_eq!(external.vote(voter(1), lie), None);
        }
        assert_eq!(external.vote(voter(2), home), None);
        assert_eq!(external.vote(voter(3), home), None);
        assert_eq!(external.vote(voter(4), home), Some(home));
        assert_eq!(external.vote(voter(5), home), None, "said once");
        assert_eq!(external.agreed(), Some(home));
    }

    #[test]
    fn a_port_for_each_voter_is_told_from_one_for_all() {
        let voter = |n: u8| IpAddr::from([9, 9, 9, n]);
        let seen = |ports: &[u16]| {
            let mut external = ExternalAddress::default();
            for (n, port) in (0..).zip(ports) {
                external.vote(voter(n), SocketAddr::new(voter(200), *port));
            }
            external.is_scattered()
        };
        assert!(!seen(&[]));
        assert!(!seen(&[1, 2, 3, 4]), "too few");
        assert!(seen(&[1, 2, 3, 4, 5]));
        // a mapping that changed once, and liars
        assert!(!seen(&[1, 1, 1, 1, 2, 2, 2, 2]));
        assert!(!seen(&[1, 1, 1, 1, 5, 6, 7, 8]));
        assert!(seen(&[1, 1, 3, 4, 5, 6, 7, 8]));
    }
}
