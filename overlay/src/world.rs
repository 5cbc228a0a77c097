//! The world that all runs share: it never changes while they go on.

use std::net::{Ipv4Addr, SocketAddrV4};

use mdht_krpc::{Id, Instant, is_public};

use crate::draws::{Draws, Subject, below};
use crate::parameters::{ParameterError, Parameters};
use crate::population::{Identity, Population};
use crate::swarms::SwarmPlan;
use crate::tables::TablePlan;

/// Bootstrap nodes: they stay for ever, know nodes from everywhere and hold
/// nothing.
const ROUTERS: u64 = 3;

/// A world made from [`Parameters`]: population, swarms and tables. Runs share
/// it and never change it.
#[derive(Debug)]
pub struct World {
    parameters: Parameters,
    population: Population,
    swarms: SwarmPlan,
    pub(crate) tables: TablePlan,
    routers: Vec<SocketAddrV4>,
    router_draws: Draws,
    pub(crate) addresses: Draws,
}

impl World {
    /// Builds a world: about 9 bytes for each node.
    ///
    /// # Errors
    ///
    /// The parameters are not such that a world can be made from them
    /// ([`Parameters::check`]).
    pub fn new(parameters: Parameters) -> Result<Self, ParameterError> {
        parameters.check()?;
        let population = Population::new(&parameters);
        let router_draws = Draws::new(parameters.seed, Subject::Router);
        let routers = (0..ROUTERS).map(|number| public_addr(router_draws.of(number), 6881));
        Ok(Self {
            swarms: SwarmPlan::new(parameters.seed, &parameters.swarms, parameters.nodes),
            tables: TablePlan::new(&parameters, &population),
            routers: routers.collect(),
            router_draws,
            addresses: Draws::new(parameters.seed, Subject::FullNode),
            population,
            parameters,
        })
    }

    /// What the world was made from.
    pub const fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The modelled nodes.
    pub const fn population(&self) -> &Population {
        &self.population
    }

    /// The swarms.
    pub const fn swarms(&self) -> &SwarmPlan {
        &self.swarms
    }

    /// Addresses of the bootstrap nodes.
    pub fn routers(&self) -> &[SocketAddrV4] {
        &self.routers
    }

    /// A public address for the `number`th full node that has none of its own.
    pub fn free_addr(&self, number: u64) -> SocketAddrV4 {
        public_addr(self.addresses.of(number), 6881)
    }

    /// `v` of a node's messages, if its client sends one: two letters and two
    /// bytes of version.
    pub(crate) fn version(&self, of: Identity) -> Option<[u8; 4]> {
        let client = self.parameters.clients.get(self.population.client(of))?;
        let [a, b] = *client.code.as_bytes() else {
            return None;
        };
        let [high, low, ..] = self.addresses.draw(of.number(), 1).to_be_bytes();
        Some([a, b, high & 0x3f, low])
    }

    /// ID of a router.
    pub(crate) fn router_id(&self, router: usize) -> Id {
        let draws = self.router_draws.of(router as u64);
        let mut id = [0; Id::LEN];
        for (number, bytes) in (100..).zip(id.chunks_mut(8)) {
            bytes.copy_from_slice(&draws.one(number).to_be_bytes()[..bytes.len()]);
        }
        Id::new(id)
    }

    /// A contact that a router gives: somebody who was online at `now`.
    pub(crate) fn router_contact(&self, draw: u64, now: Instant) -> Identity {
        let rank = below(draw, self.population.len().into());
        self.population.at(u32::try_from(rank).unwrap_or(0), now)
    }
}

/// The first public address that `draws` give.
fn public_addr(draws: Draws, port: u16) -> SocketAddrV4 {
    let ip = |attempt| {
        let [a, b, c, d, ..] = draws.one(attempt).to_be_bytes();
        Ipv4Addr::new(a, b, c, d)
    };
    let found = (0..64).map(ip).find(|ip| is_public((*ip).into()));
    SocketAddrV4::new(found.unwrap_or(Ipv4Addr::new(8, 8, 8, 8)), port)
}
