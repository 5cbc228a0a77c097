//! Address families and which addresses can exist on the public Internet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The two address families; each has a DHT of its own (BEP 32).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Both families, IPv4 first.
    pub const ALL: [Self; 2] = [Self::V4, Self::V6];

    /// The family of an address.
    pub const fn of(addr: &SocketAddr) -> Self {
        match addr {
            SocketAddr::V4(_) => Self::V4,
            SocketAddr::V6(_) => Self::V6,
        }
    }

    /// Length in bytes of a compact IP address and port (BEP 5, BEP 32).
    pub const fn compact_addr_len(self) -> usize {
        match self {
            Self::V4 => 6,
            Self::V6 => 18,
        }
    }

    /// Length in bytes of compact node info (BEP 5, BEP 32).
    pub const fn compact_node_len(self) -> usize {
        20 + self.compact_addr_len()
    }
}

/// Whether `ip` can belong to a host on the public Internet: not private,
/// loopback, link-local, multicast, documentation, reserved or unspecified.
///
/// Shared address space for carrier-grade NAT (100.64/10) is private too.
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

/// By the first octet, which settles it for nearly all: private, shared,
/// loopback, link-local, protocol, documentation and benchmark ranges, multicast
/// and what is reserved are left out.
#[inline]
const fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    match a {
        0 | 10 | 127 | 224..=255 => false,
        100 => b & 0xc0 != 64,
        169 => b != 254,
        172 => b & 0xf0 != 16,
        192 => !(b == 168 || b == 0 && (c == 0 || c == 2)),
        198 => !(b & 0xfe == 18 || b == 51 && c == 100),
        203 => !(b == 0 && c == 113),
        _ => true,
    }
}

/// Global unicast is 2000::/3; tunnels that embed an IPv4 address (Teredo,
/// 6to4) and documentation ranges are left out.
fn is_public_v6(ip: Ipv6Addr) -> bool {
    let s = ip.segments();
    let global_unicast = s[0] & 0xe000 == 0x2000;
    let teredo = s[0] == 0x2001 && s[1] == 0;
    let documentation = (s[0] == 0x2001 && s[1] == 0x0db8) || s[0] == 0x3fff;
    let six_to_four = s[0] == 0x2002;
    global_unicast && !teredo && !documentation && !six_to_four
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn martians_are_not_public() {
        for text in [
            "0.1.2.3",
            "10.1.1.1",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.1.1",
            "172.16.0.1",
            "192.0.0.8",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.9",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:8.8.8.8",
            "fe80::1",
            "fc00::1",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "2002:808:808::1",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn ordinary_addresses_are_public() {
        for text in [
            "8.8.8.8",
            "100.63.0.1",
            "172.32.0.1",
            "198.20.0.1",
            "2a00:1450::1",
        ] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }
}
