//! The adversary in a simulation: where its datagrams come from and go to.

use std::net::SocketAddrV4;

use mdht_krpc::{Instant, Message};
use mdht_node::core::SocketId;

use super::{NodeIndex, Occurrence, Simulation, links};
use crate::attack::{Adversary, Sent};

impl Simulation {
    /// Lets an adversary into the world; it takes the place of any other.
    pub(crate) fn let_in(&mut self, adversary: Adversary) {
        if let Some(at) = adversary.next_act() {
            self.wheel.push(at.max(self.now), Occurrence::Adversary);
        }
        self.adversary = Some(Box::new(adversary));
    }

    pub(crate) fn adversary(&self) -> Option<&Adversary> {
        self.adversary.as_deref()
    }

    /// Has the adversary do something, and sends what it sends.
    pub(crate) fn have_adversary(&mut self, act: impl FnOnce(&mut Adversary, &mut Vec<Sent>)) {
        let mut out = Vec::new();
        if let Some(adversary) = &mut self.adversary {
            act(adversary, &mut out);
        }
        for Sent {
            from,
            to,
            payload,
            after,
        } in out
        {
            self.deliver((from, to), &payload, self.now + after);
        }
    }

    /// Whether an address is the adversary's.
    pub(super) fn is_hostile(&self, addr: &SocketAddrV4) -> bool {
        self.adversary()
            .is_some_and(|adversary| adversary.is_at(addr))
    }

    /// A full node's datagram to one of the adversary's addresses.
    pub(super) fn send_to_adversary(
        &mut self,
        (node, socket): (NodeIndex, SocketId),
        (from, to): (SocketAddrV4, SocketAddrV4),
        payload: Vec<u8>,
    ) {
        let own = self.nodes[node.place()].end_at(socket);
        let home = links::home(*to.ip());
        let delay = self.links.delay(&self.world, own, home);
        self.set_off(delay, (from, to), payload);
    }

    /// A datagram has reached one of the adversary's addresses.
    pub(super) fn reach_adversary(
        &mut self,
        (from, to): (SocketAddrV4, SocketAddrV4),
        payload: Vec<u8>,
    ) {
        self.have_adversary(|adversary, out| adversary.receive(from, to, &payload, out));
        self.keep_spare(payload);
    }

    /// The adversary acts of its own accord.
    pub(super) fn adversary_acts(&mut self) {
        let (now, world) = (self.now, self.world.clone());
        self.have_adversary(|adversary, out| adversary.act(now, &world, out));
        if let Some(next) = self.adversary().and_then(Adversary::next_act) {
            self.wheel.push(next.max(now), Occurrence::Adversary);
        }
    }

    /// What the adversary makes of the reply that a modelled node is about to
    /// send; when it is sent then, `None` if not at all.
    pub(super) fn tampered(
        &mut self,
        by: crate::population::Identity,
        from: SocketAddrV4,
        message: &Message<'_>,
        at: Instant,
    ) -> Option<Instant> {
        let Some(adversary) = &mut self.adversary else {
            return Some(at);
        };
        let mdht_krpc::Body::Query(query) = &message.body else {
            return Some(at);
        };
        let query = (message.transaction_id, query);
        let later = adversary.tamper(&self.world, by, from, query, &mut self.reply)?;
        Some(at + later)
    }
}
