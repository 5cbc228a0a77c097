//! Whether nodes are nearer to a target than a network of this size has them.
//!
//! IDs of honest nodes are spread evenly. Around our own ID the routing table
//! knows the network best: its `m` nearest contacts there are within a distance
//! `D`. Were both neighbourhoods honest, the `k`-th nearest node of a target
//! would be at a distance `d` or nearer with the probability that of `k + m - 1`
//! nodes at least `k` are in the share `d / (d + D)` of the room of both. That
//! is exact, small samples included, where the table knows everybody near us; where
//! it misses some, honest sets look nearer than they are, and where others crowd
//! around our ID, false ones look farther. So the network is never taken to be
//! larger than [`MOST_NODES`], which bounds what the latter can do.
//!
//! A set is thinned from the nearest on: a node counts if, with those that count
//! before it, it is not too near.

use mdht_krpc::Id;

use super::LookupCx;
use crate::parameter::{Parameter, Value};

/// Contacts around our own ID that are looked at: the size of the network is
/// known to a quarter by them.
const WITNESSES: usize = 16;
/// More nodes than any published estimate of the network has, by far.
const MOST_NODES: f64 = 67_108_864.0;

/// How rarely an honest set may be taken for too near: once in ten to this power.
pub(super) const fn parameter() -> Parameter {
    Parameter::integer(
        "density",
        0,
        (0, 12),
        "",
        "responders nearer than honest ones are once in 10 to this power, in a network of this \
         size, do not count alone: others are asked and announced to as well; 0 is no test",
    )
    .live(Value::Integer(4))
}

/// What is believed of the density of nodes, in one lookup.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Density {
    /// Share of the ID space around our own ID that holds the witnesses.
    radius: f64,
    /// Probability below which a set is too near.
    least: f64,
}

impl Density {
    /// By the contacts that the table knows around our own ID; `None` if there
    /// are too few, or if `power` is 0.
    pub(super) fn around(cx: &LookupCx<'_>, power: usize) -> Option<Self> {
        if power == 0 {
            return None;
        }
        let nearest = cx.closest(*cx.own_id, WITNESSES);
        let farthest = nearest.get(WITNESSES - 1)?;
        let radius = room(cx.own_id, &farthest.contact.id);
        #[allow(clippy::cast_precision_loss)] // 16
        let least_radius = WITNESSES as f64 / MOST_NODES;
        Some(Self {
            radius: radius.max(least_radius),
            least: 10_f64.powi(-i32::try_from(power).unwrap_or(12)),
        })
    }

    /// Whether `nth` honest nodes, at least 1, may be as near to a target as this ID.
    pub(super) fn allows(&self, nth: usize, target: &Id, id: &Id) -> bool {
        let within = room(target, id);
        at_least(nth, nth + WITNESSES - 1, within / (within + self.radius)) >= self.least
    }
}

/// Share of the ID space that is as near to a target as an ID. The first 64 bits
/// will do: no two honest nodes share so many.
#[allow(clippy::cast_precision_loss)] // as many bits as there are
fn room(target: &Id, id: &Id) -> f64 {
    let first = |id: &Id| {
        let [a, b, c, d, e, f, g, h, ..] = *id.as_bytes();
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    };
    ((first(target) ^ first(id)) as f64 + 1.0) / 2_f64.powi(64)
}

/// Probability that of `all` at least `some`, 1 or more, are in a share of the
/// room.
fn at_least(some: usize, all: usize, share: f64) -> f64 {
    #[allow(clippy::cast_precision_loss)] // dozens
    let ratio = |taken: usize| (all - taken) as f64 / (taken + 1) as f64;
    let odds = share / (1.0 - share);
    let mut term = (1.0 - share).powi(i32::try_from(all).unwrap_or(i32::MAX));
    let mut below = 0.0;
    let mut above = 0.0;
    for taken in 0..=all {
        match taken < some {
            true => below += term,
            false => above += term,
        }
        term *= ratio(taken) * odds;
    }
    // each is exact where the other is all but 1
    if below < 0.5 { 1.0 - below } else { above }
}

#[cfg(test)]
mod tests;
