//! Joining the overlay, noticing that it is out of reach, and coming back.

use std::net::SocketAddr;
use std::time::Duration;

use mdht_krpc::{Family, Query, Response, Want};

use super::addresses::network;
use super::sending::Destination;
use super::timers::Timer;
use super::transactions::Purpose;
use super::{Core, Event};

/// A timer that is this much overdue means that the machine slept.
pub(crate) const SLEEP: Duration = Duration::from_secs(30);

/// Nodes asked in one attempt to join.
const ASKED_AT_ONCE: usize = 8;
/// Most bootstrap addresses kept.
const MOST_SOURCES: usize = 256;
/// How long an attempt waits for answers.
const ATTEMPT: Duration = Duration::from_secs(2);

impl Core {
    /// Begins to join with whatever is known, be it nothing yet. Attempts go on
    /// with a growing pause until one succeeds; before each,
    /// [`Event::NeedBootstrap`] asks for addresses.
    pub fn join(&mut self, now: mdht_krpc::Instant) {
        self.advance(now);
        for family in self.families() {
            if self
                .overlay_ref(family)
                .is_some_and(|overlay| overlay.next_attempt.is_none())
            {
                self.start_joining(family);
            }
        }
    }

    /// Takes bootstrap addresses; new ones are asked at once if we are outside.
    /// An address given here is trusted to be what it looks like: a private one
    /// makes private addresses acceptable.
    pub fn add_bootstrap(&mut self, now: mdht_krpc::Instant, addrs: &[SocketAddr]) {
        self.advance(now);
        let known = std::mem::take(&mut self.bootstrap);
        let fresh = addrs.iter().copied().filter(|addr| !known.contains(addr));
        let fresh: Vec<_> = fresh
            .take(MOST_SOURCES.saturating_sub(known.len()))
            .collect();
        self.bootstrap = known;
        self.bootstrap.extend(&fresh);
        addrs
            .iter()
            .for_each(|addr| self.addresses.trust_bootstrap(addr));
        for family in self.families() {
            let concerned = fresh.iter().any(|addr| Family::of(addr) == family);
            let outside = self
                .overlay_ref(family)
                .is_some_and(|o| !o.joined || !o.online);
            if concerned && outside {
                self.start_joining(family);
            }
        }
    }

    /// Attempts to join now instead of at the next moment planned.
    pub(crate) fn start_joining(&mut self, family: Family) {
        if let Some(overlay) = self.overlay(family) {
            overlay.attempts = 0;
            let planned = overlay.next_attempt.take();
            self.timers.cancel(planned);
            self.try_to_join(family);
        }
    }

    /// One attempt: asks the next few of all whom we know.
    pub(crate) fn try_to_join(&mut self, family: Family) {
        let known = self.known_addresses(family);
        let Some(overlay) = self.overlay(family) else {
            return;
        };
        let first = overlay.attempts == 0;
        let from = overlay.next_source;
        let turn = known.iter().cycle().skip(from % known.len().max(1));
        let asked: Vec<_> = turn.take(known.len().min(ASKED_AT_ONCE)).copied().collect();
        overlay.next_source = from.wrapping_add(asked.len());
        let failed = std::mem::replace(&mut overlay.tried, asked.clone());
        let wait = overlay.back_off().max(ATTEMPT);
        overlay.attempts += 1;
        let own_id = overlay.own_id;
        let key = self.timers.set(self.now + wait, Timer::Join(family));
        if let Some(overlay) = self.overlay(family) {
            overlay.next_attempt = Some(key);
        }
        if !first {
            self.tell(Event::JoinFailed {
                family,
                tried: failed,
                retry_in: wait,
            });
            self.tell(Event::NeedBootstrap);
        }
        let both = self.overlays.len() > 1;
        for to in asked {
            let purpose = Purpose::Bootstrap;
            let destination = Destination {
                to,
                expected_id: None,
                purpose,
                soft: None,
                hard: ATTEMPT,
            };
            let mut query = Query::find_node(own_id, own_id);
            query.want = Want { v4: both, v6: both };
            self.send_query(&destination, query);
        }
    }

