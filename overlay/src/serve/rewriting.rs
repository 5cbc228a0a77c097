//! Changing the compact addresses inside a message, in place: an address stays
//! as long as it was.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::ops::Range;

use mdht_krpc::{Body, Family, Message};

/// What an address in a message is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// A contact.
    Node,
    /// A peer of a swarm.
    Peer,
}

/// Replaces every IPv4 address of contacts and peers in `payload`. What is no
/// message, or holds none, stays as it is.
pub(crate) fn rewrite(
    payload: &mut [u8],
    mut replace: impl FnMut(Role, SocketAddrV4) -> SocketAddrV4,
) {
    let (nodes, values) = lists(payload);
    if let Some(nodes) = payload.get_mut(nodes) {
        let (len, addr) = (Family::V4.compact_node_len(), mdht_krpc::Id::LEN);
        for node in nodes.chunks_exact_mut(len) {
            rewrite_addr(&mut node[addr..], |addr| replace(Role::Node, addr));
        }
    }
    let mut values = payload.get_mut(values).unwrap_or_default();
    while let Some((entry, rest)) = split_string(values) {
        rewrite_addr(entry, |addr| replace(Role::Peer, addr));
        values = rest;
    }
}

/// Where the lists of contacts and of peers are.
fn lists(payload: &[u8]) -> (Range<usize>, Range<usize>) {
    let Ok(message) = Message::scan(payload) else {
        return (0..0, 0..0);
    };
    let Body::Response(response) = &message.body else {
        return (0..0, 0..0);
    };
    let place = |part: Option<&[u8]>| {
        let part = part.unwrap_or_default();
        let start = part.as_ptr().addr().saturating_sub(payload.as_ptr().addr());
        match part {
            [] => 0..0,
            _ => start..start + part.len(),
        }
    };
    let nodes = response.nodes.as_ref().map(|nodes| nodes.as_bytes());
    let values = response.values.as_ref();
    (
        place(nodes),
        place(values.and_then(|values| values.as_wire())),
    )
}

/// Takes one bencoded string off a list; `None` at its end or at anything else.
fn split_string(list: &mut [u8]) -> Option<(&mut [u8], &mut [u8])> {
    let digits = list.iter().position(|byte| *byte == b':')?;
    let len: usize = std::str::from_utf8(&list[..digits]).ok()?.parse().ok()?;
    list[digits + 1..].split_at_mut_checked(len)
}

/// Replaces a compact IPv4 address; other lengths are left alone.
fn rewrite_addr(bytes: &mut [u8], replace: impl FnOnce(SocketAddrV4) -> SocketAddrV4) {
    if let [a, b, c, d, high, low] = bytes {
        let port = u16::from_be_bytes([*high, *low]);
        let addr = replace(SocketAddrV4::new(Ipv4Addr::new(*a, *b, *c, *d), port));
        [*a, *b, *c, *d] = addr.ip().octets();
        [*high, *low] = addr.port().to_be_bytes();
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use mdht_krpc::{Contact, Id, Nodes, Response, Values};

    use super::*;

    #[test]
    fn contacts_and_peers_are_replaced_and_nothing_else() {
        let addr = |text: &str| -> SocketAddr { text.parse().unwrap() };
        let mut nodes = Vec::new();
        for n in 1..=8 {
            let contact = Contact::new(Id::new([n; 20]), addr("8.8.4.4:1000"));
            Nodes::write(&contact, &mut nodes);
        }
        let peers = [addr("9.9.9.9:7"), addr("[2a00::1]:7"), addr("9.9.9.8:7")];
        let mut response = Response::new(Id::new([3; 20]));
        response.nodes = Some(Nodes::new(Family::V4, &nodes));
        response.values = Some(Values::from_peers(&peers));
        response.token = Some(b"6:xxxxxx");
        let mut payload = Message::new(b"aa", Body::Response(response)).encode();
        let before = payload.clone();
        let mut seen = Vec::new();
        rewrite(&mut payload, |role, addr| {
            seen.push((role, addr));
            SocketAddrV4::new([10, 1, 2, 3].into(), addr.port() + 1)
        });
        assert_eq!(seen.len(), 10);
        assert_eq!(seen[9], (Role::Peer, "9.9.9.8:7".parse().unwrap()));
        let message = Message::scan(&payload).unwrap();
        let Body::Response(after) = &message.body else {
            panic!("{message:?}");
        };
        let contacts = after.nodes.unwrap();
        assert!(contacts.iter().all(|c| c.addr == addr("10.1.2.3:1001")));
        assert!(
            contacts
                .iter()
                .zip(1..)
                .all(|(c, n)| c.id == Id::new([n; 20]))
        );
        let peers: Vec<_> = after.values.unwrap().iter().collect();
        assert_eq!(peers, ["10.1.2.3:8", "[2a00::1]:7", "10.1.2.3:8"].map(addr));
        assert_eq!(payload.len(), before.len());
        // and back again
        rewrite(&mut payload, |_, _| seen.remove(0).1);
        assert_eq!(payload, before);
    }

    #[test]
    fn what_cannot_be_read_stays() {
        for bad in [
            &b""[..],
            b"hello",
            b"d1:rd5:nodes999:xe",
            b"d1:rd6:valuesl6:abce1:y1:re",
        ] {
            let mut payload = bad.to_vec();
            rewrite(&mut payload, |_, _| SocketAddrV4::new([0; 4].into(), 0));
            assert_eq!(payload, bad);
        }
    }
}
