//! Networks that one person is likely to hold whole.

use std::net::IpAddr;

use mdht_krpc::is_public;

use crate::parameter::{Parameter, Value};

/// A /24 of IPv4 or a /64 of IPv6: what a hoster or a home gets at once, and so
/// what an attacker has for the price of one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subnet(u64);

impl Subnet {
    /// The subnet of a public address. Private and loopback worlds have none:
    /// all of a test network may be in a single /24.
    pub(crate) fn of(ip: IpAddr) -> Option<Self> {
        let ip = ip.to_canonical();
        is_public(ip).then(|| match ip {
            IpAddr::V4(ip) => Self(u64::from(ip.to_bits() >> 8)),
            // global unicast begins with 001: never among the above
            IpAddr::V6(ip) => Self((ip.to_bits() >> 64) as u64),
        })
    }
}

/// The limit on a lookup's queries to one subnet. The thesis knows none: off
/// in experiments, on where a node runs on the Internet.
pub(crate) const fn lookup_parameter() -> Parameter {
    Parameter::integer(
        "per_subnet",
        0,
        (0, 1024),
        "queries",
        "most to one IPv4 /24 or IPv6 /64; 0 is no bound",
    )
    .live(Value::Integer(2))
}

/// The limits on a routing table's contacts of one subnet.
pub(crate) fn table_parameters() -> [Parameter; 2] {
    [
        Parameter::integer(
            "per_subnet",
            0,
            (0, 1024),
            "contacts",
            "most of one IPv4 /24 or IPv6 /64; 0 is no limit",
        )
        .live(Value::Integer(4)),
        Parameter::integer(
            "per_subnet_bucket",
            0,
            (0, 1024),
            "contacts",
            "the same in one bucket",
        )
        .live(Value::Integer(2)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ip: &str) -> Option<Subnet> {
        Subnet::of(ip.parse().unwrap())
    }

    #[test]
    fn neighbours_share_a_subnet_and_private_addresses_have_none() {
        assert_eq!(of("8.8.8.1"), of("8.8.8.254"));
        assert_eq!(of("8.8.8.1"), of("::ffff:8.8.8.1").or(of("8.8.8.9")));
        assert_ne!(of("8.8.8.1"), of("8.8.9.1"));
        assert_eq!(of("2a00:1:2:3::1"), of("2a00:1:2:3:4:5:6:7"));
        assert_ne!(of("2a00:1:2:3::1"), of("2a00:1:2:4::1"));
        for private in ["127.0.0.1", "10.1.1.1", "192.168.1.1", "::1", "fe80::1"] {
            assert_eq!(of(private), None, "{private}");
        }
    }
}
