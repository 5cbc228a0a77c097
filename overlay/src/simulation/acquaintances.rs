//! Which modelled nodes know a full node.

use std::collections::HashMap;
use std::time::Duration;

use foldhash::fast::FixedState;
use mdht_krpc::{Id, Instant};
use mdht_node::core::SocketId;

use super::full_node::MOST_SOCKETS;
use crate::draws::{Draws, below, unit};
use crate::parameters::Acquaintances;
use crate::population::{Identity, prefix_of};
use crate::world::World;

/// Most tables that a full node is in.
const MOST_HOLDERS: usize = 4096;
/// How often somebody who is hardly known is looked for again.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who knows one full node.
#[derive(Debug)]
pub(crate) struct Acquainted {
    /// Nodes that hold it in their tables.
    holders: HashMap<u64, (), FixedState>,
    /// When guarded nodes last sent to it, for each of its sockets.
    sent: HashMap<u64, Instant, FixedState>,
    draws: Draws,
    drawn: u64,
    /// Strangers that queried so far.
    strangers: u64,
}

impl Acquainted {
    pub(crate) fn new(draws: Draws) -> Self {
        Self {
            holders: HashMap::default(),
            sent: HashMap::default(),
            draws,
            drawn: 0,
            strangers: 0,
        }
    }

    /// Number of tables it is in.
    pub(crate) fn holders(&self) -> usize {
        self.holders.len()
    }

    /// Queries of strangers so far.
    pub(crate) const fn strangers(&self) -> u64 {
        self.strangers
    }

    pub(crate) fn draw(&mut self) -> u64 {
        self.drawn += 1;
        self.draws.one(self.drawn)
    }

    pub(crate) fn note_sent(&mut self, by: Identity, to: SocketId, at: Instant) {
        self.sent.insert(relation(by, to), at);
    }

    /// When a guarded node last sent to a socket of the full node.
    pub(crate) fn last_sent(&self, by: Identity, to: SocketId) -> Option<Instant> {
        self.sent.get(&relation(by, to)).copied()
    }

    /// Whether a node that has heard from the full node takes it up now.
    pub(crate) fn is_taken_up(&mut self, world: &World, by: Identity, own: &Id) -> bool {
        let known = self.holders.contains_key(&by.number());
        if known || self.holders.len() >= MOST_HOLDERS {
            return false;
        }
        let Acquaintances {
            admission,
            near_admission,
            ..
        } = world.parameters().acquaintances;
        let common = (world.population().prefix(by.rank) ^ prefix_of(own)).leading_zeros();
        let near = common >= world.tables.near_depth();
        let chance = if near { near_admission } else { admission };
        let taken = unit(self.draw()) < chance;
        if taken {
            self.holders.insert(by.number(), ());
        }
        taken
    }

    pub(crate) fn forget(&mut self, by: Identity) {
        self.holders.remove(&by.number());
    }

    /// Whether one that holds the full node still does after a pause.
    pub(crate) fn still_holds(&mut self, world: &World, by: Identity) -> bool {
        let Acquaintances {
            query_min,
            memory_min,
            ..
        } = world.parameters().acquaintances;
        let lost = query_min / memory_min;
        self.holders.contains_key(&by.number()) && unit(self.draw()) >= lost
    }

    /// Until the next query of one that holds the full node.
    pub(crate) fn until_query(&mut self, world: &World) -> Duration {
        let mean = Duration::from_secs_f64(world.parameters().acquaintances.query_min * 60.0);
        self.exponential(mean)
    }

    /// Until the next stranger comes, and whether it does come then.
    pub(crate) fn until_stranger(&mut self, world: &World) -> (Duration, bool) {
        let Acquaintances {
            strangers_per_s,
            well_known,
            ..
        } = world.parameters().acquaintances;
        #[allow(clippy::cast_precision_loss)] // at most 4,096
        let share = (self.holders.len() as f64 / f64::from(well_known.max(1))).min(1.0);
        let rate = strangers_per_s * share;
        if rate * PATIENCE.as_secs_f64() < 1e-3 {
            return (PATIENCE, false);
        }
        (self.exponential(Duration::from_secs_f64(1.0 / rate)), true)
    }

    /// Anybody who is online.
    pub(crate) fn stranger(&mut self, world: &World, now: Instant) -> Identity {
        self.strangers += 1;
        let rank = below(self.draw(), world.population().len().into());
        let rank = u32::try_from(rank).unwrap_or(0);
        world.population().at(rank, now)
    }

    fn exponential(&mut self, mean: Duration) -> Duration {
        let times = -(1.0 - unit(self.draw())).ln();
        mean.mul_f64(times)
    }
}

/// A guarded node and a socket that it sent to.
const fn relation(by: Identity, to: SocketId) -> u64 {
    by.number() * MOST_SOCKETS as u64 + to.0 as u64
}
