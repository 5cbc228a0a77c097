//! Which response of a lookup first named a node.

use std::hash::{BuildHasher, Hasher};
use std::net::{IpAddr, SocketAddr};

use foldhash::fast::FixedState;
use mdht_krpc::{Family, Id, Nodes, Response};

/// How a lookup came to a node: by the first response that named it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Referral {
    /// Length of the chain of referrals; 0 for a node that no response had
    /// named, from the asker's own routing table. `None` if it is not known.
    pub(crate) hops: Option<u8>,
    /// Bits of the XOR distance between the ID it was named with and the
    /// infohash.
    pub(crate) distance_bits: Option<u8>,
}

/// The nodes that the responses of one lookup named, in the order they were
/// named.
///
/// A lookup asks for a node once for each query, and there are a hundred or so
/// in it: looking through them all takes less time than to keep a map, which
/// would be filled with eight nodes by each response.
#[derive(Clone, Debug, Default)]
pub(crate) struct Referrals {
    addresses: Vec<u64>,
    named: Vec<Named>,
    /// Some were left out.
    incomplete: bool,
}

#[derive(Clone, Copy, Debug)]
struct Named {
    hops: u8,
    distance_bits: u8,
}

impl Referrals {
    /// Notes the contacts of a response for `infohash` from a node that is
    /// `hops` away. `room` is how many more may be remembered.
    pub(crate) fn on_response(
        &mut self,
        response: &Response<'_>,
        infohash: &Id,
        hops: Option<u8>,
        room: &mut usize,
    ) {
        let Some(hops) = hops else {
            self.incomplete = true;
            return;
        };
        let hops = hops.saturating_add(1);
        for nodes in [response.nodes, response.nodes6].into_iter().flatten() {
            self.on_nodes(&nodes, infohash, hops, room);
        }
    }

    fn on_nodes(&mut self, nodes: &Nodes<'_>, infohash: &Id, hops: u8, room: &mut usize) {
        let left = (*room).min(MAX_PER_LOOKUP - self.named.len());
        self.incomplete |= nodes.len() > left;
        let count = nodes.len().min(left);
        *room -= count;
        if nodes.family() == Family::V4 {
            let contacts = nodes.as_bytes().as_chunks().0[..count].iter().map(split);
            let named = |(id, _): (Id, u64)| Named {
                hops,
                distance_bits: distance_bits(&id, infohash),
            };
            self.addresses.extend(contacts.clone().map(|(_, key)| key));
            self.named.extend(contacts.map(named));
            return;
        }
        for contact in nodes.iter().take(count) {
            self.addresses.push(key(&contact.addr));
            self.named.push(Named {
                hops,
                distance_bits: distance_bits(&contact.id, infohash),
            });
        }
    }

    /// How the lookup came to the node at `addr`.
    pub(crate) fn find(&self, addr: &SocketAddr) -> Referral {
        let key = key(addr);
        match self.addresses.iter().position(|address| *address == key) {
            Some(index) => Referral {
                hops: Some(self.named[index].hops),
                distance_bits: Some(self.named[index].distance_bits),
            },
            None => Referral {
                hops: (!self.incomplete).then_some(0),
                distance_bits: None,
            },
        }
    }

    /// How many nodes it remembers.
    pub(crate) const fn len(&self) -> usize {
        self.named.len()
    }

    /// Forgets all and keeps the space.
    pub(crate) fn clear(&mut self) {
        self.addresses.clear();
        self.named.clear();
        self.incomplete = false;
    }

    /// How many nodes it has space for.
    pub(crate) const fn capacity(&self) -> usize {
        self.named.capacity()
    }
}

