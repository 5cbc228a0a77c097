//! A lookup module of one's own, in the whole `mdht` command: the lookup of the
//! Kademlia paper, which knows no values and ends when the k closest answered.
//! `cargo run --example lookup_module -- lookup INFOHASH --lookup textbook:alpha=3`
use std::{collections::BTreeMap, process::ExitCode, time::Duration};

use mdht_krpc::{Contact, Distance, Id};
use mdht_plugins::routing::{ClosestRequest, Purpose};
use mdht_plugins::{Lookup, LookupModule, ModuleInfo, Parameter, Registry, lookup::*};

/// What every lookup of a node shares.
struct Textbook(Limits);

#[derive(Clone, Copy)]
struct Limits {
    alpha: usize,
    k: usize,
    timeout: Duration,
}

impl LookupModule for Textbook {
    fn make(&mut self, request: &LookupRequest) -> Box<dyn Lookup> {
        Box::new(Walk {
            target: request.target,
            limits: self.0,
            contacts: BTreeMap::new(),
        })
    }
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    New,
    Asked,
    Answered { token: bool },
    Silent,
}

/// One lookup: every contact heard of, closest first.
struct Walk {
    target: Id,
    limits: Limits,
    contacts: BTreeMap<Distance, (Contact, State)>,
}

impl Walk {
    /// More are never of use, and what strangers name must be bounded.
    const MOST: usize = 256;

    fn meet(&mut self, contacts: impl IntoIterator<Item = Contact>) {
        for contact in contacts {
            let distance = contact.id.distance(&self.target);
            let known = self.contacts.entry(distance);
            known.or_insert((contact, State::New));
        }
        while self.contacts.len() > Self::MOST {
            self.contacts.pop_last();
        }
    }

    fn mark(&mut self, contact: &Contact, state: State) {
        let distance = contact.id.distance(&self.target);
        if let Some(known) = self.contacts.get_mut(&distance) {
            known.1 = state;
        }
    }

    /// Asks on among the k closest that may still answer, or ends.
    fn go_on(&mut self, cx: &mut LookupCx<'_>) {
        let Limits { alpha, k, timeout } = self.limits;
        let asked = |known: &&(Contact, State)| known.1 == State::Asked;
        let mut free = alpha.saturating_sub(self.contacts.values().filter(asked).count());
        let mut is_over = true;
        let all = self.contacts.values_mut();
        for (contact, state) in all.filter(|known| known.1 != State::Silent).take(k) {
            if *state == State::New && free > 0 {
                (*state, free) = (State::Asked, free - 1);
                cx.actions.push(LookupAction::Query {
                    contact: *contact,
                    soft: None,
                    hard: timeout,
                });
            }
            is_over &= matches!(state, State::Answered { .. });
        }
        if is_over {
            let gave_token = |known: &&(Contact, State)| known.1 == State::Answered { token: true };
            let closest = self.contacts.values().filter(gave_token).take(k);
            cx.actions
                .extend(closest.map(|known| LookupAction::Announce(known.0)));
            cx.actions.push(LookupAction::Finish);
        }
    }
}

impl Lookup for Walk {
    fn start(&mut self, cx: &mut LookupCx<'_>) {
        let mut nearest = Vec::new();
        let request = ClosestRequest {
            target: self.target,
            count: self.limits.k,
            purpose: Purpose::Lookup,
            now: cx.now,
        };
        cx.contacts.closest(&request, &mut nearest);
        self.meet(nearest.iter().map(|candidate| candidate.contact));
        self.go_on(cx);
    }
    fn on_response(&mut self, cx: &mut LookupCx<'_>, response: &LookupResponse<'_>) {
        let token = response.has_token;
        self.mark(response.contact, State::Answered { token });
        self.meet(response.nodes.iter().copied());
        self.go_on(cx);
    }
    fn on_error(&mut self, cx: &mut LookupCx<'_>, contact: &Contact) {
        self.mark(contact, State::Silent);
        self.go_on(cx);
    }
    fn on_timeout(&mut self, cx: &mut LookupCx<'_>, contact: &Contact, _: Timeout) {
        self.mark(contact, State::Silent);
        self.go_on(cx);
    }
}

fn main() -> ExitCode {
    let info = ModuleInfo {
        name: "textbook",
        label: "TEXTBOOK",
        summary: "the k closest must have answered",
        source: "examples/lookup_module.rs",
        parameters: vec![
            Parameter::integer("alpha", 3, (1, 64), "queries", "in flight at once"),
            Parameter::integer("k", 8, (1, 64), "contacts", "that must have answered"),
            Parameter::duration("timeout", 2_000, (100, 60_000), "for an answer"),
        ],
    };
    let mut registry = Registry::builtin();
    registry.add_lookup(info, |parameters| {
        Box::new(Textbook(Limits {
            alpha: parameters.integer("alpha"),
            k: parameters.integer("k"),
            timeout: parameters.duration("timeout"),
        }))
    });
    mdht::run(&registry)
}
