//! Which node has which address: a keyed one-to-one mapping that is computed
//! both ways, so that no address is stored.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::ops::Range;

use mdht_krpc::{is_public, secure_prefix};

use super::Identity;
use super::ids::IdSpace;
use crate::draws::{Draws, Permutation, Subject, unit};

/// Bits of an IPv4 address that BEP 42 derives the ID from.
const SECURE_MASK: u32 = 0x030f_3fff;
/// The bits of the ID that are derived.
const SECURE_BITS: u32 = 21;
/// Lowest port that nodes listen on.
const LOWEST_PORT: u16 = 1024;
/// Addresses tried for an identity before one is taken as it comes.
const TRIES: u64 = 256;

/// Gives addresses to identities and finds identities by address.
#[derive(Debug)]
pub(crate) struct AddressPlan {
    /// Of 32 bits of identity and 16 of attempt, to IP address and port.
    plain: Permutation,
    cells: Draws,
    secure: Draws,
    secure_share: f64,
    inverse: SecureInverse,
}

impl AddressPlan {
    pub(crate) fn new(seed: u64, secure_share: f64) -> Self {
        Self {
            plain: Permutation::new(Draws::new(seed, Subject::Address), 48),
            cells: Draws::new(seed, Subject::AddressCell),
            secure: Draws::new(seed, Subject::Secure),
            secure_share,
            inverse: SecureInverse::new(),
        }
    }

    /// Whether an identity's ID fits its address [BEP 42].
    pub(crate) fn is_secure(&self, identity: Identity) -> bool {
        self.secure_share > 0.0 && unit(self.secure.one(identity.number())) < self.secure_share
    }

    /// The address of an identity and the three random bits of its ID.
    pub(crate) fn address(&self, ids: &IdSpace, identity: Identity) -> (SocketAddrV4, u8) {
        if self.is_secure(identity) {
            return self.secure_address(ids, identity);
        }
        let first = identity.number() << 16;
        let addr = |attempt| from_bits(self.plain.apply(first | attempt));
        let found = (0..TRIES).map(addr).find(|addr| is_usable(*addr));
        (found.unwrap_or_else(|| addr(0)), 0)
    }

    /// Who has this address, if anybody.
    pub(crate) fn identity(&self, ids: &IdSpace, addr: SocketAddrV4) -> Option<Identity> {
        let number = self.plain.invert(to_bits(addr)) >> 16;
        let plain = Identity::from_number(number);
        let fits = |identity: &Identity| {
            identity.rank < ids.len() && self.address(ids, *identity).0 == addr
        };
        if fits(&plain) {
            return Some(plain);
        }
        if self.secure_share == 0.0 {
            return None;
        }
        (0..8).find_map(|random| self.secure_identity(ids, addr, random).filter(fits))
    }

    fn secure_address(&self, ids: &IdSpace, identity: Identity) -> (SocketAddrV4, u8) {
        let prefix = ids.prefix(identity.rank) >> (64 - SECURE_BITS);
        let local = identity.rank - secure_cell(ids, prefix).start;
        let first = (u64::from(local & 0xff) << 8 | u64::from(identity.generation)) << 14;
        let cell = Permutation::new(self.cells.of(prefix), 30);
        let addr = |attempt| self.inverse.address(prefix, cell.apply(first | attempt));
        let found = (0..TRIES).map(addr).find(|(addr, _)| is_usable(*addr));
        found.unwrap_or_else(|| addr(0))
    }

    fn secure_identity(&self, ids: &IdSpace, addr: SocketAddrV4, random: u8) -> Option<Identity> {
        let prefix = u64::from(secure_prefix((*addr.ip()).into(), random)) >> (32 - SECURE_BITS);
        let free = self.inverse.free_bits(prefix, addr, random)?;
        let cell = Permutation::new(self.cells.of(prefix), 30);
        let [.., local, generation] = (cell.invert(free) >> 14).to_be_bytes();
        let range = secure_cell(ids, prefix);
        let rank = range.start + u32::from(local);
        (rank < range.end).then_some(Identity { rank, generation })
    }
}

/// Ranks of the places whose IDs have this derived prefix.
fn secure_cell(ids: &IdSpace, prefix: u64) -> Range<u32> {
    ids.subtree(prefix << (64 - SECURE_BITS), SECURE_BITS)
}

fn is_usable(addr: SocketAddrV4) -> bool {
    addr.port() >= LOWEST_PORT && is_public((*addr.ip()).into())
}

fn to_bits(addr: SocketAddrV4) -> u64 {
    u64::from(addr.ip().to_bits()) << 16 | u64::from(addr.port())
}

fn from_bits(bits: u64) -> SocketAddrV4 {
    let [_, _, a, b, c, d, high, low] = bits.to_be_bytes();
    SocketAddrV4::new(Ipv4Addr::new(a, b, c, d), u16::from_be_bytes([high, low]))
}

/// Solves BEP 42 for the address: the checksum is linear over the bits of the
/// masked address and the three random bits, so the addresses with a given ID
/// prefix are one of them plus the span of what the checksum does not see.
#[derive(Debug)]
struct SecureInverse {
    /// For each bit of the prefix the input bits that change just that bit.
    solutions: [u32; SECURE_BITS as usize],
    /// Input bits that change nothing.
    kernel: [u32; 2],
    /// The prefix of the input without any bit.
    zero: u32,
}

