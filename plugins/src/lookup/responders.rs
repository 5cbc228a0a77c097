//! Who has answered in a lookup, nearest first, and which of them count.
//!
//! A lookup ends at the `n`-th nearest responder, and announces to the `n`
//! nearest. Liars want to be those. So a responder counts, beside being near, if
//! - it is no nearer than a network of this size has it ([`Density`]),
//! - it was of use: it had values, or named somebody but itself,
//! - its ID fits its address, where that is wanted [BEP 42].
//!
//! Among Sybils honest nodes name mostly these, each with somebody else besides.
//! So where some are too near, `region` must count to end a lookup, and as many
//! are announced to: the more are asked, the more of the honest ones are found.
//!
//! That is as [`Trust`] has it. Nothing is taken from those that do not count: the lookup goes on to them as
//! ever. But it ends no sooner than at the nearest that count, and announces to
//! these as well. What is taken wrongly for false costs a few queries.

use std::net::SocketAddr;

use mdht_krpc::{Contact, Distance, Id};

use super::density::Density;
use super::trust::Trust;
use super::{LookupAction, LookupCx, LookupRequest, LookupResponse};

/// Responders kept beyond those that the mark and the announce count, so that
/// a responder without a token does not cost an announce.
const SPARE: usize = 32;

/// One that answered.
#[derive(Clone, Copy, Debug)]
struct Responder {
    contact: Contact,
    has_token: bool,
    /// Of use, with an ID as wanted.
    is_sound: bool,
    /// And no nearer than may be.
    counts: bool,
}

/// Those that answered.
#[derive(Clone, Debug)]
pub(super) struct Responders {
    target: Id,
    trust: Trust,
    /// The so many nearest end the lookup, be it all or those that count.
    mark: usize,
    /// Most kept.
    most: usize,
    density: Option<Density>,
    /// Nearest first.
    nearest: Vec<Responder>,
    /// Some were too near.
    is_crowded: bool,
}

impl Responders {
    /// Of a lookup that ends at the `mark` nearest and announces to `announce`.
    pub(super) const fn new(target: Id, trust: Trust, mark: usize, announce: usize) -> Self {
        let mut looked_at = if mark > announce { mark } else { announce };
        if trust.density > 0 && trust.region > looked_at {
            looked_at = trust.region;
        }
        Self {
            target,
            trust,
            mark,
            most: 4 * looked_at + SPARE,
            density: None,
            nearest: Vec::new(),
            is_crowded: false,
        }
    }

    /// The lookup begins: takes up what is believed of the density of nodes.
    pub(super) fn begin(&mut self, cx: &LookupCx<'_>) {
        self.density = Density::around(cx, self.trust.density);
    }

    /// Somebody has answered.
    pub(super) fn answered(&mut self, response: &LookupResponse<'_>) {
        let contact = Contact::new(response.id, response.contact.addr);
        if self.trust.ignores(&contact) {
            return;
        }
        self.note(Responder {
            contact,
            has_token: response.has_token,
            is_sound: self.trust.is_of_use(response) && self.trust.is_fit(&contact),
            counts: false,
        });
    }

    /// By distance, then by address, so that the order never depends on arrival.
    fn order(&self, contact: &Contact) -> (Distance, SocketAddr) {
        (self.target.distance(&contact.id), contact.addr)
    }

    /// Who is known already counts as it did.
    fn note(&mut self, responder: Responder) {
        let order = self.order(&responder.contact);
        let before = |other: &Responder| self.order(&other.contact) < order;
        let place = self.nearest.partition_point(before);
        let at_place = self.nearest.get(place);
        if at_place.is_some_and(|other| other.contact == responder.contact) {
            return;
        }
        self.nearest.insert(place, responder);
        self.judge();
        if self.nearest.len() > self.most {
            self.drop_one();
        }
    }

    /// Decides who counts, from the nearest on.
    fn judge(&mut self) {
        let mut counted = 0;
        for one in &mut self.nearest {
            let allows =
                |density: &Density| density.allows(counted + 1, &self.target, &one.contact.id);
            let is_allowed = self.density.as_ref().is_none_or(allows);
            one.counts = one.is_sound && is_allowed;
            self.is_crowded |= !is_allowed;
            counted += usize::from(one.counts);
        }
    }

