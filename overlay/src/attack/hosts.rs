//! The adversary's addresses and IDs, computed both ways.

use std::net::{Ipv4Addr, SocketAddrV4};

use mdht_krpc::{Contact, Id, secure_prefix};

use super::{Attack, Kind};
use crate::draws::{Draws, Subject};

/// Attackers' addresses are here: 45.0.0.0/8.
const OWN: u8 = 45;
/// Sources that are forged, and nodes that do not exist: 47.0.0.0/8.
const FORGED: u8 = 47;
/// Port of an attacker that is nobody's Sybil, and lowest of the others: each
/// key that it surrounds has a port of its own.
const LOWEST_PORT: u16 = 20_000;
/// Port of all forged sources.
const FORGED_PORT: u16 = 4747;
/// Addresses after the attackers' that only watch.
const OBSERVERS: u32 = 100;
/// Port of all false peers.
const FALSE_PORT: u16 = 6666;
/// Leading bytes of its key that a Sybil's ID shares: 48 bits, where the
/// nearest of ten million honest nodes shares about 23.
const SHARED: usize = 6;

/// One of the adversary's addresses, and the ID behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Persona {
    /// Number of the host.
    pub(crate) host: u32,
    /// Number of the key that it surrounds; `None` for itself.
    pub(crate) key: Option<u16>,
}

/// All of the adversary's addresses.
#[derive(Debug)]
pub(crate) struct Hosts {
    attack: Attack,
    draws: Draws,
    own_id: Id,
}

