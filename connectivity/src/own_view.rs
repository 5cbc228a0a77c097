//! What the outside sees of us, in the words of RFC 4787 and RFC 5780.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use mdht_krpc::is_public;

/// On what a NAT's choice depends [RFC 4787, sections 4.1 and 5].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Behaviour {
    /// On nothing but our own socket.
    EndpointIndependent,
    /// On the other's IP address.
    AddressDependent,
    /// On the other's IP address and port.
    AddressAndPortDependent,
    /// On the address, and perhaps on the port: nobody asked at two ports of
    /// one address.
    AddressAndPerhapsPortDependent,
}

impl Behaviour {
    /// The term of the RFC.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EndpointIndependent => "endpoint-independent",
            Self::AddressDependent => "address-dependent",
            Self::AddressAndPortDependent => "address-and-port-dependent",
            Self::AddressAndPerhapsPortDependent => {
                "address-dependent or address-and-port-dependent"
            }
        }
    }
}

/// What reached our socket from a second address of ours; `None` where it was
/// not tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SecondAddress {
    /// A packet, before we had sent anything there.
    pub unsolicited: Option<bool>,
    /// A packet from a port that we had not sent to, of an address that we had.
    pub other_port: Option<bool>,
    /// A packet from where we had sent to, and been heard: if not even that
    /// comes, nothing does. `None` too if we were not heard.
    pub answer: Option<bool>,
    /// Whether the second address is answered by nodes outside: then what it
    /// sends does leave, and silence means that it was not let in.
    pub outside: Option<bool>,
}

/// What nodes and perhaps a second address of ours have seen of one socket.
#[derive(Clone, Debug)]
pub struct OwnView {
    local: SocketAddr,
    /// By the node that said so: one voice each.
    seen: BTreeMap<SocketAddr, SocketAddr>,
    second: SecondAddress,
}

impl OwnView {
    /// Nodes that must agree before anything is concluded from their votes.
    pub const QUORUM: usize = 2;

    /// The view of a socket that sends from `local`.
    pub fn new(local: SocketAddr) -> Self {
        Self {
            local,
            seen: BTreeMap::new(),
            second: SecondAddress::default(),
        }
    }

    /// A node says where it sees us: the `ip` field of its answer [BEP 42].
    /// What cannot be an address is left out.
    pub fn vote(&mut self, node: SocketAddr, sees: SocketAddr) {
        let ip = sees.ip();
        if sees.port() != 0 && !ip.is_unspecified() && !ip.is_multicast() {
            self.seen.insert(node, sees);
        }
    }

    /// What came of asking from a second address.
    pub fn set_second_address(&mut self, second: SecondAddress) {
        self.second = second;
    }

    /// Our addresses as seen, with how many nodes say so, most first.
    pub fn votes(&self) -> Vec<(SocketAddr, usize)> {
        let mut votes = BTreeMap::<_, usize>::new();
        for addr in self.seen.values() {
            *votes.entry(*addr).or_default() += 1;
        }
        let mut votes: Vec<_> = votes.into_iter().collect();
        votes.sort_by_key(|(_, voices)| std::cmp::Reverse(*voices));
        votes
    }

    /// The IP address that more than half of the voters see.
    pub fn external_ip(&self) -> Option<IpAddr> {
        let mut votes = BTreeMap::<_, usize>::new();
        for addr in self.seen.values() {
            *votes.entry(addr.ip()).or_default() += 1;
        }
        let (ip, voices) = votes.into_iter().max_by_key(|(_, voices)| *voices)?;
        let enough = self.seen.len() >= Self::QUORUM && 2 * voices > self.seen.len();
        enough.then_some(ip)
    }

    /// Whether our address is translated on the way.
    pub fn behind_nat(&self) -> Option<bool> {
        Some(self.external_ip()? != self.local.ip())
    }

    /// How external ports are chosen [RFC 4787, section 4.1], from what nodes
    /// at different addresses, and at different ports of one address, see.
    pub fn mapping(&self) -> Option<Behaviour> {
        let ips: std::collections::BTreeSet<_> = self.seen.keys().map(SocketAddr::ip).collect();
        if ips.len() < Self::QUORUM {
            return None;
        }
        let ip = self.external_ip()?;
        // a voter that sees another address than most may lie
        let honest = self.seen.iter().filter(|(_, seen)| seen.ip() == ip);
        let mut by_ip = BTreeMap::<IpAddr, Vec<u16>>::new();
        for (node, seen) in honest {
            by_ip.entry(node.ip()).or_default().push(seen.port());
        }
        let same = |ports: &[u16]| ports.windows(2).all(|pair| pair[0] == pair[1]);
        let all: Vec<_> = by_ip.values().flatten().copied().collect();
        if same(&all) {
            return (by_ip.len() >= Self::QUORUM).then_some(Behaviour::EndpointIndependent);
        }
        let twice: Vec<_> = by_ip.values().filter(|ports| ports.len() > 1).collect();
        Some(if twice.is_empty() {
            Behaviour::AddressAndPerhapsPortDependent
        } else if twice.iter().all(|ports| same(ports)) {
            Behaviour::AddressDependent
        } else {
            Behaviour::AddressAndPortDependent
        })
    }

