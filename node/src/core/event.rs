//! What a node tells its user.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use mdht_krpc::{Contact, Family, Id, Instant};

use super::{
    BudgetLimit, ItemReport, LookupId, LookupStep, QueryId, RepublishId, Sample, ScrapeReport,
};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A lookup found a peer it had not found before.
    Peer {
        /// The lookup.
        lookup: LookupId,
        /// The peer.
        peer: SocketAddr,
        /// The node that returned it.
        from: SocketAddr,
        /// Time since the lookup's first query.
        elapsed: Duration,
    },
    /// A lookup went on by one step; only while [`super::Core::watch_lookups`]
    /// is on.
    Step {
        /// The lookup.
        lookup: LookupId,
        /// When.
        at: Instant,
        /// What it did, or what was done to it.
        step: LookupStep,
    },
    /// A lookup, and its announces, are over.
    LookupDone {
        /// The lookup.
        lookup: LookupId,
        /// What it found and what it cost.
        report: LookupReport,
    },
    /// A lookup of an item, and its puts, are over (BEP 44).
    ItemDone {
        /// The lookup.
        lookup: LookupId,
        /// What it found, who stores it, and what it cost.
        report: Box<ItemReport>,
    },
    /// An item was put again, or could not be (BEP 44).
    Republished {
        /// The item as it was named.
        id: RepublishId,
        /// What was found, and who stores it.
        report: Box<ItemReport>,
        /// When it will be put again; `None` when it no longer will, since a
        /// newer one was found.
        next_in: Option<Duration>,
    },
    /// A single query was answered, or was not.
    QueryDone {
        /// The query.
        query: QueryId,
        /// The asked address.
        addr: SocketAddr,
        /// What came of it.
        outcome: QueryOutcome,
    },
    /// The first answer has come: the node is part of the overlay.
    Joined {
        /// The family's overlay.
        family: Family,
    },
    /// None of those asked last has answered; others are being asked now.
    JoinFailed {
        /// The family's overlay.
        family: Family,
        /// Who was asked in vain. Empty if nobody is known.
        tried: Vec<SocketAddr>,
        /// When there will be another attempt, if this one fails too.
        retry_in: Duration,
    },
    /// Names of bootstrap nodes should be resolved (again) and handed in.
    NeedBootstrap,
    /// Nobody has answered for too long: we are offline. Nothing is dropped.
    Offline {
        /// The family's overlay.
        family: Family,
    },
    /// Answers come again.
    Online {
        /// The family's overlay.
        family: Family,
    },
    /// Others reach us: strangers query us. Only of a node that finds it out.
    Reachable {
        /// The family's overlay.
        family: Family,
    },
    /// Nobody reaches us: read-only from now on.
    Unreachable {
        /// The family's overlay.
        family: Family,
        /// Until it takes part again, for a trial.
        trial_in: Duration,
    },
    /// No longer read-only, for a trial of whether others reach us now.
    ReachabilityTrial {
        /// The family's overlay.
        family: Family,
    },
    /// The clock jumped: the machine slept, or the process was stopped.
    Resumed {
        /// For how long.
        gap: Duration,
    },
    /// The node's budget is spent: answers to others are left out, queries of
    /// ours wait.
    BudgetSpent {
        /// The limit that was met first.
        limit: BudgetLimit,
    },
    /// Nothing had to wait for the budget for a minute.
    BudgetFree,
    /// Others agree that this is our address.
    ExternalAddress {
        /// The address.
        addr: SocketAddr,
    },
    /// Our node ID has changed, so that it fits the address that others see
    /// us under (BEP 42).
    IdChanged {
        /// The family's overlay.
        family: Family,
        /// The ID before.
        old: Id,
        /// The ID from now on.
        new: Id,
        /// The address that it fits.
        ip: IpAddr,
    },
}

/// What came of a user's single query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueryOutcome {
    /// A response.
    Response {
        /// The node's ID.
        id: Id,
        /// Round-trip time.
        rtt: Duration,
        /// `v`, if sent.
        version: Option<Vec<u8>>,
        /// Contacts in it, in find_node and sample_infohashes responses.
        nodes: Vec<Contact>,
        /// What it holds, in sample_infohashes responses of nodes that know
        /// BEP 51.
        sample: Option<Box<Sample>>,
    },
    /// A KRPC error.
    Error {
        /// Its code.
        code: i64,
        /// Its text.
        message: String,
    },
    /// No answer in time, or none that counts.
    NoAnswer,
}

/// A lookup's result, as the node itself counted it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LookupReport {
    /// The key.
    pub target: Id,
    /// Whether the node had joined; if not, nothing was asked.
    pub joined: bool,
    /// First query to first response with values [thesis 8.III.B].
    pub latency: Option<Duration>,
    /// Queries sent until then, the unanswered included [thesis 8.III.B].
    pub cost: Option<u32>,
    /// Lookup queries sent in all.
    pub queries: u32,
    /// Responses and errors received in time.
    pub responses: u32,
    /// Distinct nodes that returned values: replicas [thesis 8.VIII.A].
    pub nodes_with_values: u32,
    /// Distinct peers found.
    pub peers: u32,
    /// First query to the response of the closest of all that answered
    /// [thesis 8.VIII.B].
    pub closest_time: Option<Duration>,
    /// The closest nodes that answered, closest first, at most eight.
    pub closest: Vec<Contact>,
    /// Announces that were acknowledged.
    pub announced: u32,
    /// Announces sent.
    pub announces: u32,
    /// How large the swarm is, where that was asked (BEP 33).
    pub scrape: Option<Box<ScrapeReport>>,
}
