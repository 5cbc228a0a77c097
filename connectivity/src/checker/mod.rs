//! The checker: every node that is to be checked, from every vantage point.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};

use foldhash::fast::FixedState;
use mdht_krpc::{Body, Id, Instant, Message, Rng};

use crate::{Origin, Pattern, Plan, Report};

mod address;
mod check;
mod config;
mod in_flight;
mod incoming;
mod memory;
mod probe;
mod rate;
mod running;
mod stats;

#[cfg(test)]
mod tests;

pub use address::Refusal;
pub use config::{Config, ConfigError, Identity, Limits};
pub use probe::{Port, Transmit};
pub use stats::Stats;

use address::AddressRules;
use check::Check;
use in_flight::InFlight;
use incoming::Client;
use memory::Memory;
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

/// A moment to look at a check, by its slot and number.
type Timer = Reverse<(Instant, u32, u64)>;

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
///
/// An answer counts if it comes, in time and for the first time, from the
/// address that was asked to the socket that asked, with the transaction ID of
/// that probe: 32 bits, drawn for each probe and forgotten when nobody waits for
/// it any more. Who forges the address from off the path must guess them:
/// 100,000 guesses a second, all the minute that the five pings of a burst are
/// in flight, make a node look reachable from one vantage point that it is not
/// reachable from with a chance of 0.6 %.
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
    ready: VecDeque<(u32, u64)>,
    in_flight: InFlight,
    transmits: VecDeque<Transmit>,
    events: VecDeque<Event>,
    stats: Stats,
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
        let search = config
            .mapping
            .map(|limits| plan.interval * u32::from(limits.pings));
        let patience = plan.timeout.max(search.unwrap_or_default());
        let sockets = config.identities.iter().flat_map(|id| [id.own, id.local]);
        let own = sockets.chain(config.remote).collect();
        Ok(Self {
            now: Instant::ZERO,
            rules: AddressRules::new(own, config.allow_private),
            rate: Rate::new(config.limits.probes_per_second),
            memory: Memory::new(config.limits.remembered, &mut rng),
            checker_ids: [Id::random(&mut rng), Id::random(&mut rng)],
            by_key: HashMap::with_hasher(FixedState::with_seed(rng.next_u64())),
            plan,
            config,
            checks: Vec::new(),
            free: Vec::new(),
            by_age: BTreeMap::new(),
            expected: Vec::new(),
            timers: BinaryHeap::new(),
            ready: VecDeque::new(),
            in_flight: InFlight::new(patience, &mut rng),
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            stats: Stats::default(),
            rng,
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
        match self.in_flight.find(message.transaction_id) {
            Some(probe) => self.on_answer(port, from, probe, (id, message.version)),
            None => self.on_unknown_answer(port),
        }
    }

    /// Does what has fallen due by `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.advance(now);
        while let Some(Reverse((due, slot, number))) = self.timers.peek().copied() {
            if due > self.now {
                break;
            }
            self.timers.pop();
            // one that was overtaken by an earlier one does nothing
            if let Some(check) = self.find(slot, number)
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
        self.in_flight.forget(self.now);
    }

    fn find(&mut self, slot: u32, number: u64) -> Option<&mut Check> {
        let check = self.checks.get_mut(slot as usize)?.as_mut()?;
        (check.number == number).then_some(check)
    }
}
