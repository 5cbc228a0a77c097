//! Running lookups in one overlay: whatever the lookup module decides is done
//! here.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use mdht_krpc::{Contact, Family, Id, Instant, Query, Response};
use mdht_plugins::lookup::{
    Goal, Lookup, LookupAction, LookupCx, LookupKind, LookupRequest, LookupResponse, Timeout,
};

use super::postponed::Sent;
use super::sending::Destination;
use super::timers::{Timer, TimerKey};
use super::transactions::{Purpose, Transaction};
use super::{Core, LookupId, LookupStep};

/// Names a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SearchId(u64);

/// One lookup in one overlay.
pub(crate) struct Search {
    family: Family,
    request: LookupRequest,
    state: Box<dyn Lookup>,
    /// The user's lookup it belongs to; none for maintenance.
    user: Option<LookupId>,
    /// Tokens of those that answered, by address.
    tokens: BTreeMap<SocketAddr, Vec<u8>>,
    wake: Option<TimerKey>,
    begun: Instant,
    /// Queries that it asked for.
    queries: u32,
}

/// A response within a search, with what is known of it.
pub(crate) struct Answer<'a> {
    pub(crate) transaction: &'a Transaction,
    pub(crate) id: Id,
    pub(crate) rtt: Duration,
    pub(crate) nodes: &'a [Contact],
    pub(crate) response: &'a Response<'a>,
}

impl Core {
    /// Most maintenance lookups at once; more are not begun.
    const MOST_MAINTENANCE: usize = 32;
    /// Most queries of a search, and how long it goes on asking. Those who name
    /// ever closer nodes without end could else draw it on for ever; no honest
    /// world comes near.
    const MOST_QUERIES: u32 = 1024;
    const LONGEST_SEARCH: Duration = Duration::from_secs(5 * 60);
    /// Most tokens that a search keeps, and the longest that is kept.
    const MOST_TOKENS: usize = 512;
    const LONGEST_TOKEN: usize = 128;

    pub(crate) fn start_maintenance_lookup(&mut self, family: Family, target: Id) {
        let running = self
            .searches
            .values()
            .filter(|search| search.user.is_none())
            .count();
        if running >= Self::MOST_MAINTENANCE {
            self.stats.dropped += 1;
            return;
        }
        let request = LookupRequest {
            target,
            kind: LookupKind::FindNode,
            goal: Goal::Closest,
            announce: false,
        };
        let state = self.maintenance_module.make(&request);
        self.start_search(family, request, state, None);
    }

    /// Starts the part of a user's lookup that runs in one overlay.
    pub(crate) fn start_user_search(
        &mut self,
        family: Family,
        request: LookupRequest,
        user: LookupId,
    ) {
        let state = self.lookup_module.make(&request);
        self.start_search(family, request, state, Some(user));
    }

    fn start_search(
        &mut self,
        family: Family,
        request: LookupRequest,
        state: Box<dyn Lookup>,
        user: Option<LookupId>,
    ) {
        let id = SearchId(self.number());
        let tokens = BTreeMap::new();
        let search = Search {
            family,
            request,
            state,
            user,
            tokens,
            wake: None,
            begun: self.now,
            queries: 0,
        };
        self.searches.insert(id, search);
        self.with_search(id, |lookup, cx| lookup.start(cx));
    }

    pub(crate) fn is_maintenance(&self, id: SearchId) -> bool {
        self.searches
            .get(&id)
            .is_some_and(|search| search.user.is_none())
    }

