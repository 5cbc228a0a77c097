//! One node's check.

use std::net::SocketAddr;

use mdht_krpc::{Id, Instant};

use super::memory::Memory;
use crate::{Bursts, Lifetime, MappingSearch, Origin, Plan, Report, SearchLimits, Vantage};

/// A node that is being checked.
#[derive(Debug)]
pub(super) struct Check {
    pub(super) addr: SocketAddr,
    pub(super) id: Option<Id>,
    pub(super) origin: Origin,
    pub(super) identity: u16,
    /// Its place in the order of all checks begun.
    pub(super) number: u64,
    /// Under which open checks know it, once it has an ID.
    pub(super) key: Option<u64>,
    pub(super) bursts: Bursts,
    pub(super) search: Option<Box<MappingSearch>>,
    /// Whether the pattern has been told.
    pub(super) told: bool,
    /// When it is looked at next, by a timer or as soon as the rate allows.
    pub(super) armed: Option<Instant>,
    /// When it last sent to our own socket by itself or in answer.
    pub(super) heard: Option<Instant>,
    /// Whether that was by itself, and after the pattern was known.
    pub(super) came_back: bool,
    pub(super) version: Option<[u8; 4]>,
    pub(super) changed_id: Option<Id>,
    pub(super) strays: u16,
}

impl Check {
    /// Notes what an answer says of the node; whether its ID is another than
    /// before, for the first time.
    pub(super) fn introduce(&mut self, id: Option<Id>, version: Option<&[u8]>) -> bool {
        if let Some(version) = version.and_then(|version| version.get(..4)) {
            self.version = <[u8; 4]>::try_from(version).ok();
        }
        match (self.id, id) {
            (Some(known), Some(id)) if known != id => {
                let first = self.changed_id.is_none();
                self.changed_id = Some(id);
                first
            }
            (None, Some(_)) => {
                self.id = id;
                false
            }
            _ => false,
        }
    }

    /// A search for the lifetime of its mapping, if it answered and is not
    /// open to everybody: then there is no mapping to be found.
    pub(super) fn begin_search(&mut self, plan: &Plan, limits: SearchLimits) {
        let pattern = self.bursts.pattern(plan);
        let reached = |burst| pattern.letter(burst, Vantage::Own).known() == Some(true);
        let by_all = |burst| {
            let letters = Vantage::ALL.map(|from| pattern.letter(burst, from).known());
            !letters.contains(&Some(false))
        };
        if !(reached(0) || reached(1)) || (by_all(0) && by_all(1)) {
            return;
        }
        let heard = self.heard.filter(|_| reached(1));
        let search = MappingSearch::new(limits, Lifetime::default(), heard);
        self.search = Some(Box::new(search));
    }

    /// What was found out.
    pub(super) fn report(&self, plan: &Plan, memory: &Memory) -> Report {
        let names = self.id.map(|id| memory.names(self.addr.ip(), &id));
        let (ids_at_ip, ips_of_id) = names.map_or((0, 0), |names| memory.shared(names));
        let watched = plan.bursts.len() > plan.second + 1 || self.search.is_some();
        let still_there = self.came_back || self.bursts.reached_later(plan);
        Report {
            node: self.addr,
            id: self.id,
            origin: self.origin,
            identity: self.identity,
            began: self.bursts.began(),
            pattern: self.bursts.pattern(plan),
            confidence: self.bursts.confidence(plan),
            rtt: self.bursts.rtt(),
            survival: self.bursts.survival(plan),
            still_there: (watched || still_there).then_some(still_there),
            mapping: self.search.as_ref().map(|search| search.lifetime()),
            version: self.version,
            changed_id: self.changed_id,
            ids_at_ip,
            ips_of_id,
            strays: self.strays,
        }
    }
}
