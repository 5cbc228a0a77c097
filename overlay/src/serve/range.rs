//! A range of local addresses, such as 10.0.0.0/8, cut by who gets them.
//!
//! The first 256th belongs to clients, its last 256 addresses to bootstrap
//! nodes; the rest to modelled nodes. See [`super`].

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

/// Longest prefix of a range: what is shorter has room for a small world.
const LONGEST: u32 = 12;
/// Shortest prefix of a range.
const SHORTEST: u32 = 2;

/// A range of IPv4 addresses, from /2 to /12.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    base: u32,
    prefix: u32,
}

impl Range {
    /// 10.0.0.0/8.
    pub const PRIVATE: Self = Self {
        base: 10 << 24,
        prefix: 8,
    };

    /// The prefix's length.
    pub const fn prefix(self) -> u32 {
        self.prefix
    }

    /// Number of addresses, as an exponent of two.
    pub(crate) const fn bits(self) -> u32 {
        32 - self.prefix
    }

    /// The address at `place`, counted from the start of the range.
    pub(crate) fn address(self, place: u32) -> Ipv4Addr {
        Ipv4Addr::from(self.base | place)
    }

    /// The place of an address in the range.
    pub(crate) fn place(self, ip: Ipv4Addr) -> Option<u32> {
        let place = ip.to_bits() ^ self.base;
        (place >> self.bits() == 0).then_some(place)
    }

    /// First place of a modelled node: those before are the clients'.
    pub(crate) const fn first_node(self) -> u32 {
        1 << (self.bits() - 8)
    }

    /// Number of places for modelled nodes. The last address of the range is
    /// left out: on a loopback interface it may be the broadcast address.
    pub(crate) const fn node_places(self) -> u32 {
        (1 << self.bits()) - self.first_node() - 1
    }

    /// The address of a bootstrap node.
    pub fn bootstrap(self, number: u8) -> Ipv4Addr {
        self.address(self.first_node() - 255 + u32::from(number))
    }

    /// The first and last address for clients.
    pub fn clients(self) -> (Ipv4Addr, Ipv4Addr) {
        (self.address(1), self.address(self.first_node() - 257))
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from(self.base), self.prefix)
    }
}

/// Why a text is no [`Range`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "it takes an IPv4 range from /{SHORTEST} to /{LONGEST} without host bits, such as 10.0.0.0/8 or 127.0.0.0/8"
)]
pub struct ParseRangeError;

impl FromStr for Range {
    type Err = ParseRangeError;

    fn from_str(text: &str) -> Result<Self, ParseRangeError> {
        let (ip, prefix) = text.split_once('/').ok_or(ParseRangeError)?;
        let base: Ipv4Addr = ip.parse().map_err(|_| ParseRangeError)?;
        let prefix: u32 = prefix.parse().map_err(|_| ParseRangeError)?;
        if !(SHORTEST..=LONGEST).contains(&prefix) || base.to_bits() << prefix != 0 {
            return Err(ParseRangeError);
        }
        let base = base.to_bits();
        Ok(Self { base, prefix })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_and_written() {
        for text in ["10.0.0.0/8", "127.0.0.0/8", "32.0.0.0/3", "10.16.0.0/12"] {
            let range: Range = text.parse().unwrap();
            assert_eq!(range.to_string(), text);
        }
        assert_eq!("10.0.0.0/8".parse(), Ok(Range::PRIVATE));
        for bad in [
            "10.0.0.0",
            "10.0.0.1/8",
            "10.0.0.0/16",
            "0.0.0.0/0",
            "::/8",
            "x/8",
        ] {
            assert_eq!(bad.parse::<Range>(), Err(ParseRangeError), "{bad}");
        }
    }

    #[test]
    fn clients_bootstrap_nodes_and_the_rest_do_not_overlap() {
        for text in ["10.0.0.0/8", "127.0.0.0/8", "32.0.0.0/3", "10.16.0.0/12"] {
            let range: Range = text.parse().unwrap();
            let (first, last) = range.clients();
            assert!(first < last, "{range}");
            assert!(last < range.bootstrap(0), "{range}");
            assert!(range.bootstrap(254) < range.address(range.first_node()));
            assert_eq!(
                range.place(range.bootstrap(3)).unwrap() >> (range.bits() - 8),
                0
            );
        }
        let (first, last) = Range::PRIVATE.clients();
        assert_eq!(first, Ipv4Addr::new(10, 0, 0, 1));
        assert_eq!(last, Ipv4Addr::new(10, 0, 254, 255));
        assert_eq!(Range::PRIVATE.place(Ipv4Addr::new(11, 0, 0, 1)), None);
    }
}
