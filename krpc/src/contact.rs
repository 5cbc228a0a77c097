//! Contacts and the compact lists that carry them.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::bencode::Cursor;
use crate::{Family, Id};

/// A reference to a node: its ID, IP address and port [thesis 8.II.A].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Contact {
    /// The node ID.
    pub id: Id,
    /// The UDP address.
    pub addr: SocketAddr,
}

impl Contact {
    /// A contact from its parts.
    pub const fn new(id: Id, addr: SocketAddr) -> Self {
        Self { id, addr }
    }
}

impl fmt::Debug for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.id, self.addr)
    }
}

/// Reads a compact IP address and port: 6 bytes for IPv4, 18 for IPv6
/// (BEP 5, "Contact Encoding"; BEP 32). `None` for any other length.
#[inline]
pub fn read_compact_addr(bytes: &[u8]) -> Option<SocketAddr> {
    let (ip, port) = bytes.split_last_chunk::<2>()?;
    let port = u16::from_be_bytes(*port);
    if let Ok(ip) = <[u8; 4]>::try_from(ip) {
        return Some((Ipv4Addr::from(ip), port).into());
    }
    let ip = <[u8; 16]>::try_from(ip).ok()?;
    Some((Ipv6Addr::from(ip), port).into())
}

/// Appends the compact form of `addr` to `out`.
#[inline]
pub fn write_compact_addr(addr: &SocketAddr, out: &mut Vec<u8>) {
    let [high, low] = addr.port().to_be_bytes();
    match addr {
        SocketAddr::V4(addr) => {
            let [a, b, c, d] = addr.ip().octets();
            out.extend_from_slice(&[a, b, c, d, high, low]);
        }
        SocketAddr::V6(addr) => {
            out.extend_from_slice(&addr.ip().octets());
            out.extend_from_slice(&[high, low]);
        }
    }
}

/// A compact list of contacts of one family: `nodes` of BEP 5 or `nodes6` of
/// BEP 32, borrowed. Bytes behind the last whole contact are not seen.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Nodes<'a> {
    family: Family,
    bytes: &'a [u8],
}

impl<'a> Nodes<'a> {
    /// The list held in `bytes`, which [`Nodes::write`] made or a datagram holds.
    pub const fn new(family: Family, bytes: &'a [u8]) -> Self {
        Self { family, bytes }
    }

    /// Appends the compact form of `contact` to `out`.
    #[inline]
    pub fn write(contact: &Contact, out: &mut Vec<u8>) {
        out.extend_from_slice(contact.id.as_bytes());
        write_compact_addr(&contact.addr, out);
    }

    /// The family of the contacts.
    pub const fn family(&self) -> Family {
        self.family
    }

    /// The bytes as they stand in the datagram.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Number of whole contacts.
    pub const fn len(&self) -> usize {
        // constants, so that nothing is divided
        match self.family {
            Family::V4 => self.bytes.len() / Family::V4.compact_node_len(),
            Family::V6 => self.bytes.len() / Family::V6.compact_node_len(),
        }
    }

    /// Whether there is no whole contact.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the length is a whole number of contacts.
    pub const fn is_well_formed(&self) -> bool {
        self.len() * self.family.compact_node_len() == self.bytes.len()
    }

    /// The contacts, in the order of the datagram.
    pub fn iter(&self) -> impl Iterator<Item = Contact> + use<'a> {
        let whole = self.bytes.chunks_exact(self.family.compact_node_len());
        whole.filter_map(|node| {
            let (id, addr) = node.split_first_chunk::<{ Id::LEN }>()?;
            Some(Contact::new(Id::new(*id), read_compact_addr(addr)?))
        })
    }
}

impl fmt::Debug for Nodes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Nesting around an entry of `values`: the message, `r`, the list.
const VALUES_DEPTH: usize = 3;

/// The peers of a get_peers response: `values` of BEP 5, borrowed either from
/// a datagram or from a peer store.
#[derive(Clone, Copy)]
pub struct Values<'a>(Source<'a>);

