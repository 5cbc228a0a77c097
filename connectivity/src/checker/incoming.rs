//! What a checker makes of queries and answers.

use std::collections::hash_map::Entry;
use std::net::{IpAddr, SocketAddr};

use mdht_krpc::Id;

use super::in_flight::Probe;
use super::{Checker, Incoming, Port};
use crate::{Origin, Vantage};

/// What a query says of its sender.
#[derive(Clone, Copy)]
pub(super) struct Client<'a> {
    pub(super) version: Option<&'a [u8]>,
    /// It answers nobody [BEP 43].
    pub(super) read_only: bool,
}

impl Checker {
    pub(super) fn on_query(
        &mut self,
        port: Port,
        from: SocketAddr,
        id: Option<Id>,
        client: Client<'_>,
    ) {
        let Port::Own(identity) = port else {
            self.stats.uninvited += 1;
            return;
        };
        self.stats.queries += 1;
        let Some(socket) = self.config.identities.get(usize::from(identity)) else {
            return;
        };
        let expected = self.place_among_expected(&from);
        let refusal = match expected {
            Some(_) => self.rules.named(&socket.own, &from),
            None => self.rules.querier(&socket.own, &from),
        };
        let Some(id) = id else {
            self.stats.without_id += 1;
            return;
        };
        // one of our own nodes, at an address that is ours unknown to us
        let own = self.config.identities.iter().any(|own| own.id == id);
        if refusal.is_err() || own {
            self.stats.refused += 1;
            return;
        }
        let names = self.memory.names(from.ip(), &id);
        let key = self.memory.key(names);
        if let Some(slot) = self.by_key.get(&key).copied() {
            self.stats.repeats += 1;
            self.on_heard(slot, identity, from);
            return;
        }
        if self.memory.knows(key) {
            self.stats.repeats += 1;
        } else if !self.config.survey && expected.is_none() {
            self.stats.not_asked_for += 1;
        } else if self.memory.shared(names).0 >= self.config.limits.ids_per_ip {
            self.stats.flooding += 1;
        } else if client.read_only && expected.is_none() {
            self.stats.read_only += 1;
        } else {
            let origin = expected.map_or(Origin::Queried, |_| Origin::Named);
            if let Some(place) = expected {
                self.expected.swap_remove(place);
            }
            let slot = self.begin(identity, from, Some(id), origin);
            if let Some(Some(check)) = self.checks.get_mut(slot as usize) {
                check.introduce(None, client.version);
            }
        }
    }

    fn place_among_expected(&self, from: &SocketAddr) -> Option<usize> {
        let fits = |node: &SocketAddr| {
            node.ip() == from.ip() && (node.port() == 0 || node.port() == from.port())
        };
        self.expected.iter().position(fits)
    }

    /// A node that is being checked queries again.
    fn on_heard(&mut self, slot: u32, identity: u16, from: SocketAddr) {
        let now = self.now;
        let Some(Some(check)) = self.checks.get_mut(slot as usize) else {
            return;
        };
        // another port or another of our sockets: another mapping
        if check.addr != from || check.identity != identity {
            return;
        }
        check.heard = Some(now);
        check.came_back |= check.told;
        if let Some(search) = &mut check.search {
            search.heard(now);
            self.step(slot);
        }
    }

    pub(super) fn on_answer(
        &mut self,
        port: Port,
        from: SocketAddr,
        probe: Probe,
        (id, version): (Option<Id>, Option<&[u8]>),
    ) -> Incoming {
        let (now, slot) = (self.now, probe.slot);
        let check = self.checks.get_mut(slot as usize).and_then(Option::as_mut);
        let Some(check) = check.filter(|check| check.number == probe.number) else {
            self.stats.late += 1;
            return Incoming::Answer;
        };
        // one to the node behind the socket may bear the same ID, by chance
        if check.addr != from {
            check.strays = check.strays.saturating_add(1);
            self.stats.wrong_source += 1;
            return Incoming::Other;
        }
        if port != probe.port {
            self.stats.wrong_socket += 1;
            return Incoming::Other;
        }
        let counts = match (probe.ping, &mut check.search) {
            (Some(ping), _) => {
                let rtt = check.bursts.answer(&self.plan, now, ping, port.vantage());
                rtt.is_some()
            }
            (None, Some(search)) => {
                search.answered(now);
                true
            }
            (None, None) => false,
        };
        if !counts {
            self.stats.late += 1;
            return Incoming::Answer;
        }
        self.stats.answers += 1;
        if port.vantage() == Vantage::Own {
            check.heard = Some(now);
        }
        let nameless = check.id.is_none();
        self.stats.changed_ids += u64::from(check.introduce(id, version));
        if let (true, Some(id)) = (nameless, check.id) {
            let ip = check.addr.ip();
            self.name(slot, ip, &id);
        }
        self.step(slot);
        Incoming::Answer
    }

    /// An answer to no probe in flight: on an own socket, to the node behind it.
    pub(super) fn on_unknown_answer(&mut self, port: Port) -> Incoming {
        if let Port::Own(_) = port {
            return Incoming::Other;
        }
        self.stats.late += 1;
        Incoming::Answer
    }

    /// Gives an open check the ID that its node told.
    pub(super) fn name(&mut self, slot: u32, ip: IpAddr, id: &Id) {
        let key = self.note_met(ip, id);
        // two addresses may be one node: the first is the one that is heard
        if let Entry::Vacant(entry) = self.by_key.entry(key) {
            entry.insert(slot);
            if let Some(Some(check)) = self.checks.get_mut(slot as usize) {
                check.key = Some(key);
            }
        }
    }

    pub(super) fn note_met(&mut self, ip: IpAddr, id: &Id) -> u64 {
        let names = self.memory.names(ip, id);
        self.stats.forgotten += u64::from(self.memory.remember(names));
        self.memory.key(names)
    }
}
