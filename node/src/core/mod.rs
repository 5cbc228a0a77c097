//! The node as a state machine without sockets, clock or global state.
//!
//! **After one input or command, drain [`Core::poll_transmit`] and
//! [`Core::poll_event`] to `None`, then read [`Core::poll_timeout`].**
//!
//! - Inputs are [`Core::handle_datagram`] and [`Core::handle_timeout`];
//!   commands are [`Core::get_peers`] and its like. Each carries the time it
//!   happened; time never decreases (an earlier time counts as the latest).
//! - An early or repeated [`Core::handle_timeout`] does nothing. A due timer
//!   is disarmed before it runs.
//! - Everything held is bounded; what is dropped is counted in [`Stats`].
//!
//! The core is mechanism: transaction IDs, matching, tokens, storage,
//! answering, joining and noticing that nobody answers. Whom to keep, whom to
//! ask and how long to wait is decided by the modules of
//! [`mdht_plugins`].

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use mdht_krpc::{Body, Contact, Family, Id, Instant, Message, Oddities, Rng};
use mdht_plugins::lookup::{LookupModule, maintenance_lookup};

mod addresses;
mod amplification;
mod answers;
mod budget;
mod config;
mod event;
mod incoming;
mod item_store;
mod joining;
mod limiter;
mod maintenance;
mod overlay;
mod own_id;
mod peer_store;
mod postponed;
mod reachability;
mod reading;
mod republish;
mod sampling;
mod saved;
mod scraping;
mod search;
mod sending;
mod serving;
mod several_addresses;
mod spare;
mod stats;
mod steps;
mod strangers;
mod timers;
mod token_bucket;
mod tokens;
mod transactions;
mod user_lookup;

pub use amplification::{MOST_ANSWER, free_answer};
pub use budget::{Budget, BudgetLimit};
pub use config::{Config, VERSION};
pub use event::{Event, LookupReport, QueryOutcome};
pub use item_store::{ItemCounts, ItemStoreConfig};
pub use limiter::RateLimit;
pub use peer_store::PeerStoreConfig;
pub use reachability::ReachabilityWatch;
pub use sampling::{Sample, SampleConfig};
pub use saved::SavedNode;
pub use scraping::ScrapeReport;
pub use stats::{ByMethod, Stats, TableChanges};
pub use steps::LookupStep;
pub use user_lookup::{AnnouncePort, ItemQuery, ItemReport};

use addresses::AddressPolicy;
use budget::Spending;
use incoming::Incoming;
use item_store::ItemStore;
use limiter::Limiter;
use overlay::Overlay;
use peer_store::PeerStore;
use postponed::Postponed;
use reachability::Reachability;
use republish::Republished;
use sampling::Samples;
use search::{Search, SearchId};
use spare::Spare;
use timers::{Timer, Timers};
use tokens::Tokens;
use transactions::Transactions;
use user_lookup::UserLookup;

/// Names one of the node's sockets: its place in [`Config::sockets`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(pub usize);

/// Names a lookup that a user asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LookupId(u64);

/// Names a single query that a user asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueryId(u64);

/// Names an item that a user asked to keep in the DHT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepublishId(u64);

/// A datagram to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Transmit {
    /// The socket it leaves by.
    pub socket: SocketId,
    /// Where it goes.
    pub to: SocketAddr,
    /// The UDP payload.
    pub payload: Vec<u8>,
}

/// A Mainline DHT node. See the [module](self) for how to drive it.
pub struct Core {
    now: Instant,
    rng: Rng,
    config: Config,
    overlays: Vec<Overlay>,
    lookup_module: Box<dyn LookupModule>,
    maintenance_module: Box<dyn LookupModule>,
    transactions: Transactions,
    timers: Timers,
    searches: BTreeMap<SearchId, Search>,
    lookups: BTreeMap<LookupId, UserLookup>,
    next_number: u64,
    addresses: AddressPolicy,
    tokens: Tokens,
    peers: PeerStore,
    items: ItemStore,
    republished: BTreeMap<RepublishId, Republished>,
    samples: Samples,
    limiter: Option<Limiter>,
    spending: Option<Spending>,
    postponed: Postponed,
    /// Length of the datagram being handled, in bytes: what an answer to it is
    /// measured by.
    query_len: usize,
    bootstrap: Vec<SocketAddr>,
    transmits: VecDeque<Transmit>,
    spare: Spare,
    events: VecDeque<Event>,
    /// Whether the steps of lookups are told.
    watched: bool,
    stats: Stats,
}

