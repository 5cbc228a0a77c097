//! Lookups of items, and putting them (BEP 44).

use std::collections::BTreeMap;
use std::net::SocketAddr;

use mdht_krpc::{Contact, Family, Id, Instant, ItemFields, Query};
use mdht_plugins::lookup::{Goal, LookupKind, LookupRequest};

use super::{Core, LookupReport, UserLookup, Wish};
use crate::core::search::Answer;
use crate::core::{Event, LookupId, RepublishId};
use crate::item::{Item, MutableItem, PublicKey, Value};

/// Which item is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemQuery {
    /// The value that hashes to this.
    Immutable(Id),
    /// The newest item under a key.
    Mutable {
        /// The key.
        public_key: PublicKey,
        /// Its salt; empty if it has none.
        salt: Vec<u8>,
        /// Nodes are to send only an item with a higher sequence number.
        newer_than: Option<i64>,
    },
}

impl ItemQuery {
    /// Where the item is found.
    pub fn target(&self) -> Id {
        match self {
            Self::Immutable(target) => *target,
            Self::Mutable {
                public_key, salt, ..
            } => public_key.target(salt),
        }
    }

    /// The item in a response, if its hash or signature fits.
    fn read(&self, fields: &ItemFields<'_>) -> Option<Item> {
        let value = Value::from_bencode(fields.value?).ok()?;
        match self {
            Self::Immutable(target) => (value.target() == *target).then_some(value.into()),
            Self::Mutable {
                public_key, salt, ..
            } => {
                let (sequence, signature) = (fields.sequence?, fields.signature?);
                // some nodes leave the key out, which the asker knows
                let same_key = fields
                    .public_key
                    .is_none_or(|key| key == public_key.as_bytes());
                let item = MutableItem::verify(*public_key, salt, sequence, value, signature);
                item.ok().filter(|_| same_key).map(Item::Mutable)
            }
        }
    }
}

/// What a lookup of an item found, and what became of putting one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ItemReport {
    /// The lookup as such: values are items whose hash or signature fits,
    /// announces are puts.
    pub lookup: LookupReport,
    /// The item; of a mutable one the highest sequence number seen. `None` if
    /// nobody has it, or has one newer than asked for.
    pub found: Option<Item>,
    /// Nodes that hold it, or say that they do: for a mutable item those with
    /// the highest sequence number known.
    pub copies: u32,
    /// Responses with an item whose hash or signature did not fit.
    pub invalid: u32,
    /// Why nothing was put: an item with this sequence number is there, which
    /// is as new or newer, or not the one that `cas` named.
    pub conflict: Option<i64>,
    /// Errors that answered puts, by code.
    pub errors: BTreeMap<i64, u32>,
}

impl ItemReport {
    /// Nodes that stored the item.
    pub const fn stored(&self) -> u32 {
        self.lookup.announced
    }

    /// The value found.
    pub fn value(&self) -> Option<&Value> {
        self.found.as_ref().map(Item::value)
    }
}

/// The part of a lookup that is about an item.
pub(crate) struct ItemTask {
    query: ItemQuery,
    found: Option<Item>,
    /// Nodes that returned an item, or a sequence number alone.
    holders: BTreeMap<SocketAddr, Option<i64>>,
    invalid: u32,
    put: Option<Put>,
    conflict: Option<i64>,
    errors: BTreeMap<i64, u32>,
    republish: Option<RepublishId>,
}

/// What is put once the lookup has found where.
struct Put {
    item: Item,
    cas: Option<i64>,
}

impl ItemTask {
    fn new(query: ItemQuery) -> Self {
        Self {
            query,
            found: None,
            holders: BTreeMap::new(),
            invalid: 0,
            put: None,
            conflict: None,
            errors: BTreeMap::new(),
            republish: None,
        }
    }

    /// Takes in what a node returned; whether it is the item.
    fn take_in(&mut self, from: SocketAddr, fields: &ItemFields<'_>) -> bool {
        if fields.value.is_none() {
            if let Some(sequence) = fields.sequence {
                self.holders.insert(from, Some(sequence));
            }
            return false;
        }
        // most return the same: a signature is checked once
        let found = self
            .found
            .as_ref()
            .filter(|found| found.fields() == *fields);
        let Some(item) = found.cloned().or_else(|| self.query.read(fields)) else {
            self.invalid += 1;
            return false;
        };
        self.holders.insert(from, item.sequence());
        let newest = self.found.as_ref().and_then(Item::sequence);
        if self.found.is_none() || item.sequence() > newest {
            self.found = Some(item);
        }
        true
    }

    /// The sequence number that stands against putting, if one does.
    fn conflicting(&self) -> Option<i64> {
        let Put { item, cas } = self.put.as_ref()?;
        let found = self.found.as_ref().filter(|found| *found != item)?;
        let held = found.sequence()?;
        let expected = cas.is_none_or(|cas| cas == held);
        (!expected || item.sequence() <= Some(held)).then_some(held)
    }

    /// Nodes with the newest item known.
    fn copies(&self) -> u32 {
        let asked = match &self.query {
            ItemQuery::Immutable(_) => None,
            ItemQuery::Mutable { newer_than, .. } => *newer_than,
        };
        let newest = self.found.as_ref().map_or(asked, Item::sequence);
        let copies = self.holders.values().filter(|held| **held == newest);
        u32::try_from(copies.count()).unwrap_or(u32::MAX)
    }
}

impl Core {
    /// Looks for an item; it is in [`Event::ItemDone`]. A lookup of an
    /// immutable one ends as soon as it is found.
    pub fn get_item(&mut self, now: Instant, query: ItemQuery) -> LookupId {
        let goal = match query {
            ItemQuery::Immutable(_) => Goal::FirstValue,
            ItemQuery::Mutable { .. } => Goal::Closest,
        };
        self.look_up_item(now, ItemTask::new(query), goal)
    }

