//! Several addresses of one host (BEP 45).
//!
//! To others each of our sockets is a node of its own: it has an ID of its own
//! and answers where it was asked. Inside there is one table, ordered by the
//! ID of the main socket, one store, and lookups leave by the main socket.

use std::net::IpAddr;

use mdht_krpc::{Family, Id, id_fits_addr, is_public, secure_prefix};

use super::overlay::Overlay;
use super::{Config, Core, SocketId};

impl Overlay {
    /// Gives every socket its ID, from that of the main one: the same at every start.
    pub(crate) fn name_sockets(&mut self, config: &Config) {
        if !config.id_per_socket || self.sockets.len() < 2 {
            return;
        }
        let bound = |socket: &SocketId| config.sockets[socket.0].ip();
        let main = bound(&self.sockets[0]);
        let fits = |socket: &SocketId| match bound(socket) {
            ip if is_public(ip) => Some(ip),
            ip if ip == main => self.fits,
            _ => None,
        };
        let ids = self.sockets.iter().enumerate().map(|(n, socket)| match n {
            0 => self.own_id,
            _ => further_id(
                &self.own_id,
                n,
                fits(socket).filter(|_| config.follow_address),
            ),
        });
        self.socket_ids = ids.collect();
    }

    /// The ID that a socket is known by.
    fn id_at(&self, socket: SocketId) -> Id {
        let place = self.sockets.iter().position(|own| *own == socket);
        let own = place.and_then(|place| self.socket_ids.get(place));
        own.copied().unwrap_or(self.own_id)
    }
}

impl Core {
    /// The ID that we have in a family's overlay at this socket: each socket
    /// has its own, if so configured (BEP 45). `None` without a socket of that
    /// family.
    pub fn id_at(&self, socket: SocketId, family: Family) -> Option<Id> {
        self.overlay_ref(family)
            .map(|overlay| overlay.id_at(socket))
    }

    /// Whether an ID is one of ours.
    pub(crate) fn is_own_id(&self, family: Family, id: &Id) -> bool {
        self.overlay_ref(family)
            .is_some_and(|overlay| overlay.own_id == *id || overlay.socket_ids.contains(id))
    }

    /// Whether a saved ID may be kept: not if we are bound to a public address
    /// that it does not fit (BEP 42).
    pub(crate) fn may_keep(&self, family: Family, id: &Id) -> bool {
        let main = self.main_socket(family);
        let bound = main.map(|socket| self.config.sockets[socket.0].ip());
        !self.config.follow_address || bound.is_none_or(|ip| id_fits_addr(id, ip))
    }
}

/// The ID of the `n`-th further socket: that of the main one, counted on from
/// the highest bits, so that the IDs lie far apart (BEP 45). Where the address
/// is known, the head is one of the eight that BEP 42 allows for it.
fn further_id(main: &Id, n: usize, ip: Option<IpAddr>) -> Id {
    let [n, ..] = n.to_le_bytes();
    let mut bytes = *main.as_bytes();
    bytes[0] ^= n.reverse_bits();
    if let Some(ip) = ip {
        let random = bytes[19].wrapping_add(n) & 0x07;
        bytes[19] = (bytes[19] & 0xf8) | random;
        let prefix = secure_prefix(ip, random).to_be_bytes();
        bytes[..2].copy_from_slice(&prefix[..2]);
        bytes[2] = (prefix[2] & 0xf8) | (bytes[2] & 0x07);
        // more than eight on one address share heads
        bytes[3] ^= n.reverse_bits();
    }
    Id::new(bytes)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn further_ids_are_far_apart_and_fit() {
        let main = Id::new([0x5a; 20]);
        let plain: BTreeSet<_> = (0..8).map(|n| further_id(&main, n, None)).collect();
        let heads: BTreeSet<_> = plain.iter().map(|id| id.as_bytes()[0] >> 5).collect();
        assert_eq!((plain.len(), heads.len()), (8, 8));
        let ip: IpAddr = [8, 8, 8, 8].into();
        let fitting: BTreeSet<_> = (1..40).map(|n| further_id(&main, n, Some(ip))).collect();
        assert_eq!(fitting.len(), 39);
        assert!(fitting.iter().all(|id| id_fits_addr(id, ip)));
    }
}
