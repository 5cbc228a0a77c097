//! Filters that count the peers of a swarm without naming them (BEP 33).

use std::fmt;
use std::net::IpAddr;

use sha1::{Digest as _, Sha1};

/// A filter as it stands in `BFsd` and `BFpe`.
pub type FilterBytes = [u8; ScrapeFilter::LEN];

/// A set of IP addresses as a Bloom filter of 2,048 bits with two hash
/// functions (BEP 33, "Bloom Filters"). Filters of several nodes are united by
/// or; how many addresses went in can be estimated.
#[derive(Clone, PartialEq, Eq)]
pub struct ScrapeFilter(FilterBytes);

impl ScrapeFilter {
    /// Length in bytes.
    pub const LEN: usize = 256;
    /// Number of bits.
    const BITS: u16 = 2048;
    /// Hash functions.
    const HASHES: f64 = 2.0;
    /// More addresses than this should not be in one filter: from about 8,000
    /// on all its bits are set (BEP 33, "Changed announce accounting").
    pub const MOST: usize = 6000;

    /// A filter with nothing in it.
    pub const fn new() -> Self {
        Self([0; Self::LEN])
    }

    /// The filter of these bytes.
    pub const fn from_bytes(bytes: &FilterBytes) -> Self {
        Self(*bytes)
    }

    /// As it stands on the wire.
    pub const fn as_bytes(&self) -> &FilterBytes {
        &self.0
    }

    /// Puts an address in. Ports do not count: a host is one peer.
    pub fn insert(&mut self, ip: IpAddr) {
        for bit in Self::bits(ip) {
            self.0[bit / 8] |= 1 << (bit % 8);
        }
    }

    /// Whether the address may be in it; `false` is certain.
    pub fn may_hold(&self, ip: IpAddr) -> bool {
        Self::bits(ip)
            .iter()
            .all(|bit| self.0[bit / 8] & (1 << (bit % 8)) != 0)
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|byte| *byte == 0)
    }

    /// Takes in what `other` holds.
    pub fn unite(&mut self, other: &FilterBytes) {
        for (own, other) in self.0.iter_mut().zip(other) {
            *own |= other;
        }
    }

    /// How many addresses are in it, by the number of bits that are not set
    /// (BEP 33, "Calculating the estimate"). Of a full filter this is some
    /// 7,800, however many there are.
    pub fn estimate(&self) -> f64 {
        let bits = f64::from(Self::BITS);
        let unset: u32 = self.0.iter().map(|byte| byte.count_zeros()).sum();
        let unset = f64::from(unset).clamp(1.0, bits);
        (unset / bits).ln() / (Self::HASHES * (1.0 - 1.0 / bits).ln())
    }

    /// The two bits that stand for an address.
    fn bits(ip: IpAddr) -> [usize; 2] {
        let hash = match ip {
            IpAddr::V4(ip) => Sha1::digest(ip.octets()),
            IpAddr::V6(ip) => Sha1::digest(ip.octets()),
        };
        let bit = |low, high| usize::from(u16::from_le_bytes([low, high]) % Self::BITS);
        [bit(hash[0], hash[1]), bit(hash[2], hash[3])]
    }
}

impl Default for ScrapeFilter {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ScrapeFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ScrapeFilter(about {:.0})", self.estimate())
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    /// The test vector of BEP 33.
    const VECTOR: &str = "
        F6C3F5EA A07FFD91 BDE89F77 7F26FB2B FF37BDB8 FB2BBAA2 FD3DDDE7 BACFFF75 EE7CCBAE
        FE5EEDB1 FBFAFF67 F6ABFF5E 43DDBCA3 FD9B9FFD F4FFD3E9 DFF12D1B DF59DB53 DBE9FA5B
        7FF3B8FD FCDE1AFB 8BEDD7BE 2F3EE71E BBBFE93B CDEEFE14 8246C2BC 5DBFF7E7 EFDCF24F
        D8DC7ADF FD8FFFDF DDFFF7A4 BBEEDF5C B95CE81F C7FCFF1F F4FFFFDF E5F7FDCB B7FD79B3
        FA1FC77B FE07FFF9 05B7B7FF C7FEFEFF E0B8370B B0CD3F5B 7F2BD93F EB4386CF DD6F7FD5
        BFAF2E9E BFFFFEEC D67ADBF7 C67F17EF D5D75EBA 6FFEBA7F FF47A91E B1BFBB53 E8ABFB57
        62ABE8FF 237279BF EFBFEEF5 FFC5FEBF DFE5ADFF ADFEE1FB 737FFFFB FD9F6AEF FEEE76B6
        FD8F72EF";

    fn vector() -> FilterBytes {
        let hex: String = VECTOR.split_whitespace().collect();
        let byte = |at: usize| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap();
        std::array::from_fn(byte)
    }

    #[test]
    fn bep33_vector() {
        let mut filter = ScrapeFilter::new();
        (0..=255).for_each(|n| filter.insert(Ipv4Addr::new(192, 0, 2, n).into()));
        let v6 = |n| Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, n);
        (0..=0x3e7).for_each(|n| filter.insert(v6(n).into()));
        assert_eq!(filter.as_bytes(), &vector());
        assert!((filter.estimate() - 1224.9308).abs() < 1e-4);
    }

    #[test]
    fn a_union_is_the_filter_of_both_sets() {
        let address = |n| IpAddr::from([10, 0, 0, n]);
        let filter = |range: std::ops::Range<u8>| {
            let mut filter = ScrapeFilter::new();
            range.for_each(|n| filter.insert(address(n)));
            filter
        };
        let mut united = filter(0..60);
        united.unite(filter(40..100).as_bytes());
        assert_eq!(united, filter(0..100));
        assert!((0..100).all(|n| united.may_hold(address(n))));
        assert!((united.estimate() - 100.0).abs() < 10.0);
    }

    #[test]
    fn the_ends_of_the_scale() {
        let empty = ScrapeFilter::new();
        assert!(empty.is_empty() && !empty.may_hold([1, 2, 3, 4].into()));
        assert!(empty.estimate().abs() < f64::EPSILON);
        let full = ScrapeFilter::from_bytes(&[0xff; 256]);
        assert!(full.estimate().is_finite() && full.estimate() > 7000.0);
    }
}