    /// Stores an item at the nodes closest to its target, as many as the
    /// lookup module says, unless a newer one is found on the way;
    /// [`Event::ItemDone`] says how many took it. `cas` is the sequence number
    /// that the item to be replaced must have.
    pub fn put_item(&mut self, now: Instant, item: Item, cas: Option<i64>) -> LookupId {
        self.put_item_for(now, item, cas, None)
    }

    /// As [`Core::put_item`], perhaps in a series.
    pub(crate) fn put_item_for(
        &mut self,
        now: Instant,
        item: Item,
        cas: Option<i64>,
        republish: Option<RepublishId>,
    ) -> LookupId {
        let query = match &item {
            Item::Immutable(value) => ItemQuery::Immutable(value.target()),
            Item::Mutable(item) => ItemQuery::Mutable {
                public_key: *item.public_key(),
                salt: item.salt().to_vec(),
                newer_than: None,
            },
        };
        let task = ItemTask {
            put: Some(Put { item, cas }),
            republish,
            ..ItemTask::new(query)
        };
        self.look_up_item(now, task, Goal::Closest)
    }

    fn look_up_item(&mut self, now: Instant, task: ItemTask, goal: Goal) -> LookupId {
        let request = LookupRequest {
            target: task.query.target(),
            kind: LookupKind::Get,
            goal,
            announce: task.put.is_some(),
        };
        self.begin_lookup(now, request, Wish::default(), Some(task))
    }

    /// The `get` query of a lookup.
    pub(crate) fn get_query(
        &self,
        user: Option<LookupId>,
        own_id: Id,
        target: Id,
    ) -> Query<'static> {
        let lookup = user.and_then(|user| self.lookups.get(&user));
        let newer_than = match lookup.and_then(|lookup| lookup.item.as_ref()) {
            Some(ItemTask {
                query: ItemQuery::Mutable { newer_than, .. },
                ..
            }) => *newer_than,
            _ => None,
        };
        let item = ItemFields {
            sequence: newer_than,
            ..ItemFields::NONE
        };
        Query {
            item,
            ..Query::get(own_id, target)
        }
    }

    /// Takes a response to a `get` in; whether it holds the item.
    pub(crate) fn on_item_response(&mut self, id: LookupId, answer: &Answer<'_>) -> bool {
        let now = self.now;
        let Some(lookup) = self.lookups.get_mut(&id) else {
            return false;
        };
        let from = answer.transaction.to;
        let elapsed = now.since(lookup.first_query.unwrap_or(now));
        lookup.report.responses += 1;
        lookup.note_closest(Contact::new(answer.id, from), now);
        let Some(task) = &mut lookup.item else {
            return false;
        };
        let is_item = task.take_in(from, &answer.response.item);
        if is_item {
            lookup.with_values.insert(from);
            lookup.report.latency.get_or_insert(elapsed);
            lookup.report.cost.get_or_insert(lookup.report.queries);
        }
        is_item
    }

    /// Ends a lookup of an immutable item that has been found, in every family.
    pub(crate) fn end_if_item_found(&mut self, id: LookupId) {
        let is_found = self.lookups.get(&id).is_some_and(|lookup| {
            let task = lookup.item.as_ref().filter(|task| task.found.is_some());
            let may_end = |task: &ItemTask| {
                task.put.is_none() && matches!(task.query, ItemQuery::Immutable(_))
            };
            task.is_some_and(may_end)
        });
        if is_found {
            for search in self.searches_of(id) {
                self.drop_search(search);
            }
            self.finish_if_over(id);
        }
    }

    /// Puts the item to a node that has answered.
    pub(crate) fn send_put(
        &mut self,
        id: LookupId,
        family: Family,
        contact: &Contact,
        token: &[u8],
    ) {
        let Some(own_id) = self.id(family) else {
            return;
        };
        let Some(task) = self.lookups.get_mut(&id).and_then(|l| l.item.as_mut()) else {
            return;
        };
        task.conflict = task.conflict.or(task.conflicting());
        let Some(put) = task.put.as_ref().filter(|_| task.conflict.is_none()) else {
            return;
        };
        let item = put.item.clone();
        // BEP 44: not to a node that has nothing to compare with
        let cas = put.cas.filter(|_| task.holders.contains_key(&contact.addr));
        let query = Query {
            salt: Some(item.salt()).filter(|salt| !salt.is_empty()),
            cas,
            ..Query::put(own_id, item.fields(), token)
        };
        self.send_to_store(id, contact, query);
    }

    /// An announce or a put was answered with an error.
    pub(crate) fn on_announce_refused(&mut self, id: LookupId, code: i64) {
        /// Codes are for nodes to choose: no more of them than there is use for.
        const MOST_CODES: usize = 32;
        let lookup = self.lookups.get_mut(&id);
        if let Some(task) = lookup.and_then(|lookup| lookup.item.as_mut())
            && (task.errors.len() < MOST_CODES || task.errors.contains_key(&code))
        {
            *task.errors.entry(code).or_default() += 1;
        }
        self.on_announced(id, false);
    }

    pub(super) fn finish_item(&mut self, id: LookupId, lookup: UserLookup, task: ItemTask) {
        let copies = task.copies();
        let report = Box::new(ItemReport {
            lookup: lookup.into_report(),
            copies,
            found: task.found,
            invalid: task.invalid,
            conflict: task.conflict,
            errors: task.errors,
        });
        match task.republish {
            Some(republish) => self.on_put_again(republish, report),
            None => self.tell(Event::ItemDone { lookup: id, report }),
        }
    }
}
