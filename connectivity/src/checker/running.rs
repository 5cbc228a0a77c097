//! Checks from their beginning to their end.

use std::cmp::Reverse;
use std::net::SocketAddr;

use mdht_krpc::Id;

use super::check::Check;
use super::in_flight::Probe;
use super::{Checker, Event, Port, Transmit};
use crate::{Bursts, Origin};

impl Checker {
    pub(super) fn begin(
        &mut self,
        identity: u16,
        addr: SocketAddr,
        id: Option<Id>,
        origin: Origin,
    ) -> u32 {
        if self.by_age.len() >= self.config.limits.open.max(1) {
            self.drop_oldest();
        }
        let remote = self.config.remote.is_some();
        let number = self.stats.started;
        self.stats.started += 1;
        let check = Check {
            addr,
            id,
            origin,
            identity,
            number,
            key: None,
            bursts: Bursts::new(&self.plan, self.now, remote),
            search: None,
            told: false,
            armed: None,
            // whose ID is known has just queried us
            heard: id.map(|_| self.now),
            came_back: false,
            version: None,
            changed_id: None,
            strays: 0,
        };
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.checks.push(None);
                u32::try_from(self.checks.len() - 1).unwrap_or(u32::MAX)
            }
        };
        self.checks[slot as usize] = Some(check);
        self.by_age.insert(number, slot);
        if let Some(id) = id {
            self.name(slot, addr.ip(), &id);
        }
        self.step(slot);
        self.send_ready();
        slot
    }

    fn drop_oldest(&mut self) {
        if let Some((_, slot)) = self.by_age.first_key_value().map(|(a, b)| (*a, *b))
            && let Some(check) = self.close(slot)
        {
            self.stats.dropped += 1;
            self.events.push_back(Event::Dropped { node: check.addr });
        }
    }

    fn close(&mut self, slot: u32) -> Option<Check> {
        let check = self.checks.get_mut(slot as usize)?.take()?;
        self.by_age.remove(&check.number);
        if let Some(key) = check.key {
            self.by_key.remove(&key);
        }
        self.free.push(slot);
        Some(check)
    }

    /// Looks at a check: sends, waits, tells or ends.
    pub(super) fn step(&mut self, slot: u32) {
        let (now, limits) = (self.now, self.config.limits);
        let Some(Some(check)) = self.checks.get_mut(slot as usize) else {
            return;
        };
        check.bursts.settle(&self.plan, now);
        if !check.told && check.bursts.has_pattern(&self.plan) {
            check.told = true;
            self.events.push_back(Event::Pattern {
                node: check.addr,
                pattern: check.bursts.pattern(&self.plan),
            });
        }
        let next = match check.bursts.next(&self.plan) {
            Some(next) => Some(next),
            None => {
                if let (None, Some(limits)) = (&check.search, self.config.mapping) {
                    check.begin_search(&self.plan, limits);
                }
                let ends = check.bursts.began() + limits.search;
                let search = check.search.as_ref();
                let search = search.filter(|search| !search.is_over() && now < ends);
                search.map(|search| {
                    let next = search.next(self.plan.interval);
                    next.map_or(ends, |next| next.min(ends))
                })
            }
        };
        match next {
            None => self.finish(slot),
            Some(next) if check.armed.is_some_and(|armed| armed <= next) => {}
            Some(next) => {
                check.armed = Some(next);
                let number = check.number;
                if next <= now {
                    self.ready.push_back((slot, number));
                } else {
                    self.timers.push(Reverse((next, slot, number)));
                }
            }
        }
    }

    fn finish(&mut self, slot: u32) {
        if let Some(check) = self.close(slot) {
            self.stats.finished += 1;
            let report = check.report(&self.plan, &self.memory);
            self.events.push_back(Event::Finished(Box::new(report)));
        }
    }

    /// Sends the pings that are due, as far as the rate allows.
    pub(super) fn send_ready(&mut self) {
        while let Some((slot, number)) = self.ready.front().copied() {
            if self.rate.free_at(Self::PROBES) > self.now {
                self.stats.delayed += 1;
                return;
            }
            self.ready.pop_front();
            if self.find(slot, number).is_some() {
                self.send(slot);
                self.step(slot);
            }
        }
    }

    fn send(&mut self, slot: u32) {
        let now = self.now;
        let Some(Some(check)) = self.checks.get_mut(slot as usize) else {
            return;
        };
        check.armed = None;
        let (number, to, identity) = (check.number, check.addr, check.identity);
        let mut ping = None;
        let mut ports = [None; 3];
        if let Some(pings) = check.bursts.ping(&self.plan, now) {
            ping = Some((pings.burst, pings.ping));
            for from in pings.vantages() {
                ports[from.index()] = Some(Port::of(from, identity));
            }
        } else if let Some(search) = &mut check.search
            && search.ping(now, self.plan.interval).is_some()
        {
            ports[0] = Some(Port::Own(identity));
        }
        let mut probes = 0;
        for port in ports.into_iter().flatten() {
            probes += 1;
            let probe = Probe {
                slot,
                number,
                port,
                ping,
            };
            let transmit = self.transmit(to, probe);
            self.transmits.push_back(transmit);
        }
        self.rate.take(now, probes);
        self.stats.probes += u64::from(probes);
    }

    fn transmit(&mut self, to: SocketAddr, probe: Probe) -> Transmit {
        let port = probe.port;
        let own = |identity: u16| self.config.identities.get(usize::from(identity));
        let [local, remote] = self.checker_ids;
        let (id, read_only) = match port {
            Port::Own(identity) => (
                own(identity).map_or(local, |identity| identity.id),
                !self.config.own_answers,
            ),
            Port::Local(_) => (local, true),
            Port::Remote => (remote, true),
        };
        Transmit {
            port,
            to,
            transaction: self.in_flight.add(self.now, probe, &mut self.rng),
            id,
            read_only,
            version: self.config.version,
        }
    }
}