    /// Everybody we could join by, most promising first and one of each
    /// network in turn: contacts of the table, of an earlier life, then the
    /// bootstrap nodes we were given.
    fn known_addresses(&self, family: Family) -> Vec<SocketAddr> {
        let Some(overlay) = self.overlay_ref(family) else {
            return Vec::new();
        };
        let table = overlay.routing.save(self.now).contacts;
        let table = table.iter().map(|saved| saved.contact.addr);
        let remembered = table.chain(overlay.saved.iter().copied());
        let given = self
            .bootstrap
            .iter()
            .copied()
            .filter(|addr| Family::of(addr) == family);
        let mut networks = Vec::new();
        let mut spread = Vec::new();
        for addr in remembered.filter(|addr| self.addresses.accepts(addr)) {
            let network = network(addr.ip());
            if !networks.contains(&network) && spread.len() < MOST_SOURCES {
                networks.push(network);
                spread.push(addr);
            }
        }
        interleave(given.filter(|addr| self.addresses.accepts(addr)), spread)
    }

    /// A bootstrap node may know nodes of the other family, where we are still
    /// outside.
    pub(crate) fn on_bootstrap_response(&mut self, family: Family, response: &Response<'_>) {
        let (other, nodes) = match family {
            Family::V4 => (Family::V6, response.nodes6),
            Family::V6 => (Family::V4, response.nodes),
        };
        let outside = self
            .overlay_ref(other)
            .is_some_and(|overlay| !overlay.joined);
        if let (true, Some(nodes)) = (outside, nodes) {
            let contacts = self.usable(other, nodes.iter());
            let addrs: Vec<_> = contacts.iter().map(|contact| contact.addr).collect();
            let now = self.now;
            self.add_bootstrap(now, &addrs);
        }
    }

    /// Somebody answered: we are online, and whoever was silent meanwhile is
    /// to blame for it.
    pub(crate) fn note_answer(&mut self, family: Family) {
        let now = self.now;
        let Some(overlay) = self.overlay(family) else {
            return;
        };
        overlay.last_answer = Some(now);
        let came_back = !std::mem::replace(&mut overlay.online, true) && overlay.joined;
        let held = std::mem::take(&mut overlay.held);
        let own_id = overlay.own_id;
        let planned = overlay.next_attempt.take();
        self.timers.cancel(planned);
        for held in held {
            self.tell_timeout(family, held);
        }
        if came_back {
            self.tell(Event::Online { family });
            self.start_maintenance_lookup(family, own_id);
        }
    }

    /// The routing module has been told of a response: if it is the first, it
    /// now knows a contact, and lookups can begin.
    pub(crate) fn note_joined(&mut self, family: Family) {
        let Some(overlay) = self.overlay(family) else {
            return;
        };
        if std::mem::replace(&mut overlay.joined, true) {
            return;
        }
        // what they were good for the table is now
        overlay.saved = Vec::new();
        self.tell(Event::Joined { family });
        self.begin_reachability_watch(family);
        self.wake_routing_at(family, self.now);
    }

    /// Nobody answers: nothing is dropped for it, and we look for a way back. A
    /// node that has not joined yet is looking for a way in already.
    pub(crate) fn go_offline(&mut self, family: Family) {
        let Some(overlay) = self.overlay(family) else {
            return;
        };
        let went = std::mem::replace(&mut overlay.online, false) && overlay.joined;
        let held = std::mem::take(&mut overlay.held);
        for held in held {
            self.tell_timeout(family, held);
        }
        if went {
            if let Some(reachability) = self.reachability(family) {
                reachability.on_offline();
            }
            self.tell(Event::Offline { family });
            self.tell(Event::NeedBootstrap);
            self.start_joining(family);
        }
    }

    /// The machine slept: what was in flight is lost through no fault of
    /// theirs, our address may have changed, and names may resolve anew.
    pub(crate) fn on_resumed(&mut self, gap: Duration) {
        self.tell(Event::Resumed { gap });
        for family in self.families() {
            if self
                .overlay_ref(family)
                .is_some_and(|overlay| overlay.joined)
            {
                self.go_offline(family);
            }
        }
    }
}

/// Takes from both in turn, so that neither kind of source can starve the other.
fn interleave(
    given: impl Iterator<Item = SocketAddr>,
    remembered: Vec<SocketAddr>,
) -> Vec<SocketAddr> {
    let mut given = given.fuse();
    let mut remembered = remembered.into_iter().fuse();
    let mut all = Vec::new();
    loop {
        let (one, other) = (given.next(), remembered.next());
        if one.is_none() && other.is_none() {
            return all;
        }
        for addr in one.into_iter().chain(other) {
            if !all.contains(&addr) {
                all.push(addr);
            }
        }
    }
}