impl Hosts {
    /// `victim` is the ID of the node under attack.
    pub(crate) fn new(attack: Attack, seed: u64, victim: Id) -> Self {
        Self {
            attack,
            draws: Draws::new(seed, Subject::Attack),
            own_id: victim,
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> u32 {
        self.attack.hosts()
    }

    /// Somebody who watches the node under attack, and is no attacker.
    pub(crate) fn observer(&self, number: u32) -> Persona {
        Persona {
            host: self.len() + number % OBSERVERS,
            key: None,
        }
    }

    pub(crate) fn is_observer(&self, persona: Persona) -> bool {
        persona.host >= self.len()
    }

    pub(crate) fn addr(&self, persona: Persona) -> SocketAddrV4 {
        let (subnet, place) = (
            persona.host / self.attack.per_24,
            persona.host % self.attack.per_24,
        );
        let ip = u32::from(OWN) << 24 | (subnet & 0xffff) << 8 | (place + 1);
        let port = persona.key.map_or(0, |key| key.saturating_add(1));
        SocketAddrV4::new(ip.into(), LOWEST_PORT.saturating_add(port))
    }

    /// Who of the adversary is at an address.
    pub(crate) fn at(&self, addr: &SocketAddrV4) -> Option<Persona> {
        let [first, high, low, place] = addr.ip().octets();
        let subnet = u32::from(u16::from_be_bytes([high, low]));
        let place = u32::from(place).checked_sub(1)?;
        let host = subnet * self.attack.per_24 + place;
        let is_own = first == OWN && place < self.attack.per_24 && host < self.len() + OBSERVERS;
        let port = addr.port().checked_sub(LOWEST_PORT).filter(|_| is_own)?;
        let key = port.checked_sub(1);
        Some(Persona { host, key })
    }

    /// The ID of a persona; `keys` are those that are surrounded.
    pub(crate) fn id(&self, persona: Persona, keys: &[Id]) -> Id {
        let host = match self.attack.kind {
            Kind::OneId if persona.key.is_none() => 0,
            _ => persona.host,
        };
        let mut id = self.random_id(host.into(), 1);
        let center = match persona.key {
            Some(key) => keys.get(usize::from(key)).copied(),
            None if self.attack.kind == Kind::NearId => Some(self.own_id),
            None => None,
        };
        if let Some(center) = center {
            id[..SHARED].copy_from_slice(&center.as_bytes()[..SHARED]);
        } else if self.attack.kind == Kind::TableSecure {
            let random = id[Id::LEN - 1];
            let prefix = secure_prefix((*self.addr(persona).ip()).into(), random);
            // 21 bits
            let [a, b, c, _] = prefix.to_be_bytes();
            (id[0], id[1], id[2]) = (a, b, c & 0xf8 | id[2] & 7);
        }
        Id::new(id)
    }

    pub(crate) fn contact(&self, persona: Persona, keys: &[Id]) -> Contact {
        Contact::new(self.id(persona, keys), self.addr(persona).into())
    }

    /// A forged source, or a node that does not exist.
    pub(crate) fn forged(&self, number: u64) -> SocketAddrV4 {
        let [a, b, c, ..] = self.draws.draw(number, 2).to_be_bytes();
        SocketAddrV4::new(Ipv4Addr::new(FORGED, a, b, c.max(1)), FORGED_PORT)
    }

    pub(crate) fn forged_id(&self, number: u64) -> Id {
        Id::new(self.random_id(number, 3))
    }

    /// An ID nearer to a key than any honest node's.
    pub(crate) fn id_near(&self, key: &Id, number: u64) -> Id {
        let mut id = self.random_id(number, 4);
        id[..SHARED].copy_from_slice(&key.as_bytes()[..SHARED]);
        Id::new(id)
    }

    /// A peer that is none.
    pub(crate) fn false_peer(&self, number: u64) -> SocketAddrV4 {
        let [a, b, c, ..] = self.draws.draw(number, 5).to_be_bytes();
        SocketAddrV4::new(Ipv4Addr::new(OWN, a, b, c.max(1)), FALSE_PORT)
    }

    /// Whether a peer is a false one. Of true ones, one in 17 million looks so.
    pub(crate) fn is_false(addr: &SocketAddrV4) -> bool {
        addr.ip().octets()[0] == OWN && addr.port() == FALSE_PORT
    }

    /// Whether a contact is the adversary's or does not exist.
    pub(crate) fn is_hostile(&self, addr: &SocketAddrV4) -> bool {
        let is_forged = addr.ip().octets()[0] == FORGED && addr.port() == FORGED_PORT;
        let at = self.at(addr);
        is_forged || at.is_some_and(|persona| !self.is_observer(persona))
    }

    fn random_id(&self, a: u64, b: u64) -> [u8; Id::LEN] {
        let mut id = [0; Id::LEN];
        let draws = self.draws.of(a).of(b);
        for (number, bytes) in (0..).zip(id.chunks_mut(8)) {
            bytes.copy_from_slice(&draws.one(number).to_be_bytes()[..bytes.len()]);
        }
        id
    }
}

#[cfg(test)]
mod tests {
    use mdht_krpc::{id_fits_addr, is_public};

    use super::*;

    #[test]
    fn addresses_are_computed_both_ways_and_ids_are_where_they_should_be() {
        let key = Id::new([9; Id::LEN]);
        for per_24 in [1, 200] {
            let attack = Attack {
                per_24,
                ..Attack::new(Kind::TableSecure, 5000.0).unwrap()
            };
            let hosts = Hosts::new(attack, 1, Id::default());
            for host in [0, 1, 199, 200, 4999] {
                for role in [None, Some(0), Some(300)] {
                    let persona = Persona { host, key: role };
                    let addr = hosts.addr(persona);
                    assert_eq!(hosts.at(&addr), Some(persona));
                    assert!(is_public((*addr.ip()).into()));
                    assert!(hosts.is_hostile(&addr) && !Hosts::is_false(&addr));
                }
                let own = Persona { host, key: None };
                let ip = (*hosts.addr(own).ip()).into();
                assert!(id_fits_addr(&hosts.id(own, &[]), ip));
                let sybil = Persona { host, key: Some(0) };
                assert!(hosts.id(sybil, &[key]).common_prefix(&key) >= 48);
            }
            let nobody = Persona {
                host: 5100,
                key: None,
            };
            assert_eq!(hosts.at(&hosts.addr(nobody)), None);
        }
    }
}