/// ID and [`key`] of an IPv4 contact, read at once: there are eight in most
/// responses.
fn split(contact: &[u8; Family::V4.compact_node_len()]) -> (Id, u64) {
    let [id @ .., a, b, c, d, e, f] = *contact;
    (Id::new(id), u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
}

/// The address as a number: of IPv4 itself, of IPv6 a digest.
pub(crate) fn key(addr: &SocketAddr) -> u64 {
    match addr.ip() {
        IpAddr::V4(ip) => u64::from(ip.to_bits()) << 16 | u64::from(addr.port()),
        IpAddr::V6(ip) => {
            let mut hasher = FixedState::default().build_hasher();
            hasher.write_u128(ip.to_bits());
            hasher.write_u16(addr.port());
            hasher.finish() | 1 << 63
        }
    }
}

/// Bits of the XOR distance: 160 far, 0 equal.
#[allow(clippy::cast_possible_truncation)] // at most 160
pub(crate) fn distance_bits(id: &Id, infohash: &Id) -> u8 {
    let head = |id: &Id| {
        id.as_bytes()
            .first_chunk()
            .map_or(0, |head| u64::from_be_bytes(*head))
    };
    match (head(id) ^ head(infohash)).leading_zeros() {
        64 => (Id::LEN * 8 - id.common_prefix(infohash)) as u8,
        zeros => (Id::LEN as u32 * 8 - zeros) as u8,
    }
}

/// Most nodes that are remembered of one lookup. A client that answers with
/// its whole table names 131 at once.
const MAX_PER_LOOKUP: usize = 4096;

#[cfg(test)]
mod tests {
    use mdht_krpc::Contact;

    use super::*;

    fn compact(addresses: &[&str]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for address in addresses {
            Nodes::write(
                &Contact::new(Id::default(), address.parse().unwrap()),
                &mut bytes,
            );
        }
        bytes
    }

    fn hops(referrals: &Referrals, addr: &str) -> Option<u8> {
        referrals.find(&addr.parse().unwrap()).hops
    }

    #[test]
    fn the_first_response_that_names_a_node_counts() {
        let mut referrals = Referrals::default();
        let (v4, v6) = (
            compact(&["1.2.3.4:5", "1.2.3.4:6"]),
            compact(&["[2a00::1]:7"]),
        );
        let response = Response {
            nodes: Some(Nodes::new(Family::V4, &v4)),
            nodes6: Some(Nodes::new(Family::V6, &v6)),
            ..Response::default()
        };
        let mut room = 100;
        referrals.on_response(&response, &Id::default(), Some(2), &mut room);
        referrals.on_response(&response, &Id::default(), Some(0), &mut room);
        assert_eq!((referrals.len(), room), (6, 94));
        for (addr, expected) in [
            ("1.2.3.4:5", 3),
            ("1.2.3.4:6", 3),
            ("[2a00::1]:7", 3),
            ("[2a00::1]:8", 0),
            ("1.2.3.4:7", 0),
        ] {
            assert_eq!(hops(&referrals, addr), Some(expected), "{addr}");
        }
    }

    #[test]
    fn without_room_it_is_not_known() {
        let mut referrals = Referrals::default();
        let v4 = compact(&["1.2.3.4:5", "1.2.3.4:6"]);
        let response = Response {
            nodes: Some(Nodes::new(Family::V4, &v4)),
            ..Response::default()
        };
        let mut room = 1;
        referrals.on_response(&response, &Id::default(), Some(0), &mut room);
        assert_eq!(hops(&referrals, "1.2.3.4:5"), Some(1));
        assert_eq!(hops(&referrals, "1.2.3.4:6"), None);
        let mut room = usize::MAX;
        for _ in 0..3000 {
            referrals.on_response(&response, &Id::default(), Some(0), &mut room);
        }
        assert_eq!(referrals.len(), MAX_PER_LOOKUP);
    }

    #[test]
    fn bits_of_a_distance() {
        let zero = Id::default();
        for (byte, value, bits) in [
            (0, 0x80, 160),
            (0, 1, 153),
            (7, 1, 97),
            (8, 0xff, 96),
            (19, 1, 1),
        ] {
            let mut bytes = [0; Id::LEN];
            bytes[byte] = value;
            assert_eq!(distance_bits(&Id::new(bytes), &zero), bits);
        }
        assert_eq!(distance_bits(&zero, &zero), 0);
    }
}
