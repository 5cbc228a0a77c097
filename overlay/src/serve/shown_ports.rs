//! The ports that symmetric NATs of modelled nodes show to clients.
//!
//! In the world such a NAT shows any port; on UDP the server must have bound
//! it, so there is a pool of them. Two clients may see the same one and mean
//! different ports of the world: each has mappings of its own.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::ops::RangeInclusive;
use std::time::Duration;

use foldhash::fast::FixedState;
use mdht_krpc::Instant;

use crate::simulation::NodeIndex;

/// Mappings at which the table is first swept.
const FIRST_SWEEP: usize = 1024;
/// How long a mapping is kept after its last use: longer than any NAT of the
/// world keeps its own, which decides who gets in.
const MEMORY: Duration = Duration::from_secs(3600);

/// Which port of the pool stands for which of the world.
#[derive(Debug)]
pub(crate) struct ShownPorts {
    pool: RangeInclusive<u16>,
    world: HashMap<(NodeIndex, SocketAddrV4), (SocketAddrV4, Instant), FixedState>,
    sweep_at: usize,
}

impl ShownPorts {
    pub(crate) fn new(pool: RangeInclusive<u16>) -> Self {
        Self {
            pool,
            world: HashMap::default(),
            sweep_at: FIRST_SWEEP,
        }
    }

    /// What `client` sees of the node at `ip` that shows `world`.
    pub(crate) fn show(
        &mut self,
        client: NodeIndex,
        ip: Ipv4Addr,
        world: SocketAddrV4,
        now: Instant,
    ) -> SocketAddrV4 {
        let count = u16::try_from(self.pool.len()).unwrap_or(u16::MAX).max(1);
        let local = SocketAddrV4::new(ip, self.pool.start() + world.port() % count);
        self.world.insert((client, local), (world, now));
        if self.world.len() >= self.sweep_at {
            self.world.retain(|_, (_, used)| now.since(*used) <= MEMORY);
            self.sweep_at = (self.world.len() * 2).max(FIRST_SWEEP);
        }
        local
    }

    /// What `client` means by a local address.
    pub(crate) fn world(&self, client: NodeIndex, local: SocketAddrV4) -> Option<SocketAddrV4> {
        self.world.get(&(client, local)).map(|(world, _)| *world)
    }
}