impl Core {
    /// Longest datagram that is read. The longest of an honest client known is
    /// bittorrent-dht's, which answers with its whole table: 3,415 bytes for
    /// 131 contacts. What is longer names thousands, to mislead or to burden.
    const MOST_DATAGRAM: usize = 8192;
    /// Most datagrams and most events that wait to be taken.
    const MOST_WAITING: usize = 65_536;
    /// Room for so many datagrams is kept when all are taken.
    const FEW_WAITING: usize = 4;
    /// A token secret is used for this long, and accepted as long again (BEP 5).
    const SECRET_LIFETIME: Duration = Duration::from_secs(5 * 60);
    /// How often stored peers are looked through.
    const PEER_SWEEP: Duration = Duration::from_secs(60);

    /// A node that has not yet asked anybody anything: hand it bootstrap
    /// addresses, or a table to restore.
    pub fn new(config: Config, seed: [u8; 32], now: Instant) -> Self {
        let mut rng = Rng::from_seed(seed);
        let addresses = AddressPolicy::new(config.allow_private, config.sockets.iter().copied());
        let overlays = Family::ALL
            .into_iter()
            .filter_map(|family| Overlay::new(family, &config, &mut rng));
        let mut overlays: Vec<_> = overlays.collect();
        if let Some(watch) = config
            .read_only_if_unreachable
            .filter(|_| !config.read_only)
        {
            for overlay in &mut overlays {
                overlay.reachability = Some(Box::new(Reachability::new(watch, now)));
            }
        }
        overlays.shrink_to_fit();
        let mut core = Self {
            now,
            overlays,
            lookup_module: config.lookup.make(),
            maintenance_module: maintenance_lookup(),
            transactions: Transactions::default(),
            timers: Timers::default(),
            searches: BTreeMap::new(),
            lookups: BTreeMap::new(),
            next_number: 0,
            addresses,
            tokens: Tokens::new(&mut rng),
            peers: PeerStore::new(config.peers),
            items: ItemStore::new(config.items),
            republished: BTreeMap::new(),
            samples: Samples::default(),
            limiter: config
                .rate_limit
                .map(|limit| Limiter::new(limit, now, &mut rng)),
            spending: Spending::new(&config.budget, now),
            postponed: Postponed::default(),
            query_len: 0,
            bootstrap: Vec::new(),
            transmits: VecDeque::new(),
            spare: Spare::default(),
            events: VecDeque::new(),
            watched: false,
            stats: Stats::default(),
            rng,
            config,
        };
        core.timers.set(now + Self::SECRET_LIFETIME, Timer::Secrets);
        core.timers.set(now + Self::PEER_SWEEP, Timer::Peers);
        for family in core.families() {
            core.wake_routing_at(family, now);
        }
        core
    }

