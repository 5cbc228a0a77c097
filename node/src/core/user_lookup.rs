//! Lookups and single queries as their user sees them: one result, whatever
//! the number of overlays searched.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use mdht_krpc::{Contact, Distance, Family, Id, Instant, Method, Query};
use mdht_plugins::lookup::{Goal, LookupKind, LookupRequest};

use super::postponed::Sent;
use super::scraping::Scrape;
use super::search::Answer;
use super::sending::Destination;
use super::timers::TimerKey;
use super::transactions::Purpose;
use super::{Core, Event, LookupId, LookupReport, QueryId, QueryOutcome};

mod announcing;
mod items;
mod waiting;

pub use announcing::AnnouncePort;
use items::ItemTask;
pub use items::{ItemQuery, ItemReport};

/// What a user wants of a lookup beside what it finds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wish {
    /// Announce this port.
    pub(crate) announce: Option<AnnouncePort>,
    /// As a seed (BEP 33).
    pub(crate) seed: bool,
    /// Count the swarm (BEP 33).
    pub(crate) scrape: bool,
}

/// A lookup, its counts so far, and what it has found.
pub(crate) struct UserLookup {
    request: LookupRequest,
    wish: Wish,
    scrape: Option<Box<Scrape>>,
    asked: Instant,
    /// Set while the node has not joined yet, or knows nobody to ask.
    patience: Option<TimerKey>,
    /// Set while searches are being started, so that one that ends at once
    /// does not end the lookup before the next has begun.
    starting: bool,
    /// Searches begun anew, since nobody had answered.
    retries: u32,
    first_query: Option<Instant>,
    closest: Vec<(Distance, Contact, Instant)>,
    peers: BTreeSet<SocketAddr>,
    with_values: BTreeSet<SocketAddr>,
    open_announces: u32,
    /// Set where an item is looked for.
    item: Option<ItemTask>,
    report: LookupReport,
}

impl Core {
    /// Most distinct peers that one lookup keeps.
    const MOST_PEERS: usize = 65_536;
    /// Closest nodes in a report (BEP 5's k).
    const CLOSEST: usize = 8;

    /// Looks for peers of a swarm. They come as [`Event::Peer`], and at the
    /// end [`Event::LookupDone`].
    pub fn get_peers(&mut self, now: Instant, info_hash: Id, goal: Goal) -> LookupId {
        let kind = LookupKind::GetPeers;
        self.look_up(
            now,
            LookupRequest {
                target: info_hash,
                kind,
                goal,
                announce: false,
            },
            Wish::default(),
        )
    }

    /// Looks for peers of a swarm and announces us as one.
    pub fn announce(&mut self, now: Instant, info_hash: Id, port: AnnouncePort) -> LookupId {
        self.announce_as(now, info_hash, port, false)
    }

    /// As [`Core::announce`], and says whether we have the whole torrent (BEP 33).
    pub fn announce_as(
        &mut self,
        now: Instant,
        info_hash: Id,
        port: AnnouncePort,
        seed: bool,
    ) -> LookupId {
        let (kind, goal) = (LookupKind::GetPeers, Goal::Closest);
        let request = LookupRequest {
            target: info_hash,
            kind,
            goal,
            announce: true,
        };
        let wish = Wish {
            announce: Some(port),
            seed,
            scrape: false,
        };
        self.look_up(now, request, wish)
    }

    /// Looks for the nodes closest to a target; they are in the report.
    pub fn find_node(&mut self, now: Instant, target: Id) -> LookupId {
        let (kind, goal) = (LookupKind::FindNode, Goal::Closest);
        self.look_up(
            now,
            LookupRequest {
                target,
                kind,
                goal,
                announce: false,
            },
            Wish::default(),
        )
    }

    /// Pings one address; the end comes as [`Event::QueryDone`].
    pub fn ping(&mut self, now: Instant, addr: SocketAddr, timeout: Duration) -> QueryId {
        self.advance(now);
        self.addresses.trust_bootstrap(&addr);
        let query = QueryId(self.number());
        let purpose = Purpose::User(query);
        let destination = Destination {
            to: addr,
            expected_id: None,
            purpose,
            soft: None,
            hard: timeout,
        };
        let own_id = self.id(Family::of(&addr)).unwrap_or_default();
        if self.send_query(&destination, Query::new(Method::Ping, own_id)) == Sent::Not {
            self.tell(Event::QueryDone {
                query,
                addr,
                outcome: QueryOutcome::NoAnswer,
            });
        }
        query
    }

    /// Ends a lookup without a report.
    pub fn cancel(&mut self, now: Instant, lookup: LookupId) {
        self.advance(now);
        for search in self.searches_of(lookup) {
            self.drop_search(search);
        }
        if let Some(lookup) = self.lookups.remove(&lookup) {
            self.timers.cancel(lookup.patience);
        }
    }