    pub(crate) fn on_search_response(&mut self, id: SearchId, answer: &Answer<'_>) {
        let Some(search) = self.searches.get_mut(&id) else {
            return;
        };
        let from = answer.transaction.to;
        let token = answer
            .response
            .token
            .filter(|token| token.len() <= Self::LONGEST_TOKEN);
        if let Some(token) = token
            && search.tokens.len() < Self::MOST_TOKENS
        {
            search.tokens.insert(from, token.to_vec());
        }
        let nodes = Self::nearest_named(&search.request.target, answer.nodes);
        let (user, kind) = (search.user, search.request.kind);
        let (mut peers_found, mut has_values) = (0, answer.response.has_values());
        self.tell_answered(user, answer);
        match user {
            Some(user) if kind == LookupKind::Get => {
                has_values = self.on_item_response(user, answer);
            }
            Some(user) => (peers_found, has_values) = self.on_lookup_response(user, answer),
            None => {}
        }
        let asked = asked_contact(answer.transaction);
        let response = LookupResponse {
            contact: &asked,
            id: answer.id,
            rtt: answer.rtt,
            nodes: &nodes,
            has_values,
            peers_found,
            has_token: token.is_some(),
        };
        self.with_search(id, |lookup, cx| lookup.on_response(cx, &response));
        if let Some(user) = user.filter(|_| has_values) {
            self.end_if_item_found(user);
        }
    }

