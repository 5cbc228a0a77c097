//! The checker: every node that is to be checked, from every vantage point.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};

use foldhash::fast::FixedState;
use mdht_krpc::{Body, Id, Instant, Message, Rng};

use crate::{Bursts, Origin, Pattern, Plan, Report};

mod address;
mod check;
mod config;
mod memory;
mod probe;
mod rate;
mod stats;

#[cfg(test)]
mod tests;

pub use address::Refusal;
pub use config::{Config, ConfigError, Identity, Limits};
pub use probe::{Port, Transmit};
pub use stats::Stats;

use address::AddressRules;
use check::Check;
use memory::Memory;
use probe::Transaction;
use rate::Rate;

/// What a datagram was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// An answer to a probe, or meant to be one: nobody else needs to see it.
    Answer,
    /// A query, or somebody else's answer: an instrumented node may want it.
    Other,
}

/// Something that came out of checks.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// Both bursts are over; where a longer watch was asked for, the report is
    /// still to come.
    Pattern {
        /// The node.
        node: SocketAddr,
        /// Its pattern.
        pattern: Pattern,
    },
    /// A check is over.
    Finished(Box<Report>),
    /// A check was dropped before its end: there were too many.
    Dropped {
        /// The node.
        node: SocketAddr,
    },
}

/// A moment to look at a check, by its slot and nonce.
type Timer = Reverse<(Instant, u32, u32)>;

/// Checks nodes [thesis 7.4].
///
/// **After one input, drain [`Checker::poll_transmit`] and
/// [`Checker::poll_event`] to `None`, then read [`Checker::poll_timeout`].**
/// Inputs are [`Checker::handle_datagram`], [`Checker::handle_timeout`] and
/// [`Checker::check_node`]; each carries the time it happened, which never
/// decreases. A timeout that is early or repeated does nothing.
///
/// Only the source address of a query to one of our own sockets is probed, or
/// an address that the user named: nobody can make us send to a third party by
/// asking. What is held is bounded by [`Limits`].
#[derive(Debug)]
pub struct Checker {
    now: Instant,
    rng: Rng,
    plan: Plan,
    config: Config,
    rules: AddressRules,
    rate: Rate,
    memory: Memory,
    /// IDs that the localcheckers and the remotechecker probe with.
    checker_ids: [Id; 2],
    checks: Vec<Option<Check>>,
    free: Vec<u32>,
    /// Open checks in the order they began.
    by_age: BTreeMap<u64, u32>,
    /// Open checks by IP and ID.
    by_key: HashMap<u64, u32, FixedState>,
    /// Nodes whose queries are waited for.
    expected: Vec<SocketAddr>,
    timers: BinaryHeap<Timer>,
    /// Checks with pings due, which wait for the rate limit.
    ready: VecDeque<(u32, u32)>,
    transmits: VecDeque<Transmit>,
    events: VecDeque<Event>,
    stats: Stats,
}

/// What a query says of its sender.
#[derive(Clone, Copy)]
struct Client<'a> {
    version: Option<&'a [u8]>,
    /// It answers nobody [BEP 43].
    read_only: bool,
}

impl Checker {
    /// Probes that a node may need at once.
    const PROBES: u32 = 3;

    /// A checker that has nobody to check yet.
    ///
    /// # Errors
    /// The configuration contradicts itself.
    pub fn new(config: Config, mut rng: Rng) -> Result<Self, ConfigError> {
        config.check()?;
        let plan = Plan::new(&config.timing)?;
        let sockets = config.identities.iter().flat_map(|id| [id.own, id.local]);
        let own = sockets.chain(config.remote).collect();
        Ok(Self {
            now: Instant::ZERO,
            rules: AddressRules::new(own, config.allow_private),
            rate: Rate::new(config.limits.probes_per_second),
            memory: Memory::new(config.limits.remembered, &mut rng),
            checker_ids: [Id::random(&mut rng), Id::random(&mut rng)],
            by_key: HashMap::with_hasher(FixedState::with_seed(rng.next_u64())),
            rng,
            plan,
            config,
            checks: Vec::new(),
            free: Vec::new(),
            by_age: BTreeMap::new(),
            expected: Vec::new(),
            timers: BinaryHeap::new(),
            ready: VecDeque::new(),
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            stats: Stats::default(),
        })
    }

