//! The regular action: one query to whom there is most to learn from.

use mdht_krpc::{Id, Instant};

use super::Harvest;
use super::record::{Evidence, Record};
use crate::routing::{Ask, MaintenanceQuery, RoutingAction, RoutingCx, Vantage};

/// Where the regular actions have got to.
#[derive(Debug, Default)]
pub(super) struct Upkeep {
    /// Whether somebody has answered and our own ID was looked up.
    has_begun: bool,
    /// Contacts measured for the first time, in all.
    pub(super) measured: usize,
    /// When the next action is due.
    next: Instant,
    /// Cell to begin with.
    cell: usize,
}

impl Harvest {
    /// Does what is due; returns when to call next.
    pub(super) fn tick(&mut self, cx: &mut RoutingCx<'_>) -> Instant {
        if cx.now < self.upkeep.next {
            return self.upkeep.next;
        }
        if !self.upkeep.has_begun && self.cells.len() > 0 {
            self.upkeep.has_begun = true;
            let target = self.own_id;
            cx.actions.push(RoutingAction::Lookup { target });
        } else {
            self.query(cx);
        }
        let is_startup = self.upkeep.measured < self.config.learn;
        let pause = match is_startup {
            true => self.config.startup_refresh,
            false => self.config.refresh,
        };
        self.upkeep.next = cx.now + pause;
        self.upkeep.next
    }

    /// Asks the contact of the next cells about which there is most to learn.
    fn query(&mut self, cx: &mut RoutingCx<'_>) {
        let cells = self.cells.count();
        let window = self.config.window.min(cells);
        let from = self.upkeep.cell;
        self.upkeep.cell = (from + window) % cells;
        let near = (from..from + window).flat_map(|cell| self.cells.cell(cell % cells));
        let best = near
            .map(|record| (self.interest(record, cx.now), record))
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let Some((interest, record)) = best else {
            return;
        };
        if interest <= 0.0 {
            return;
        }
        let contact = record.contact;
        let target = Id::random(cx.rng);
        cx.actions.push(RoutingAction::Query(MaintenanceQuery {
            contact,
            ask: Ask::FindNode(target),
            timeout: self.config.timeout,
            from: Vantage::Main,
            tag: 0,
        }));
    }

    /// What is to be learned by asking: whether a fast one is still there, or
    /// how fast one is that was never asked.
    fn interest(&self, record: &Record, now: Instant) -> f32 {
        let chance = self.judge.chance(record, now);
        let speed = self.judge.speed(record);
        match record.evidence() {
            Evidence::Bad => 0.0,
            Evidence::Queried | Evidence::Vouched
                if record.since_query(now) < self.config.quarantine =>
            {
                0.0
            }
            Evidence::Named | Evidence::Queried | Evidence::Vouched => chance * speed,
            Evidence::Answered | Evidence::Doubted => chance * (1.0 - chance) * speed,
        }
    }
}
