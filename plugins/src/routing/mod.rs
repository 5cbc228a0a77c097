//! Routing modules: what a node keeps in its routing table, and what it does
//! to keep the table good.

use std::net::SocketAddr;
use std::time::Duration;

use crate::Parameter;
use mdht_krpc::{Contact, Family, Id, Instant, Method, Rng};

mod bep5;
mod field;
mod harvest;
mod nearest;
mod nice;
mod table;
#[cfg(test)]
mod testing;
mod ut22;

pub(crate) use bep5::definition as bep5;
pub(crate) use field::{lt, ml, ut};
pub(crate) use harvest::definition as harvest;
pub(crate) use nice::{checked, nice, nr64, nr128, nrtt};
pub(crate) use ut22::definition as ut22;

/// Whether contacts whose ID fits their address are preferred [BEP 42]. Off by
/// default: the modules of the thesis are of 2011, BEP 42 of 2014.
fn bep42_parameter() -> Parameter {
    Parameter::choice(
        "bep42",
        &["off", "prefer"],
        "prefer: in a full bucket a contact whose ID does not fit its address makes way for one \
         whose does, and for that only",
    )
}

/// How long a module waits for the answer to a query of its own.
fn timeout_parameter() -> Parameter {
    Parameter::duration(
        "timeout",
        2000,
        (100, 60_000),
        "a maintenance query is given up",
    )
}

/// Makes a built-in module.
type Build = fn(&crate::Parameters, RoutingSetup) -> Box<dyn RoutingModule>;

/// Keeps the routing table of one address family [thesis 8.V].
///
/// The node tells it of everything that happens on the wire; it answers with
/// [`RoutingAction`]s, pushed to [`RoutingCx::actions`] in any hook. Nothing
/// it holds may grow without bound. The node leaves out, before any hook is
/// called, its own ID and address, addresses that cannot be, and messages
/// that answer no query of ours.
pub trait RoutingModule: ContactSource + Send {
    /// A node queried us.
    fn on_query(&mut self, cx: &mut RoutingCx<'_>, seen: &QuerySeen<'_>);

    /// A node answered a query of ours.
    fn on_response(&mut self, cx: &mut RoutingCx<'_>, seen: &ResponseSeen<'_>);

