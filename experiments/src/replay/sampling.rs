//! The state of each module, time step by time step.

use std::collections::BTreeMap;
use std::time::Duration;

use mdht_krpc::Instant;
use mdht_plugins::RoutingFactory;
use mdht_plugins::routing::{Standing, TableEntry};

use super::evidence::{Evidence, Outlook};
use super::report::{BucketFill, ModuleReport, Row, Totals};
use super::subject::Subject;

/// A contact not heard from for longer is stale [BEP 5: no longer good].
const STALE_AFTER: Duration = Duration::from_secs(15 * 60);
/// The first time step.
const FIRST_STEP: Duration = Duration::from_secs(5);
/// With so many rows, every second one is dropped and the step doubled.
const MOST_ROWS: usize = 32;

/// Looks at every subject at each time step.
pub(super) struct Sampling {
    step: Duration,
    next: Instant,
    /// A row for each subject, by time step.
    steps: Vec<Vec<Row>>,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            step: FIRST_STEP,
            next: Instant::ZERO + FIRST_STEP,
            steps: Vec::new(),
        }
    }
}

impl Sampling {
    /// Takes every sample that is due before what happens at `to`.
    pub(super) fn up_to(&mut self, to: Instant, subjects: &mut [Subject], evidence: &Evidence) {
        while self.next <= to {
            self.take(self.next, subjects, evidence);
            if self.steps.len() == MOST_ROWS {
                let mut number = 0;
                self.steps.retain(|_| {
                    number += 1;
                    number % 2 == 0
                });
                self.step *= 2;
            }
            let last = self.steps.last().and_then(|rows| rows.first());
            let last = last.map_or(Instant::ZERO, |row| Instant::ZERO + row.at);
            self.next = last + self.step;
        }
    }

    fn take(&mut self, at: Instant, subjects: &mut [Subject], evidence: &Evidence) {
        let rows = subjects.iter_mut().map(|subject| {
            subject.advance(at, evidence);
            row(at, subject, evidence)
        });
        self.steps.push(rows.collect());
    }

    /// The last sample, at `end`, and everything as a report.
    pub(super) fn finish(
        mut self,
        end: Instant,
        mut subjects: Vec<Subject>,
        factories: &[RoutingFactory],
        evidence: &Evidence,
    ) -> Vec<ModuleReport> {
        self.up_to(end, &mut subjects, evidence);
        let has_end = self.steps.last().and_then(|rows| rows.first());
        if has_end.is_none_or(|row| Instant::ZERO + row.at < end) {
            self.take(end, &mut subjects, evidence);
        }
        let reports = subjects.iter().zip(factories).enumerate();
        reports
            .map(|(n, (subject, factory))| ModuleReport {
                module: factory.spec().to_owned(),
                totals: totals(subject),
                decided: subject.decided(),
                rows: self.steps.iter().map(|rows| rows[n]).collect(),
                buckets: buckets(end, &subject.table()),
            })
            .collect()
    }
}

fn row(at: Instant, subject: &Subject, evidence: &Evidence) -> Row {
    let mut row = Row {
        at: at.since(Instant::ZERO),
        contacts: 0,
        waiting: 0,
        stale: 0,
        later_heard: 0,
        later_silent: 0,
        later_unseen: 0,
        totals: totals(subject),
    };
    for entry in subject.table() {
        if entry.standing == Standing::Waiting {
            row.waiting += 1;
            continue;
        }
        row.contacts += 1;
        row.stale += u64::from(is_stale(at, &entry));
        *match evidence.outlook(&entry.contact.addr, at) {
            Outlook::Heard => &mut row.later_heard,
            Outlook::Silent => &mut row.later_silent,
            Outlook::Unseen => &mut row.later_unseen,
        } += 1;
    }
    row
}

fn is_stale(now: Instant, entry: &TableEntry) -> bool {
    entry
        .last_seen
        .is_none_or(|seen| now.since(seen) > STALE_AFTER)
}

fn totals(subject: &Subject) -> Totals {
    let table = subject.stats().table;
    let decided = subject.decided();
    Totals {
        quarantined: table.quarantined,
        admitted: table.admitted,
        refused: table.refused,
        evicted: table.evicted,
        replaced: table.replaced,
        queries: decided.ping + decided.find_node,
    }
}

fn buckets(now: Instant, table: &[TableEntry]) -> Vec<BucketFill> {
    let mut buckets = BTreeMap::new();
    for entry in table {
        let fill = buckets.entry(entry.bucket).or_insert(BucketFill {
            bucket: entry.bucket,
            contacts: 0,
            stale: 0,
            waiting: 0,
        });
        if entry.standing == Standing::Waiting {
            fill.waiting += 1;
        } else {
            fill.contacts += 1;
            fill.stale += u64::from(is_stale(now, entry));
        }
    }
    buckets.into_values().collect()
}