    pub(crate) fn look_up(&mut self, now: Instant, request: LookupRequest, wish: Wish) -> LookupId {
        self.begin_lookup(now, request, wish, None)
    }

    fn begin_lookup(
        &mut self,
        now: Instant,
        request: LookupRequest,
        wish: Wish,
        item: Option<ItemTask>,
    ) -> LookupId {
        self.advance(now);
        let id = LookupId(self.number());
        let lookup = UserLookup {
            request,
            wish,
            scrape: wish.scrape.then(Box::default),
            asked: self.now,
            patience: None,
            starting: false,
            retries: 0,
            first_query: None,
            closest: Vec::new(),
            peers: BTreeSet::new(),
            with_values: BTreeSet::new(),
            open_announces: 0,
            item,
            report: LookupReport {
                target: request.target,
                ..LookupReport::default()
            },
        };
        self.lookups.insert(id, lookup);
        self.wait_until(id, self.now + self.config.patience);
        self.start_waiting_lookups();
        id
    }

    pub(crate) fn on_lookup_query(&mut self, id: LookupId) {
        let now = self.now;
        if let Some(lookup) = self.lookups.get_mut(&id) {
            lookup.first_query.get_or_insert(now);
            lookup.report.queries += 1;
        }
    }

    /// Whether a lookup is to count the swarm.
    pub(crate) fn is_scrape(&self, id: LookupId) -> bool {
        self.lookups
            .get(&id)
            .is_some_and(|lookup| lookup.wish.scrape)
    }

    pub(crate) fn on_lookup_error(&mut self, id: LookupId) {
        if let Some(lookup) = self.lookups.get_mut(&id) {
            lookup.report.responses += 1;
        }
    }

    /// Takes a response in; returns how many peers the lookup has found, and
    /// whether this one held any: addresses that cannot be are none.
    pub(crate) fn on_lookup_response(
        &mut self,
        id: LookupId,
        answer: &Answer<'_>,
    ) -> (usize, bool) {
        let now = self.now;
        let Some(lookup) = self.lookups.get_mut(&id) else {
            return (0, false);
        };
        let from = answer.transaction.to;
        let elapsed = now.since(lookup.first_query.unwrap_or(now));
        if let Some(scrape) = &mut lookup.scrape {
            scrape.take_in(answer.response);
        }
        lookup.report.responses += 1;
        lookup.note_closest(Contact::new(answer.id, from), now);
        let values = answer
            .response
            .values
            .into_iter()
            .flat_map(|values| values.iter());
        let mut values = values
            .filter(|peer| self.addresses.accepts_peer(peer))
            .peekable();
        let has_values = values.peek().is_some();
        if has_values {
            lookup.with_values.insert(from);
            lookup.report.latency.get_or_insert(elapsed);
            lookup.report.cost.get_or_insert(lookup.report.queries);
        }
        let mut fresh = Vec::new();
        for peer in values {
            if lookup.peers.len() < Self::MOST_PEERS && lookup.peers.insert(peer) {
                fresh.push(peer);
            }
        }
        let found = lookup.peers.len();
        for peer in fresh {
            self.tell(Event::Peer {
                lookup: id,
                peer,
                from,
                elapsed,
            });
        }
        (found, has_values)
    }

    /// Reports, once every search and every announce has ended.
    pub(crate) fn finish_if_over(&mut self, id: LookupId) {
        let searching = !self.searches_of(id).is_empty();
        let over = self.lookups.get(&id).is_some_and(|lookup| {
            let waiting = lookup.starting || lookup.patience.is_some();
            !searching && !waiting && lookup.open_announces == 0
        });
        if !over || self.retry(id) {
            return;
        }
        let Some(mut lookup) = self.lookups.remove(&id) else {
            return;
        };
        match lookup.item.take() {
            Some(task) => self.finish_item(id, lookup, task),
            None => self.tell(Event::LookupDone {
                lookup: id,
                report: lookup.into_report(),
            }),
        }
    }
}

impl UserLookup {
    fn note_closest(&mut self, contact: Contact, now: Instant) {
        let distance = self.request.target.distance(&contact.id);
        let place = self
            .closest
            .partition_point(|(other, ..)| *other <= distance);
        self.closest.insert(place, (distance, contact, now));
        self.closest.truncate(Core::CLOSEST);
    }

    fn into_report(self) -> LookupReport {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let begun = self.first_query.unwrap_or_default();
        LookupReport {
            nodes_with_values: count(self.with_values.len()),
            peers: count(self.peers.len()),
            closest_time: self.closest.first().map(|(_, _, at)| at.since(begun)),
            closest: self
                .closest
                .iter()
                .map(|(_, contact, _)| *contact)
                .collect(),
            scrape: self.scrape.map(|scrape| Box::new(scrape.report())),
            ..self.report
        }
    }
}