    /// A node answered a query of ours with an error: it is alive.
    fn on_error(&mut self, cx: &mut RoutingCx<'_>, seen: &ErrorSeen);

    /// A query of ours went unanswered for as long as its sender wanted to wait.
    ///
    /// While [`RoutingCx::online`] is false nobody answers us: no contact may
    /// be dropped for it.
    fn on_timeout(&mut self, cx: &mut RoutingCx<'_>, seen: &TimeoutSeen);

    /// A query that this module asked for was given up before it was sent: the
    /// node's budget is spent, or too much is in flight. No contact is to blame.
    /// As it stands, a timeout while offline, for which none may be dropped.
    fn on_unsent(&mut self, cx: &mut RoutingCx<'_>, seen: &TimeoutSeen) {
        let mut offline = RoutingCx {
            now: cx.now,
            rng: &mut *cx.rng,
            online: false,
            sockets: cx.sockets,
            actions: &mut *cx.actions,
        };
        self.on_timeout(&mut offline, seen);
    }

    /// Called when the node starts and at each moment that the last call
    /// returned. Returns when to call next; `None` is never.
    fn do_maintenance(&mut self, cx: &mut RoutingCx<'_>) -> Option<Instant>;

    /// Our own ID has changed: every contact moves to the bucket that it now
    /// belongs to, with all that is known of it. False, as by default, if the
    /// module cannot do that: it is then made anew, and restored from what it
    /// saves.
    fn rename(&mut self, cx: &mut RoutingCx<'_>, own_id: Id) -> bool {
        let _ = (cx, own_id);
        false
    }

    /// Every contact the module holds, in the table or waiting for a place,
    /// for statistics and for people.
    fn entries(&self, now: Instant) -> Vec<TableEntry>;

    /// What is worth keeping across a restart.
    fn save(&self, now: Instant) -> SavedTable;

    /// Takes up what [`RoutingModule::save`] gave, perhaps of another module
    /// and another node ID. Called once, before anything else.
    fn restore(&mut self, cx: &mut RoutingCx<'_>, saved: &SavedTable);
}

/// Where a lookup gets contacts from: the routing table.
pub trait ContactSource {
    /// Puts the contacts closest to the target into `out`, closest first, at
    /// most as many as asked for.
    fn closest(&self, request: &ClosestRequest, out: &mut Vec<Candidate>);

    /// What is known of a contact that a response named, be it good or bad;
    /// `None` if nothing is.
    fn known(&self, contact: &Contact, now: Instant) -> Option<Candidate> {
        let _ = (contact, now);
        None
    }
}

/// What [`ContactSource::closest`] is asked for.
#[derive(Clone, Copy, Debug)]
pub struct ClosestRequest {
    /// The key to be close to.
    pub target: Id,
    /// How many contacts at most.
    pub count: usize,
    /// What the contacts are wanted for.
    pub purpose: Purpose,
    /// The time it is.
    pub now: Instant,
}

/// What contacts are wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A lookup of our own.
    Lookup,
    /// An answer to somebody else: what is handed out should be verified.
    Serve,
}

/// A contact with what its routing module knows of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// The contact.
    pub contact: Contact,
    /// Last round-trip time measured.
    pub rtt: Option<Duration>,
    /// When it was last heard from.
    pub last_seen: Option<Instant>,
    /// Estimated probability, 0 to 1, that it answers a query sent now.
    pub answer_chance: Option<f32>,
}

/// What every hook of a routing module is handed.
pub struct RoutingCx<'a> {
    /// The time it is.
    pub now: Instant,
    /// Randomness.
    pub rng: &'a mut Rng,
    /// False while nobody at all answers: we are offline, not they.
    pub online: bool,
    /// Sockets of this family that can send; a second one is a second vantage
    /// point [thesis 7.4.3].
    pub sockets: usize,
    /// What is to be done, in this order.
    pub actions: &'a mut Vec<RoutingAction>,
}

/// Something the node is to do for a routing module.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RoutingAction {
    /// Send one query; its outcome comes back in a hook with
    /// [`Origin::Routing`] and the tag.
    Query(MaintenanceQuery),
    /// Run a maintenance lookup with find_node: alpha 4, beta 1, whatever the
    /// lookup module [thesis 8.V.A].
    Lookup {
        /// The key to walk to.
        target: Id,
    },
    /// Call [`RoutingModule::do_maintenance`] then, if that is sooner than planned.
    WakeAt(Instant),
    /// The table changed: for statistics and replays.
    Changed {
        /// Whose place changed.
        contact: Contact,
        /// How.
        change: TableChange,
    },
}

/// A query that keeps the table good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaintenanceQuery {
    /// Whom to ask.
    pub contact: Contact,
    /// What to ask.
    pub ask: Ask,
    /// How long to wait for the answer.
    pub timeout: Duration,
    /// Which of our sockets to ask from.
    pub from: Vantage,
    /// The module's own mark, handed back with the outcome.
    pub tag: u64,
}

/// What a maintenance query asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ask {
    /// ping.
    Ping,
    /// find_node for this target.
    FindNode(Id),
}

/// Which of our sockets a query leaves by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Vantage {
    /// The one that our node is known by.
    Main,
    /// Another of the same family, as the localchecker of [thesis 7.4.3]. Where
    /// there is none, the query counts as unanswered at once.
    Other,
}

/// A change of a contact's place in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TableChange {
    /// Waits to be let in [thesis 7.6.1].
    Quarantined,
    /// Entered the table.
    Admitted,
    /// Left the table because it failed to answer.
    Evicted,
    /// Left the table for a better contact.
    Replaced,
    /// Was given up before it entered.
    Refused,
}

