//! Which addresses are probed, and why others are not.

use std::net::{IpAddr, SocketAddr};

use mdht_krpc::{Family, is_public};

/// Why an address is not probed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Nothing can be sent to port 0.
    #[error("port 0 is no port that a node can have")]
    PortZero,
    /// Unspecified, multicast, broadcast, or IPv4 in IPv6.
    #[error("this is not the address of one host")]
    NotAHost,
    /// One of our own sockets.
    #[error("this is our own address")]
    Own,
    /// IPv4 where our socket is IPv6, or the other way round.
    #[error("our socket is of the other address family: bind one of this family")]
    OtherFamily,
    /// Private or loopback, in a public world.
    #[error("this is a private address, and we are not on a private network")]
    Private,
    /// It is being checked, or was.
    #[error("it is being checked already")]
    Known,
    /// There is no such instrumented node.
    #[error("there is no such instrumented node")]
    NoSuchIdentity,
}

/// Refuses what cannot be a node.
#[derive(Clone, Debug)]
pub(super) struct AddressRules {
    own: Vec<SocketAddr>,
    allow_private: bool,
}

impl AddressRules {
    /// `own` are the addresses of all our sockets. Queriers at private
    /// addresses are probed if one of those is private itself.
    pub(super) fn new(own: Vec<SocketAddr>, allow_private: bool) -> Self {
        let ours = own.iter().map(SocketAddr::ip);
        let private = ours
            .filter(|ip| !ip.is_unspecified())
            .any(|ip| !is_public(ip));
        Self {
            own,
            allow_private: allow_private || private,
        }
    }

    /// An address that the user named, to be probed from `socket`.
    pub(super) fn named(&self, socket: &SocketAddr, addr: &SocketAddr) -> Result<(), Refusal> {
        if addr.port() == 0 {
            return Err(Refusal::PortZero);
        }
        if !is_one_host(addr.ip()) {
            return Err(Refusal::NotAHost);
        }
        if self.own.contains(addr) {
            return Err(Refusal::Own);
        }
        if Family::of(socket) != Family::of(addr) {
            return Err(Refusal::OtherFamily);
        }
        Ok(())
    }

    /// An address that a query came from.
    pub(super) fn querier(&self, socket: &SocketAddr, addr: &SocketAddr) -> Result<(), Refusal> {
        self.named(socket, addr)?;
        if is_public(addr.ip()) || self.allow_private {
            Ok(())
        } else {
            Err(Refusal::Private)
        }
    }
}

fn is_one_host(ip: IpAddr) -> bool {
    let reserved = match ip {
        IpAddr::V4(ip) => ip.is_broadcast() || ip.octets()[0] == 0,
        IpAddr::V6(ip) => ip.to_ipv4_mapped().is_some(),
    };
    !(reserved || ip.is_unspecified() || ip.is_multicast())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn addresses_that_cannot_be_are_refused_with_a_reason() {
        let own = addr("127.0.0.1:7");
        let rules = AddressRules::new(vec![own, addr("127.0.0.2:8")], false);
        for (text, refusal) in [
            ("127.0.0.9:0", Refusal::PortZero),
            ("224.0.0.1:7", Refusal::NotAHost),
            ("255.255.255.255:7", Refusal::NotAHost),
            ("0.0.0.0:7", Refusal::NotAHost),
            ("[::]:7", Refusal::NotAHost),
            ("[ff02::1]:7", Refusal::NotAHost),
            ("[::ffff:8.8.8.8]:7", Refusal::NotAHost),
            ("127.0.0.1:7", Refusal::Own),
            ("127.0.0.2:8", Refusal::Own),
            ("[::1]:7", Refusal::OtherFamily),
        ] {
            assert_eq!(rules.named(&own, &addr(text)), Err(refusal), "{text}");
        }
        assert_eq!(rules.named(&own, &addr("127.0.0.1:8")), Ok(()));
    }

    #[test]
    fn strangers_at_private_addresses_are_probed_in_a_private_world_only() {
        let any = addr("0.0.0.0:7");
        let (private, public) = (addr("10.0.0.1:1"), addr("8.8.8.8:1"));
        let rules = AddressRules::new(vec![any], false);
        assert_eq!(rules.querier(&any, &private), Err(Refusal::Private));
        assert_eq!(rules.querier(&any, &public), Ok(()));
        assert_eq!(rules.named(&any, &private), Ok(()), "the user knows");
        let home = AddressRules::new(vec![addr("10.0.0.2:7")], false);
        assert_eq!(home.querier(&any, &private), Ok(()));
    }
}
