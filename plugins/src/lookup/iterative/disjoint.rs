//! Several lookups for one target that share no contact (S/Kademlia, Baumgart
//! and Mies 2007, section 4.4).
//!
//! The first contacts are dealt out to `paths` lookups. Each goes on by what
//! its own contacts name; one that another path has asked is left to it. So a
//! contact that lies misleads its own path alone: with `d` paths all `d` must
//! meet a liar before the target is lost. What is asked in parallel is divided
//! among the paths; limits on one host and one subnet hold for all together.
//! The lookup is over when every path is, and announces to the closest
//! responders of all.

use std::sync::{Arc, Mutex};

use mdht_krpc::Contact;

use super::config::Config;
use super::stall::RoundTrips;
use super::state::State;
use crate::lookup::{Lookup, LookupAction, LookupCx, LookupRequest, LookupResponse, Timeout};

/// The state of such a lookup.
pub(super) struct Disjoint {
    config: Config,
    request: LookupRequest,
    paths: Vec<State>,
}

impl Disjoint {
    pub(super) fn new(
        config: Config,
        request: &LookupRequest,
        round_trips: &Option<Arc<Mutex<RoundTrips>>>,
    ) -> Self {
        let share = |all: usize| (all / config.paths).max(1);
        let of_path = Config {
            alpha: share(config.alpha),
            parallel: share(config.parallel),
            ..config
        };
        let path = || State::new(of_path, request, round_trips.clone());
        Self {
            config,
            request: *request,
            paths: std::iter::repeat_with(path).take(config.paths).collect(),
        }
    }

    /// Calls a hook of one path and hands on what it asks for; the others learn
    /// whom it queries.
    fn run(
        &mut self,
        path: usize,
        cx: &mut LookupCx<'_>,
        hook: impl FnOnce(&mut State, &mut LookupCx<'_>),
    ) {
        let mut actions = Vec::new();
        let mut own = LookupCx {
            now: cx.now,
            rng: cx.rng,
            own_id: cx.own_id,
            contacts: cx.contacts,
            actions: &mut actions,
        };
        hook(&mut self.paths[path], &mut own);
        for action in actions {
            match action {
                LookupAction::Query { contact, .. } => {
                    let others = self.paths.iter_mut().enumerate();
                    others
                        .filter(|(other, _)| *other != path)
                        .for_each(|(_, other)| other.leave_to_another(contact));
                    cx.actions.push(action);
                }
                // the lookup's, not the path's, to do
                LookupAction::Announce(_) | LookupAction::Finish => {}
                other => cx.actions.push(other),
            }
        }
    }

    fn path_of(&self, asked: &Contact) -> Option<usize> {
        self.paths.iter().position(|path| path.has_queried(asked))
    }

    fn finish_if_over(&self, cx: &mut LookupCx<'_>) {
        if self.paths.iter().all(State::is_over) {
            self.finish(cx);
        }
    }

    fn finish(&self, cx: &mut LookupCx<'_>) {
        let mut responders = self.config.responders(&self.request);
        let paths = self.paths.iter();
        paths.for_each(|path| responders.take_in(&path.responders));
        responders.finish(cx, &self.request, self.config.announce);
    }
}

impl Lookup for Disjoint {
    fn start(&mut self, cx: &mut LookupCx<'_>) {
        let paths = self.paths.len();
        let candidates = cx.closest(self.request.target, self.config.start * paths);
        for (n, path) in self.paths.iter_mut().enumerate() {
            let dealt = candidates.iter().skip(n).step_by(paths);
            path.enqueue(dealt.map(|candidate| candidate.contact), None);
        }
        for path in 0..paths {
            self.run(path, cx, State::begin);
        }
        self.finish_if_over(cx);
    }

    fn on_response(&mut self, cx: &mut LookupCx<'_>, response: &LookupResponse<'_>) {
        let Some(path) = self.path_of(response.contact) else {
            return;
        };
        self.run(path, cx, |path, cx| path.on_response(cx, response));
        match self.request.is_met_by(response) {
            true => self.finish(cx),
            false => self.finish_if_over(cx),
        }
    }

    fn on_error(&mut self, cx: &mut LookupCx<'_>, contact: &Contact) {
        if let Some(path) = self.path_of(contact) {
            self.run(path, cx, |path, cx| path.on_error(cx, contact));
            self.finish_if_over(cx);
        }
    }

    fn on_timeout(&mut self, cx: &mut LookupCx<'_>, contact: &Contact, timeout: Timeout) {
        if let Some(path) = self.path_of(contact) {
            self.run(path, cx, |path, cx| path.on_timeout(cx, contact, timeout));
            self.finish_if_over(cx);
        }
    }
}

#[cfg(test)]
mod tests;