    /// Takes a datagram that arrived on `socket`.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        socket: SocketId,
        from: SocketAddr,
        payload: &[u8],
    ) {
        self.advance(now);
        self.stats.bytes_received += payload.len() as u64;
        self.query_len = payload.len();
        if !self.addresses.accepts(&from) {
            self.stats.bad_source += 1;
            return;
        }
        if payload.len() > Self::MOST_DATAGRAM {
            self.stats.oversized += 1;
            return;
        }
        let Ok(message) = Message::scan(payload) else {
            self.stats.malformed += 1;
            return;
        };
        if message.oddities.contains(Oddities::NON_CANONICAL) {
            self.stats.noncanonical += 1;
        }
        let incoming = Incoming {
            socket,
            from,
            message: &message,
        };
        match &message.body {
            Body::Query(query) => self.on_query(&incoming, query),
            Body::Response(response) => self.on_response(&incoming, response),
            Body::Error(error) => self.on_error(&incoming, error),
        }
    }

    /// Does what has fallen due by `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.advance(now);
        while let Some((due, timer)) = self.timers.pop_due(self.now) {
            match timer {
                Timer::Soft(id) => self.on_soft_timeout(&id),
                Timer::Hard(id) => self.on_hard_timeout(&id),
                Timer::Routing(family) => self.do_maintenance(family),
                Timer::Search(id) => self.wake_search(id),
                Timer::Join(family) => self.try_to_join(family),
                Timer::Patience(lookup) => self.lose_patience(lookup),
                Timer::Reachability(family) => self.look_at_reachability(family),
                Timer::Republish(id) => self.put_again(id),
                Timer::Postponed => self.send_postponed(),
                Timer::BudgetFree => self.look_whether_budget_is_free(),
                Timer::Secrets => {
                    self.tokens.rotate(&mut self.rng);
                    if self.now.since(due) >= Self::SECRET_LIFETIME {
                        // slept past the next change too: no token may outlive its time
                        self.tokens.rotate(&mut self.rng);
                    }
                    self.timers
                        .set(self.now + Self::SECRET_LIFETIME, Timer::Secrets);
                }
                Timer::Peers => {
                    self.peers.expire(self.now);
                    self.items.expire(self.now);
                    self.timers.set(self.now + Self::PEER_SWEEP, Timer::Peers);
                }
            }
        }
    }

    /// The next datagram to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        let next = self.transmits.pop_front();
        if self.transmits.is_empty() && self.transmits.capacity() > Self::FEW_WAITING {
            self.transmits = VecDeque::new();
        }
        next
    }

    /// Takes back the memory of a datagram that was sent, for one to come. A
    /// driver that never calls it, as one of many nodes in one process, has
    /// nothing kept for it; with it, answering queries allocates nothing.
    pub fn recycle(&mut self, payload: Vec<u8>) {
        self.spare.recycle(payload);
    }

    /// The next thing to tell the user.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<Event> {
        let next = self.events.pop_front();
        if self.events.is_empty() && self.events.capacity() > 0 {
            // events are rare, and large
            self.events = VecDeque::new();
        }
        next
    }

    /// When to call [`Core::handle_timeout`] next. Every other call may change it.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next_deadline()
    }

    /// Takes up a peer as if it had announced itself: for a node whose store
    /// outlived it, or whose world begins in the middle.
    pub fn hold_peer(&mut self, now: Instant, info_hash: Id, peer: SocketAddr) {
        self.advance(now);
        self.peers.announce(self.now, info_hash, peer, false);
    }

    fn families(&self) -> Vec<Family> {
        self.overlays.iter().map(|overlay| overlay.family).collect()
    }

    fn overlay_ref(&self, family: Family) -> Option<&Overlay> {
        self.overlays
            .iter()
            .find(|overlay| overlay.family == family)
    }

    fn overlay(&mut self, family: Family) -> Option<&mut Overlay> {
        self.overlays
            .iter_mut()
            .find(|overlay| overlay.family == family)
    }

    fn advance(&mut self, now: Instant) {
        let overdue = self.timers.next_deadline().map(|due| now.since(due));
        self.now = self.now.max(now);
        if let Some(gap) = overdue.filter(|overdue| *overdue >= joining::SLEEP) {
            self.on_resumed(gap);
        }
    }

    fn number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    fn tell(&mut self, event: Event) {
        if self.events.len() < Self::MOST_WAITING {
            self.events.push_back(event);
        } else {
            self.stats.dropped += 1;
        }
    }

    /// Contacts that may be used: of this family, with an address that can be,
    /// and not ourselves.
    fn usable(&self, family: Family, contacts: impl Iterator<Item = Contact>) -> Vec<Contact> {
        /// One client answers with its whole table (131 contacts were seen).
        const MOST_NODES: usize = 256;
        let own_id = self.id(family);
        let usable = contacts
            .filter(|contact| self.addresses.accepts(&contact.addr) && Some(contact.id) != own_id);
        usable.take(MOST_NODES).collect()
    }
}