    /// Checks a node that the user named, from the instrumented node
    /// `identity`. It is not known whether the node ever sent to us, so that
    /// one behind a NAT may show as unreachable.
    ///
    /// # Errors
    /// The address cannot be a node's, or is being checked.
    pub fn check_node(
        &mut self,
        now: Instant,
        identity: u16,
        node: SocketAddr,
    ) -> Result<(), Refusal> {
        self.advance(now);
        self.may_name(identity, &node)?;
        let mut open = self.checks.iter().flatten();
        if open.any(|check| check.addr == node && check.origin == Origin::Named) {
            return Err(Refusal::Known);
        }
        self.begin(identity, node, None, Origin::Named);
        Ok(())
    }

    /// Checks a node that the user named as soon as it queries us; port 0 is
    /// any port.
    pub fn expect(&mut self, node: SocketAddr) {
        self.expected.push(node);
    }

    /// Whether a node is still waited for.
    pub fn expects(&self, node: &SocketAddr) -> bool {
        self.expected.contains(node)
    }

    /// Whether the user can name this address.
    ///
    /// # Errors
    /// Why not.
    pub fn may_name(&self, identity: u16, node: &SocketAddr) -> Result<(), Refusal> {
        let identity = self.config.identities.get(usize::from(identity));
        let identity = identity.ok_or(Refusal::NoSuchIdentity)?;
        self.rules.named(&identity.own, node)
    }

    /// From now on only named nodes are checked; what is open goes on.
    pub fn stop_taking_in(&mut self) {
        self.config.survey = false;
    }

    /// Remembers a node as checked, so that it is not checked again.
    pub fn remember(&mut self, ip: IpAddr, id: &Id) {
        self.note_met(ip, id);
    }