impl SecureInverse {
    /// Gaussian elimination over the 23 input bits.
    fn new() -> Self {
        let zero = prefix_of(0);
        let inputs = (0..32).filter(|bit| input_mask() >> bit & 1 == 1);
        let mut rows: Vec<(u32, u32)> = inputs
            .map(|bit| (prefix_of(1 << bit) ^ zero, 1 << bit))
            .collect();
        for bit in 0..SECURE_BITS as usize {
            // the rows before have been pivots
            let found = rows[bit..].iter().position(|row| row.0 >> bit & 1 == 1);
            rows.swap(bit, bit + found.unwrap_or(0));
            let (output, input) = rows[bit];
            for (other, row) in rows.iter_mut().enumerate() {
                if other != bit && row.0 >> bit & 1 == 1 {
                    *row = (row.0 ^ output, row.1 ^ input);
                }
            }
        }
        let solutions = std::array::from_fn(|bit| rows[bit].1);
        let kernel = [rows[21].1, rows[22].1];
        Self {
            solutions,
            kernel,
            zero,
        }
    }

    /// An input with this prefix.
    fn solve(&self, prefix: u64) -> u32 {
        let wanted = u32::try_from(prefix).unwrap_or(0) ^ self.zero;
        let bits = (0..SECURE_BITS as usize).filter(|bit| wanted >> bit & 1 == 1);
        bits.fold(0, |input, bit| input ^ self.solutions[bit])
    }

    /// The address with this prefix that 30 free bits choose: two for the
    /// kernel, twelve for the rest of the address, sixteen for the port.
    fn address(&self, prefix: u64, free: u64) -> (SocketAddrV4, u8) {
        let mut input = self.solve(prefix);
        for (bit, kernel) in self.kernel.iter().enumerate() {
            input ^= if free >> bit & 1 == 1 { *kernel } else { 0 };
        }
        let ip = deposit((free >> 2) & 0xfff, !SECURE_MASK) | input & SECURE_MASK;
        let [.., high, low] = (free >> 14).to_be_bytes();
        let port = u16::from_be_bytes([high, low]);
        (SocketAddrV4::new(ip.into(), port), random_of(input))
    }

    /// The free bits that give this address with this prefix, if any do.
    fn free_bits(&self, prefix: u64, addr: SocketAddrV4, random: u8) -> Option<u64> {
        let ip = addr.ip().to_bits();
        let input = ip & SECURE_MASK | u32::from(random) << 29;
        let choice = (0..4_u64).find(|choice| {
            let flip = |bit: usize| {
                if choice >> bit & 1 == 1 {
                    self.kernel[bit]
                } else {
                    0
                }
            };
            self.solve(prefix) ^ flip(0) ^ flip(1) == input
        })?;
        let rest = extract(ip, !SECURE_MASK);
        Some(u64::from(addr.port()) << 14 | rest << 2 | choice)
    }
}

/// The bits of the masked address and, on top, the random ones: BEP 42 puts
/// them there too.
const fn input_mask() -> u32 {
    SECURE_MASK | 7 << 29
}

/// The ID prefix of an input.
fn prefix_of(input: u32) -> u32 {
    let ip = Ipv4Addr::from(input & SECURE_MASK);
    secure_prefix(ip.into(), random_of(input)) >> (32 - SECURE_BITS)
}

/// The three random bits of an input.
fn random_of(input: u32) -> u8 {
    let [top, ..] = input.to_be_bytes();
    top >> 5
}

/// Spreads the low bits of `bits` over the bits of `mask`.
fn deposit(bits: u64, mask: u32) -> u32 {
    let places = (0..32).filter(|place| mask >> place & 1 == 1);
    places.enumerate().fold(0, |out, (bit, place)| {
        out | (u32::from(bits >> bit & 1 == 1) << place)
    })
}

/// Gathers the bits of `mask`: the reverse of [`deposit`].
fn extract(value: u32, mask: u32) -> u64 {
    let places = (0..32).filter(|place| mask >> place & 1 == 1);
    places.enumerate().fold(0, |out, (bit, place)| {
        out | (u64::from(value >> place & 1) << bit)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use mdht_krpc::id_fits_addr;

    use super::*;

    fn identities(nodes: u32) -> impl Iterator<Item = Identity> {
        (0..nodes).flat_map(|rank| [0, 1, 255].map(|generation| Identity { rank, generation }))
    }

    #[test]
    fn every_identity_has_an_address_of_its_own() {
        for secure in [0.0, 0.4, 1.0] {
            let ids = IdSpace::new(1, 3000);
            let plan = AddressPlan::new(1, secure);
            let mut seen = BTreeSet::new();
            for identity in identities(3000) {
                let (addr, _) = plan.address(&ids, identity);
                assert!(is_usable(addr), "{addr}");
                assert!(seen.insert(addr), "{addr} twice");
                assert_eq!(plan.identity(&ids, addr), Some(identity));
            }
            let stray = SocketAddrV4::new([8, 8, 8, 8].into(), 53);
            assert_eq!(plan.identity(&ids, stray), None);
        }
    }

    #[test]
    fn secure_identities_fit_their_addresses() {
        let ids = IdSpace::new(2, 3000);
        let plan = AddressPlan::new(2, 1.0);
        for identity in identities(3000) {
            let (addr, random) = plan.address(&ids, identity);
            let mut id = [0; 20];
            id[..8].copy_from_slice(&ids.prefix(identity.rank).to_be_bytes());
            id[19] = random;
            assert!(id_fits_addr(&mdht_krpc::Id::new(id), (*addr.ip()).into()));
        }
    }
}
