//! The regular action: one query to whom there is most to learn from.

use std::time::Duration;

use mdht_krpc::{Id, Instant};

use super::Harvest;
use super::record::{Evidence, Record};
use crate::routing::{Ask, MaintenanceQuery, RoutingAction, RoutingCx, Vantage};

/// Whom an action may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whom {
    Anybody,
    /// Those that were never measured.
    New,
    /// Those that most likely answer.
    Sure,
}

/// Nobody is asked again before, whatever became of the first time.
const ASK_AGAIN: Duration = Duration::from_secs(3600);
/// Unanswered queries in a row after which one that most likely answers is asked:
/// a node that hears from nobody takes itself for offline.
const MOST_IN_VAIN: usize = 4;
/// Who answers with this probability most likely answers.
const SURE: f32 = 0.5;

/// Where the regular actions have got to.
#[derive(Debug, Default)]
pub(super) struct Upkeep {
    /// Whether somebody has answered and our own ID was looked up.
    has_begun: bool,
    /// Contacts measured for the first time, in all.
    pub(super) measured: usize,
    /// Queries of start-up.
    asked: usize,
    /// Queries of the node unanswered in a row.
    pub(super) in_vain: usize,
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
            self.upkeep.next = cx.now + self.config.startup_refresh;
            return self.upkeep.next;
        }
        // where few of those named answer, start-up must end as well
        let is_startup = cx.online
            && self.upkeep.measured < self.config.learn
            && self.upkeep.asked < 2 * self.config.learn;
        let is_sure = self.upkeep.in_vain >= MOST_IN_VAIN && self.query(cx, Whom::Sure);
        let is_new = !is_sure && is_startup && self.query(cx, Whom::New);
        self.upkeep.asked += usize::from(is_new);
        if !is_sure && !is_new {
            self.query(cx, Whom::Anybody);
        }
        let is_quick = is_new || is_sure && is_startup || self.cells.len() == 0;
        let pause = match is_quick {
            true => self.config.startup_refresh,
            false => self.config.refresh,
        };
        self.upkeep.next = cx.now + pause;
        self.upkeep.next
    }

    /// Asks the contact of the next cells about which there is most to learn;
    /// false if there is nobody to ask.
    fn query(&mut self, cx: &mut RoutingCx<'_>, whom: Whom) -> bool {
        let cells = self.cells.count();
        let window = self.config.window.min(cells);
        // cells are nearly empty at first: on until there is somebody
        let best = (0..cells.div_ceil(window)).find_map(|_| {
            let from = self.upkeep.cell;
            self.upkeep.cell = (from + window) % cells;
            let near = (from..from + window).flat_map(|cell| self.cells.cell(cell % cells));
            let best = near
                .map(|record| (self.interest(record, whom, cx.now), record.contact))
                .max_by(|a, b| a.0.total_cmp(&b.0));
            best.filter(|(interest, _)| *interest > 0.0)
        });
        let Some((_, contact)) = best else {
            return false;
        };
        if let Some(place) = self.find(&contact) {
            self.cells.get_mut(place).asked(cx.now);
        }
        let target = Id::random(cx.rng);
        cx.actions.push(RoutingAction::Query(MaintenanceQuery {
            contact,
            ask: Ask::FindNode(target),
            timeout: self.config.timeout,
            from: Vantage::Main,
            tag: 0,
        }));
        true
    }

    /// What is to be learned by asking: whether a fast one is still there, or
    /// how fast one is that was never asked.
    fn interest(&self, record: &Record, whom: Whom, now: Instant) -> f32 {
        let chance = self.judge.chance(record, now);
        let is_due = record.since_asked(now) >= ASK_AGAIN && chance >= self.config.least_chance;
        let speed = self.judge.speed(record);
        match record.evidence() {
            Evidence::Answered if whom == Whom::Sure && chance >= SURE => chance,
            _ if whom == Whom::Sure || !is_due => 0.0,
            Evidence::Bad => 0.0,
            Evidence::Queried | Evidence::Vouched
                if record.since_query(now) < self.config.quarantine =>
            {
                0.0
            }
            Evidence::Named | Evidence::Queried | Evidence::Vouched => chance * speed,
            Evidence::Answered | Evidence::Doubted if whom == Whom::New => 0.0,
            Evidence::Answered | Evidence::Doubted => chance * (1.0 - chance) * speed,
        }
    }
}
