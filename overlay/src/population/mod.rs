//! Who is out there: every modelled node's ID, address, client, connectivity
//! and sessions, computed when asked for.

mod addresses;
mod ids;
mod places;
mod sessions;
mod shares;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::ops::Range;
use std::time::Duration;

use mdht_krpc::{Id, Instant};

use crate::draws::{Draws, Subject};
use crate::parameters::{Class, Connectivity, Parameters};

use addresses::AddressPlan;
use ids::IdSpace;
pub use places::Access;
use places::Places;
pub(crate) use places::{interpolate, one_way};
pub(crate) use sessions::SessionPlan;
use shares::Shares;

/// A modelled node: the place of its ID among all, and how many were at that
/// place before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// Place in the order of IDs, from 0.
    pub rank: u32,
    /// Number of the node at that place, from 0; 255 is the one that left
    /// before the run began.
    pub generation: u8,
}

impl Identity {
    pub(crate) const fn number(self) -> u64 {
        (self.rank as u64) << 8 | self.generation as u64
    }

    #[allow(clippy::cast_possible_truncation)] // the parts of a number
    pub(crate) const fn from_number(number: u64) -> Self {
        Self {
            rank: (number >> 8) as u32,
            generation: number as u8,
        }
    }
}

/// All modelled nodes. Nothing about a single one is stored but the first bits
/// of its ID.
#[derive(Debug)]
pub struct Population {
    ids: IdSpace,
    addresses: AddressPlan,
    sessions: SessionPlan,
    places: Places,
    id_rest: Draws,
    classes: Draws,
    class_shares: Shares,
    connectivity: Vec<Connectivity>,
    clients: Draws,
    client_shares: Shares,
}

impl Population {
    pub(crate) fn new(parameters: &Parameters) -> Self {
        let seed = parameters.seed;
        let rows = parameters.connectivity.iter();
        let clients = parameters.clients.iter();
        Self {
            ids: IdSpace::new(seed, parameters.nodes),
            addresses: AddressPlan::new(seed, parameters.secure_ids),
            sessions: SessionPlan::new(seed, &parameters.sessions),
            places: Places::new(seed, &parameters.links),
            id_rest: Draws::new(seed, Subject::Id).of(1),
            classes: Draws::new(seed, Subject::Class),
            class_shares: Shares::new(rows.map(|row| row.share)),
            connectivity: parameters.connectivity.clone(),
            clients: Draws::new(seed, Subject::Client),
            client_shares: Shares::new(clients.map(|client| client.share)),
        }
    }

    /// Number of nodes online at once.
    pub fn len(&self) -> u32 {
        self.ids.len()
    }

    /// Whether there is nobody; there always is somebody.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that the population takes in memory.
    pub fn bytes(&self) -> usize {
        self.ids.bytes()
    }

    /// The node at a place at a moment.
    pub fn at(&self, rank: u32, at: Instant) -> Identity {
        let generation = self.sessions.generation(rank, at);
        Identity { rank, generation }
    }

    /// The last one to leave a place before the node that is there.
    pub(crate) fn before(identity: Identity) -> Identity {
        let generation = match identity.generation {
            0 | SessionPlan::BEFORE => SessionPlan::BEFORE,
            generation => generation - 1,
        };
        Identity {
            generation,
            ..identity
        }
    }

    /// When the node at a place at a moment came and when it leaves. One found
    /// at the start has come at time zero as far as anybody can tell.
    pub fn stay(&self, rank: u32, at: Instant) -> Range<Instant> {
        let stay = self.sessions.stay(rank, at);
        stay.from..stay.until
    }

    /// Mean length of a session.
    pub fn mean_session(&self) -> Duration {
        self.sessions.mean()
    }

    /// Length of a session drawn by `draw`.
    pub fn session(&self, draw: u64) -> Duration {
        self.sessions.session(draw)
    }

    /// Whether a node is online.
    pub fn is_online(&self, identity: Identity, at: Instant) -> bool {
        self.at(identity.rank, at) == identity
    }

    /// A node's address and ID.
    pub fn contact(&self, identity: Identity) -> (SocketAddrV4, Id) {
        let (addr, random) = self.addresses.address(&self.ids, identity);
        let mut id = [0; Id::LEN];
        id[..8].copy_from_slice(&self.prefix(identity.rank).to_be_bytes());
        let number = identity.number();
        id[8..16].copy_from_slice(&self.id_rest.one(number).to_be_bytes());
        id[16..].copy_from_slice(&self.id_rest.draw(number, 1).to_be_bytes()[..4]);
        if self.addresses.is_secure(identity) {
            id[19] = id[19] & !7 | random;
        }
        (addr, Id::new(id))
    }

    /// The node that has an address, online or not.
    pub fn by_addr(&self, addr: SocketAddrV4) -> Option<Identity> {
        self.addresses.identity(&self.ids, addr)
    }

    /// What lies between a node and the world.
    pub fn connectivity(&self, identity: Identity) -> Connectivity {
        let draw = self.classes.one(identity.number());
        let row = self.class_shares.row(draw);
        self.connectivity.get(row).copied().unwrap_or(Connectivity {
            class: Class::Open,
            mapping_timeout_s: 0,
            share: 1.0,
        })
    }

    /// A node's client: its place in [`Parameters::clients`].
    pub fn client(&self, identity: Identity) -> usize {
        self.client_shares.row(self.clients.one(identity.number()))
    }

    /// Round-trip time between two hosts, without jitter.
    pub fn rtt(&self, a: (Ipv4Addr, Access), b: (Ipv4Addr, Access)) -> Duration {
        self.places.rtt(a, b)
    }

    /// First 64 bits of the IDs at a place.
    pub(crate) fn prefix(&self, rank: u32) -> u64 {
        self.ids.prefix(rank)
    }

    /// Tells the processor that the ID of a place will be asked for soon.
    #[inline]
    pub(crate) fn expect(&self, rank: u32) {
        self.ids.expect(rank);
    }

    /// Ranks of the places whose IDs share the first `bits` bits of `prefix`.
    pub(crate) fn subtree(&self, prefix: u64, bits: u32) -> Range<u32> {
        self.ids.subtree(prefix, bits)
    }

    /// Depth from which a subtree holds at most about `k` nodes.
    pub(crate) fn depth_of(&self, k: u32) -> u32 {
        self.ids.depth_of(k)
    }
}

/// First 64 bits of an ID: what the order of places goes by.
pub(crate) fn prefix_of(id: &Id) -> u64 {
    let (prefix, _) = id.as_bytes().split_at(8);
    prefix
        .iter()
        .fold(0, |all, byte| all << 8 | u64::from(*byte))
}