    /// What a lookup takes of the contacts in a response: BEP 5 has eight in it,
    /// some clients have more. One that names hundreds nearer and nearer to the
    /// target, none of which exists, would cost a lookup as many timeouts.
    fn nearest_named<'n>(target: &Id, named: &'n [Contact]) -> Cow<'n, [Contact]> {
        const MOST: usize = 16;
        if named.len() <= MOST {
            return Cow::Borrowed(named);
        }
        let mut nearest = named.to_vec();
        nearest.sort_by_key(|contact| contact.id.distance(target));
        nearest.truncate(MOST);
        Cow::Owned(nearest)
    }

    pub(crate) fn on_search_error(&mut self, id: SearchId, transaction: &Transaction) {
        if let Some(user) = self.user_of(id) {
            self.on_lookup_error(user);
            let from = transaction.to;
            self.tell_step(Some(user), LookupStep::Failed { from });
        }
        let asked = asked_contact(transaction);
        self.with_search(id, |lookup, cx| lookup.on_error(cx, &asked));
    }

    pub(crate) fn on_search_timeout(
        &mut self,
        id: SearchId,
        transaction: &Transaction,
        timeout: Timeout,
    ) {
        let from = transaction.to;
        self.tell_step(self.user_of(id), LookupStep::Silent { from, timeout });
        let asked = asked_contact(transaction);
        self.with_search(id, |lookup, cx| lookup.on_timeout(cx, &asked, timeout));
    }

    pub(crate) fn wake_search(&mut self, id: SearchId) {
        if let Some(search) = self.searches.get_mut(&id) {
            search.wake = None;
            self.with_search(id, |lookup, cx| lookup.on_wake(cx));
        }
    }

    /// Gives a search up; its queries stay open, so that the routing module
    /// learns who answers.
    pub(crate) fn drop_search(&mut self, id: SearchId) -> Option<Search> {
        let search = self.searches.remove(&id)?;
        if self.searches.is_empty() {
            // gives back the memory of eleven
            self.searches = BTreeMap::new();
        }
        self.timers.cancel(search.wake);
        Some(search)
    }

    fn user_of(&self, id: SearchId) -> Option<LookupId> {
        self.searches.get(&id).and_then(|search| search.user)
    }

    /// The searches that belong to a user's lookup.
    pub(crate) fn searches_of(&self, user: LookupId) -> Vec<SearchId> {
        let all = self
            .searches
            .iter()
            .filter(|(_, search)| search.user == Some(user));
        all.map(|(id, _)| *id).collect()
    }

    /// Calls one hook of a lookup, then does what it asked for.
    fn with_search(&mut self, id: SearchId, hook: impl FnOnce(&mut dyn Lookup, &mut LookupCx<'_>)) {
        let Some(search) = self.searches.get_mut(&id) else {
            return;
        };
        let family = search.family;
        let Some(overlay) = self
            .overlays
            .iter()
            .find(|overlay| overlay.family == family)
        else {
            return;
        };
        let mut actions = Vec::new();
        let mut cx = LookupCx {
            now: self.now,
            rng: &mut self.rng,
            own_id: &overlay.own_id,
            contacts: overlay.routing.as_ref(),
            actions: &mut actions,
        };
        hook(search.state.as_mut(), &mut cx);
        for action in actions {
            self.do_lookup_action(id, action);
        }
    }

    fn do_lookup_action(&mut self, id: SearchId, action: LookupAction) {
        let now = self.now;
        match action {
            LookupAction::Query {
                contact,
                soft,
                hard,
            } => {
                self.send_lookup_query(id, contact, soft, hard);
            }
            LookupAction::WakeAt(at) => {
                let Some(search) = self.searches.get_mut(&id) else {
                    return;
                };
                self.timers.cancel(search.wake.take());
                search.wake = Some(self.timers.set(at.max(now), Timer::Search(id)));
            }
            LookupAction::Announce(contact) => self.announce_to(id, &contact),
            LookupAction::Finish => {
                if let Some(search) = self.drop_search(id)
                    && let Some(user) = search.user
                {
                    self.finish_if_over(user);
                }
            }
            _ => {}
        }
    }

    fn send_lookup_query(
        &mut self,
        id: SearchId,
        contact: Contact,
        soft: Option<Duration>,
        hard: Duration,
    ) {
        let now = self.now;
        let Some(search) = self.searches.get_mut(&id) else {
            return;
        };
        search.queries = search.queries.saturating_add(1);
        let drawn_on =
            search.queries > Self::MOST_QUERIES || now.since(search.begun) >= Self::LONGEST_SEARCH;
        let (family, request, user) = (search.family, search.request, search.user);
        let Some(own_id) = self.id(family) else {
            return;
        };
        let mut query = match request.kind {
            LookupKind::FindNode => Query::find_node(own_id, request.target),
            LookupKind::Get => self.get_query(user, own_id, request.target),
            _ => Query::get_peers(own_id, request.target),
        };
        query.scrape = user.is_some_and(|user| self.is_scrape(user));
        let purpose = Purpose::Search(id);
        let expected_id = Some(contact.id);
        let destination = Destination {
            to: contact.addr,
            expected_id,
            purpose,
            soft,
            hard,
        };
        let sent = match drawn_on {
            true => self.give_up(&destination),
            false => self.send_query(&destination, query),
        };
        match sent {
            Sent::Now => self.on_search_query_sent(id, &destination),
            Sent::Later => {}
            Sent::Not => {
                // too many were given up at once to be told of each
                self.drop_search(id);
                user.into_iter().for_each(|user| self.finish_if_over(user));
            }
        }
    }

    pub(crate) fn is_running(&self, id: SearchId) -> bool {
        self.searches.contains_key(&id)
    }

    pub(crate) fn on_search_query_sent(&mut self, id: SearchId, destination: &Destination) {
        if let Some(user) = self.user_of(id) {
            self.on_lookup_query(user);
            let contact = destination.contact();
            self.tell_step(Some(user), LookupStep::Queried { contact });
        }
    }

    /// A query that was never sent is never answered: the lookup must still
    /// hear of its end.
    pub(crate) fn on_search_unsent(&mut self, id: SearchId, destination: &Destination) {
        let asked = destination.contact();
        self.with_search(id, |lookup, cx| {
            lookup.on_timeout(cx, &asked, Timeout::Hard);
        });
    }

    /// Announces where the user asked for it and a token was given.
    fn announce_to(&mut self, id: SearchId, contact: &Contact) {
        let Some(search) = self.searches.get(&id) else {
            return;
        };
        let Some(token) = search.tokens.get(&contact.addr).cloned() else {
            return;
        };
        let Some(user) = search.user else {
            return;
        };
        let (family, request) = (search.family, search.request);
        match request.kind {
            LookupKind::Get => self.send_put(user, family, contact, &token),
            _ => self.send_announce(user, family, contact, request.target, &token),
        }
    }
}

/// The contact as it was queried.
fn asked_contact(transaction: &Transaction) -> Contact {
    Contact::new(transaction.expected_id.unwrap_or_default(), transaction.to)
}
