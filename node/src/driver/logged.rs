//! Addresses as they may stand in a log.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// Shows an address's network alone (/24 of IPv4, /64 of IPv6), or all of it
/// where that was asked for: logs are kept and passed on, and most who are
/// named in them were never asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logged {
    /// The address.
    pub addr: SocketAddr,
    /// Whether to show all of it.
    pub whole: bool,
}

impl fmt::Display for Logged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.addr.ip() {
            _ if self.whole => self.addr.fmt(f),
            IpAddr::V4(ip) => {
                let [a, b, c, _] = ip.octets();
                write!(f, "{a}.{b}.{c}.x")
            }
            IpAddr::V6(ip) => {
                let [a, b, c, d, ..] = ip.segments();
                write!(f, "{a:x}:{b:x}:{c:x}:{d:x}:x")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_network_alone_unless_all_is_asked_for() {
        for (addr, network) in [
            ("192.0.2.77:6881", "192.0.2.x"),
            ("[2001:db8:1:2:3:4:5:6]:6881", "2001:db8:1:2:x"),
        ] {
            let addr = addr.parse().unwrap();
            let show = |whole| Logged { addr, whole }.to_string();
            assert_eq!(
                (show(false), show(true)),
                (network.to_owned(), addr.to_string())
            );
        }
    }
}