    /// What is let in [RFC 4787, section 5]; only a second address tells.
    pub fn filtering(&self) -> Option<Behaviour> {
        match self.second {
            SecondAddress {
                unsolicited: Some(true),
                ..
            } => Some(Behaviour::EndpointIndependent),
            SecondAddress {
                answer: Some(true),
                other_port: Some(other_port),
                ..
            } => Some(if other_port {
                Behaviour::AddressDependent
            } else {
                Behaviour::AddressAndPortDependent
            }),
            SecondAddress {
                unsolicited: Some(false),
                answer: None,
                outside: Some(true),
                ..
            } => Some(Behaviour::AddressAndPerhapsPortDependent),
            _ => None,
        }
    }

    /// Whether packets that nobody asked for reach us. Unreachable is only
    /// said where what the second address sends is known to leave it, or where
    /// it hears us and its answers do not come, unless it may be cut off itself.
    pub fn unsolicited(&self) -> Option<bool> {
        let second = &self.second;
        match (second.unsolicited, second.answer, second.outside) {
            (Some(true), ..) => Some(true),
            (_, Some(false), outside) => (outside != Some(false)).then_some(false),
            (Some(false), Some(true), _) | (Some(false), None, Some(true)) => Some(false),
            (None, ..) | (Some(false), None, _) => None,
        }
    }

    /// Whether every external port is the local one [RFC 4787, section 4.2.1].
    pub fn port_preservation(&self) -> Option<bool> {
        self.external_ip()?;
        let mut ports = self.seen.values().map(SocketAddr::port);
        Some(ports.all(|port| port == self.local.port()))
    }

    /// What speaks for a carrier-grade NAT; empty proves nothing.
    pub fn carrier_grade_signs(&self) -> Vec<&'static str> {
        let mut signs = Vec::new();
        if is_shared(self.local.ip()) {
            signs.push("our own address is in 100.64.0.0/10, which providers use behind their NAT");
        }
        let mut seen = self.seen.values().map(SocketAddr::ip);
        if seen.clone().any(is_shared) {
            signs.push("nodes see us in 100.64.0.0/10");
        }
        let first = seen.next();
        let pooled = seen.filter(|ip| Some(*ip) != first).count() > 0;
        if pooled && self.several_agreed_addresses() {
            signs.push("nodes see us under several addresses, as with a pool that many share");
        }
        // in a private world every address is private
        let from_outside = self.seen.keys().any(|node| is_public(node.ip()));
        let private = self.external_ip().is_some_and(|ip| !is_public(ip));
        if from_outside && private && self.behind_nat() == Some(true) {
            signs.push("the address that nodes see is private too: there is a NAT behind the NAT");
        }
        signs
    }

    /// What to do, in plain words.
    pub fn advice(&self) -> Vec<String> {
        let port = self.local.port();
        let mut advice = Vec::new();
        match (self.unsolicited(), self.behind_nat()) {
            (Some(true), _) => {
                advice.push("Others can reach this node unasked: nothing needs to be done.".into());
            }
            (Some(false), Some(true)) => advice.push(format!(
                "Others cannot reach this node unasked. Forward UDP port {port} to this machine in \
                 the router (by hand, UPnP or NAT-PMP), or run with --read-only, so that nobody \
                 keeps this node in a table in vain."
            )),
            (Some(false), _) => advice.push(format!(
                "Others cannot reach this node unasked. Open UDP port {port} in the firewall, or \
                 run with --read-only, so that nobody keeps this node in a table in vain."
            )),
            (None, Some(true)) => advice.push(format!(
                "This node is behind a NAT, and it is not known whether unasked packets get in: \
                 forward UDP port {port} to this machine to be sure, or run with \
                 --read-only=if-unreachable, so that the node finds out in the long run."
            )),
            (None, _) => advice.push(
                "It is not known whether unasked packets reach this node: `mdht check node` on \
                 another machine would tell."
                    .into(),
            ),
        }
        match self.mapping() {
            None | Some(Behaviour::EndpointIndependent) => {}
            Some(_) => advice.push(
                "The NAT takes another port for each address that we send to (a symmetric NAT): \
                 others cannot use the address that one node sees. Only a forwarded port helps."
                    .into(),
            ),
        }
        if !self.carrier_grade_signs().is_empty() {
            advice.push(
                "There are signs of a carrier-grade NAT: a port can then not be forwarded at home. \
                 Ask the provider for a public address or use IPv6."
                    .into(),
            );
        }
        advice
    }

    /// At least two addresses that each a quorum names.
    fn several_agreed_addresses(&self) -> bool {
        let mut voices = BTreeMap::<IpAddr, usize>::new();
        for seen in self.seen.values() {
            *voices.entry(seen.ip()).or_default() += 1;
        }
        voices.values().filter(|n| **n >= Self::QUORUM).count() > 1
    }
}

/// Shared address space for carrier-grade NAT [RFC 6598].
fn is_shared(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V4(ip) if ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64)
}

#[cfg(test)]
mod tests;