    /// The farthest goes; of those that do not count if they are the most, lest
    /// they drive out all others.
    fn drop_one(&mut self) {
        let void = self.nearest.iter().filter(|one| !one.counts).count();
        match self.nearest.iter().rposition(|one| !one.counts) {
            Some(place) if 2 * void > self.most => drop(self.nearest.remove(place)),
            _ => drop(self.nearest.pop()),
        }
    }

    /// How many must count where `most` do elsewhere.
    fn wanted(&self, most: usize) -> usize {
        match self.is_crowded {
            true => most.max(self.trust.region),
            false => most,
        }
    }

    /// How near those must be that are still worth asking.
    pub(super) fn reach(&self) -> Reach<'_> {
        let distance = |one: Option<&Responder>| match one {
            Some(one) => self.target.distance(&one.contact.id),
            None => Distance::MAX,
        };
        let mut counted = self.nearest.iter().filter(|one| one.counts);
        Reach {
            all: distance(self.nearest.get(self.mark - 1)),
            counted: distance(counted.nth(self.wanted(self.mark) - 1)),
            responders: self,
        }
    }

    /// Whether one with this ID would count if it answers and is of use.
    fn would_count(&self, contact: &Contact) -> bool {
        let Some(density) = &self.density else {
            return self.trust.is_fit(contact);
        };
        let distance = self.target.distance(&contact.id);
        let is_nearer = |one: &&Responder| self.target.distance(&one.contact.id) < distance;
        let nearer = self.nearest.iter().take_while(is_nearer);
        let counted = nearer.filter(|one| one.counts).count();
        self.trust.is_fit(contact) && density.allows(counted + 1, &self.target, &contact.id)
    }

    /// The lookup is over: announces to the `most` nearest if that is wished.
    pub(super) fn finish(&self, cx: &mut LookupCx<'_>, request: &LookupRequest, most: usize) {
        if request.announce {
            let chosen = self.to_announce(most).into_iter();
            cx.actions.extend(chosen.map(LookupAction::Announce));
        }
        cx.actions.push(LookupAction::Finish);
    }

    /// Whom to announce to: the `most` nearest of all that gave a token, and as
    /// many of those that count; mostly they are the same.
    fn to_announce(&self, most: usize) -> Vec<Contact> {
        let with_token = || self.nearest.iter().filter(|one| one.has_token);
        let mut chosen: Vec<Contact> = Vec::with_capacity(2 * most);
        let counted = with_token().filter(|one| one.counts);
        let counted = counted.take(self.wanted(most));
        for one in with_token().take(most).chain(counted) {
            if !chosen.contains(&one.contact) {
                chosen.push(one.contact);
            }
        }
        chosen
    }

    /// Takes in those of a lookup beside this one.
    pub(super) fn take_in(&mut self, others: &Self) {
        self.density = others.density;
        others.nearest.iter().for_each(|one| self.note(*one));
    }
}

/// How near contacts must be that are still worth asking.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach<'r> {
    /// Distance of the responder at the mark; none is that near at first.
    all: Distance,
    /// The same of those that count: never nearer.
    counted: Distance,
    responders: &'r Responders,
}

impl Reach<'_> {
    /// Whether a contact at this distance is worth asking.
    pub(super) fn covers(&self, contact: &Contact, distance: Distance) -> bool {
        distance < self.all || distance < self.counted && self.responders.would_count(contact)
    }

    /// Whether a contact would count if it answers and is of use.
    pub(super) fn would_count(&self, contact: &Contact) -> bool {
        self.responders.would_count(contact)
    }

    /// Whether a contact that nobody but a bad source names is asked when all
    /// others have been: one that may be there, or anybody while too few have
    /// answered.
    pub(super) fn is_last_resort(&self, contact: &Contact) -> bool {
        self.counted == Distance::MAX || self.would_count(contact)
    }
}

#[cfg(test)]
mod tests;