    /// Takes a datagram that arrived by `port`.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        port: Port,
        from: SocketAddr,
        payload: &[u8],
    ) -> Incoming {
        self.advance(now);
        let Ok(message) = Message::scan(payload) else {
            self.stats.malformed += 1;
            return Incoming::Other;
        };
        let id = match &message.body {
            Body::Query(query) => {
                let client = Client {
                    version: message.version,
                    read_only: message.read_only,
                };
                self.on_query(port, from, query.id, client);
                return Incoming::Other;
            }
            Body::Response(response) => response.id,
            // who refuses a ping is there all the same
            Body::Error(_) => None,
        };
        let Some(transaction) = Transaction::read(message.transaction_id) else {
            return Incoming::Other;
        };
        self.on_answer(port, from, transaction, (id, message.version));
        Incoming::Answer
    }

    /// Does what has fallen due by `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.advance(now);
        while let Some(Reverse((due, slot, nonce))) = self.timers.peek().copied() {
            if due > self.now {
                break;
            }
            self.timers.pop();
            // one that was overtaken by an earlier one does nothing
            if let Some(check) = self.find(slot, nonce)
                && check.armed == Some(due)
            {
                check.armed = None;
                self.step(slot);
            }
        }
        self.send_ready();
    }

    /// The next ping to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// The next thing to tell.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When to call [`Checker::handle_timeout`] next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let timer = self.timers.peek().map(|Reverse((at, ..))| *at);
        let ready = (!self.ready.is_empty()).then(|| self.rate.free_at(Self::PROBES));
        timer.into_iter().chain(ready).min()
    }

    /// Checks under way.
    pub fn open(&self) -> usize {
        self.by_age.len()
    }

    /// Counters.
    pub const fn stats(&self) -> &Stats {
        &self.stats
    }

    /// The timings, laid out.
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    fn advance(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    fn find(&mut self, slot: u32, nonce: u32) -> Option<&mut Check> {
        let check = self.checks.get_mut(slot as usize)?.as_mut()?;
        (check.nonce == nonce).then_some(check)
    }

    fn on_query(&mut self, port: Port, from: SocketAddr, id: Option<Id>, client: Client<'_>) {
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

    fn on_answer(
        &mut self,
        port: Port,
        from: SocketAddr,
        transaction: Transaction,
        (id, version): (Option<Id>, Option<&[u8]>),
    ) {
        let now = self.now;
        let Transaction { slot, nonce, .. } = transaction;
        let Some(check) = self
            .checks
            .get_mut(slot as usize)
            .and_then(Option::as_mut)
            .filter(|check| check.nonce == nonce)
        else {
            self.stats.late += 1;
            return;
        };
        if check.addr != from {
            check.strays = check.strays.saturating_add(1);
            self.stats.wrong_source += 1;
            return;
        }
        if port != Port::of(port.vantage(), check.identity) {
            self.stats.wrong_socket += 1;
            return;
        }
        let counts = if transaction.burst == Transaction::SEARCH {
            match (&mut check.search, port) {
                (Some(search), Port::Own(_)) => search.answered(now),
                _ => return,
            }
            true
        } else {
            let ping = (transaction.burst, transaction.ping);
            let rtt = check.bursts.answer(&self.plan, now, ping, port.vantage());
            rtt.is_some()
        };
        if !counts {
            self.stats.late += 1;
            return;
        }
        self.stats.answers += 1;
        if port.vantage() == crate::Vantage::Own {
            check.heard = Some(now);
        }
        let nameless = check.id.is_none();
        self.stats.changed_ids += u64::from(check.introduce(id, version));
        if let (true, Some(id)) = (nameless, check.id) {
            let ip = check.addr.ip();
            self.name(slot, ip, &id);
        }
        self.step(slot);
    }

    /// Gives an open check the ID that its node told.
    fn name(&mut self, slot: u32, ip: IpAddr, id: &Id) {
        let key = self.note_met(ip, id);
        // two addresses may be one node: the first is the one that is heard
        if let std::collections::hash_map::Entry::Vacant(entry) = self.by_key.entry(key) {
            entry.insert(slot);
            if let Some(Some(check)) = self.checks.get_mut(slot as usize) {
                check.key = Some(key);
            }
        }
    }

    fn note_met(&mut self, ip: IpAddr, id: &Id) -> u64 {
        let names = self.memory.names(ip, id);
        self.stats.forgotten += u64::from(self.memory.remember(names));
        self.memory.key(names)
    }

    fn begin(&mut self, identity: u16, addr: SocketAddr, id: Option<Id>, origin: Origin) -> u32 {
        if self.by_age.len() >= self.config.limits.open.max(1) {
            self.drop_oldest();
        }
        let remote = self.config.remote.is_some();
        let number = self.stats.started;
        self.stats.started += 1;
        let [a, b, c, d, ..] = self.rng.next_u64().to_be_bytes();
        let check = Check {
            addr,
            id,
            origin,
            identity,
            number,
            key: None,
            nonce: u32::from_be_bytes([a, b, c, d]),
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
    fn step(&mut self, slot: u32) {
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
                let nonce = check.nonce;
                if next <= now {
                    self.ready.push_back((slot, nonce));
                } else {
                    self.timers.push(Reverse((next, slot, nonce)));
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
    fn send_ready(&mut self) {
        while let Some((slot, nonce)) = self.ready.front().copied() {
            if self.rate.free_at(Self::PROBES) > self.now {
                self.stats.delayed += 1;
                return;
            }
            self.ready.pop_front();
            if self.find(slot, nonce).is_some() {
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
        let mut transaction = Transaction {
            slot,
            nonce: check.nonce,
            burst: Transaction::SEARCH,
            ping: 0,
        };
        let (to, identity) = (check.addr, check.identity);
        let mut ports = [None; 3];
        if let Some(pings) = check.bursts.ping(&self.plan, now) {
            (transaction.burst, transaction.ping) = (pings.burst, pings.ping);
            for from in pings.vantages() {
                ports[from.index()] = Some(Port::of(from, identity));
            }
        } else if let Some(search) = &mut check.search
            && let Some(ping) = search.ping(now, self.plan.interval)
        {
            transaction.ping = ping;
            ports[0] = Some(Port::Own(identity));
        }
        let mut probes = 0;
        for port in ports.into_iter().flatten() {
            probes += 1;
            let transmit = self.probe(port, to, transaction);
            self.transmits.push_back(transmit);
        }
        self.rate.take(now, probes);
        self.stats.probes += u64::from(probes);
    }

    fn probe(&self, port: Port, to: SocketAddr, transaction: Transaction) -> Transmit {
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
            transaction,
            id,
            read_only,
            version: self.config.version,
        }
    }
}
