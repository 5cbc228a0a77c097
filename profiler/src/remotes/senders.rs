//! IP addresses that sent something.

use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use mdht_krpc::{Body, Id, id_fits_addr, is_public};

use super::{IdFit, Sender};
use crate::slots::{Batched, Slot};
use crate::{ClientCode, Observed, Series, Timestamp};

/// The IP addresses of one family that sent something.
#[derive(Clone, Debug)]
pub(super) struct Senders<K: Ip>(Batched<Sighting<K>, Seen>);

/// An IP address, and what it showed.
#[derive(Clone, Copy, Debug)]
struct Sighting<K> {
    ip: K,
    shown: Shown,
    is_there: bool,
}

/// What is kept of an IP address, in little space.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown {
    code: [u8; 2],
    id_fit: IdFit,
}

impl Shown {
    const NOTHING: Self = Self {
        code: NO_CODE,
        id_fit: IdFit::Unknown,
    };

    pub(super) fn sender(self) -> Sender {
        Sender {
            client: ClientCode::of(&self.code),
            id_fit: self.id_fit,
        }
    }
}

impl<K: Ip> Slot for Sighting<K> {
    type Key = K;
    const FREE: Self = Self {
        ip: K::ANY,
        shown: Shown::NOTHING,
        is_there: false,
    };

    fn of(ip: K) -> Self {
        Self {
            ip,
            shown: Shown::NOTHING,
            is_there: true,
        }
    }

    #[inline]
    fn key(&self) -> Option<K> {
        self.is_there.then_some(self.ip)
    }
}

/// What a message showed of its sender.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    time: Timestamp,
    code: [u8; 2],
    id: Option<Ends>,
}

impl Seen {
    #[inline]
    pub(super) fn of(observed: &Observed<'_>) -> Self {
        let message = observed.message;
        let id = match &message.body {
            Body::Query(query) => query.id.as_ref(),
            Body::Response(response) => response.id.as_ref(),
            Body::Error(_) => None,
        };
        let code = message.version.and_then(ClientCode::of);
        Self {
            time: observed.time,
            code: code.map_or(NO_CODE, ClientCode::bytes),
            id: id.map(Ends::of),
        }
    }
}

/// The bytes of a node ID that BEP 42 fixes or derives them from.
#[derive(Clone, Copy, Debug)]
struct Ends([u8; 4]);

impl Ends {
    fn of(id: &Id) -> Self {
        let [a, b, c, .., last] = *id.as_bytes();
        Self([a, b, c, last])
    }

    fn fit(self, ip: IpAddr) -> IdFit {
        let Self([a, b, c, last]) = self;
        let mut bytes = [0; Id::LEN];
        bytes[..3].copy_from_slice(&[a, b, c]);
        bytes[Id::LEN - 1] = last;
        if !id_fits_addr(&Id::new(bytes), ip) {
            return IdFit::Invalid;
        }
        match is_public(ip) {
            true => IdFit::Valid,
            false => IdFit::Exempt,
        }
    }
}

impl<K: Ip> Senders<K> {
    pub(super) fn new(most: usize) -> Self {
        Self(Batched::new(most))
    }

    /// Notes what `ip` showed. New addresses are counted in `new`.
    #[inline]
    pub(super) fn note(&mut self, ip: K, seen: Seen, new: &mut Series<1>) {
        if self.0.note(ip, seen) {
            self.settle(new);
        }
    }

    /// Looks up what waits.
    pub(super) fn settle(&mut self, new: &mut Series<1>) {
        self.0
            .settle(|sighting, seen, is_new| sighting.on_seen(seen, is_new, new));
    }

    /// The settled senders, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Sender> {
        let table = self.0.table();
        table.iter().map(|sighting| sighting.shown.sender())
    }

    /// The settled addresses, in no order.
    pub(super) fn ips(&self) -> impl Iterator<Item = K> {
        let table = self.0.table();
        table.iter().map(|sighting| sighting.ip)
    }

    /// What came from `ip`, if it is settled.
    pub(super) fn get(&self, ip: &K) -> Option<Shown> {
        self.0.table().get(ip).map(|sighting| sighting.shown)
    }

    pub(super) const fn is_complete(&self) -> bool {
        self.0.is_complete()
    }
}

impl<K: Ip> Sighting<K> {
    fn on_seen(&mut self, seen: Seen, is_new: bool, new: &mut Series<1>) {
        if is_new {
            new.add(seen.time, 0, 1);
        }
        if self.shown.code == NO_CODE {
            self.shown.code = seen.code;
        }
        if let (IdFit::Unknown, Some(id)) = (self.shown.id_fit, seen.id) {
            self.shown.id_fit = id.fit(self.ip.addr());
        }
    }
}

/// An IP address as a number.
pub(super) trait Ip: Copy + Eq + Hash {
    const ANY: Self;
    fn addr(self) -> IpAddr;
}

impl Ip for u32 {
    const ANY: Self = 0;

    fn addr(self) -> IpAddr {
        Ipv4Addr::from_bits(self).into()
    }
}

impl Ip for u128 {
    const ANY: Self = 0;

    fn addr(self) -> IpAddr {
        Ipv6Addr::from_bits(self).into()
    }
}

/// No code was shown, or none that tells a client.
const NO_CODE: [u8; 2] = [0, 0];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_bep_42() {
        // the first vector of BEP 42
        let id: Id = "5fbfbff10c5d6a4ec8a88e4c6ab4c28b95eee401".parse().unwrap();
        let fit = |ip: &str| Ends::of(&id).fit(ip.parse().unwrap());
        assert_eq!(fit("124.31.75.21"), IdFit::Valid);
        assert_eq!(fit("120.31.75.21"), IdFit::Valid); // the first 6 bits are free
        assert_eq!(fit("21.75.31.124"), IdFit::Invalid);
        assert_eq!(fit("10.0.0.1"), IdFit::Exempt);
    }

    #[test]
    fn sightings_are_small() {
        assert_eq!(size_of::<Sighting<u32>>(), 8);
        assert_eq!(size_of::<Option<Shown>>(), 3);
    }
}