#[derive(Clone, Copy)]
enum Source<'a> {
    /// The inside of a bencoded list of strings.
    Wire(&'a [u8]),
    Peers(&'a [SocketAddr]),
}

impl<'a> Values<'a> {
    /// The values of a response that is to be sent.
    pub const fn from_peers(peers: &'a [SocketAddr]) -> Self {
        Self(Source::Peers(peers))
    }

    /// The peers in `bytes`, the inside of a bencoded list; up to where that
    /// cannot be read, if anywhere.
    pub const fn from_wire(bytes: &'a [u8]) -> Self {
        Self(Source::Wire(bytes))
    }

    /// The inside of the bencoded list, as it stands in the datagram; `None`
    /// of values that are to be sent.
    pub const fn as_wire(&self) -> Option<&'a [u8]> {
        match self.0 {
            Source::Wire(bytes) => Some(bytes),
            Source::Peers(_) => None,
        }
    }

    /// Whether there is no peer. One client always sends the list, often empty.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// No more than the first `most` of the peers.
    #[must_use]
    pub fn first(self, most: usize) -> Self {
        Self(match self.0 {
            Source::Peers(peers) => Source::Peers(&peers[..most.min(peers.len())]),
            Source::Wire(bytes) => {
                let mut rest = bytes;
                let taken = (0..most).take_while(|_| next_peer(&mut rest).is_some());
                taken.for_each(drop);
                Source::Wire(&bytes[..bytes.len() - rest.len()])
            }
        })
    }

    /// The peers; entries that are no compact address are left out.
    pub fn iter(&self) -> impl Iterator<Item = SocketAddr> + use<'a> {
        let mut source = self.0;
        std::iter::from_fn(move || match &mut source {
            Source::Wire(bytes) => next_peer(bytes),
            Source::Peers(peers) => peers.split_off_first().copied(),
        })
    }
}

/// Takes entries of a bencoded list up to the first that is a peer.
#[inline]
fn next_peer(list: &mut &[u8]) -> Option<SocketAddr> {
    // as nearly all are
    if let Some((peer, rest)) = list
        .strip_prefix(b"6:")
        .and_then(<[u8]>::split_first_chunk::<6>)
    {
        *list = rest;
        return read_compact_addr(peer);
    }
    let mut cursor = Cursor::new(list);
    while !cursor.is_at_end() {
        let item = cursor.string_or_skip(VALUES_DEPTH).ok()?;
        if let Some(peer) = item.and_then(read_compact_addr) {
            *list = cursor.rest();
            return Some(peer);
        }
    }
    None
}

impl PartialEq for Values<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Values<'_> {}

impl fmt::Debug for Values<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compact_addresses_of_both_families() {
        for (text, len) in [("1.2.3.4:6881", 6), ("[2a00::1]:1", 18)] {
            let addr: SocketAddr = text.parse().unwrap();
            let mut bytes = Vec::new();
            write_compact_addr(&addr, &mut bytes);
            assert_eq!((bytes.len(), read_compact_addr(&bytes)), (len, Some(addr)));
        }
        for len in [0, 1, 2, 5, 7, 17, 19] {
            assert_eq!(read_compact_addr(&vec![1; len]), None, "{len}");
        }
    }

    #[test]
    fn a_ragged_node_list_yields_its_whole_contacts() {
        let contact = Contact::new(Id::new([9; 20]), "1.2.3.4:5".parse().unwrap());
        let mut bytes = Vec::new();
        Nodes::write(&contact, &mut bytes);
        bytes.push(0);
        let nodes = Nodes::new(Family::V4, &bytes);
        assert!(!nodes.is_well_formed());
        assert_eq!(nodes.iter().collect::<Vec<_>>(), [contact]);
    }

    #[test]
    fn values_skip_what_is_no_peer() {
        let values = Values::from_wire(b"6:\x01\x02\x03\x04\x00\x055:abcdei7eld1:ai1eee");
        let peer: SocketAddr = "1.2.3.4:5".parse().unwrap();
        assert_eq!(values.iter().collect::<Vec<_>>(), [peer]);
        assert_eq!(values, Values::from_peers(&[peer]));
        let two = Values::from_wire(b"1:x6:\x01\x02\x03\x04\x00\x056:\x05\x06\x07\x08\x00\x09");
        for (most, left) in [(0, 0), (1, 1), (2, 2), (9, 2)] {
            let peers: Vec<_> = two.iter().collect();
            assert_eq!(two.first(most).iter().collect::<Vec<_>>(), peers[..left]);
            let own = Values::from_peers(&peers);
            assert_eq!(own.first(most), two.first(most));
        }
        assert!(Values::from_wire(b"").is_empty());
    }
}
