//! Nodes that answer, die, are born and query, for hours of virtual time.

use std::collections::BTreeMap;

use super::*;

/// Nodes alive at any time.
const ALIVE: usize = 2000;
/// Seconds from one death to the next: a node lives for 2.8 hours.
const DEATHS_APART: u64 = 5;
/// Nodes of a lookup that are asked.
const ASKED: usize = 20;
/// Nodes that an answer names.
const NAMED: usize = 8;

enum Event {
    Answer(Contact, u64, Origin),
    Silence(Contact, Origin),
}

/// A module and the nodes around it.
pub(in crate::routing) struct Population {
    pub(in crate::routing) harness: Harness,
    nodes: Vec<Contact>,
    /// Nodes that answer, by ID, with their round-trip time in milliseconds.
    alive: BTreeMap<Id, u64>,
    events: BTreeMap<(Instant, u64), Event>,
    scheduled: u64,
    /// Every action so far, with when.
    pub(in crate::routing) log: Vec<(Instant, RoutingAction)>,
}

impl Population {
    pub(in crate::routing) fn new(spec: &str, seed: u64) -> Self {
        let mut population = Self {
            harness: Harness::before_start(spec, seed),
            nodes: Vec::new(),
            alive: BTreeMap::new(),
            events: BTreeMap::new(),
            scheduled: 0,
            log: Vec::new(),
        };
        (0..ALIVE).for_each(|_| population.birth());
        population
    }

    /// A node with a random ID: its bucket is geometrically distributed.
    fn birth(&mut self) {
        let bucket = Id::random(&mut self.harness.rng).common_prefix(&Id::default());
        let contact = self.harness.stranger(bucket);
        self.nodes.push(contact);
        let rtt_ms = 20 + self.harness.rng.below(400) as u64;
        self.alive.insert(contact.id, rtt_ms);
    }

    fn death(&mut self) {
        let victim = self.harness.rng.below(self.nodes.len());
        self.alive.remove(&self.nodes.swap_remove(victim).id);
    }

    /// Runs so many seconds: each with two queries to us, and
    /// every tenth a lookup of the user's.
    pub(in crate::routing) fn run(&mut self, seconds: u64) {
        for second in 0..seconds {
            if second % DEATHS_APART == 0 {
                self.death();
                self.birth();
            }
            for _ in 0..2 {
                let asker = self.harness.rng.below(self.nodes.len());
                self.harness.query(self.nodes[asker]);
            }
            if second % 10 == 0 {
                self.lookup(Id::default(), Origin::Lookup);
            }
            self.second();
        }
    }

    /// Carries out what is due within the next second, in order.
    fn second(&mut self) {
        let end = self.harness.now + secs(1);
        loop {
            let event = self.events.keys().next().map(|(time, _)| *time);
            let next = event.into_iter().chain(self.harness.next_call()).min();
            let Some(next) = next.filter(|next| *next < end) else {
                break;
            };
            self.harness.now = self.harness.now.max(next);
            if event == Some(next) {
                self.deliver();
            } else {
                self.harness.maintain();
            }
            self.carry_out();
        }
        self.harness.now = end;
    }

    fn deliver(&mut self) {
        match self.events.pop_first() {
            Some((_, Event::Answer(contact, rtt_ms, origin))) => {
                let named: Vec<Contact> = (0..NAMED).map(|_| self.anybody()).collect();
                self.harness.answer_with(contact, rtt_ms, &named, origin);
            }
            Some((_, Event::Silence(contact, origin))) => self.harness.fail_to(contact, origin),
            None => {}
        }
    }

    fn carry_out(&mut self) {
        for (time, action) in std::mem::take(&mut self.harness.actions) {
            match &action {
                RoutingAction::Query(query) => self.ask(query.contact, Origin::Routing(query.tag)),
                RoutingAction::Lookup { target } => self.lookup(*target, Origin::MaintenanceLookup),
                RoutingAction::WakeAt(_) | RoutingAction::Changed { .. } => {}
            }
            self.log.push((time, action));
        }
    }

    fn anybody(&mut self) -> Contact {
        self.nodes[self.harness.rng.below(self.nodes.len())]
    }

    /// Asks anybody: where a lookup leads is no matter here.
    fn lookup(&mut self, _target: Id, origin: Origin) {
        for _ in 0..ASKED {
            let contact = self.anybody();
            self.ask(contact, origin);
        }
    }

    fn ask(&mut self, contact: Contact, origin: Origin) {
        let (after, event) = match self.alive.get(&contact.id) {
            Some(rtt_ms) => (millis(*rtt_ms), Event::Answer(contact, *rtt_ms, origin)),
            None => (secs(2), Event::Silence(contact, origin)),
        };
        self.scheduled += 1;
        self.events
            .insert((self.harness.now + after, self.scheduled), event);
    }

    /// When maintenance queries were sent.
    pub(in crate::routing) fn query_times(&self) -> Vec<Instant> {
        let queries = self
            .log
            .iter()
            .filter(|(_, action)| matches!(action, RoutingAction::Query(_)));
        queries.map(|(time, _)| *time).collect()
    }

    /// When maintenance lookups were started.
    pub(in crate::routing) fn lookup_times(&self) -> Vec<Instant> {
        let lookups = self
            .log
            .iter()
            .filter(|(_, action)| matches!(action, RoutingAction::Lookup { .. }));
        lookups.map(|(time, _)| *time).collect()
    }

    /// Contacts in the table that are alive, and all of them.
    pub(in crate::routing) fn health(&self) -> (usize, usize) {
        let held = self.harness.in_table(None);
        let alive = held
            .iter()
            .filter(|contact| self.alive.contains_key(&contact.id));
        (alive.count(), held.len())
    }
}

/// The most of `times` in any window of this length.
pub(in crate::routing) fn most_within(times: &[Instant], window: Duration) -> usize {
    let starts = times.iter().enumerate();
    let counts = starts.map(|(i, start)| {
        times[i..]
            .iter()
            .take_while(|t| t.since(*start) < window)
            .count()
    });
    counts.max().unwrap_or(0)
}
