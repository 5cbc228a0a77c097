//! What happens to a datagram on its way.

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::draws::{Draws, Subject, unit};
use crate::population::{Access, one_way};
use crate::world::World;

/// An end of a link: a host and how it is connected.
pub(crate) type End = (Ipv4Addr, Access);

/// A modelled node's end.
pub(crate) const fn home(ip: Ipv4Addr) -> End {
    (ip, Access::Home)
}

/// Loss and delay, packet by packet.
#[derive(Debug)]
pub(crate) struct Links {
    draws: Draws,
    packets: u64,
    jitter: f64,
    loss: f64,
}

impl Links {
    pub(crate) fn new(world: &World, seed: u64) -> Self {
        let links = &world.parameters().links;
        Self {
            draws: Draws::new(world.parameters().seed, Subject::Link).of(seed),
            packets: 0,
            jitter: links.jitter,
            loss: links.loss,
        }
    }

    /// Time to the other end; `None` if the packet is lost.
    pub(crate) fn delay(&mut self, world: &World, from: End, to: End) -> Option<Duration> {
        self.packets += 1;
        if unit(self.draws.draw(self.packets, 0)) < self.loss {
            return None;
        }
        let rtt = world.population().rtt(from, to);
        let delay = one_way(rtt, self.jitter, self.draws.draw(self.packets, 1));
        // nothing arrives at the moment it is sent
        Some(delay.max(Duration::from_micros(1)))
    }

    /// Draws of its own for a full node.
    pub(crate) const fn draws_of(&self, number: u64) -> Draws {
        self.draws.of(u64::MAX - number)
    }
}
