//! Who named whom in a lookup, and how far each one's names have led.
//!
//! One response may name as many nodes near the target as it likes, none of
//! which exists. So of those whom one responder alone has named at most so many
//! are asked that have not answered; each that answers makes room for one more.
//! Whom two have named, or the routing table, is asked in any case.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use mdht_krpc::Contact;

use crate::parameter::{Parameter, Value};

/// Most names kept; of more it is not known who gave them.
const MOST_NAMES: usize = 4096;

/// How many names of one responder may lead nowhere.
pub(super) const fn parameter() -> Parameter {
    Parameter::integer(
        "per_responder",
        0,
        (0, 64),
        "queries",
        "most without an answer to those whom one responder alone has named; 0 is no bound",
    )
    .live(Value::Integer(4))
}

/// A name.
#[derive(Clone, Copy, Debug)]
struct Name {
    /// Who alone has given it.
    by: Option<SocketAddr>,
    was_asked: bool,
}

/// Who named whom.
#[derive(Clone, Debug)]
pub(super) struct Referrals {
    /// 0 is no bound.
    per_responder: usize,
    names: BTreeMap<SocketAddr, Name>,
    /// Names asked and not answered, less those that answered, by who gave them.
    astray: BTreeMap<SocketAddr, isize>,
}

impl Referrals {
    pub(super) const fn new(per_responder: usize) -> Self {
        Self {
            per_responder,
            names: BTreeMap::new(),
            astray: BTreeMap::new(),
        }
    }

    /// A contact was named; by nobody is by our own table.
    pub(super) fn named(&mut self, contact: &Contact, by: Option<SocketAddr>) {
        if self.per_responder == 0 {
            return;
        }
        let is_full = self.names.len() >= MOST_NAMES;
        match self.names.get_mut(&contact.addr) {
            Some(name) if name.by != by => {
                let before = name.by.take().filter(|_| name.was_asked);
                self.charge(before, -1);
            }
            Some(_) => {}
            None if is_full => {}
            None => {
                let was_asked = false;
                self.names.insert(contact.addr, Name { by, was_asked });
            }
        }
    }

    /// Whether another of those whom the same responder named may be asked.
    pub(super) fn may_ask(&self, contact: &Contact) -> bool {
        let by = self.names.get(&contact.addr).and_then(|name| name.by);
        let astray = by.and_then(|by| self.astray.get(&by)).copied();
        let most = isize::try_from(self.per_responder).unwrap_or(isize::MAX);
        astray.is_none_or(|astray| astray < most)
    }

    /// A contact is asked.
    pub(super) fn asked(&mut self, contact: &Contact) {
        if let Some(name) = self.names.get_mut(&contact.addr) {
            name.was_asked = true;
            let by = name.by;
            self.charge(by, 1);
        }
    }

    /// A contact has answered: its name was good.
    pub(super) fn answered(&mut self, contact: &Contact) {
        if let Some(name) = self.names.get_mut(&contact.addr) {
            let by = name.by.take();
            self.charge(by, -2);
        }
    }

    fn charge(&mut self, by: Option<SocketAddr>, change: isize) {
        if let Some(by) = by {
            *self.astray.entry(by).or_default() += change;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contact(host: u8) -> Contact {
        Contact::new(mdht_krpc::Id::default(), ([9, 9, 9, host], 1).into())
    }

    fn addr(host: u8) -> SocketAddr {
        contact(host).addr
    }

    #[test]
    fn names_that_lead_nowhere_are_so_many() {
        let mut referrals = Referrals::new(2);
        (10..20).for_each(|host| referrals.named(&contact(host), Some(addr(1))));
        assert!(referrals.may_ask(&contact(10)));
        referrals.asked(&contact(10));
        referrals.asked(&contact(11));
        assert!(!referrals.may_ask(&contact(12)));
        // who answers makes room for itself and for one more
        referrals.answered(&contact(10));
        referrals.asked(&contact(12));
        assert!(referrals.may_ask(&contact(13)));
        referrals.asked(&contact(13));
        assert!(!referrals.may_ask(&contact(14)));
    }

    #[test]
    fn whom_two_name_or_the_table_is_asked_in_any_case() {
        let mut referrals = Referrals::new(1);
        (10..20).for_each(|host| referrals.named(&contact(host), Some(addr(1))));
        referrals.asked(&contact(10));
        referrals.named(&contact(11), Some(addr(2)));
        referrals.named(&contact(12), None);
        referrals.named(&contact(13), Some(addr(1)));
        let may_ask = [11, 12, 13].map(|host| referrals.may_ask(&contact(host)));
        assert_eq!(may_ask, [true, true, false]);
        // it was the one astray
        referrals.named(&contact(10), Some(addr(2)));
        assert!(referrals.may_ask(&contact(13)));
    }

    #[test]
    fn without_a_bound_nothing_is_kept_and_with_one_not_without_end() {
        let mut free = Referrals::new(0);
        let mut bounded = Referrals::new(1);
        for number in 0..2 * 4096_u32 {
            let addr = (std::net::Ipv4Addr::from(0x0900_0000 + number), 1).into();
            let contact = Contact::new(mdht_krpc::Id::default(), addr);
            for referrals in [&mut free, &mut bounded] {
                referrals.named(&contact, Some(addr));
                referrals.asked(&contact);
                assert!(referrals.names.len() <= MOST_NAMES);
            }
        }
        assert!(free.names.is_empty() && free.astray.is_empty());
        assert!(bounded.astray.len() <= MOST_NAMES);
    }
}