/// Why a query of ours was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The routing module asked for it, with this tag.
    Routing(u64),
    /// Part of a maintenance lookup.
    MaintenanceLookup,
    /// Part of a user's lookup or announce.
    Lookup,
    /// The node was joining, or looking for a way back in.
    Bootstrap,
    /// A user's single query.
    User,
}

/// A query that we received.
#[derive(Clone, Copy, Debug)]
pub struct QuerySeen<'a> {
    /// Who asked.
    pub contact: Contact,
    /// What was asked.
    pub method: Method<'a>,
    /// `ro`: it answers no queries and must not enter a table (BEP 43).
    pub read_only: bool,
    /// `v`, if sent.
    pub version: Option<&'a [u8]>,
    /// Whether the node ID is one that BEP 42 allows for the address.
    pub id_fits_addr: bool,
}

/// A response that we received.
#[derive(Clone, Copy, Debug)]
pub struct ResponseSeen<'a> {
    /// Who answered, under the ID it gave.
    pub contact: Contact,
    /// The ID it was asked under, if it was known under one.
    pub expected_id: Option<Id>,
    /// Time from query to response.
    pub rtt: Duration,
    /// Contacts of this module's family that the response held.
    pub nodes: &'a [Contact],
    /// `v`, if sent.
    pub version: Option<&'a [u8]>,
    /// Whether the node ID is one that BEP 42 allows for the address.
    pub id_fits_addr: bool,
    /// Why it was asked.
    pub origin: Origin,
}

impl ResponseSeen<'_> {
    /// The ID that the node was known under, if it has changed.
    pub fn abandoned_id(&self) -> Option<Id> {
        self.expected_id.filter(|id| *id != self.contact.id)
    }
}

/// An error that we received.
#[derive(Clone, Copy, Debug)]
pub struct ErrorSeen {
    /// Where it came from.
    pub addr: SocketAddr,
    /// The ID it was asked under, if it was known under one.
    pub expected_id: Option<Id>,
    /// Time from query to error.
    pub rtt: Duration,
    /// The KRPC error code.
    pub code: i64,
    /// Why it was asked.
    pub origin: Origin,
}

/// A query of ours that nobody answered.
#[derive(Clone, Copy, Debug)]
pub struct TimeoutSeen {
    /// Whom we asked.
    pub addr: SocketAddr,
    /// The ID it was asked under, if it was known under one.
    pub expected_id: Option<Id>,
    /// Why it was asked.
    pub origin: Origin,
}

/// A contact that a routing module holds, and where.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TableEntry {
    /// Index of the k-bucket: leading bits shared with our own ID.
    pub bucket: usize,
    /// The contact.
    pub contact: Contact,
    /// Its standing.
    pub standing: Standing,
    /// Last round-trip time measured.
    pub rtt: Option<Duration>,
    /// When it was last heard from.
    pub last_seen: Option<Instant>,
}

/// A contact's standing with its routing module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Standing {
    /// In the table, and believed to answer.
    Good,
    /// In the table, not heard from for long (BEP 5).
    Questionable,
    /// In the table, failed to answer several times in a row (BEP 5).
    Bad,
    /// Waits to be let in.
    Waiting,
}

/// A routing table as it is kept across restarts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SavedTable {
    /// The contacts worth trying first.
    pub contacts: Vec<SavedContact>,
    /// Whatever else the module wants to keep, in its own form.
    pub private: Vec<u8>,
}

/// One contact of a [`SavedTable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavedContact {
    /// The contact.
    pub contact: Contact,
    /// Last round-trip time measured.
    pub rtt: Option<Duration>,
    /// Time since it was last heard from, time spent stopped included.
    pub idle: Duration,
}

/// What a routing module is made with, beside its parameters.
#[derive(Clone, Copy, Debug)]
pub struct RoutingSetup {
    /// Our node ID in this family's DHT.
    pub own_id: Id,
    /// The address family.
    pub family: Family,
}
