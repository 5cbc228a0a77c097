//! Items that we were asked to keep in the DHT: put again each hour, so that
//! nodes do not forget them, and new nodes close to them learn them (BEP 44,
//! "Expiration").

use mdht_krpc::Instant;

use super::timers::{Timer, TimerKey};
use super::{Core, Event, ItemReport, LookupId, RepublishId};
use crate::item::Item;

/// An item that is put again and again.
pub(crate) struct Republished {
    item: Item,
    /// When it is put next; none while it is being put.
    due: Option<TimerKey>,
    /// The lookup that puts it now.
    running: Option<LookupId>,
}

impl Core {
    /// Where nobody took the item, this part of the usual time is waited.
    const SOONER: u32 = 12;

    /// Puts an item now and then every [`Config::republish_every`], until
    /// [`Core::stop_republishing`]; each time [`Event::Republished`] tells how
    /// it went. It ends by itself when a newer item is found in its place. The
    /// secret key is not needed: a mutable item brings its signature.
    ///
    /// [`Config::republish_every`]: super::Config::republish_every
    pub fn republish(&mut self, now: Instant, item: Item) -> RepublishId {
        self.advance(now);
        let id = RepublishId(self.number());
        let republished = Republished {
            item,
            due: None,
            running: None,
        };
        self.republished.insert(id, republished);
        self.put_again(id);
        id
    }

    /// Puts an item no more. What was put stays until it expires.
    pub fn stop_republishing(&mut self, now: Instant, id: RepublishId) {
        self.advance(now);
        let Some(republished) = self.republished.remove(&id) else {
            return;
        };
        self.timers.cancel(republished.due);
        if let Some(lookup) = republished.running {
            self.cancel(now, lookup);
        }
    }

    pub(crate) fn put_again(&mut self, id: RepublishId) {
        let Some(republished) = self.republished.get_mut(&id) else {
            return;
        };
        republished.due = None;
        let item = republished.item.clone();
        let lookup = self.put_item_for(self.now, item, None, Some(id));
        // it may have ended at once
        if self.lookups.contains_key(&lookup)
            && let Some(republished) = self.republished.get_mut(&id)
        {
            republished.running = Some(lookup);
        }
    }

    pub(crate) fn on_put_again(&mut self, id: RepublishId, report: Box<ItemReport>) {
        let every = self.config.republish_every;
        let pause = match report.stored() {
            0 => every / Self::SOONER,
            _ => every,
        };
        let next_in = report.conflict.is_none().then_some(pause);
        match next_in {
            Some(pause) => {
                let due = self.timers.set(self.now + pause, Timer::Republish(id));
                if let Some(republished) = self.republished.get_mut(&id) {
                    republished.running = None;
                    republished.due = Some(due);
                }
            }
            None => _ = self.republished.remove(&id),
        }
        self.tell(Event::Republished {
            id,
            report,
            next_in,
        });
    }
}
